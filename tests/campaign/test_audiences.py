"""Audiences: consent, suppression, cap and hold-out; nobody named in a dry run; safe cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.campaign import AudienceRules, audience
from retention.campaign.audiences import Audience
from retention.campaign.formats import FORMATS, safe_cells
from retention.campaign.journeys import JOURNEYS
from retention.engine import Engine
from retention.errors import EvidenceError, ParameterError

AS_OF = "2026-07-01"
NOW = int(pd.Timestamp(AS_OF).timestamp())
DAY = 86_400
PEOPLE = 400


def stamped(frame: pd.DataFrame, stem: str, epoch: np.ndarray) -> pd.DataFrame:
    return frame.assign(**{f"{stem}_epoch_s": epoch, f"{stem}_at": pd.to_datetime(epoch, unit="s")})


@pytest.fixture(scope="module")
def shop() -> Engine:
    """All bought ten days ago; a quarter each consents, withdrew, kept silent, unsubscribed."""
    keys = np.array([f"{i:064x}" for i in range(PEOPLE)])
    group = np.arange(PEOPLE) % 4
    engine = Engine(threads=1)
    engine.register("customers", stamped(
        pd.DataFrame({"customer_key": keys, "country": "US", "channel": "web", "is_guest": False}),
        "first_seen", np.full(PEOPLE, NOW - 50 * DAY)))  # fmt: skip
    orders = pd.DataFrame({
        "order_key": [f"o{i}" for i in range(PEOPLE)], "customer_key": keys, "status": "paid",
        "currency": "USD", "gross_minor": 2000 + np.arange(PEOPLE), "discount_minor": 0,
        "shipping_minor": 0, "tax_minor": 0, "marketplace_tax_minor": 0, "refunded_minor": 0,
        "net_minor": 2000 + np.arange(PEOPLE), "is_gift": False, "delivered_late": False,
    })  # fmt: skip
    engine.register("orders", stamped(orders, "ordered", np.full(PEOPLE, NOW - 10 * DAY)))
    engine.register("order_lines", pd.DataFrame({
        "order_key": orders["order_key"], "order_line_key": orders["order_key"],
        "category": np.where(np.arange(PEOPLE) % 2, "jewellery", "ceramics"), "quantity": 1,
        "product_key": "p", "sku": "s", "currency": "USD", "unit_price_minor": 2000,
        "line_discount_minor": 0, "line_net_minor": 2000, "is_made_to_order": False,
    }))  # fmt: skip
    granted = pd.DataFrame({"customer_key": keys[group != 2], "state": "granted"})
    granted = stamped(granted, "changed", np.full(len(granted), NOW - 100 * DAY))
    withdrawn = pd.DataFrame({"customer_key": keys[group == 1], "state": "withdrawn"})
    withdrawn = stamped(withdrawn, "changed", np.full(len(withdrawn), NOW - 50 * DAY))
    engine.register(
        "consents",
        pd.concat([granted, withdrawn]).assign(purpose="marketing_email", basis="consent"),
    )
    gone = pd.DataFrame({"customer_key": keys[group == 3], "kind": "unsubscribed"})
    gone = stamped(gone, "touched", np.full(len(gone), NOW - 20 * DAY))
    often = pd.DataFrame({"customer_key": np.repeat(keys[:40], 5), "kind": "sent"})
    often = stamped(often, "touched", np.full(len(often), NOW - 5 * DAY))
    touches = pd.concat([gone, often]).assign(
        channel="email", campaign_key="news", is_machine_open=False
    )
    touches["touch_key"] = np.arange(len(touches)).astype(str)
    engine.register("touches", touches)
    return engine


@pytest.fixture(scope="module")
def vault() -> pd.DataFrame:
    keys = [f"{i:064x}" for i in range(PEOPLE)]
    return pd.DataFrame({
        "customer_key": keys, "kind": "email", "source": "shopify",
        "value": [f"p{i}@example.org" for i in range(PEOPLE)],
    })  # fmt: skip


def chosen(shop: Engine, vault: pd.DataFrame | None, **options: object) -> Audience:
    return audience(shop, "post_purchase", as_of=AS_OF, identities=vault, **options)  # type: ignore[arg-type]


def test_only_consenting_rested_people_remain(shop: Engine, vault: pd.DataFrame) -> None:
    result = chosen(shop, vault, file_format="generic")
    steps = dict(result.steps)
    assert steps["on the journey"] == 400
    assert steps["consenting"] == 200
    assert steps["not suppressed"] == 100
    assert steps["under 4 messages in 30 days"] == 90
    assert steps["held out"] == 9
    assert steps["to be sent"] == 81
    assert result.file is not None
    lawful = {f"p{i}@example.org" for i in range(40, PEOPLE) if i % 4 == 0}
    assert set(result.file["email"]) == lawful
    assert (result.file["is_hold_out"] == "yes").sum() == 9


def test_dry_run_names_nobody_and_counts_the_same(shop: Engine, vault: pd.DataFrame) -> None:
    dry, wet = chosen(shop, None), chosen(shop, vault)
    assert dry.file is None
    assert dict(dry.steps)["to be sent"] == dict(wet.steps)["to be sent"]
    assert "@" not in dry.summary()


def test_suppressed_people_are_left_out(shop: Engine, vault: pd.DataFrame) -> None:
    banned = frozenset(f"{i:064x}" for i in range(40, 80))
    result = chosen(shop, vault, rules=AudienceRules(suppress=banned))
    assert result.file is not None
    assert not set(result.file["customer_key"]) & banned


def test_same_seed_draws_the_same_hold_out(shop: Engine, vault: pd.DataFrame) -> None:
    one, same, other = (chosen(shop, vault, rules=AudienceRules(seed=s)).file for s in (1, 1, 2))
    assert one is not None
    assert one.equals(same)
    assert not one.equals(other)


def test_people_whom_targeting_leaves_alone_are_not_sent(shop: Engine, vault: pd.DataFrame) -> None:
    keys = vault["customer_key"]
    targeting = pd.DataFrame({
        "customer_key": keys, "recommended_arm": np.where(np.arange(PEOPLE) < 200, "gift", "none"),
        "expected_effect": 0.1, "effect_gift": 0.1,
    })  # fmt: skip
    result = chosen(shop, vault, targeting=targeting)
    assert result.file is not None
    assert result.file["customer_key"].max() < f"{200:064x}"
    assert set(result.file["arm"]) == {"gift"}


def test_assignments_let_the_next_campaign_be_measured(shop: Engine) -> None:
    table = chosen(shop, None, experiment_key="july").assignments
    assert set(table["arm"]) == {"control", "send"}
    assert table.groupby("arm")["propensity"].first().to_dict() == {"control": 0.1, "send": 0.9}
    assert set(table["experiment_key"]) == {"july"}


@pytest.mark.parametrize("name", FORMATS)
def test_every_tool_gets_its_columns(shop: Engine, vault: pd.DataFrame, name: str) -> None:
    file = chosen(shop, vault, file_format=name).file
    assert file is not None
    assert list(file.columns) == [title for title, _ in FORMATS[name].columns]
    assert len(file) == 90


def test_tags_name_journey_arm_and_hold_out(shop: Engine, vault: pd.DataFrame) -> None:
    file = chosen(shop, vault, file_format="mailchimp").file
    assert file is not None
    assert file["Tags"].str.startswith("post_purchase, arm:send").all()
    assert file["Tags"].str.endswith("hold-out").sum() == 9


@pytest.mark.parametrize("name", [n for n in JOURNEYS if n != "cart_recovery"])
def test_every_journey_can_be_asked_for(shop: Engine, name: str) -> None:
    assert dict(audience(shop, name, as_of=AS_OF).steps)["on the journey"] >= 0


def test_journey_without_its_layer_says_what_is_missing(shop: Engine) -> None:
    with pytest.raises(EvidenceError, match="carts_abandoned_90d"):
        audience(shop, "cart_recovery", as_of=AS_OF)


@pytest.mark.parametrize(
    ("journey", "options", "words"),
    [
        ("hello", {}, "no journey 'hello'"),
        ("welcome", {"file_format": "fax"}, "no audience format 'fax'"),
        ("welcome", {"rules": AudienceRules(channel="fax")}, "no channel 'fax'"),
        ("welcome", {"rules": AudienceRules(hold_out=1.0)}, "hold-out of 1.0"),
        ("welcome", {"rules": AudienceRules(contact_cap=-1)}, "contact cap"),
    ],
)
def test_impossible_wishes_are_refused(
    shop: Engine, journey: str, options: dict[str, object], words: str
) -> None:
    with pytest.raises(ParameterError, match=words):
        audience(shop, journey, as_of=AS_OF, **options)  # type: ignore[arg-type]


@given(st.lists(st.text(max_size=8), max_size=20))
def test_no_cell_is_a_formula(texts: list[str]) -> None:
    for cell in safe_cells(pd.Series(texts, dtype="string")):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_hold_out_of_the_targeting_is_kept_unless_another_is_asked_for(
    shop: Engine, vault: pd.DataFrame
) -> None:
    held = np.arange(PEOPLE) % 8 == 0
    targeting = pd.DataFrame({
        "customer_key": vault["customer_key"], "recommended_arm": "gift", "is_hold_out": held,
        "expected_effect": 0.1, "effect_gift": 0.1,
    })  # fmt: skip
    kept = chosen(shop, vault, targeting=targeting).file
    assert kept is not None
    marked = kept.loc[kept["is_hold_out"] == "yes", "customer_key"]
    assert set(marked) <= set(vault["customer_key"][held])
    assert len(marked) == 45
    drawn = chosen(shop, vault, targeting=targeting, rules=AudienceRules(hold_out=0.2)).file
    assert drawn is not None
    assert (drawn["is_hold_out"] == "yes").sum() == 18


@pytest.mark.parametrize("name", FORMATS)
def test_a_number_stands_where_the_address_stood(shop: Engine, name: str) -> None:
    keys = [f"{i:064x}" for i in range(PEOPLE)]
    phones = pd.DataFrame({
        "customer_key": keys, "kind": "phone", "source": "shopify",
        "value": ["=1+1" if i % 2 else f"+49 30 {i:06d}" for i in range(PEOPLE)],
    })  # fmt: skip
    engine = Engine(threads=1)
    for table in ("customers", "orders", "order_lines"):
        engine.register(table, shop.sql(f"SELECT * FROM {table}").frame())
    said = pd.DataFrame({"customer_key": keys[:100], "state": "granted", "basis": "consent"})
    said = stamped(said, "changed", np.full(100, NOW - 9 * DAY)).assign(purpose="marketing_sms")
    engine.register("consents", said)
    rules = AudienceRules(channel="sms")
    found = audience(
        engine, "post_purchase", as_of=AS_OF, identities=phones, rules=rules, file_format=name
    )
    assert found.file is not None
    title, source = FORMATS[name].columns_for("sms")[0]
    assert source == "phone"
    assert sorted(found.file[title]) == sorted(f"+4930{i:06d}" for i in range(0, 100, 2))
    assert dict(found.steps)["consenting"] == 100


def test_the_cap_that_fatigue_suggests_is_kept(shop: Engine) -> None:
    from retention.campaign.reach import cap_for, reachable
    from retention.uplift.trial import trial_from_frame

    frame = pd.DataFrame({
        "unit_key": ["x", "y"], "arm": ["none", "email"], "recency_days": [3.0, 5.0],
        "sales": [0.0, 1.0],
    })  # fmt: skip
    trial = trial_from_frame(frame, control="none", outcomes=["sales"])
    eligible = {}
    for asked, suggested in ((4, {30: 9}), ("suggested", {30: 4, 7: 1}), ("suggested", {})):
        cap = cap_for(asked, suggested)
        people = reachable(shop, trial, as_of=AS_OF, rules=cap.rules("email", 1))
        eligible[cap.messages, cap.why] = int(people.eligible.sum())
    assert eligible == {
        (4, "as declared"): 90, (5, "as this campaign's fatigue suggests"): 90,
        (4, "the default, since this campaign's fatigue suggests no cap"): 90,
    }  # fmt: skip
    tight = cap_for("suggested", {7: 5, 30: 5})
    people = reachable(shop, trial, as_of=AS_OF, rules=tight.rules("email", 1))
    assert people.eligible.sum() == 100, "nobody had six messages"
    assert tight.summary().startswith("Customers with 6 or more messages in the past 30 days")
    assert [(m.name, m.value) for m in tight.metrics()] == [
        ("contact_cap", 6), ("contact_cap_days", 30),
    ]  # fmt: skip
    with pytest.raises(ParameterError, match="no contact cap 'some'"):
        cap_for("some", {})


def test_all_known_customers_are_scored_and_only_some_may_be_contacted(shop: Engine) -> None:
    from retention.campaign.reach import reachable
    from retention.uplift.trial import trial_from_frame

    frame = pd.DataFrame({
        "unit_key": ["x", "y"], "arm": ["none", "email"], "recency_days": [3.0, 5.0],
        "top_category": ["ceramics", "wood"], "sales": [0.0, 1.0],
    })  # fmt: skip
    trial = trial_from_frame(frame, control="none", outcomes=["sales"])
    people = reachable(shop, trial, as_of=AS_OF, rules=AudienceRules())
    assert dict(people.steps) == {
        "known customers": 400, "consenting": 200, "not suppressed": 100,
        "under 4 messages in 30 days": 90,
    }  # fmt: skip
    assert people.eligible.sum() == 90
    assert list(people.covariates.columns) == list(trial.covariates.columns)
    assert set(people.covariates["recency_days"]) == {10.0}
    assert people.covariates["top_category=ceramics"].sum() == 200
    assert people.covariates["top_category=wood"].sum() == 0
    own = reachable(Engine(threads=1), trial, as_of=AS_OF, rules=AudienceRules())
    assert own.scope == "customers of the experiment"

"""Behaviour, engagement, service and voice; and that no layer looks ahead."""

from __future__ import annotations

import pandas as pd
import pytest

from retention.features import customer_features

AS_OF = "2024-03-01"


@pytest.fixture
def layered(hand_made_shop, epoch_seconds) -> dict[str, pd.DataFrame]:
    s = epoch_seconds
    tables = dict(hand_made_shop)
    tables["events"] = pd.DataFrame(
        [
            ("e1", "anna", "v1", "view_item", s("2024-02-10")),
            ("e2", "anna", "v1", "add_to_cart", s("2024-02-10")),
            ("e3", "anna", "v1", "exit_intent", s("2024-02-10")),
            ("e4", "anna", "v2", "view_item", s("2024-02-19")),
            ("e5", "anna", "v2", "add_to_cart", s("2024-02-19")),
            ("e6", "anna", "v2", "purchase", s("2024-02-19")),
            ("e7", "bert", "v3", "view_item", s("2023-11-30")),
            ("e8", None, "v4", "view_item", s("2024-02-20")),
        ],
        columns=["event_key", "customer_key", "session_key", "event_name", "event_epoch_s"],
    ).assign(value=pd.Series([None] * 8, dtype=float))
    tables["touches"] = pd.DataFrame(
        [
            ("anna", "email", "sent", s("2024-02-01"), None),
            ("anna", "email", "opened", s("2024-02-02"), False),
            ("anna", "email", "opened", s("2024-02-20"), True),
            ("anna", "sms", "clicked", s("2024-02-21"), None),
            ("bert", "email", "unsubscribed", s("2023-12-02"), None),
        ],
        columns=["customer_key", "channel", "kind", "touched_epoch_s", "is_machine_open"],
    ).astype({"is_machine_open": "boolean"})
    tables["tickets"] = pd.DataFrame(
        [("anna", s("2024-01-02")), ("anna", s("2023-01-02"))],
        columns=["customer_key", "opened_epoch_s"],
    )
    tables["surveys"] = pd.DataFrame(
        [
            ("q1", "anna", "nps", 9.0, None, s("2024-01-05")),
            ("q2", "anna", "nps", 3.0, "late", s("2024-02-05")),
            ("q3", "anna", "exit_intent", None, "shipping_cost", s("2024-02-06")),
            ("q4", "dora", "exit_intent", None, "price", s("2024-02-06")),
        ],
        columns=["response_key", "customer_key", "instrument", "score", "reason_code",
                 "answered_epoch_s"],
    )  # fmt: skip
    return tables


@pytest.fixture
def features(make_engine, layered) -> pd.DataFrame:
    return customer_features(make_engine(layered), AS_OF).set_index("customer_key")


def test_behaviour_counts_visits_by_session(features):
    names = ["sessions_90d", "views_90d", "browse_sessions_90d", "carts_abandoned_90d",
             "exit_intents_90d"]  # fmt: skip
    assert features.loc["anna", names].tolist() == [2, 2, 1, 1, 1]
    assert features.loc["bert", names].tolist() == [0, 0, 0, 0, 0]


def test_machine_opens_and_other_channels_are_not_engagement(features):
    names = ["emails_sent_90d", "opens_90d", "clicks_90d", "days_since_open"]
    assert features.loc["anna", names].tolist() == [1, 1, 0, 28.0]


def test_without_an_open_there_is_no_time_since_it(features):
    assert pd.isna(features.loc["dora", "days_since_open"])
    assert features["is_unsubscribed"].to_dict() == {"anna": False, "bert": True, "dora": False}


def test_tickets_count_for_half_a_year(features):
    assert features["tickets_180d"].to_dict() == {"anna": 1, "bert": 0, "dora": 0}


def test_the_latest_answer_holds(features):
    assert features.loc["anna", "nps_score"] == 3.0
    assert features.loc["anna", "stated_reason"] == "shipping_cost"
    assert features.loc["dora", "stated_reason"] == "price"
    assert pd.isna(features.loc["dora", "nps_score"])


@pytest.fixture
def with_loyalty(layered, epoch_seconds) -> dict[str, pd.DataFrame]:
    s = epoch_seconds
    rows = [
        ("l1", "anna", "loyalty_join", s("2023-05-01"), None),
        ("l2", "anna", "loyalty_earn", s("2023-05-02"), 40.0),
        ("l3", "anna", "loyalty_redeem", s("2023-06-02"), 10.0),
        ("l4", "anna", "loyalty_redeem", s("2024-02-02"), 5.0),
        ("l5", "bert", "loyalty_join", s("2023-05-01"), None),
        ("l6", "bert", "loyalty_leave", s("2023-07-01"), None),
        ("l7", "dora", "loyalty_join", s("2024-03-01"), None),
    ]
    names = ["event_key", "customer_key", "event_name", "event_epoch_s", "value"]
    loyal = pd.DataFrame(rows, columns=names)
    answers = pd.DataFrame(
        [
            ("p1", "anna", "preference_centre", None, "gold", s("2024-01-06")),
            ("p2", "anna", "preference_centre", None, "silver", s("2024-02-20")),
            ("p3", "dora", "preferences", None, "gold", s("2024-03-01")),
        ],
        columns=list(layered["surveys"]),
    ).astype({"score": float})
    return layered | {
        "events": pd.concat([layered["events"], loyal], ignore_index=True),
        "surveys": pd.concat([layered["surveys"], answers], ignore_index=True),
    }


def test_loyalty_is_membership_balance_and_use(make_engine, with_loyalty):
    found = customer_features(make_engine(with_loyalty), AS_OF).set_index("customer_key")
    names = ["is_loyalty_member", "loyalty_points", "loyalty_redemptions_180d"]
    assert found.loc["anna", names].tolist() == [True, 25.0, 1]
    assert found.loc["bert", names].tolist() == [False, 0.0, 0]
    assert found.loc["dora", names].tolist() == [False, 0.0, 0]


def test_stated_preferences_stand_apart_from_reasons(make_engine, with_loyalty):
    found = customer_features(make_engine(with_loyalty), AS_OF).set_index("customer_key")
    assert found.loc["anna", "stated_preference"] == "silver"
    assert found.loc["anna", ["stated_reason", "preference_count"]].tolist() == ["shipping_cost", 2]
    assert pd.isna(found.loc["dora", "stated_preference"])


def test_without_loyalty_or_preferences_they_are_absent_not_zero(features):
    assert not {"is_loyalty_member", "loyalty_points", "stated_preference"} & set(features)


def test_loyalty_and_preferences_know_nothing_of_what_came_later(make_engine, with_loyalty):
    before = customer_features(make_engine(with_loyalty), AS_OF)
    ahead = {name: _with_rows_ahead(frame) for name, frame in with_loyalty.items()}
    pd.testing.assert_frame_equal(before, customer_features(make_engine(ahead), AS_OF))


def test_rows_from_the_as_of_date_on_change_nothing(make_engine, layered):
    before = customer_features(make_engine(layered), AS_OF)
    ahead = {name: _with_rows_ahead(frame) for name, frame in layered.items()}
    pd.testing.assert_frame_equal(before, customer_features(make_engine(ahead), AS_OF))


def test_features_of_an_earlier_date_ignore_what_came_since(make_engine, layered):
    early = customer_features(make_engine(layered), "2024-01-15").set_index("customer_key")
    assert early.loc["anna", ["order_count", "recency_days", "sessions_90d"]].tolist() == [2, 5, 0]
    assert early.loc["bert", "views_90d"] == 1


def test_the_same_rows_in_another_order_give_the_same_table(make_engine, layered):
    shuffled = {name: frame.sample(frac=1, random_state=7) for name, frame in layered.items()}
    pd.testing.assert_frame_equal(
        customer_features(make_engine(layered), AS_OF),
        customer_features(make_engine(shuffled), AS_OF),
    )


def _with_rows_ahead(frame: pd.DataFrame) -> pd.DataFrame:
    """Append every row once more, dated at the as-of date itself or a year later."""
    start = int(pd.Timestamp(AS_OF, tz="UTC").timestamp())
    if "category" in frame:
        copies = frame.assign(order_key=frame["order_key"] + "+", line_net_minor=99_999)
        return pd.concat([frame, copies], ignore_index=True)
    times = [name for name in frame if name.endswith("_epoch_s")]
    copies = frame.assign(**{name: start for name in times})
    later = frame.assign(**{name: start + 365 * 86_400 for name in times})
    for name in [c for c in ("order_key", "event_key", "response_key", "refund_key") if c in frame]:
        if name != "order_key" or "refund_key" not in frame:
            copies[name], later[name] = copies[name] + "+", later[name] + "++"
    return pd.concat([frame, copies, later], ignore_index=True)

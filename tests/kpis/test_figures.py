"""Key figures of a shop that can be checked by eye."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from retention.engine import Engine
from retention.errors import EvidenceError, ParameterError
from retention.kpis import (
    key_figures,
    key_figures_by,
    lifetime_value_figure,
    money_in_words,
    worth,
)
from retention.value import LifetimeValues, ValueTerms

AS_OF = "2024-03-01"  # windows of 30 days: from 2024-01-31, and from 2024-01-01


def seconds(moment: str) -> int:
    return int(pd.Timestamp(moment, tz="UTC").timestamp())


def orders() -> pd.DataFrame:
    rows = [
        ("a", "2023-12-01", 1000), ("a", "2024-01-10", 2000), ("a", "2024-02-10", 3000),
        ("b", "2023-12-05", 1000), ("b", "2024-01-12", 1500),
        ("c", "2024-01-20", 4000), ("c", "2024-02-01", 1000), ("c", "2024-02-15", 5000),
        ("d", "2024-02-20", 2500), ("e", "2024-03-01", 9900), ("z", "2023-11-01", 100),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["customer_key", "moment", "gross_minor"])
    return frame.assign(
        order_key=[f"o{i}" for i in range(len(rows))],
        ordered_at=pd.to_datetime(frame["moment"]),
        ordered_epoch_s=frame["moment"].map(seconds),
        status="paid", currency="USD", discount_minor=0, refunded_minor=0,
        is_gift=pd.array([None] * len(rows), dtype="boolean"),
        delivered_late=pd.array([None] * len(rows), dtype="boolean"),
    )  # fmt: skip


@pytest.fixture
def engine() -> Engine:
    engine = Engine(threads=1)
    engine.register("orders", orders())
    return engine


@pytest.fixture
def full(engine: Engine) -> Engine:
    events = [
        ("e1", "a", "v1", "x", "view_item", "2024-02-10"),
        ("e2", "a", "v1", "x", "add_to_cart", "2024-02-10"),
        ("e3", "a", "v1", "x", "purchase", "2024-02-10"),
        ("e4", None, "v2", "y", "add_to_cart", "2024-02-11"),
        ("e5", None, "v3", "y", "view_item", "2024-02-12"),
        ("e6", "b", "v4", "z", "add_to_cart", "2024-01-12"),
    ]
    names = ["event_key", "customer_key", "session_key", "anon_key", "event_name", "at"]
    frame = pd.DataFrame(events, columns=names)
    engine.register("events", frame.assign(event_epoch_s=frame["at"].map(seconds)))
    touches = [("a", "k1", "sent"), ("a", "k1", "opened"), ("a", "k1", "opened"),
               ("a", "k2", "sent"), ("b", "k1", "sent"), ("b", "k1", "clicked")]  # fmt: skip
    frame = pd.DataFrame(touches, columns=["customer_key", "campaign_key", "kind"])
    engine.register(
        "touches",
        frame.assign(channel="email", touched_epoch_s=seconds("2024-02-05"), is_machine_open=False),
    )
    surveys = [("q1", "a", 10.0, "2024-02-01"), ("q2", "a", 0.0, "2024-02-02"),
               ("q3", "b", 9.0, "2024-02-03"), ("q4", None, 9.0, "2024-02-03")]  # fmt: skip
    frame = pd.DataFrame(surveys, columns=["response_key", "customer_key", "score", "at"])
    engine.register(
        "surveys", frame.assign(instrument="nps", answered_epoch_s=frame["at"].map(seconds))
    )
    costs = pd.DataFrame(
        {"kind": ["advertising", "goods"], "amount_minor": [1200, 99_999],
         "incurred_epoch_s": [seconds("2024-02-01")] * 2}
    )  # fmt: skip
    engine.register("costs", costs)
    return engine


def test_customers_and_money_of_the_window(engine):
    found = key_figures(engine, AS_OF, 30)
    assert found["active_customers"].now.value == 3
    assert found["new_customers"].now.value == 1
    assert found["revenue"].now.value == pytest.approx(115.00)
    assert found["average_order_value"].now.value == pytest.approx(115.00 / 4)
    assert found["purchase_frequency"].now.value == pytest.approx(4 / 3)
    assert found["revenue"].unit == "USD"


def test_retention_and_churn_are_of_the_customers_before(engine):
    found = key_figures(engine, AS_OF, 30)
    assert found["retention_rate"].now.value == pytest.approx(2 / 3)
    assert found["churn_rate"].now.value == pytest.approx(1 / 3)
    assert found["retention_rate"].now.n == 3
    assert found["retention_rate"].previous.value == 1.0


def test_repeat_buyers_had_bought_on_an_earlier_day(engine):
    found = key_figures(engine, AS_OF, 30)
    assert found["repeat_purchase_rate"].now.value == pytest.approx(2 / 3)
    assert found["repeat_purchase_rate"].previous.value == pytest.approx(2 / 3)


def test_changes_are_against_the_window_before(engine):
    figure = key_figures(engine, AS_OF, 30)["revenue"]
    assert figure.change.value == pytest.approx(115.00 - 75.00)
    assert figure.change.ci_low < 40 < figure.change.ci_high


def test_an_order_on_the_as_of_date_is_not_known(engine):
    later = key_figures(engine, "2024-03-02", 30)["revenue"].now.value
    assert later - key_figures(engine, AS_OF, 30)["revenue"].now.value > 90


def test_a_window_before_the_first_order_has_no_previous_figure(engine):
    figure = key_figures(engine, AS_OF, 90)["active_customers"]
    assert math.isnan(figure.previous.value)
    assert math.isnan(figure.change.value)
    assert not figure.changed()


def test_figures_without_their_table_are_absent(engine):
    with pytest.raises(KeyError):
        key_figures(engine, AS_OF, 30)["conversion_rate"]


def test_visits_count_once_and_include_strangers(full):
    found = key_figures(full, AS_OF, 30)
    assert found["conversion_rate"].now.value == pytest.approx(1 / 3)
    assert found["cart_abandonment_rate"].now.value == pytest.approx(1 / 2)


def test_an_email_opened_twice_is_opened_once(full):
    found = key_figures(full, AS_OF, 30)
    assert found["email_open_rate"].now.value == pytest.approx(1 / 3)
    assert found["email_click_rate"].now.value == pytest.approx(1 / 3)


def test_the_latest_promoter_score_counts(full):
    assert key_figures(full, AS_OF, 30)["net_promoter_score"].now.value == pytest.approx(100 / 3)


def test_acquisition_cost_is_advertising_per_new_customer(full):
    figure = key_figures(full, AS_OF, 30)["customer_acquisition_cost"].now
    assert figure.value == pytest.approx(12.0)
    assert figure.ci_low < 12.0 < figure.ci_high


def test_a_segment_has_the_same_definitions(full):
    groups = pd.DataFrame({"customer_key": ["a", "c", "b"], "segment": ["s", "s", "t"]})
    found = key_figures_by(full, AS_OF, groups, 30)
    assert found["s"]["active_customers"].now.value == 2
    assert found["s"]["conversion_rate"].now.value == 1.0
    assert found["t"]["active_customers"].now.value == 0
    assert math.isnan(found["t"]["average_order_value"].now.value)
    alone = key_figures(full, AS_OF, 30, customers=pd.Series(["a", "c"]))
    pd.testing.assert_frame_equal(alone.to_frame(), found["s"].to_frame())


def test_figures_that_nothing_is_compared_with_are_the_same_and_have_no_change(full):
    groups = pd.DataFrame({"customer_key": ["a", "c", "b"], "segment": ["s", "s", "t"]})
    both = [key_figures_by(full, AS_OF, groups, 30, is_compared=told) for told in (True, False)]
    assert any(figure.previous.n for figure in both[0]["s"].figures)
    for segment in ("s", "t"):
        compared, alone = (found[segment].to_frame() for found in both)
        assert alone["previous"].isna().all()
        now = [name for name in alone if not name.startswith(("previous", "change"))]
        pd.testing.assert_frame_equal(alone[now], compared[now])


def test_advertising_is_not_attributed_to_a_segment(full):
    found = key_figures(full, AS_OF, 30, customers=pd.Series(["a"]))
    assert "customer_acquisition_cost" not in {figure.name for figure in found.figures}


def test_lifetime_value_has_the_models_interval_of_these_customers(engine):
    customers = pd.DataFrame({"customer_key": ["a", "b", "q"], "lifetime_value": [10.0, 20, 999]})
    terms = ValueTerms(365, 0.5, 0.1, "USD")
    slopes = customers[["lifetime_value"]].to_numpy()
    values = LifetimeValues(customers, terms, "BG/NBD", slopes, np.array([[0.01]]))
    figure = key_figures(engine, AS_OF, 30, lifetime_value=values)["customer_lifetime_value"]
    assert (figure.now.value, figure.now.n, figure.unit) == (15.0, 2, "USD")
    assert figure.now.ci_low == pytest.approx(15 * math.exp(-1.959964 * 0.1), rel=1e-6)
    none = key_figures(engine, AS_OF, 30, customers=pd.Series(["c"]), lifetime_value=values)
    assert math.isnan(none["customer_lifetime_value"].now.value)


def test_lifetime_value_changes_against_an_earlier_date_by_the_same_reckoning():
    customers = pd.DataFrame({"customer_key": ["a", "b"], "lifetime_value": [10.0, 20]})
    terms = ValueTerms(365, 0.5, 0.1, "USD")
    slopes = customers[["lifetime_value"]].to_numpy()
    now = LifetimeValues(customers, terms, "BG/NBD", slopes, np.array([[0.01]]))
    before = replace(now, customers=customers.assign(lifetime_value=[6.0, 12]), slopes=slopes * 0.6)
    figure = lifetime_value_figure(now, before)
    assert (figure.now.value, figure.previous.value, figure.change.value) == (15.0, 9.0, 6.0)
    assert figure.changed()
    assert "against spring it has changed by +6.00" in money_in_words(figure, "spring")
    alone = lifetime_value_figure(now, before, customers=pd.Series(["b"]))
    assert (alone.now.value, alone.previous.value, alone.now.n) == (20.0, 12.0, 1)
    for other in (
        replace(before, model="MBG/NBD"),
        replace(before, terms=replace(terms, margin=1)),
    ):
        assert math.isnan(lifetime_value_figure(now, other).change.value)
    assert "nothing alike" in money_in_words(lifetime_value_figure(now), "spring")
    nobody = lifetime_value_figure(now, customers=pd.Series(["z"]))
    assert "nobody" in money_in_words(nobody, "spring")


@pytest.fixture
def with_goods(full: Engine) -> Engine:
    """Every order holds one piece; what c's piece cost is not on record."""
    frame = orders()
    lines = pd.DataFrame(
        {"order_key": frame["order_key"], "quantity": 1,
         "sku": frame["customer_key"].map({"c": "unknown"}).fillna("known")}
    )  # fmt: skip
    full.register("order_lines", lines)
    costs = pd.DataFrame(
        {"cost_key": ["k1"], "kind": "goods_unit", "scope_type": "product", "scope_key": "known",
         "amount_minor": 500, "incurred_epoch_s": seconds("2023-01-01")}
    )  # fmt: skip
    full.register("costs", costs)
    return full


def test_margin_is_of_orders_whose_goods_have_a_known_cost(with_goods):
    found = key_figures(with_goods, AS_OF, 30)
    assert found["margin_per_customer"].now.value == pytest.approx((25.0 + 20.0) / 2)
    assert found["margin_per_customer"].now.n == 2
    assert found["margin_rate"].now.value == pytest.approx(45 / 55)
    assert found["margin_per_customer"].previous.value == pytest.approx((15.0 + 10.0) / 2)


def test_margin_of_a_segment_has_the_same_definition(with_goods):
    groups = pd.DataFrame({"customer_key": ["a", "b", "c"], "segment": ["s", "t", "t"]})
    found = key_figures_by(with_goods, AS_OF, groups, 30)
    assert found["s"]["margin_per_customer"].now.value == pytest.approx(25.0)
    assert math.isnan(found["t"]["margin_per_customer"].now.value)


def test_without_costs_of_goods_there_is_no_margin(full):
    assert "margin_rate" not in {figure.name for figure in key_figures(full, AS_OF, 30).figures}


def test_an_email_engaged_is_one_opened_or_clicked(full):
    assert key_figures(full, AS_OF, 30)["email_engagement_rate"].now.value == pytest.approx(2 / 3)


def test_metrics_are_plain_values(engine):
    rows = [m.as_dict() for m in key_figures(engine, "2023-11-02", 30).metrics()]
    by_name = {row["name"]: row for row in rows}
    assert by_name["retention_rate"]["value"] is None
    assert by_name["active_customers"]["value"] == 1.0


def test_the_summary_names_no_change_where_there_is_none(engine):
    assert "no key figure" in key_figures(engine, AS_OF, 30).summary()


def test_impossible_windows_are_refused(engine):
    with pytest.raises(ParameterError, match="empty"):
        key_figures(engine, AS_OF, 0)
    with pytest.raises(EvidenceError, match="No order"):
        key_figures(engine, "2000-01-01", 30)


def test_a_return_booked_as_an_order_of_its_own_lowers_the_revenue_of_its_window():
    returned = orders().iloc[[2]].assign(order_key="r", status="cancelled", gross_minor=-1000)
    engine = Engine(threads=1)
    engine.register("orders", pd.concat([orders(), returned], ignore_index=True))
    found = key_figures(engine, AS_OF, 30)
    assert found["revenue"].now.value == pytest.approx(105.00)
    assert found["revenue"].previous.value == pytest.approx(75.00)
    assert found["active_customers"].now.value == 3


def test_worth_sets_segments_beside_the_whole(full):
    groups = pd.DataFrame({"customer_key": ["a", "c", "b"], "segment": ["s", "s", "t"]})
    found = worth(key_figures_by(full, AS_OF, groups, 30), key_figures(full, AS_OF, 30))
    rows = found.to_frame().set_index(["segment", "name"])
    assert rows.loc[("s", "conversion_rate"), "whole"] == pytest.approx(1 / 3)
    assert math.isnan(rows.loc[("s", "revenue"), "whole"])
    assert not rows.loc[("s", "revenue"), "differs"]
    assert "customer_acquisition_cost" not in set(found.to_frame()["name"])
    assert found.table("purchase_frequency")["segment"].tolist() == ["s", "t"]


def test_a_segment_that_stands_out_is_named(engine):
    rows = [(f"x{i}", f"2024-02-{d:02d}", 100 + i) for i in range(60) for d in (2, 12)]
    extra = pd.DataFrame(rows, columns=["customer_key", "moment", "gross_minor"])
    extra = extra.assign(ordered_at=pd.to_datetime(extra["moment"]),
                         ordered_epoch_s=extra["moment"].map(seconds),
                         order_key=[f"n{i}" for i in range(len(extra))], status="paid",
                         currency="USD", discount_minor=0, refunded_minor=0)  # fmt: skip
    shop = Engine(threads=1)
    shop.register("orders", pd.concat([orders(), extra], ignore_index=True))
    groups = pd.DataFrame({"customer_key": ["a", "c", "d", *[f"x{i}" for i in range(60)]]})
    groups["segment"] = ["dear", "dear", "dear", *["cheap"] * 60]
    found = worth(key_figures_by(shop, AS_OF, groups, 30), key_figures(shop, AS_OF, 30))
    cheap = found.to_frame().set_index(["segment", "name"]).loc[("cheap", "average_order_value")]
    assert cheap["differs"]
    assert "cheap have the most orders per active customer" in found.summary()


def test_reorders_are_of_all_who_were_known_before_the_window(engine):
    figure = key_figures(engine, AS_OF, 30)["reorder_rate"]
    assert (figure.now.value, figure.now.n) == (0.5, 4)
    assert figure.previous.value == pytest.approx(2 / 3)


def test_the_last_period_of_a_segment_is_that_of_its_earlier_members(engine):
    now = key_figures_by(engine, AS_OF, members("a", "b"), 30)
    before = key_figures_by(engine, "2024-01-31", members("a", "z"), 30)
    rows = worth(now, key_figures(engine, AS_OF, 30), before).to_frame().set_index("name")
    assert rows.loc["reorder_rate", "value"] == 0.5
    assert rows.loc["reorder_rate", "previous"] == 0.5
    assert rows.loc["average_order_value", "change"] == pytest.approx(30.0 - 20.0)
    alone = worth(now, key_figures(engine, AS_OF, 30))
    assert alone.to_frame()["change"].isna().all()
    assert "No earlier period" in alone.changes_summary()


def members(*keys: str) -> pd.DataFrame:
    return pd.DataFrame({"customer_key": list(keys), "segment": "s"})

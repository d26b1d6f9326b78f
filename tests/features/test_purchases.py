"""The purchase summary: Fader and Hardie's definitions, in days and in weeks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.errors import ParameterError
from retention.features import (
    customer_features,
    known_orders,
    minor_per_major,
    observed_until,
    purchase_summary,
)
from retention.features.purchases import KNOWN

AS_OF = "2024-03-01"


def test_days_count_from_first_to_last_purchase_and_to_the_last_day_seen(
    make_engine, hand_made_shop
):
    summary = purchase_summary(make_engine(hand_made_shop), AS_OF).set_index("customer_key")
    assert summary.loc["anna", ["frequency", "recency", "tenure"]].tolist() == [2, 40, 50]
    assert summary.loc["dora", ["frequency", "recency", "tenure"]].tolist() == [0, 0, 0]


def test_the_first_purchase_day_is_left_out_of_the_value(make_engine, hand_made_shop):
    summary = purchase_summary(make_engine(hand_made_shop), AS_OF).set_index("customer_key")
    assert summary.loc["anna", "monetary_value"] == (30.00 + 25.00) / 2
    assert pd.isna(summary.loc["bert", "monetary_value"])


def test_weeks_begin_on_monday(make_engine, make_orders):
    rows = [("1", "x", "2024-01-07 12:00"), ("2", "x", "2024-01-08 12:00"),
            ("3", "x", "2024-01-14 12:00"), ("4", "x", "2024-01-22 00:00")]  # fmt: skip
    orders = make_orders(*[(*row, "paid", 100, 0, 0) for row in rows])
    summary = purchase_summary(make_engine({"orders": orders}), "2024-02-05", unit_days=7)
    assert summary[["frequency", "recency", "tenure"]].iloc[0].tolist() == [2, 3, 4]


def test_days_agree_with_a_pandas_count(make_engine, make_orders):
    rng = np.random.default_rng(3)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 90, 400), "D")
    who = rng.choice([f"c{i:02d}" for i in range(40)], 400)
    rows = [(str(i), c, str(d), "paid", 100 + i, 0, 0)
            for i, (c, d) in enumerate(zip(who, days, strict=True))]  # fmt: skip
    summary = purchase_summary(make_engine({"orders": make_orders(*rows)}), "2024-03-31")
    by_day = pd.DataFrame({"who": who, "day": days}).drop_duplicates().groupby("who")["day"]
    assert summary["frequency"].tolist() == (by_day.count() - 1).tolist()
    assert summary["recency"].tolist() == (by_day.max() - by_day.min()).dt.days.tolist()
    last_day = pd.Timestamp("2024-03-30")
    assert summary["tenure"].tolist() == (last_day - by_day.min()).dt.days.tolist()


@pytest.mark.parametrize("unit_days", [1, 7])
def test_refunds_of_orders_that_do_not_count_change_nothing(
    make_engine, make_orders, make_refunds, unit_days
):
    orders = make_orders(
        ("1", "x", "2024-01-02 12:00", "paid", 100, 0, 0),
        ("2", "x", "2024-01-20 12:00", "refunded", 900, 0, 300),
        ("3", "x", "2024-01-30 12:00", "cancelled", 500, 0, 500),
        ("4", "y", "2024-01-05 12:00", "cancelled", 500, 0, 500),
        ("5", "x", "2024-03-02 12:00", "refunded", 500, 0, 500),
        ("6", None, "2024-01-06 12:00", "refunded", 500, 0, 500),
    )
    sent = [("2", "2024-01-25 12:00", 300)]
    beside = [(key, "2024-02-01 12:00", 500) for key in ("3", "4", "5", "6")]
    found = [
        purchase_summary(make_engine({"orders": orders, "refunds": rows}), AS_OF, unit_days)
        for rows in (make_refunds(*sent), make_refunds(*sent, *beside))
    ]
    pd.testing.assert_frame_equal(*found)
    assert found[0]["customer_key"].tolist() == ["x"]
    assert found[0]["monetary_value"].tolist() == [6.0]


def test_another_grain_is_refused(make_engine, hand_made_shop):
    with pytest.raises(ParameterError, match="30 days"):
        purchase_summary(make_engine(hand_made_shop), AS_OF, unit_days=30)


def test_known_orders_leave_no_table_behind(make_engine, hand_made_shop):
    engine = make_engine(hand_made_shop)
    with known_orders(engine, AS_OF) as name:
        assert engine.has(name)
    assert not engine.has("known_orders")
    assert not engine.has("known_customers")
    assert not engine.has("known_refunds")


def test_customers_are_numbered_in_the_order_of_their_keys(make_engine, hand_made_shop):
    engine = make_engine(hand_made_shop)
    with known_orders(engine, AS_OF):
        found = engine.execute(
            "SELECT customer_key, customer_number FROM known_customers ORDER BY customer_number"
        )
    assert found == [("anna", 1), ("bert", 2), ("dora", 3)]


def test_yen_have_no_minor_unit(make_engine, hand_made_shop):
    hand_made_shop["orders"]["currency"] = "JPY"
    assert minor_per_major(make_engine(hand_made_shop)) == 1


def test_observation_ends_with_the_day_of_the_last_order(make_engine, hand_made_shop):
    assert observed_until(make_engine(hand_made_shop)) == "2024-03-01"


def test_what_a_run_shares_is_what_each_would_make(make_engine, hand_made_shop, tmp_path):
    alone, first, second = (make_engine(hand_made_shop) for _ in range(3))
    for engine in (first, second):
        engine.share(tmp_path / "shared")
    for name in KNOWN:
        rows = []
        for engine in (alone, first, second):
            with known_orders(engine, "2024-03-01"):
                rows.append(engine.sql(f"SELECT * FROM {name} ORDER BY ALL").frame())
            assert not engine.has(name)
        pd.testing.assert_frame_equal(rows[0], rows[1])
        pd.testing.assert_frame_equal(rows[0], rows[2])
    features = [customer_features(engine, "2024-03-01") for engine in (alone, first, second)]
    pd.testing.assert_frame_equal(features[0], features[1])
    pd.testing.assert_frame_equal(features[0], features[2])

"""Each finding of the data-quality report fires on what it is for, and stays silent otherwise."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from retention.ingest.quality import stability_index
from retention.results import Status


def daily(make_order, start="2025-01-06", days=50, skip=(), amount="10.00", prefix="o"):
    first = date.fromisoformat(start)
    return [
        make_order(f"{prefix}{d}-{i}", f"p{i}@shop.example", amount,
                   date=f"{first + timedelta(d)} 10:00:00")
        for d in range(days) if d not in skip for i in range(6)
    ]  # fmt: skip


def status(result, code):
    return next(c.status for c in result.checks if c.code == code)


def test_a_whole_and_fresh_export_raises_nothing(shop, make_order):
    shop.write("orders.csv", *daily(make_order))
    result = shop.ingest()
    assert {c.status for c in result.checks} == {Status.PASS}
    assert "no check found fault" in result.summary()


def test_a_hole_in_the_days_is_found(shop, make_order):
    shop.write("orders.csv", *daily(make_order, skip=(20, 21)))
    assert status(shop.ingest(), "missing_days") is Status.WARN


def test_an_old_export_is_called_old(shop, make_order):
    shop.write("orders.csv", *daily(make_order))
    assert status(shop.ingest(as_of="2025-06-01"), "freshness") is Status.WARN


def test_one_wholesaler_among_many_is_an_outlier(shop, make_order):
    whale = [make_order(f"w{i}", "whale@shop.example", "9000.00") for i in range(4)]
    shop.write("orders.csv", *daily(make_order), *whale)
    assert status(shop.ingest(), "outliers") is Status.WARN


def test_prices_in_another_unit_stop_the_run(shop, make_order):
    shop.write("orders.csv", *daily(make_order))
    shop.ingest()
    shop.write("orders.csv", *daily(make_order, amount="1000.00"))
    result = shop.ingest()
    assert status(result, "distribution_drift") is Status.FAIL
    assert result.summary().startswith("Do not use this data yet")


def test_a_source_that_is_mostly_refused_stops_the_run(shop, make_order):
    bad = [make_order(f"b{i}", "x@shop.example", "free") for i in range(200)]
    shop.write("orders.csv", *daily(make_order), *bad)
    assert status(shop.ingest(), "quarantine_share") is Status.FAIL


def test_the_stability_index_has_its_textbook_value():
    expected, found = np.array([1000.0, 1000.0]), np.array([1200.0, 800.0])
    by_hand = (0.6 - 0.5) * np.log(0.6 / 0.5) + (0.4 - 0.5) * np.log(0.4 / 0.5)
    assert stability_index(expected, found) == pytest.approx(by_hand, abs=1e-3)

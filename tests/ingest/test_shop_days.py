"""Days, weeks and months are cut by the shop's clock, summer time and all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from retention.engine import Engine
from retention.features import observed_until, purchase_summary
from retention.segments import cohort_retention


@pytest.fixture
def engine():
    opened = Engine(threads=1)
    yield opened
    opened.close()


def utc(local, zone):
    """Return a local time as the export writes it, in UTC."""
    moment = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_two_orders_of_one_new_york_evening_are_one_purchase_day(shop, make_order, engine):
    zone = "America/New_York"
    times = ["2025-01-31 18:00:00", "2025-01-31 23:30:00", "2025-07-01 23:30:00"]
    shop.write("orders.csv", *(make_order(n, "ada@shop.example", date=utc(time, zone))
                               for n, time in enumerate(times)),
               make_order(9, "bob@shop.example", date=utc(times[1], zone)))  # fmt: skip
    expected = (
        (zone, 1, "2025-07-02", {"2025-01"}),
        ("UTC", 2, "2025-07-03", {"2025-01", "2025-02"}),
    )
    for name, frequency, last, cohorts in expected:
        result = shop.ingest(time_zone=name, as_of="2025-08-01")
        result.snapshot.register(engine)
        summary = purchase_summary(engine, "2025-08-01")
        assert sorted(summary.frequency) == [0, frequency]
        assert observed_until(engine) == last
        assert set(cohort_retention(engine, "2025-08-01").to_frame().cohort) == cohorts


def test_epoch_seconds_are_the_shops_clock_on_every_day_of_a_year(shop, make_order):
    zone = "Australia/Sydney"
    start = datetime(2024, 1, 1, 12, 59, 30, tzinfo=UTC)
    moments = [start + timedelta(hours=25 * n) for n in range(350)]
    shop.write("orders.csv", *(make_order(n, f"p{n}@shop.example", date=f"{m:%Y-%m-%dT%H:%M:%SZ}")
                               for n, m in enumerate(moments)))  # fmt: skip
    result = shop.ingest(time_zone=zone)
    orders = pd.concat([pd.read_parquet(p) for p in result.snapshot.tables["orders"]])
    clock = pd.to_datetime(orders.ordered_epoch_s, unit="s")
    right = orders.ordered_at.dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
    assert (clock == right).all()
    assert len(set(clock - orders.ordered_at)) == 2  # winter and summer
    days = result.accounts.groupby("day").rows_read.sum()
    assert days.index.tolist() == sorted(set(right.dt.strftime("%Y-%m-%d")))

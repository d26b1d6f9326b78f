"""Retention of monthly cohorts."""

from __future__ import annotations

import pandas as pd
import pytest

from retention.engine import Engine
from retention.errors import EvidenceError
from retention.segments import CohortRetention, cohort_retention, newest_cohorts


def engine_of(*rows: tuple[str, str, str]) -> Engine:
    frame = pd.DataFrame(rows, columns=["customer_key", "ordered_at", "status"])
    frame["ordered_at"] = pd.to_datetime(frame["ordered_at"], format="ISO8601")
    frame["ordered_epoch_s"] = (frame["ordered_at"] - pd.Timestamp(0)) // pd.Timedelta("1s")
    engine = Engine(threads=1)
    engine.register("orders", frame)
    return engine


ROWS = [
    ("a", "2023-12-15", "paid"), ("a", "2024-02-01", "paid"), ("a", "2024-02-20", "paid"),
    ("b", "2023-12-31 23:59:59", "paid"), ("b", "2024-01-01", "paid"),
    ("c", "2024-01-05", "refunded"), ("d", "2024-01-06", "cancelled"),
    ("a", "2024-03-02", "paid"),
]  # fmt: skip


def test_months_are_counted_across_the_year():
    cells = cohort_retention(engine_of(*ROWS), "2024-03-01").to_frame()
    december = cells[cells["cohort"] == "2023-12"]
    assert december["customers"].tolist() == [2, 1, 1]
    assert december["share"].tolist() == [1.0, 0.5, 0.5]


def test_a_month_without_a_purchase_is_zero_and_a_month_not_over_is_left_out():
    cells = cohort_retention(engine_of(*ROWS), "2024-03-15").to_frame()
    january = cells[cells["cohort"] == "2024-01"]
    assert january["months_since"].tolist() == [0, 1]
    assert january["customers"].tolist() == [1, 0]


def test_the_average_is_over_cohorts_that_are_old_enough():
    found = cohort_retention(engine_of(*ROWS), "2024-03-01")
    assert found.average(1)[0] == pytest.approx(1 / 3)
    assert found.average(2)[3] == 2
    with pytest.raises(EvidenceError, match="9 months"):
        found.average(9)


def test_the_summary_gives_the_share_with_its_interval():
    assert "In month 2" in cohort_retention(engine_of(*ROWS), "2024-03-01").summary()


def test_without_a_whole_month_there_is_no_cohort():
    with pytest.raises(EvidenceError, match="whole month"):
        cohort_retention(engine_of(*ROWS), "2023-12-20")


def cohorts(shares: list[float], n: int = 1000) -> CohortRetention:
    """Build cohorts of which the given shares bought in month 1, and fewer in month 2."""
    rows = [
        (f"2024-{i + 1:02d}", month, n, int(n * share / month), share / month, 0.0, 1.0)
        for i, share in enumerate(shares) for month in (1, 2)
    ]  # fmt: skip
    names = [
        "cohort",
        "months_since",
        "cohort_customers",
        "customers",
        "share",
        "ci_low",
        "ci_high",
    ]
    return CohortRetention(pd.DataFrame(rows, columns=names), "2025-01-01")


def test_the_newest_cohorts_are_held_against_the_older_ones():
    worse = cohorts([0.30] * 6 + [0.10] * 6)
    gap, low, high, since = worse.trend(1)
    assert (round(gap, 6), since) == (-0.2, "2024-07")
    assert low < -0.2 < high < 0
    assert "do worse than the older ones: -10.0 points" in worse.summary()
    assert "what has changed since 2024-07" in worse.advice()
    same = cohorts([0.30] * 12)
    assert "neither better nor worse" in same.summary()
    assert same.advice() == (
        "Ask for the next order in month 1, when most come back (30.0 % of all cohorts observed so "
        "long)."
    )
    assert cohorts([0.3] * 6).trend(1) is None


def test_cohorts_of_whole_quarters_end_before_the_window():
    days = [
        "2025-03-31",
        "2025-04-01",
        "2025-12-31",
        "2026-01-01",
        "2026-03-31 23:59",
        "2026-04-01",
    ]
    first = pd.DataFrame({"customer_key": list("abcdef"), "first_order_at": pd.to_datetime(
        days, format="ISO8601")})  # fmt: skip
    found = newest_cohorts(first, "2026-04-02")
    assert dict(found.to_numpy()) == {
        "b": "2025 Q2", "c": "2025 Q4", "d": "2026 Q1", "e": "2026 Q1",
    }  # fmt: skip
    assert newest_cohorts(first, "2025-03-31").empty


def test_a_month_that_only_the_oldest_cohorts_have_reached_gives_no_advice():
    found = cohorts([0.30] * 12)
    late = found.cells["months_since"].eq(2)
    rare = found.cells[~late | found.cells["cohort"].eq("2024-01")].copy()
    rare.loc[rare["months_since"] == 2, ["customers", "share"]] = [900, 0.9]
    assert "in month 1" in CohortRetention(rare, "2025-01-01").advice()

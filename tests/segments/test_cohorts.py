"""Retention of monthly cohorts."""

from __future__ import annotations

import pandas as pd
import pytest

from retention.engine import Engine
from retention.errors import EvidenceError
from retention.segments import cohort_retention


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

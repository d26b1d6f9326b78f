"""What the ingest report shows of people is never a small count."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from retention.ingest.migration_result import nothing_compared
from retention.reports.figures.ingest import (
    cutover_table,
    fields_table,
    gaps_table,
    migration_days,
    money_table,
)


@pytest.fixture
def result():
    """A check in which four of sixty buyers are missing and six have another identity."""
    empty = nothing_compared("2025-01-01", "2025-02-01")
    stages = [("shipping", "amounts"), ("refunded", "refunds"), ("lines", "order lines"),
              ("customer", "customers")]  # fmt: skip
    fields = pd.DataFrame(
        [(name, stage, 60, 6 if name == "customer" else 0, 0, None) for name, stage in stages],
        columns=empty.fields.columns,
    )
    customers = pd.DataFrame(
        [("legacy", "matched", 50), ("legacy", "identifier_changed", 6), ("legacy", "missing", 4)],
        columns=empty.customers.columns,
    )
    return replace(
        empty, fields=fields, customers=customers,
        fates=pd.DataFrame({"side": ["legacy"], "fate": ["sound"], "orders": [60]}),
        outcomes=pd.DataFrame({"outcome": ["matched"], "orders": [60]}),
    )  # fmt: skip


def test_small_counts_of_customers_are_blanked_and_others_stay(result):
    row = cutover_table(result, 10).set_index("table").loc["customers"]
    assert pd.isna(row.missing)
    assert pd.isna(row.identifier_changed)
    assert (row.matched, row.compared) == (50, 60)
    assert cutover_table(result, 3).set_index("table").missing["customers"] == 4


def test_the_comparison_per_field_does_not_give_them_away(result):
    frame = fields_table(result, 10).set_index("field")
    assert frame.loc["customer", ["equal", "different"]].isna().all()
    assert frame.equal["shipping"] == 60


def test_texts_do_not_tell_small_counts_of_customers(result):
    text = result.summary()
    assert "fewer than 10 missing, fewer than 10 under another identifier" in text


def test_a_check_that_was_not_asked_for_says_so_and_draws_nothing():
    empty = nothing_compared("2025-01-01", "2025-02-01")
    assert "No old system's export was named" in empty.summary()
    assert (empty.checks(), empty.metrics()) == ([], [])
    assert cutover_table(empty, 10).empty
    assert migration_days(empty).axes[0].texts[0].get_text() == "nothing to compare"


def test_money_keeps_its_cents_under_short_headings():
    shown = money_table(pd.DataFrame({"rows_read": [3], "value_read": [1234.5]}))
    assert shown.to_dict("records") == [{"read": 3, "money read": "1,234.50"}]


def test_full_columns_are_not_listed():
    gaps = gaps_table(pd.DataFrame({"table": ["a", "a"], "column": ["x", "y"], "filled": [1, 0.5]}))
    assert gaps.filled.tolist() == ["50.0 %"]

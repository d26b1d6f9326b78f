"""Amounts are read in the currency's own units."""

from __future__ import annotations

import pytest

from retention.reports.formatting import MISSING, money_of_minor


@pytest.mark.parametrize(
    ("currency", "minor_per_major", "amount", "written"),
    [
        ("USD", 100, 123456, "USD 1,234.56"),
        ("JPY", 1, 2500, "JPY 2,500.00"),
        ("USD", 100, -50, "-USD 0.50"),
        ("USD", 100, float("nan"), MISSING),
    ],
)
def test_minor_units_are_written_as_money(currency, minor_per_major, amount, written):
    assert money_of_minor(currency, minor_per_major)(amount) == written

"""Amounts are read in the currency's own units."""

from __future__ import annotations

import pytest

from retention.reports.formatting import interval_text, money_of_minor
from retention.results import MISSING


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


def test_labels_of_lines_that_end_together_stand_apart():
    import matplotlib.pyplot as plt

    from retention.reports.style import LABEL_GAP, label_ends

    figure, axis = plt.subplots()
    axis.set_ylim(0, 10)
    label_ends(axis, [(1, 5.0, "a", "C0"), (1, 5.01, "b", "C1"), (1, 9.0, "c", "C2")])
    heights = sorted(text.xy[1] for text in axis.texts)
    plt.close(figure)
    assert heights[0] == 5.0
    assert heights[2] == 9.0
    assert heights[1] - heights[0] >= 10 * LABEL_GAP - 1e-9


def test_decimal_points_stand_in_line_whatever_the_number_of_decimals():
    from retention.reports.formatting import aligned

    texts = aligned(["1,234", "5.25", "12.3 %", "–"])
    points = [len(text) - max(text.find("."), text.find("\u2008")) for text in texts[:3]]
    assert len(set(points)) == 1
    assert texts[3] == "–"


def test_an_interval_without_ends_is_not_written():
    assert interval_text(float("nan"), float("nan"), "ratio") == ""
    assert interval_text(1.0, float("inf"), "USD") == ""

"""Key figures as people read them: every figure in its own unit."""

from __future__ import annotations

import math

from retention.kpis import KeyFigure, KeyFigures, worth
from retention.kpis.estimates import NOTHING, Estimate
from retention.reports.worth import (
    changes_table,
    figures_table,
    figures_without_small,
    worth_table,
    worth_without_small,
)


def figures(rate: float, money: float, n: int = 400) -> KeyFigures:
    share = Estimate(rate, rate - 0.02, rate + 0.02, n)
    value = Estimate(money, money - 5, money + 5, n)
    before = Estimate(rate - 0.1, rate - 0.12, rate - 0.08, n)
    return KeyFigures(
        (
            KeyFigure("email_click_rate", "share", "clicks", share, before, share.less(before)),
            KeyFigure("average_order_value", "USD", "value", value, NOTHING, value.less(NOTHING)),
        ),
        "2024-03-01",
        30,
    )


def test_every_figure_has_its_own_unit_and_a_share_changes_by_points():
    table = figures_table(figures(0.3, 50)).set_index("figure")
    assert table.loc["e-mail click rate", "value"] == "30.0 %"
    assert table.loc["e-mail click rate", "change"] == "+10.0 points"
    assert table.loc["e-mail click rate", "beyond chance"] == "yes"
    assert table.loc["average order value", "95 % interval"] == "USD 45.00 to USD 55.00"
    assert table.loc["average order value", "change"] == "–"


def test_segments_stand_beside_the_whole_shop_with_their_marks():
    found = worth({"a": figures(0.5, 50), "b": figures(0.29, 20)}, figures(0.3, 50))
    table = worth_table(worth_without_small(found, 10), figures(0.3, 50)).set_index("figure")
    assert table.loc["e-mail click rate", "a"] == "50.0\u00a0%\u00a0▲"
    assert table.loc["average order value", "b"] == "USD\u00a020.00\u00a0▼"
    assert table.loc["e-mail click rate", "b"] == "29.0\u00a0%"
    assert table.loc["average order value", "the whole shop"] == "USD 50.00"
    assert list(table.columns) == ["a", "b", "the whole shop"]


def test_a_figure_of_few_customers_is_not_shown():
    found = worth({"a": figures(0.5, 50, n=9)}, figures(0.3, 50))
    shown = worth_without_small(found, 10)
    assert set(worth_table(shown, figures(0.3, 50))["a"]) == {"< k"}


def test_only_changes_beyond_chance_are_listed():
    before = {"a": figures(0.4, 50), "b": figures(0.3, 50)}
    found = worth({"a": figures(0.5, 52), "b": figures(0.3, 50)}, figures(0.3, 50), before)
    table = changes_table(found)
    assert table[["segment", "figure"]].to_numpy().tolist() == [["a", "e-mail click rate"]]
    assert table["change"].tolist() == ["+10.0 points"]
    assert math.isclose(found.figures["change"].max(), 2.0)
    assert "1 figures of segments rose" in found.changes_summary()
    assert table["95 % interval of the change"].tolist() == ["+7.2 to +12.8 points"]


def counted(active: int, reorder: float, n: int = 400) -> KeyFigures:
    """Build the active customers of a segment, their orders and the share who reordered."""
    count, mean = Estimate(active, active - 3, active + 3, active), Estimate(1.2, 1.1, 1.3, active)
    share = Estimate(reorder, 0.0, 1.0, n)
    named = {"active_customers": count, "purchase_frequency": mean, "reorder_rate": share}
    units = {"active_customers": "customers", "purchase_frequency": "orders"}
    return KeyFigures(
        tuple(KeyFigure(name, units.get(name, "share"), "", estimate, NOTHING, NOTHING)
              for name, estimate in named.items()), "2024-03-01", 30,
    )  # fmt: skip


def test_a_share_gives_no_small_number_of_customers_away():
    found = figures_without_small(counted(40, 8 / 400), 10)
    assert math.isnan(found["reorder_rate"].now.value)
    assert math.isnan(figures_without_small(counted(40, 392 / 400), 10)["reorder_rate"].now.value)
    assert found["active_customers"].now.value == 40


def test_the_sum_of_the_active_customers_gives_no_segment_away():
    parts = {"a": counted(8, 8 / 400), "b": counted(30, 30 / 400), "c": counted(90, 90 / 400)}
    shown = worth_without_small(worth(parts, counted(128, 0.3)), 10)
    table = shown.to_frame().set_index(["segment", "name"])["value"].unstack()
    assert table["active_customers"].isna().tolist() == [True, True, False]
    assert table["reorder_rate"].isna().tolist() == [True, True, False]
    assert table["purchase_frequency"].isna().tolist() == [True, True, False]
    assert set(worth_table(shown, counted(128, 0.3))["a"]) == {"< k"}


def test_a_change_against_few_customers_is_not_shown():
    found = worth({"a": figures(0.5, 52)}, figures(0.3, 50), {"a": figures(0.4, 50, n=9)})
    assert len(changes_table(found)) == 1
    shown = worth_without_small(found, 10)
    assert changes_table(shown).empty
    assert shown.figures["value"].notna().all()

"""Key figures as people read them: every figure in its own unit."""

from __future__ import annotations

import math

from retention.kpis import KeyFigure, KeyFigures, worth
from retention.kpis.estimates import NOTHING, Estimate
from retention.reports.worth import changes_table, figures_table, worth_table


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
    table = worth_table(found, figures(0.3, 50)).set_index("figure")
    assert table.loc["e-mail click rate", "a"] == "50.0\u00a0%\u00a0▲"
    assert table.loc["average order value", "b"] == "USD\u00a020.00\u00a0▼"
    assert table.loc["e-mail click rate", "b"] == "29.0\u00a0%"
    assert table.loc["average order value", "the whole shop"] == "USD 50.00"
    assert list(table.columns) == ["a", "b", "the whole shop"]


def test_a_figure_of_few_customers_is_not_shown():
    found = worth({"a": figures(0.5, 50, n=9)}, figures(0.3, 50))
    assert set(worth_table(found, figures(0.3, 50))["a"]) == {"< k"}


def test_only_changes_beyond_chance_are_listed():
    before = {"a": figures(0.4, 50), "b": figures(0.3, 50)}
    found = worth({"a": figures(0.5, 52), "b": figures(0.3, 50)}, figures(0.3, 50), before)
    table = changes_table(found)
    assert table[["segment", "figure"]].to_numpy().tolist() == [["a", "e-mail click rate"]]
    assert table["change"].tolist() == ["+10.0 points"]
    assert math.isclose(found.figures["change"].max(), 2.0)
    assert "1 figures of segments rose" in found.changes_summary()

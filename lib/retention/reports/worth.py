"""Key figures and the worth of segments as tables for people: each figure in its own unit."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd

from retention.engine import Engine
from retention.features import minor_per_major
from retention.kpis import KeyFigure, KeyFigures, Worth
from retention.reports.formatting import SUPPRESSED, interval_text, money_of_minor, with_unit
from retention.results import MISSING
from retention.value import reporting_currency

ABOVE, BELOW = "▲", "▼"
"""Mark a figure whose interval leaves out that of the whole shop."""

NO_BREAK = "\u00a0"
"""Keeps a number and its unit on one line."""


def money_of(engine: Engine) -> Callable[[float], str]:
    """Return what writes an amount in the orders' minor units as money in their currency."""
    return money_of_minor(reporting_currency(engine), minor_per_major(engine))


def figures_table(figures: KeyFigures) -> pd.DataFrame:
    """Return key figures as texts: value, 95 % interval, n, what it was before, change.

    Parameters
    ----------
    figures
        Key figures of the shop, a segment or a cohort.
    """
    return pd.DataFrame([_figure_row(figure) for figure in figures.figures])


def worth_table(worth: Worth, whole: KeyFigures, minimum: int = 10) -> pd.DataFrame:
    """Return figures as rows and segments as columns, the whole shop last.

    A triangle marks what differs from the whole shop beyond chance. Figures that a segment of
    known customers has by definition (no new ones, all of them repeat) are left out, and so are
    figures of fewer than ``minimum`` customers.
    """
    names = dict.fromkeys(worth.figures["name"])
    listed = [name for name in names if name not in ("new_customers", "repeat_purchase_rate")]
    rows = []
    for segment, cells in worth.figures.groupby("segment", sort=True):
        keyed = cells.set_index("name")
        row = {"segment": str(segment)}
        rows.append(
            row | {_words(n): _cell(keyed.loc[n], minimum) for n in listed if n in keyed.index}
        )
    shop = {_words(n): with_unit(_known(whole[n].now.value), whole[n].unit) for n in listed}
    table = pd.DataFrame([*rows, {"segment": "the whole shop"} | shop]).fillna(MISSING)
    turned = table.set_index("segment").T
    return turned.rename_axis(index="figure", columns=None).reset_index()


def changes_table(worth: Worth) -> pd.DataFrame:
    """Return the figures of segments that changed beyond chance since the period before."""
    rows = worth.figures
    moved = rows[(rows["change_ci_low"] > 0) | (rows["change_ci_high"] < 0)]
    columns = ["segment", "figure", "value", "one period earlier", "change",
               "95 % interval of the change", "n"]  # fmt: skip
    return pd.DataFrame([_change_row(row) for _, row in moved.iterrows()], columns=columns)


def _figure_row(figure: KeyFigure) -> dict[str, str]:
    """Return one key figure as texts."""
    now, change, unit = figure.now, figure.change, figure.unit
    return {
        "figure": _words(figure.name),
        "value": with_unit(_known(now.value), unit),
        "95 % interval": interval_text(_known(now.ci_low), _known(now.ci_high), unit),
        "n": f"{now.n:,}",
        "window before": with_unit(_known(figure.previous.value), unit),
        "change": _signed(change.value, unit),
        "beyond chance": "yes" if figure.changed() else "no",
        "definition": figure.definition,
    }


def _change_row(row: pd.Series) -> dict[str, str]:
    """Return one changed figure of a segment as texts."""
    low, high = (_known(row[name]) for name in ("change_ci_low", "change_ci_high"))
    return {
        "segment": str(row["segment"]), "figure": _words(str(row["name"])),
        "value": with_unit(_known(row["value"]), row["unit"]),
        "one period earlier": with_unit(_known(row["previous"]), row["unit"]),
        "change": _signed(float(row["change"]), row["unit"]),
        "95 % interval of the change": interval_text(low, high, row["unit"]),
        "n": f"{int(row['n']):,}",
    }  # fmt: skip


def _cell(row: pd.Series, minimum: int) -> str:
    """Return one figure of one segment, marked where it differs from the whole."""
    if 0 < row["n"] < minimum:
        return SUPPRESSED
    text = with_unit(_known(row["value"]), row["unit"]).replace(" ", NO_BREAK)
    if not row["differs"]:
        return text
    return f"{text}{NO_BREAK}{ABOVE if row['value'] > row['whole'] else BELOW}"


def _signed(change: float, unit: str) -> str:
    """Write a change with its sign; a change of a share is in points."""
    if math.isnan(change):
        return MISSING
    sign = "+" if change > 0 else ""
    if unit == "share":
        return f"{sign}{100 * change:.1f} points"
    return f"{sign}{with_unit(change, unit)}"


def _known(value: float) -> float | None:
    """Return None for what is not known."""
    return None if pd.isna(value) else float(value)


def _words(name: str) -> str:
    """Write a name as words."""
    return name.replace("_", " ").replace("email", "e-mail")

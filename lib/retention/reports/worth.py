"""Key figures and the worth of segments as tables for people: each figure in its own unit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from retention.engine import Engine
from retention.features import minor_per_major
from retention.kpis import KeyFigure, KeyFigures, Worth
from retention.kpis.estimates import NOTHING, Estimate
from retention.reports.formatting import SUPPRESSED, interval_text, money_of_minor, with_unit
from retention.reports.suppression import suppress_counts
from retention.results import MISSING, points, points_between
from retention.value import reporting_currency

ABOVE, BELOW = "▲", "▼"
"""Mark a figure whose interval leaves out that of the whole shop."""

SHARES_OF_CUSTOMERS = ("repeat_purchase_rate", "reorder_rate", "retention_rate", "churn_rate")
"""Key figures whose value times n is a number of customers."""

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


def figures_without_small(figures: KeyFigures, minimum: int) -> KeyFigures:
    """Return key figures without those that rest on fewer than ``minimum`` customers.

    A share of customers rests on those who did as much as on those who did not.
    """

    def kept(name: str, estimate: Estimate) -> Estimate:
        return NOTHING if _is_small(name, estimate.value, estimate.n, minimum) else estimate

    found = []
    for figure in figures.figures:
        now, previous = kept(figure.name, figure.now), kept(figure.name, figure.previous)
        change = NOTHING if NOTHING in (now, previous) else figure.change
        found.append(replace(figure, now=now, previous=previous, change=change))
    return replace(figures, figures=tuple(found))


def worth_without_small(worth: Worth, minimum: int) -> Worth:
    """Return the worth of segments with what rests on fewer than ``minimum`` customers blank.

    Of the active customers, whose sum the shop's figure tells, none or at least two segments are
    blank, and with them what would give them away. The column ``is_small`` tells which are.
    """
    rows = worth.figures
    names = rows["name"].to_numpy(dtype=str)
    small = _is_small(names, _numbers(rows["value"]), _numbers(rows["n"]), minimum)
    active = rows[rows["name"] == "active_customers"]
    counts = pd.DataFrame({"n": _numbers(active["n"])}, index=active["segment"])
    hidden = counts[suppress_counts(counts, minimum)["n"].isna()]["n"]
    telling = _numbers(rows["n"]) == rows["segment"].map(hidden).to_numpy(dtype=float)
    telling |= names == "reorder_rate"
    small |= rows["segment"].isin(hidden.index).to_numpy() & telling
    past = _numbers(rows["previous"]), _numbers(rows["previous_n"])
    before = small | _is_small(names, *past, minimum)
    return Worth(_blank(rows, small, before).assign(is_small=small))


def _blank(rows: pd.DataFrame, small: np.ndarray, before: np.ndarray) -> pd.DataFrame:
    """Return the figures with the small ones, and changes that rest on them, blank."""
    now = ["value", "ci_low", "ci_high"]
    past = ["previous", "change", "change_ci_low", "change_ci_high"]
    blank = {name: rows[name].mask(small) for name in now}
    blank |= {name: rows[name].mask(before) for name in past}
    counts = {"n": rows["n"].astype("Int64").mask(small),
              "previous_n": rows["previous_n"].astype("Int64").mask(before)}  # fmt: skip
    return rows.assign(**blank, **counts, differs=rows["differs"] & ~small)


def _is_small(name: ArrayLike, value: ArrayLike, n: ArrayLike, minimum: int) -> np.ndarray:
    """Tell which figures rest on 1 to ``minimum - 1`` customers."""
    size = np.asarray(n, dtype=float)
    did = np.round(np.asarray(value, dtype=float) * size)
    fewest = np.where(np.isin(name, SHARES_OF_CUSTOMERS), np.minimum(did, size - did), 0.0)
    return ((size > 0) & (size < minimum)) | ((fewest > 0) & (fewest < minimum))


def _numbers(column: pd.Series) -> np.ndarray:
    """Return a column as floats, NaN where it is blank."""
    return column.astype("Float64").to_numpy(dtype=float, na_value=np.nan)


def worth_table(worth: Worth, whole: KeyFigures) -> pd.DataFrame:
    """Return figures as rows and segments as columns, the whole shop last.

    A triangle marks what differs from the whole shop beyond chance. Figures that a segment of
    known customers has by definition (no new ones, all of them repeat) are left out.

    Parameters
    ----------
    worth
        From `worth_without_small`: what it has blanked is marked as too small to show.
    whole
        Key figures of the whole shop.
    """
    names = dict.fromkeys(worth.figures["name"])
    listed = [name for name in names if name not in ("new_customers", "repeat_purchase_rate")]
    rows = []
    for segment, cells in worth.figures.groupby("segment"):
        keyed = cells.set_index("name")
        row = {"segment": str(segment)}
        rows.append(row | {_words(n): _cell(keyed.loc[n]) for n in listed if n in keyed.index})
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
        "95 % interval of the change": _change_interval(low, high, row["unit"]),
        "n": f"{int(row['n']):,}",
    }  # fmt: skip


def _cell(row: pd.Series) -> str:
    """Return one figure of one segment, marked where it differs from the whole."""
    if row["is_small"]:
        return SUPPRESSED
    text = with_unit(_known(row["value"]), row["unit"]).replace(" ", NO_BREAK)
    if not row["differs"]:
        return text
    return f"{text}{NO_BREAK}{ABOVE if row['value'] > row['whole'] else BELOW}"


def _signed(change: float, unit: str) -> str:
    """Write a change with its sign; a change of a share is in points."""
    if math.isnan(change):
        return MISSING
    if unit == "share":
        return points(change, signed=True)
    sign = "+" if change > 0 else ""
    return f"{sign}{with_unit(change, unit)}"


def _change_interval(low: float | None, high: float | None, unit: str) -> str:
    """Write the interval of a change; that of a share is in points."""
    if unit != "share" or low is None or high is None:
        return interval_text(low, high, unit)
    return points_between(low, high)


def _known(value: float) -> float | None:
    """Return None for what is not known."""
    return None if pd.isna(value) else float(value)


def _words(name: str) -> str:
    """Write a name as words."""
    return name.replace("_", " ").replace("email", "e-mail")

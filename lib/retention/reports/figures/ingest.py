"""Figures of the ingest report."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from retention.ingest import IngestResult
from retention.ingest.migration_result import MigrationResult
from retention.reports.style import BAD, PALETTE, use_style
from retention.reports.suppression import suppress_counts, suppress_rows
from retention.results import percent

_MOST_SOURCES = 8


def daily_volume(result: IngestResult) -> Figure:
    """Draw records per week for the largest dated sources, one panel each.

    Parameters
    ----------
    result
        What the ingest handed over.
    """
    weekly = result.weekly()
    largest = weekly.groupby("source").rows_read.sum().sort_values(ascending=False, kind="stable")
    names = list(largest.index[:_MOST_SOURCES])
    with use_style():
        figure = Figure(figsize=(8.0, 1.0 + 1.3 * max(len(names), 1)), layout="constrained")
        axes = figure.subplots(max(len(names), 1), 1, sharex=True, squeeze=False)[:, 0]
        if not names:
            axes[0].text(0.5, 0.5, "no dated records", ha="center", transform=axes[0].transAxes)
        for axis, name in zip(axes, names, strict=False):
            part = weekly[weekly.source == name]
            axis.plot(part.week, part.rows_accepted, color=PALETTE[0], lw=1.4)
            axis.plot(part.week, part.rows_quarantined, color=BAD, lw=1.0, ls="--")
            axis.set_title(name, fontsize=9)
            axis.set_ylim(bottom=0)
        figure.supylabel("records per week (line: accepted, dashes: refused)", fontsize=8)
        axes[-1].set_xlabel("week beginning")
    return figure


_HEADINGS = {
    "rows_read": "read", "rows_accepted": "accepted", "rows_quarantined": "refused",
    "rows_excluded": "left out", "value_read": "money read", "value_accepted": "money accepted",
    "value_quarantined": "money refused", "value_excluded": "money left out",
    "legacy_orders": "old orders", "new_orders": "new orders", "matched": "found",
    "net_differs": "net differs", "legacy_net": "old net", "new_net": "new net",
    "difference": "gap",
}  # fmt: skip


AS_NUMBERS = dict.fromkeys([*_HEADINGS.values(), "filled"], "{:,}".format) | dict.fromkeys(
    ["money read", "money accepted", "money refused", "money left out", "old net", "new net",
     "gap", "filled"], str,
)  # fmt: skip
"""Headings whose values stand to the right, for :func:`show_table`."""


def money_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return accounts or compared days under short headings, money with its cents.

    Parameters
    ----------
    frame
        Columns named as in the accounts or in the days of a migration check.
    """
    shown = frame.copy()
    for name in map(str, frame.columns):
        if name.startswith("value_") or name in ("legacy_net", "new_net", "difference"):
            shown[name] = [f"{value:,.2f}" for value in frame[name]]
    return shown.rename(columns=_HEADINGS)


def gaps_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that are not full, the emptiest first, in percent."""
    gaps = frame[frame.filled < 1].sort_values(["filled", "table", "column"], kind="stable")
    return gaps.assign(filled=[f"{percent(value)}" for value in gaps.filled])


def fields_table(result: MigrationResult, minimum: int) -> pd.DataFrame:
    """Return the comparison per field, without small counts of customers."""
    frame = result.by_field()
    counts = ["equal", "different"]
    people = frame.field == "customer"
    if people.any():
        frame[counts] = frame[counts].astype("Int64")
        frame.loc[people, counts] = suppress_counts(frame.loc[people, counts], minimum)
    return frame


def cutover_table(result: MigrationResult, minimum: int) -> pd.DataFrame:
    """Return the cut-over table as it may be shown: small counts of customers are blanked.

    Parameters
    ----------
    result
        What the migration check handed over.
    minimum
        Smallest count of customers that may be shown.
    """
    frame = result.to_frame().drop(columns="share_at_fault")
    counts = [str(c) for c in frame.columns if pd.api.types.is_numeric_dtype(frame[c])]
    people = frame.table == "customers"
    if people.any():
        shown = suppress_counts(frame.loc[people, counts].drop(columns="compared"), minimum)
        frame[counts] = frame[counts].astype("Int64")
        frame.loc[people, list(shown.columns)] = shown
    return frame


def identity_table(result: IngestResult, minimum: int) -> pd.DataFrame:
    """Return identities and people per rule of linking, without small counts of people.

    Parameters
    ----------
    result
        What the ingest handed over.
    minimum
        Smallest count of customers that may be shown.
    """
    frame = suppress_rows(result.identity, minimum, count="people")
    return frame.assign(rule=frame.rule.str.replace("_", " "))


def migration_days(result: MigrationResult) -> Figure:
    """Draw each day's orders in both systems, and below the gap in money.

    Parameters
    ----------
    result
        What the migration check handed over.
    """
    days = result.daily()
    with use_style():
        figure = Figure(figsize=(8.0, 4.2), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
        if days.empty:
            above.text(0.5, 0.5, "nothing to compare", ha="center", transform=above.transAxes)
            return figure
        when = pd.to_datetime(days.day)
        above.plot(when, days.legacy_orders, color=PALETTE[0], lw=1.4, label="old system")
        above.plot(when, days.new_orders, color=PALETTE[1], lw=1.2, ls="--", label="new system")
        above.set_ylabel("orders per day")
        above.set_ylim(bottom=0)
        above.legend(loc="upper right", ncols=2, frameon=False, fontsize=8)
        below.bar(when, days.difference.astype(float), width=1.0, color=BAD)
        below.axhline(0, color="0.6", lw=0.6)
        codes = "/".join(sorted(days.currency.dropna().unique()))
        below.set_ylabel(f"net, new less old\n({codes})")
        below.set_xlabel("day of the order (UTC)")
    return figure

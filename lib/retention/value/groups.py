"""Lifetime value by segment, by acquisition cohort, and how unevenly it is spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.errors import InputError
from retention.intervals import difference
from retention.results import percent
from retention.value.lifetime import LifetimeValues

Floats = NDArray[np.float64]

EVERYBODY = "all customers"
"""Label of the one group where customers carry no label."""

UNEVEN = 0.4
"""Share of value in the hands of the top fifth, twice its part, from which value is uneven."""


@dataclass(frozen=True)
class GroupValues:
    """Lifetime value of groups of customers.

    Parameters
    ----------
    table
        One line per group, most valuable first: ``group``, ``customers``, ``total_value``,
        ``total_ci_low``, ``total_ci_high``, ``mean_value``, ``mean_ci_low``, ``mean_ci_high``
        (money), ``share_of_customers``, ``share_of_value``, ``expected_purchases`` (mean).
    by
        What the groups are, such as ``segment``.
    currency
        ISO 4217 code.
    minimum
        Groups below this many customers are not named in the summary.
    """

    table: pd.DataFrame
    by: str
    currency: str
    minimum: int = 10

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def summary(self) -> str:
        """Return in words where the value sits."""
        shown = self.table[self.table["customers"] >= self.minimum]
        if shown.empty:
            return f"No {self.by} has {self.minimum} customers or more, so none is described."
        top = shown.iloc[0]
        text = (
            f"The {self.by} {top['group']!r} holds {percent(top['share_of_value'], 0)} of the "
            f"expected value with {percent(top['share_of_customers'], 0)} of the customers: "
            f"{self.currency} "
            f"{top['mean_value']:,.2f} each (95 % interval {top['mean_ci_low']:,.2f} to "
            f"{top['mean_ci_high']:,.2f}, n = {top['customers']:,})."
        )
        best = shown.loc[shown["mean_value"].idxmax()]
        if best["group"] != top["group"]:
            text += (
                f" Per customer {best['group']!r} is worth most: {self.currency} "
                f"{best['mean_value']:,.2f} ({best['mean_ci_low']:,.2f} to "
                f"{best['mean_ci_high']:,.2f}, n = {best['customers']:,})."
            )
        return text

    def advice(self) -> str:
        """Return in words how much a customer of the groups may cost."""
        shown = self.table[self.table["customers"] >= self.minimum].sort_values("mean_value")
        if shown.empty:
            return "Choose fewer and larger groups before money is spent by them."
        most, least = shown.iloc[-1], shown.iloc[0]
        if most["mean_ci_low"] <= least["mean_ci_high"]:
            return f"The intervals overlap: treat every {self.by} alike."
        return (
            f"To keep a customer of {most['group']!r} may cost up to {self.currency} "
            f"{most['mean_ci_low']:,.2f}, one of {least['group']!r} no more than {self.currency} "
            f"{least['mean_ci_low']:,.2f} (lower ends of the intervals): let offers differ by that."
        )


def value_by(
    values: LifetimeValues, groups: pd.Series[str], *, by: str, minimum: int = 10
) -> GroupValues:
    """Return total and mean lifetime value of each group with 95 % intervals (delta method).

    Parameters
    ----------
    values
        Lifetime values of all customers.
    groups
        Each customer's group, in the same order; missing ones count as ``unassigned``.
    by
        What the groups are.
    minimum
        Fewest customers for a group to be named in the summary.

    Raises
    ------
    InputError
        If there is not one group per customer.
    """
    if len(groups) != len(values.customers):
        raise InputError("Groups and customers differ in number.", "Give one group per customer.")
    labels = groups.fillna("unassigned").astype(str).to_numpy()
    value = values.customers["lifetime_value"].to_numpy()
    purchases = values.customers["expected_purchases"].to_numpy()
    rows = []
    for label in np.unique(labels):
        members = labels == label
        count = int(members.sum())
        total = float(value[members].sum())
        low, high = values.interval(members)
        rows.append(
            (label, count, total, low, high, total / count, low / count, high / count,
             count / len(labels), total / values.total if values.total else 0.0,
             float(purchases[members].mean()))
        )  # fmt: skip
    columns = [
        "group", "customers", "total_value", "total_ci_low", "total_ci_high", "mean_value",
        "mean_ci_low", "mean_ci_high", "share_of_customers", "share_of_value",
        "expected_purchases",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    ordered = table.sort_values(["total_value", "group"], ascending=[False, True])
    return GroupValues(ordered.reset_index(drop=True), by, values.terms.currency, minimum)


def beside(now: GroupValues, before: GroupValues | None, whole: LifetimeValues) -> pd.DataFrame:
    """Return the mean value of each group beside the whole base's and its own at an earlier date.

    Parameters
    ----------
    now, before
        Values of groups of the same names at the as-of date and at an earlier one, by the same
        terms; None where there is no earlier one.
    whole
        Lifetime values of all customers at the as-of date.

    Returns
    -------
    pandas.DataFrame
        ``group, customers, mean_value, mean_ci_low, mean_ci_high, whole, differs`` (the interval
        leaves the whole's mean out), ``mean_before, change, change_ci_low, change_ci_high``.

    Notes
    -----
    The interval of the change is `retention.intervals.difference`; the two means rest on much the
    same customers, so the true one is narrower.
    """
    columns = ["group", "customers", "mean_value", "mean_ci_low", "mean_ci_high"]
    table = now.to_frame()[columns]
    mean = whole.total / max(len(whole.customers), 1)
    table["whole"] = mean
    table["differs"] = (table["mean_ci_low"] > mean) | (table["mean_ci_high"] < mean)
    past = table[["group"]].assign(mean_value=np.nan, mean_ci_low=np.nan, mean_ci_high=np.nan)
    if before is not None:
        past = table[["group"]].merge(before.to_frame()[["group", *columns[2:]]], "left", "group")
    value, low, high = (table[c].to_numpy() for c in columns[2:])
    was, was_low, was_high = (past[c].to_numpy() for c in columns[2:])
    change, least, most = difference((value, low, high), (was, was_low, was_high))
    return table.assign(mean_before=was, change=change, change_ci_low=least, change_ci_high=most)


def beside_summary(compared: pd.DataFrame) -> str:
    """Return in words which groups of `beside` differ from the whole and which have changed."""
    apart = compared[compared["differs"]]
    moved = compared[(compared["change_ci_low"] > 0) | (compared["change_ci_high"] < 0)]
    moved = moved.sort_values("group")
    words = [
        f"{group!r} {'rose' if change > 0 else 'fell'} by {abs(change):,.2f}"
        for group, change in zip(moved["group"], moved["change"].astype(float), strict=True)
    ]
    told = (
        f"since the earlier date, beyond chance: {', '.join(words)}."
        if words
        else "no group's value per customer changed beyond chance since the earlier date."
    )
    return f"{len(apart)} of {len(compared)} groups differ from the whole base; {told}"


def beside_advice(compared: pd.DataFrame) -> str:
    """Return in words what to do about the groups of `beside` that have changed."""
    if compared["change"].isna().all():
        return "Come back when an earlier date can be compared with."
    fell = compared[compared["change_ci_high"] < 0].sort_values("change")
    rose = compared[compared["change_ci_low"] > 0].sort_values("change")
    if not fell.empty:
        return (
            f"Look first for what has changed for {fell.iloc[0]['group']!r} (offers, delivery, "
            "season): its customers have lost most."
        )
    if not rose.empty:
        return f"Find out what has gone well with {rose.iloc[-1]['group']!r}, and do it elsewhere."
    return "Nothing calls for another treatment of a group than before."


def labels_of(frame: pd.DataFrame, assigned: pd.DataFrame | None, column: str) -> pd.Series[str]:
    """Return each customer's label from a published table, or one label for all without a table.

    Parameters
    ----------
    frame
        One line per customer with ``customer_key``.
    assigned
        Table with ``customer_key`` and the column; None where no earlier stage has made one.
    column
        Column that holds the label.
    """
    if assigned is None:
        return pd.Series(EVERYBODY, index=frame.index, name=column)
    found = assigned.drop_duplicates("customer_key").set_index("customer_key")[column]
    return found.reindex(frame["customer_key"]).set_axis(frame.index)


def acquisition_cohorts(frame: pd.DataFrame, as_of: str, *, unit_days: float) -> pd.Series[str]:
    """Return the calendar quarter of each customer's first purchase, such as ``2026-Q1``.

    Parameters
    ----------
    frame
        Purchase summary with ``tenure`` in units of ``unit_days``, up to the day before ``as_of``.
    as_of
        ISO date.
    unit_days
        Length of the time unit in days.

    Examples
    --------
    >>> frame = pd.DataFrame({"tenure": [0, 200]})
    >>> acquisition_cohorts(frame, "2026-07-01", unit_days=1).tolist()
    ['2026-Q2', '2025-Q4']
    """
    days = np.rint(frame["tenure"].to_numpy(dtype=np.float64) * unit_days).astype("int64")
    first = pd.Timestamp(as_of) - pd.Timedelta(days=1) - pd.to_timedelta(days, unit="D")
    labels = first.year.astype(str) + "-Q" + first.quarter.astype(str)
    return pd.Series(labels, index=frame.index, name="cohort")


@dataclass(frozen=True)
class Concentration:
    """How unevenly value is spread over customers.

    Parameters
    ----------
    customers
        Cumulative share of customers, most valuable first (0 to 1).
    value
        Cumulative share of value they hold (0 to 1).
    gini
        Gini coefficient: 0 where all are worth the same, near 1 where one holds everything.
    top_share
        Share of value that the most valuable fifth holds.
    count
        Customers.
    """

    customers: Floats
    value: Floats
    gini: float
    top_share: float
    count: int

    def to_frame(self) -> pd.DataFrame:
        """Return the curve, one line per point."""
        return pd.DataFrame({"share_of_customers": self.customers, "share_of_value": self.value})

    def summary(self) -> str:
        """Return in words how concentrated the value is."""
        half = float(np.interp(0.5, self.value, self.customers))
        return (
            f"The most valuable fifth of the customers holds {percent(self.top_share, 0)} of the "
            f"expected value; half of it sits with {percent(half, 0)} of them (n = "
            f"{self.count:,}, Gini "
            f"{self.gini:.2f})."
        )

    def advice(self) -> str:
        """Return in words what the spread of value asks for."""
        lower = 1 - float(np.interp(0.5, self.customers, self.value))
        if self.top_share < UNEVEN:
            return "Value is spread so evenly that care for all customers alike is no waste."
        return (
            "Care that costs money per customer belongs to that fifth; the lower half holds "
            f"{percent(lower)} of the value and pays for automated messages only."
        )


def concentration(value: Floats, points: int = 200) -> Concentration:
    """Return the Lorenz curve of value, most valuable customers first.

    Parameters
    ----------
    value
        Non-negative value of each customer.
    points
        Points of the curve.

    Raises
    ------
    InputError
        If there are no customers, or a value is negative.

    Examples
    --------
    >>> concentration(np.array([1.0, 1.0, 1.0, 1.0])).gini
    0.0
    """
    if not len(value) or (value < 0).any():
        raise InputError(
            "Concentration needs customers with values of zero or more.", "Leave losses out."
        )
    ordered = np.sort(value)[::-1]
    count = len(ordered)
    total = ordered.sum()
    held = np.concatenate([[0.0], np.cumsum(ordered)]) / (total if total > 0 else 1.0)
    share = np.arange(count + 1) / count
    gini = float(2 * np.trapezoid(held, share) - 1) if total > 0 else 0.0
    grid = np.linspace(0, 1, min(points, count) + 1)
    return Concentration(
        customers=grid,
        value=np.interp(grid, share, held),
        gini=round(gini, 12) + 0.0,
        top_share=float(np.interp(0.2, share, held)),
        count=count,
    )

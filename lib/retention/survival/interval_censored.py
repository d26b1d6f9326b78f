"""Retention when departures are only known to lie between two looks (Turnbull's estimate)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from retention.engine.finite import numbers
from retention.errors import EvidenceError, InputError
from retention.results import percent
from retention.survival.counts import Array
from retention.survival.inputs import customers_of, require_column, weights_of

Whole = npt.NDArray[np.int64]

MOST_STEPS = 2_000
"""Steps of self-consistency after which the estimate is taken as it stands."""


@dataclass(frozen=True)
class IntervalCurve:
    """Share retained where departures are known up to an interval.

    Parameters
    ----------
    frame
        Columns ``left``, ``right``, ``mass``, ``survival`` (after ``right``), ``ci_low``,
        ``ci_high``: the intervals to which the data can tell departures apart. Where ``right`` is
        infinite lies the mass of those who were not seen to leave; of survival after it only the
        bounds are known, 0 and the band's upper end before it.
    n
        Customers followed.
    iterations
        Steps until the estimate no longer moved.
    unit
        Unit of the times.
    followed
        Time up to which everybody was known to be still there.
    """

    frame: pd.DataFrame
    n: int
    iterations: int
    unit: str
    followed: float

    def to_frame(self) -> pd.DataFrame:
        """Return the curve."""
        return self.frame.copy()

    def summary(self) -> str:
        """Say what share is retained, and that its timing is known to intervals only."""
        known = self.frame[np.isfinite(self.frame["right"])]
        if known.empty:
            return (
                f"Of {self.n:,} customers, nobody was seen to leave: all were retained at "
                f"{self.followed:,.0f} {self.unit}, and the data cannot say when they leave."
            )
        row = known.iloc[-1]
        return (
            f"Of {self.n:,} customers, {percent(row.survival)} ({percent(row.ci_low)} to "
            f"{percent(row.ci_high)}) are retained after {row.right:,.0f} {self.unit}; departures "
            "are dated only to the interval between two looks."
        )


def interval_curve(
    frame: pd.DataFrame,
    *,
    left: str = "left",
    right: str = "right",
    frequency: str | None = None,
    weight: str | None = None,
    unit: str = "days",
    draws: int = 100,
    seed: int = 0,
) -> IntervalCurve:
    """Estimate retention from departures that lie in ``(left, right]``, or exactly at a time.

    Parameters
    ----------
    frame
        One row per customer (or distinct row with its ``frequency``).
    left, right
        Last time known to be still there, and first time known to be gone (infinite if never);
        the same time twice where the departure is dated exactly.
    frequency, weight
        As in :func:`~retention.survival.counts.count_events`.
    unit
        Unit of the times.
    draws
        Multinomial bootstrap draws for the pointwise intervals.
    seed
        Seed of the draws.

    Raises
    ------
    InputError
        If an interval is negative, missing or ends before it starts, or a count is impossible.
    EvidenceError
        If there are no rows.

    Notes
    -----
    Turnbull 1976: mass can only lie on the innermost intervals; it is found by self-consistency
    (EM) over distinct intervals. With exact and right-censored times alone the curve is Kaplan and
    Meier's. The bootstrap understates the error of this estimator at fixed
    points (its rate is n^(1/3)); read the band as indicative.
    """
    rows = _Intervals.of(frame, left, right, frequency, weight)
    start, end = rows.keys()
    inner = _innermost(start, end)
    member = ((inner[0] >= start[:, None]) & (inner[1] <= end[:, None])).astype(float)
    mass, iterations = _self_consistent(member, rows.counts)
    low, high = _band(member, rows, mass, draws, np.random.default_rng(seed))
    table = pd.DataFrame(
        {
            "left": rows.values[inner[0] // 3],
            "right": rows.values[inner[1] // 3],
            "mass": mass,
            "survival": _after(mass),
            "ci_low": low,
            "ci_high": high,
        }
    )
    unknown = ~np.isfinite(table["right"])
    table.loc[unknown, ["survival", "ci_low"]] = [np.nan, 0.0]
    table["ci_high"] = table["ci_high"].mask(unknown, table["ci_high"].shift(fill_value=1.0))
    return IntervalCurve(table, rows.n, iterations, unit, float(rows.left.min()))


@dataclass(frozen=True)
class _Intervals:
    """The distinct intervals, how many customers each stands for, and the distinct times."""

    left: Array
    right: Array
    counts: Array
    n: int
    values: Array

    @classmethod
    def of(
        cls, frame: pd.DataFrame, left: str, right: str, frequency: str | None, weight: str | None
    ) -> _Intervals:
        """Check and gather the rows."""
        if frame.empty:
            raise EvidenceError("There are no customers to follow.", "Check the as-of date.")
        for column in (left, right):
            require_column(frame, column)
        low, high = numbers(frame[left]), numbers(frame[right])
        bad = ~(np.isfinite(low) & (low >= 0) & (high >= low))
        if bad.any():
            raise InputError(
                f"{int(bad.sum()):,} intervals are negative, missing or end before they start.",
                "Give left <= right, with infinity where nobody has left.",
                line=int(np.argmax(bad)) + 1,
                column=left,
            )
        customers, weighed = customers_of(frame, frequency), weights_of(frame, weight)
        counted = np.ones(len(frame)) if customers is None else customers
        n = int(counted.sum())
        if weighed is not None:  # as many as carry the same evidence (Kish)
            every = counted * weighed
            counted = every * every.sum() / (counted * weighed**2).sum()
        kept = counted > 0
        pairs, place = np.unique(np.column_stack([low, high])[kept], axis=0, return_inverse=True)
        counts = np.bincount(place.ravel(), counted[kept])
        return cls(pairs[:, 0], pairs[:, 1], counts, n, np.unique(pairs))

    def keys(self) -> tuple[Whole, Whole]:
        """Return where each interval starts and ends, in an order that knows what is included.

        At one time, an exact departure starts first (0), then intervals that include the time end
        (1), then intervals start that exclude it (2).
        """
        start = 3 * np.searchsorted(self.values, self.left) + 2 * (self.left < self.right)
        return start, 3 * np.searchsorted(self.values, self.right) + 1


def _innermost(start: Whole, end: Whole) -> tuple[Whole, Whole]:
    """Return the intervals from a start to the next end with no start between."""
    keys = np.unique(np.concatenate([start, end]))
    is_end = keys % 3 == 1
    here = np.flatnonzero(~is_end[:-1] & is_end[1:])
    return keys[here], keys[here + 1]


def _band(
    member: Array, rows: _Intervals, mass: Array, draws: int, random: np.random.Generator
) -> tuple[Array, Array]:
    """Return pointwise 95 % limits of survival from multinomial draws."""
    drawn = np.empty((draws, len(mass)))
    chances = rows.counts / rows.counts.sum()
    for draw in range(draws):
        again = random.multinomial(max(round(rows.counts.sum()), 1), chances).astype(float)
        drawn[draw] = _after(_self_consistent(member, again, mass)[0])
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return low, high


def _after(mass: Array) -> Array:
    """Return the share that leaves after each interval."""
    return np.clip(np.append(np.cumsum(mass[::-1])[::-1][1:], 0.0), 0, 1)


def _self_consistent(
    member: Array, counts: Array, start: Array | None = None, tolerance: float = 1e-10
) -> tuple[Array, int]:
    """Share each customer's weight over their possible intervals until nothing moves."""
    size = member.shape[1]
    mass = np.full(size, 1 / size) if start is None else 0.9 * start + 0.1 / size
    held = counts > 0  # a draw may hold nobody of some interval
    member, counts = member[held], counts[held]
    for step in range(1, MOST_STEPS + 1):
        new = mass * (member.T @ (counts / (member @ mass))) / counts.sum()
        if np.abs(new - mass).max() < tolerance:
            return new, step
        mass = new
    return mass, MOST_STEPS

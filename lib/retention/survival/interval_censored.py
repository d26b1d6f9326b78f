"""Retention when departures are only known to lie between two looks (Turnbull's estimate)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.errors import EvidenceError, InputError
from retention.results import percent
from retention.survival.counts import Array


@dataclass(frozen=True)
class IntervalCurve:
    """Share retained where departures are known up to an interval.

    Parameters
    ----------
    frame
        Columns ``left``, ``right``, ``mass``, ``survival`` (after ``right``), ``ci_low``,
        ``ci_high``: the intervals to which the data can tell departures apart.
    n
        Customers followed.
    iterations
        Steps until the estimate no longer moved.
    unit
        Unit of the times.
    """

    frame: pd.DataFrame
    n: int
    iterations: int
    unit: str

    def to_frame(self) -> pd.DataFrame:
        """Return the curve."""
        return self.frame.copy()

    def summary(self) -> str:
        """Say what share is retained, and that its timing is known to intervals only."""
        known = self.frame[np.isfinite(self.frame["right"])]
        row = (known if len(known) else self.frame).iloc[-1]
        return (f"Of {self.n:,} customers, {percent(row.survival)} ({percent(row.ci_low)} to "
                f"{percent(row.ci_high)}) are retained after {row.right:,.0f} {self.unit}; "
                f"departures "
                "are dated only to the interval between two looks.")  # fmt: skip


def interval_curve(
    frame: pd.DataFrame,
    *,
    left: str = "left",
    right: str = "right",
    weight: str | None = None,
    unit: str = "days",
    draws: int = 100,
    seed: int = 0,
) -> IntervalCurve:
    """Estimate retention from departures that lie in ``(left, right]``.

    Parameters
    ----------
    frame
        One row per customer (or distinct row with its ``weight``).
    left, right
        Last time known to be still there, and first time known to be gone (infinite if never).
    weight
        Column of case weights.
    unit
        Unit of the times.
    draws
        Multinomial bootstrap draws for the pointwise intervals.
    seed
        Seed of the draws.

    Raises
    ------
    InputError
        If an interval is empty, negative or missing.
    EvidenceError
        If there are no rows.

    Notes
    -----
    Turnbull 1976: mass can only lie on the innermost intervals; it is found by self-consistency
    (EM) over distinct intervals. The bootstrap understates the error of this estimator at fixed
    points (its rate is n^(1/3)); read the band as indicative.
    """
    lows, highs, counts = _distinct(frame, left, right, weight)
    inner_left, inner_right = _innermost(lows, highs)
    member = (inner_left >= lows[:, None]) & (inner_right <= highs[:, None])
    mass, iterations = _self_consistent(member.astype(float), counts)
    survival = 1 - np.cumsum(mass)
    random = np.random.default_rng(seed)
    n = int(counts.sum())
    drawn = []
    for _ in range(draws):
        again = random.multinomial(n, counts / counts.sum()).astype(float)
        drawn.append(1 - np.cumsum(_self_consistent(member.astype(float), again, mass)[0]))
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    table = pd.DataFrame(
        {
            "left": inner_left,
            "right": inner_right,
            "mass": mass,
            "survival": np.clip(survival, 0, 1),
            "ci_low": np.clip(low, 0, 1),
            "ci_high": np.clip(high, 0, 1),
        }
    )
    return IntervalCurve(table, n, iterations, unit)


def _distinct(
    frame: pd.DataFrame, left: str, right: str, weight: str | None
) -> tuple[Array, Array, Array]:
    """Return the distinct intervals and how many customers each stands for."""
    if frame.empty:
        raise EvidenceError("There are no customers to follow.", "Check the as-of date.")
    low, high = frame[left].to_numpy(dtype=float), frame[right].to_numpy(dtype=float)
    bad = ~(np.isfinite(low) & (low >= 0) & (high > low))
    if bad.any():
        raise InputError(f"{int(bad.sum()):,} intervals are empty, negative or missing.",
                         "Give left < right, with infinity where nobody has left.",
                         line=int(np.argmax(bad)) + 1, column=left)  # fmt: skip
    counted = np.ones(len(frame)) if weight is None else frame[weight].to_numpy(dtype=float)
    pairs, position = np.unique(np.column_stack([low, high]), axis=0, return_inverse=True)
    return pairs[:, 0], pairs[:, 1], np.bincount(position.ravel(), counted)


def _innermost(lows: Array, highs: Array) -> tuple[Array, Array]:
    """Return the intervals from a left end to the next right end with no left end between."""
    ends = np.concatenate([lows, highs])
    is_left = np.concatenate([np.ones(len(lows)), np.zeros(len(highs))])
    order = np.lexsort((is_left, ends))
    ends, is_left = ends[order], is_left[order]
    here = np.flatnonzero((is_left[:-1] == 1) & (is_left[1:] == 0))
    return ends[here], ends[here + 1]


def _self_consistent(
    member: Array, counts: Array, start: Array | None = None, tolerance: float = 1e-9
) -> tuple[Array, int]:
    """Share each customer's weight over their possible intervals until nothing moves."""
    size = member.shape[1]
    mass = np.full(size, 1 / size) if start is None else (start + 1e-6) / (1 + 1e-6 * size)
    for step in range(1, 2001):
        total = member @ mass
        new = mass * (member.T @ (counts / total)) / counts.sum()
        if np.abs(new - mass).max() < tolerance:
            return new, step
        mass = new
    return mass, 2000

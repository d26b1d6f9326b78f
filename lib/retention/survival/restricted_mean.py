"""Restricted mean survival time: the average days retained within a horizon, with its error.

lifelines has neither a sampling variance of it nor a difference test (its function is a `pass`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from retention.errors import EvidenceError, ParameterError
from retention.survival.counts import EventCounts
from retention.survival.kaplan_meier import greenwood_terms


@dataclass(frozen=True)
class RestrictedMeans:
    """Mean time retained within a horizon, per group and between groups.

    Parameters
    ----------
    means
        Columns ``group``, ``mean``, ``standard_error``, ``ci_low``, ``ci_high``, ``n``.
    differences
        Columns ``group_a``, ``group_b``, ``difference`` (b - a), ``standard_error``, ``ci_low``,
        ``ci_high``, ``p_value``, ``p_adjusted`` (Holm).
    horizon
        Upper limit of the mean.
    unit
        Unit of times and means.
    """

    means: pd.DataFrame
    differences: pd.DataFrame
    horizon: float
    unit: str

    def to_frame(self) -> pd.DataFrame:
        """Return the means per group."""
        return self.means.copy()

    def summary(self) -> str:
        """Say the means and the clearest difference."""
        first = "; ".join(
            f"{row.group} {row.mean:,.1f} ({row.ci_low:,.1f} to {row.ci_high:,.1f})"
            for row in _as_rows(self.means)
        )
        text = f"Mean {self.unit} retained within {self.horizon:,.0f} {self.unit}: {first}."
        if self.differences.empty:
            return text
        row = self.differences.loc[self.differences["p_value"].idxmin()]
        verdict = "differ" if row.p_adjusted < 0.05 else "cannot be told apart"
        return (
            f"{text} {row.group_a} and {row.group_b} {verdict}: {row.difference:+,.1f} {self.unit} "
            f"({row.ci_low:+,.1f} to {row.ci_high:+,.1f}, adjusted p = {row.p_adjusted:.3g})."
        )


def restricted_mean(
    counts: EventCounts, *, horizon: float, confidence: float = 0.95
) -> RestrictedMeans:
    """Average the time retained within a horizon, for each group and between groups.

    Parameters
    ----------
    counts
        Compressed durations.
    horizon
        Upper limit, in the unit of the durations; every group must have been followed so long.
    confidence
        Level of the intervals.

    Raises
    ------
    ParameterError
        If the horizon is not positive.
    EvidenceError
        If a group was not followed up to the horizon.

    Notes
    -----
    The mean is the area under Kaplan-Meier; its variance the sum over event times u of (area from
    u to the horizon)² d/(n(n-d)) (Klein and Moeschberger 2003, eq. 4.5.2).

    Examples
    --------
    >>> from retention.survival import count_events
    >>> data = pd.DataFrame({"duration": [1, 2, 3, 4], "event": [1, 1, 1, 1]})
    >>> round(float(restricted_mean(count_events(data), horizon=4).means["mean"][0]), 3)
    2.5
    """
    if not horizon > 0:
        raise ParameterError(
            "The horizon is not positive.", "Give it in the durations' unit.", column="horizon"
        )
    z = stats.norm.ppf(0.5 + confidence / 2)
    rows = []
    for group in counts.groups:
        mean, error, n = _mean_of(counts.of(group), horizon, group)
        rows.append(
            {
                "group": group,
                "mean": mean,
                "standard_error": error,
                "ci_low": max(mean - z * error, 0.0),
                "ci_high": min(mean + z * error, horizon),
                "n": n,
            }
        )
    means = pd.DataFrame(rows)
    return RestrictedMeans(means, _differences(means, z), horizon, counts.unit)


def _mean_of(part: pd.DataFrame, horizon: float, group: str) -> tuple[float, float, int]:
    """Return mean, standard error and number of customers of one group."""
    at_risk, events = part["at_risk"].to_numpy(), part["events"].to_numpy()
    times = part["time"].to_numpy()
    survival = np.cumprod(1 - events / at_risk)
    if times[-1] < horizon and survival[-1] > 0:
        raise EvidenceError(
            f"Group {group!r} was followed for {times[-1]:,.0f} only, not {horizon:,.0f}.",
            "Choose a shorter horizon.",
        )
    within = times <= horizon
    grid = np.concatenate([[0.0], times[within], [horizon]])
    steps = np.concatenate([[1.0], survival[within]]) * np.diff(grid)
    area_from = np.cumsum(steps[::-1])[::-1][1:]
    variance = float(np.sum(area_from**2 * greenwood_terms(at_risk, events)[within]))
    return float(steps.sum()), variance**0.5, int((events + part["censored"].to_numpy()).sum())


def _differences(means: pd.DataFrame, z: float) -> pd.DataFrame:
    """Compare every pair of groups; p-values are two-sided, adjusted by Holm's method."""
    from statsmodels.stats.multitest import multipletests

    columns = ["group_a", "group_b", "difference", "standard_error", "ci_low", "ci_high", "p_value"]
    rows = []
    for a, b in combinations(_as_rows(means), 2):
        difference = b.mean - a.mean
        error = float(np.hypot(a.standard_error, b.standard_error))
        p = 2 * stats.norm.sf(abs(difference) / error) if error else float(difference == 0)
        rows.append(
            (a.group, b.group, difference, error, difference - z * error, difference + z * error, p)
        )
    frame = pd.DataFrame(rows, columns=columns)
    adjusted = multipletests(frame["p_value"], method="holm")[1] if len(frame) else []
    return frame.assign(p_adjusted=adjusted)


@dataclass(frozen=True)
class _Row:
    """One group's mean, as plain fields."""

    group: str
    mean: float
    standard_error: float
    ci_low: float
    ci_high: float
    n: int


def _as_rows(means: pd.DataFrame) -> list[_Row]:
    """Return the rows of the means (``mean`` as an attribute of a Series is its method)."""
    return [_Row(*values) for values in means.itertuples(index=False, name=None)]

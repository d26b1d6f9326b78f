"""Outcomes that take time: time to the next order or to churn, with units still waiting.

Difference in restricted mean survival time (RMST) as the effect, the log-rank test as the test.
Durations are compressed to distinct values first, so the cost follows those, not the units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from retention.abtest.statistics import Array
from retention.errors import EvidenceError
from retention.results import percent


@dataclass(frozen=True)
class TimeToEventEffect:
    """Difference in restricted mean time without the event, and the log-rank test.

    All times are in the unit of the durations, up to ``horizon``.
    """

    horizon: float
    control: float
    treatment: float
    difference: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float
    log_rank: float
    log_rank_p_value: float
    n_control: int
    n_treatment: int
    events_control: int
    events_treatment: int
    alpha: float
    control_error: float
    treatment_error: float

    def summary(self) -> str:
        """Say the effect in a sentence."""
        return (
            f"Over {self.horizon:g} the mean time without the event changes by "
            f"{self.difference:+.4g} ({percent(1 - self.alpha, 0)} interval {self.ci_low:+.4g} to "
            f"{self.ci_high:+.4g}; log-rank p = {self.log_rank_p_value:.3g}; "
            f"{self.events_treatment:,} events of {self.n_treatment:,} against "
            f"{self.events_control:,} of {self.n_control:,})."
        )


def time_to_event_effect(
    control: tuple[Array, Array],
    treatment: tuple[Array, Array],
    horizon: float,
    *,
    alpha: float = 0.05,
) -> TimeToEventEffect:
    """Compare two arms on the time to an event.

    RMST is the area under the Kaplan-Meier curve up to the horizon, its variance Greenwood's
    (Royston & Parmar 2013, eq. 2-3). The log-rank test uses all times (Mantel 1966).

    Parameters
    ----------
    control, treatment
        Durations and whether the event was seen (0/1), each of shape (n,).
    horizon
        End of the restricted mean; both arms must have been observed that long.

    Raises
    ------
    EvidenceError
        If an arm was not observed to the horizon, or no event was seen at all.
    """
    tables = [_life_table(*arm) for arm in (control, treatment)]
    for name, (times, _, at_risk) in zip(("control", "treatment"), tables, strict=True):
        if len(times) == 0 or (
            times[-1] < horizon and at_risk[-1] > 0 and not _ended(tables, name)
        ):
            raise EvidenceError(
                f"The {name} arm was observed for {times[-1] if len(times) else 0:g} only, not for "
                f"{horizon:g}.",
                "Choose a shorter horizon.",
            )
    (a, var_a), (b, var_b) = (_restricted_mean(*table, horizon) for table in tables)
    if var_a + var_b == 0:
        raise EvidenceError("No event was seen in either arm.", "Wait, or choose another event.")
    error, z = math.sqrt(var_a + var_b), float(stats.norm.ppf(1 - alpha / 2))
    statistic = _log_rank(*tables)
    return TimeToEventEffect(
        horizon, a, b, b - a, error, b - a - z * error, b - a + z * error,
        float(2 * stats.norm.sf(abs(b - a) / error)),
        statistic, float(stats.chi2.sf(statistic, 1)),
        len(control[0]), len(treatment[0]),
        int(np.sum(control[1])), int(np.sum(treatment[1])), alpha,
        math.sqrt(var_a), math.sqrt(var_b),
    )  # fmt: skip


def restricted_mean(
    times: Array, leaving: Array, seen: Array, horizon: float
) -> tuple[float, float]:
    """Return the restricted mean of units counted by their times, and its variance.

    For many reads of parts of the same units: distinct times are found once, not in every part.

    Parameters
    ----------
    times
        Distinct times, rising.
    leaving, seen
        Units with each time, and those of them whose event was seen.
    horizon
        End of the restricted mean.

    Raises
    ------
    EvidenceError
        If there are no units, or they were not observed to the horizon.
    """
    if not leaving.any():
        raise EvidenceError("An arm has no units to wait for.", "Wait for units in every arm.")
    at_risk: Array = np.cumsum(leaving[::-1])[::-1]
    watched = at_risk > 0
    last = int(np.flatnonzero(watched)[-1])
    if times[last] < horizon and seen[last] < at_risk[last]:
        raise EvidenceError(
            f"Units were observed for {times[last]:g} only, not for {horizon:g}.",
            "Choose a shorter horizon.",
        )
    return _restricted_mean(times[watched], seen[watched], at_risk[watched], horizon)


Table = tuple[Array, Array, Array]


def _ended(tables: list[Table], name: str) -> bool:
    """Tell whether an arm's curve reached zero, so that nothing is unobserved after it."""
    _, events, at_risk = tables[0 if name == "control" else 1]
    return bool(events[-1] == at_risk[-1])


def _life_table(durations: Array, events: Array) -> Table:
    """Return distinct times, events at each, and units at risk just before each."""
    times, codes = np.unique(np.asarray(durations, dtype=float), return_inverse=True)
    seen = np.bincount(codes, weights=np.asarray(events, dtype=float), minlength=len(times))
    leaving: Array = np.bincount(codes, minlength=len(times)).astype(np.float64)
    at_risk: Array = np.cumsum(leaving[::-1])[::-1]
    return times, np.asarray(seen, dtype=np.float64), at_risk


def _restricted_mean(
    times: Array, events: Array, at_risk: Array, horizon: float
) -> tuple[float, float]:
    """Return the area under the Kaplan-Meier curve and Greenwood's variance of it."""
    kept = times <= horizon
    times, events, at_risk = times[kept], events[kept], at_risk[kept]
    survival = np.cumprod(1 - events / at_risk)
    widths = np.diff(np.concatenate([[0.0], times, [horizon]]))
    areas = np.concatenate([[1.0], survival]) * widths
    later = np.cumsum(areas[::-1])[::-1][1:]
    left = at_risk - events
    terms = np.divide(events, at_risk * left, out=np.zeros_like(events), where=left > 0)
    return float(areas.sum()), float(np.sum(later**2 * terms))


def _log_rank(first: Table, second: Table) -> float:
    """Return the log-rank chi-square with one degree of freedom."""
    times = np.union1d(first[0][first[1] > 0], second[0][second[1] > 0])
    d1, n1 = _at(first, times)
    d2, n2 = _at(second, times)
    d, n = d1 + d2, n1 + n2
    excess = np.sum(d1 - d * n1 / n)
    many = n > 1
    variance = np.sum((d * n1 / n * n2 / n * (n - d))[many] / (n[many] - 1))
    return float(excess**2 / variance) if variance > 0 else 0.0


def _at(table: Table, times: Array) -> tuple[Array, Array]:
    """Return events at, and units at risk before, each of the times."""
    own, events, at_risk = table
    place = np.searchsorted(own, times)
    inside = place < len(own)
    risk = np.where(inside, at_risk[np.minimum(place, len(own) - 1)], 0.0)
    same = inside & (own[np.minimum(place, len(own) - 1)] == times)
    return np.where(same, events[np.minimum(place, len(own) - 1)], 0.0), risk

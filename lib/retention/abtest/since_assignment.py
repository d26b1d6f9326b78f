"""Effect by days since assignment, and the effect as it adds up, for units watched equally long.

Each unit is a vector of its outcome on day 0, 1, 2 ... after its own assignment. The sums and
cross-products of that vector (:class:`Moments` with one column a day) hold everything: the effect
of each day, of all days up to it, and its trend, the correlation of a unit's days allowed for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.abtest.contrasts import contrast
from retention.abtest.estimates import t_interval
from retention.abtest.metrics import MetricDefinition
from retention.abtest.statistics import Array, Moments
from retention.errors import EvidenceError
from retention.quantities import quantity
from retention.results import percent

DRAWS = 8_000
"""Normal vectors that the simultaneous band is read off."""


@dataclass(frozen=True, eq=False)
class EffectSinceAssignment:
    """Effect of each day and of all days up to it, with bands that hold on all days at once.

    ``table`` has ``day`` (1 for the first 24 hours; the last day of each step of ``step`` days),
    ``effect, ci_low, ci_high`` of that step and ``total, total_low, total_high`` of the days so
    far.
    """

    metric: str
    arm: str
    unit: str
    alpha: float
    table: pd.DataFrame
    slope: float
    slope_ci_low: float
    slope_ci_high: float
    slope_p_value: float
    n: int
    step: int = 1

    def to_frame(self) -> pd.DataFrame:
        """Return one row per day."""
        return self.table

    @property
    def settled_on(self) -> int | None:
        """First day from which the total's band leaves out zero for good, None if it never does."""
        out = (self.table["total_low"] > 0) | (self.table["total_high"] < 0)
        inside = np.flatnonzero(~out.to_numpy())
        first = int(inside[-1]) + 1 if inside.size else 0
        return None if first >= len(out) else int(self.table["day"].iloc[first])

    @property
    def trend(self) -> str:
        """Whether the effect wears off, grows or stays, in words."""
        if self.slope_p_value >= self.alpha:
            return "is steady as far as can be seen"
        early = float(self.table["effect"].iloc[: max(len(self.table) // 3, 1)].mean())
        return (
            "wears off (novelty or fatigue)" if np.sign(self.slope) != np.sign(early) else "grows"
        )

    def summary(self) -> str:
        """Say whether the effect moves, and when the total was settled."""
        last = self.table.iloc[-1]
        ends = (quantity(float(last[c]), self.unit, signed=True)
                for c in ("total", "total_low", "total_high"))  # fmt: skip
        total, low, high = ends
        when = (
            "whose band still holds zero" if self.settled_on is None
            else f"clear of zero for good from day {self.settled_on}"
        )  # fmt: skip
        return (
            f"{self.metric}, {self.arm}: the effect {self.trend} over {int(last['day'])} days "
            f"since assignment (trend p = {self.slope_p_value:.3g}); it adds up to {total} "
            f"({low} to {high}, {percent(1 - self.alpha, 0)} band over all days, n = {self.n:,}), "
            f"{when}."
        )


def daily_moments(
    rows: pd.DataFrame, units: pd.DataFrame, days: int, *, arm: str = "arm"
) -> dict[str, Moments]:
    """Return the moments of the units' daily vectors, by arm.

    Parameters
    ----------
    rows
        Purchases: ``unit_key, arm, day`` (0 for the first 24 hours), ``value``; units without one
        need no row.
    units
        One row per unit with its arm: how many there are.
    days
        Days that every unit was watched; later rows are left out.
    """
    names = tuple(f"day {d + 1}" for d in range(days))
    kept = rows[(rows["day"] >= 0) & (rows["day"] < days)]
    sizes = units[arm].value_counts()
    found = {}
    for name, part in kept.groupby(arm):
        codes, buyers = pd.factorize(part["unit_key"])
        matrix = np.zeros((len(buyers), days))
        np.add.at(matrix, (codes, part["day"].to_numpy(dtype=int)), part["value"].to_numpy(float))
        found[str(name)] = Moments.about(
            names, int(sizes[name]), matrix.sum(axis=0), matrix.T @ matrix
        )
    empty = np.zeros(days), np.zeros((days, days))
    return {str(a): found.get(str(a), Moments(names, int(n), *empty)) for a, n in sizes.items()}


def effect_since_assignment(
    control: Moments,
    treatment: Moments,
    *,
    metric: str,
    arm: str,
    unit: str = "",
    alpha: float = 0.05,
    seed: int = 0,
    step: int = 1,
) -> EffectSinceAssignment:
    """Return daily and cumulative effects with simultaneous bands, and the trend.

    The bands are sup-t bands: the critical value is the quantile of the largest of the correlated
    normal deviations over all days (Montiel Olea & Plagborg-Møller 2019, section 2.2). The trend is
    the difference of the units' mean slopes (Welch).

    Parameters
    ----------
    control, treatment
        From :func:`daily_moments`.
    metric, arm, unit
        Names for sentences.
    alpha
        Level over all days together, for each of the two bands.
    seed
        Seed of the draws that the bands' critical value is read off.
    step
        Days that each column of the moments holds.

    Raises
    ------
    EvidenceError
        If fewer than two days were watched, or nothing was bought.
    """
    days = len(control.columns)
    if days < 2 or not (control.mean.any() and treatment.mean.any()):
        raise EvidenceError(
            "Fewer than two days were watched, or an arm bought nothing.", "Wait for more days."
        )
    effect = treatment.mean - control.mean
    covariance = control.covariance / control.n + treatment.covariance / treatment.n
    adding = np.tril(np.ones((days, days)))
    columns: dict[str, NDArray[Any]] = {"day": step * np.arange(1, days + 1)}
    for name, values, spread in (
        ("effect", effect, covariance),
        ("total", adding @ effect, adding @ covariance @ adding.T),
    ):
        half = simultaneous_value(spread, alpha, seed) * np.sqrt(np.diag(spread))
        low, high = ("ci_low", "ci_high") if name == "effect" else ("total_low", "total_high")
        columns |= {name: values, low: values - half, high: values + half}
    slope, low_end, high_end, p_value = _trend(control, treatment, alpha)
    return EffectSinceAssignment(
        metric, arm, unit, alpha, pd.DataFrame(columns), slope, low_end, high_end, p_value,
        control.n + treatment.n, step,
    )  # fmt: skip


def simultaneous_value(covariance: Array, alpha: float, seed: int) -> float:
    """Return the critical value that all of several correlated estimates keep at once.

    Examples
    --------
    >>> round(simultaneous_value(np.ones((3, 3)), 0.05, 0), 1)
    2.0
    """
    errors = np.sqrt(np.diag(covariance))
    seen = errors > 0
    correlation = covariance[np.ix_(seen, seen)] / np.outer(errors[seen], errors[seen])
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    draws = np.random.default_rng(seed).standard_normal((DRAWS, int(seen.sum()))) @ root.T
    return float(np.quantile(np.abs(draws).max(axis=1), 1 - alpha))


def _trend(control: Moments, treatment: Moments, alpha: float) -> tuple[float, float, float, float]:
    """Return the difference of mean unit-level slopes over days, its interval and p-value."""
    at = np.arange(len(control.columns), dtype=float)
    weights = (at - at.mean()) / np.sum((at - at.mean()) ** 2)
    arms = [m.combined(weights, "slope") for m in (control, treatment)]
    both = contrast(arms[0], arms[1], MetricDefinition("slope", "slope"))
    low, high, p_value, _ = t_interval(both, alpha, "Welch's t")
    return both.difference, low, high, p_value

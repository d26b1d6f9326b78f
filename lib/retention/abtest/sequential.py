"""Looking before the end without cheating, group sequential: Lan-DeMets spending and its bounds.

The probability of crossing is found by the recursive integration of Armitage, McPherson & Rowe
(1969): the density of the score process among trials still running, carried from look to look on a
grid (Jennison & Turnbull 2000, ch. 19).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from retention.abtest.statistics import Array
from retention.errors import ParameterError
from retention.results import percent

GRID = 201
"""Simpson nodes for the density; from 201 on the bounds no longer move in the seventh digit."""


def obrien_fleming_spending(fraction: Array, alpha: float) -> Array:
    """Return the one-sided error spent by an information fraction (Lan & DeMets 1983).

    ``2 - 2 Φ(z_{1 - alpha/2} / √t)`` for one side at level ``alpha``. Libraries give the same name
    to this formula at the *two-sided* level, which is another function.
    """
    return np.asarray(2 * stats.norm.sf(stats.norm.ppf(1 - alpha / 2) / np.sqrt(fraction)))


def pocock_spending(fraction: Array, alpha: float) -> Array:
    """Return the one-sided error spent, ``alpha log(1 + (e - 1) t)`` (Lan & DeMets 1983)."""
    return np.asarray(alpha * np.log1p((math.e - 1) * np.asarray(fraction)))


SPENDING: dict[str, Callable[[Array, float], Array]] = {
    "obrien_fleming": obrien_fleming_spending,
    "pocock": pocock_spending,
}


def equal_looks(looks: int) -> tuple[float, ...]:
    """Return the share of the information at each of equally spaced looks.

    Examples
    --------
    >>> equal_looks(4)
    (0.25, 0.5, 0.75, 1.0)
    """
    return tuple((k + 1) / looks for k in range(looks))


@dataclass(frozen=True, eq=False)
class SequentialPlan:
    """Bounds on |z| at each look, information fractions and the two-sided error spent so far.

    ``futility`` holds the z below which a look may stop for futility (non-binding), NaN for none.
    """

    spending: str
    alpha: float
    fractions: Array
    bounds: Array
    spent: Array
    futility: Array

    def to_frame(self) -> pd.DataFrame:
        """Return one row per look."""
        return pd.DataFrame(
            {
                "look": np.arange(1, len(self.fractions) + 1),
                "information_fraction": self.fractions,
                "z_bound": self.bounds,
                "nominal_p_value": 2 * stats.norm.sf(self.bounds),
                "error_spent": self.spent,
                "futility_z": self.futility,
            }
        )

    def summary(self) -> str:
        """Say the bounds in one sentence."""
        bounds = ", ".join(f"{b:.3f}" for b in self.bounds)
        return (
            f"{len(self.bounds)} looks with {self.spending.replace('_', ' ')} spending at "
            f"{percent(self.alpha, 0)}: stop when |z| passes {bounds}."
        )


def sequential_plan(
    fractions: Sequence[float],
    *,
    alpha: float = 0.05,
    spending: str = "obrien_fleming",
    power: float | None = None,
) -> SequentialPlan:
    """Return two-sided efficacy bounds at the given information fractions.

    Parameters
    ----------
    fractions
        Share of the final information (units, for equal variance) at each look, rising, the last at
        most 1.
    alpha
        Two-sided level, half for each side.
    spending
        ``"obrien_fleming"`` or ``"pocock"``.
    power
        Power of the design; with it, non-binding futility bounds that spend the type-II error by
        the same function are added. Non-binding: ignoring them never costs type-I error.

    Examples
    --------
    >>> sequential_plan([.2, .4, .6, .8, 1]).bounds.round(4).tolist()
    [4.8769, 3.357, 2.6803, 2.2898, 2.031]
    """
    t = np.asarray(fractions, dtype=float)
    if t.size == 0 or t[0] <= 0 or t[-1] > 1 + 1e-12 or np.any(np.diff(t) <= 0):
        raise ParameterError(
            f"The looks {list(fractions)} are not rising fractions of the final information.",
            "Give fractions such as 0.25, 0.5, 0.75, 1.",
        )
    if spending not in SPENDING:
        raise ParameterError(
            f"There is no spending function {spending!r}.", f"Choose {' or '.join(SPENDING)}."
        )
    spent = SPENDING[spending](t, alpha / 2)
    bounds = _solve(t, np.diff(spent, prepend=0.0))
    futility = np.full(len(t), np.nan)
    if power is not None:
        futility = _futility(t, bounds, SPENDING[spending](t, 1 - power), alpha, power)
    return SequentialPlan(spending, alpha, t, bounds, 2 * spent, futility)


def constant_bounds(looks: int, *, alpha: float = 0.05, shape: float = 0.0) -> Array:
    """Return classic bounds C (k/K)^(shape) at equal looks with exact level.

    ``shape`` 0 is Pocock (1977); -0.5 is O'Brien & Fleming (1979), whose constant is the last bound
    (Wang & Tsiatis 1987, Δ = shape + 0.5).

    Examples
    --------
    >>> round(float(constant_bounds(5)[0]), 4), round(float(constant_bounds(5, shape=-0.5)[-1]), 4)
    (2.4132, 2.0401)
    """
    t = np.arange(1, looks + 1) / looks

    def excess(constant: float) -> float:
        return float(2 * crossing_probabilities(t, constant * t**shape).sum() - alpha)

    return np.asarray(optimize.brentq(excess, 0.5, 8.0, xtol=1e-10) * t**shape)


def crossing_probabilities(
    fractions: Array, bounds: Array, drift: float = 0.0, lower: Array | None = None
) -> Array:
    """Return the probability of first passing the upper bound at each look.

    Parameters
    ----------
    fractions
        Information fractions.
    bounds
        Upper bounds on z; the lower ones are their negatives unless given.
    drift
        Expected z at fraction 1.
    lower
        Lower bounds on z that also end the trial.
    """
    below = -bounds if lower is None else lower
    density, upward = _Density.start(fractions[0], drift), []
    for k, bound in enumerate(bounds):
        if k:
            density = density.step(fractions[k] - fractions[k - 1], drift)
        upward.append(density.above(bound * math.sqrt(fractions[k])))
        root = math.sqrt(fractions[k])
        density = density.keep(below[k] * root, bound * root)
    return np.asarray(upward)


def _solve(fractions: Array, increments: Array) -> Array:
    """Return the bounds that spend the increments, one side, symmetric continuation."""
    density, bounds = _Density.start(fractions[0], 0.0), []
    for k, increment in enumerate(increments):
        if k:
            density = density.step(fractions[k] - fractions[k - 1], 0.0)
        level = density.upper_quantile(max(float(increment), 1e-300))
        bounds.append(level / math.sqrt(fractions[k]))
        density = density.keep(-level, level)
    return np.asarray(bounds)


def _futility(fractions: Array, bounds: Array, spent: Array, alpha: float, power: float) -> Array:
    """Return non-binding futility bounds that spend the type-II error under the design's drift."""
    drift = float(stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power))
    density, levels = _Density.start(fractions[0], drift), []
    for k, increment in enumerate(np.diff(spent, prepend=0.0)):
        if k:
            density = density.step(fractions[k] - fractions[k - 1], drift)
        root = math.sqrt(fractions[k])
        level = min(density.lower_quantile(float(increment)), bounds[k] * root)
        levels.append(level / root)
        density = density.keep(level, bounds[k] * root)
    return np.asarray(levels)


@dataclass(frozen=True, eq=False)
class _Density:
    """Sub-density of the score process S(t) ~ N(drift t, t) among trials still running.

    Before the first bound it is an exact normal (``nodes`` empty); afterwards it lives on the
    Simpson nodes between the bounds and ``tail`` convolves it with the next normal increment.
    """

    nodes: Array
    weights: Array
    mean: float
    deviation: float

    @classmethod
    def start(cls, fraction: float, drift: float) -> _Density:
        """Return the law at the first look."""
        return cls(np.zeros(1), np.ones(1), drift * fraction, math.sqrt(fraction))

    def step(self, increment: float, drift: float) -> _Density:
        """Return the law one look later."""
        return _Density(self.nodes, self.weights, drift * increment, math.sqrt(increment))

    def above(self, level: float) -> float:
        """Return the probability of lying above a level."""
        return float(self.weights @ special.ndtr((self.nodes + self.mean - level) / self.deviation))

    def below(self, level: float) -> float:
        """Return the probability of lying below a level."""
        return float(self.weights @ special.ndtr((level - self.nodes - self.mean) / self.deviation))

    def upper_quantile(self, probability: float) -> float:
        """Return the level above which that probability lies."""
        return float(optimize.brentq(lambda x: self.above(x) - probability, 0.0, 40.0, xtol=1e-10))

    def lower_quantile(self, probability: float) -> float:
        """Return the level below which that probability lies."""
        return float(
            optimize.brentq(lambda x: self.below(x) - probability, -60.0, 60.0, xtol=1e-10)
        )

    def keep(self, low: float, high: float) -> _Density:
        """Return the part between two levels, on Simpson nodes."""
        centre = self.nodes + self.mean
        low = max(low, float(centre.min()) - 9 * self.deviation)
        high = min(high, float(centre.max()) + 9 * self.deviation)
        if high <= low:
            return _Density(np.zeros(1), np.zeros(1), 0.0, self.deviation)
        nodes = np.linspace(low, high, GRID)
        simpson = np.full(GRID, 2.0)
        simpson[1::2], simpson[[0, -1]] = 4.0, 1.0
        simpson *= (high - low) / (GRID - 1) / 3
        z = (nodes[:, None] - centre[None, :]) / self.deviation
        density = np.exp(-0.5 * z * z) @ self.weights / (self.deviation * math.sqrt(2 * math.pi))
        return _Density(nodes, simpson * density, 0.0, self.deviation)

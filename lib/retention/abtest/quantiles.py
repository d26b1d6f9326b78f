"""Effect on a quantile: the median order, the 90th percentile of delivery time, and the like."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from retention.abtest.statistics import Array
from retention.errors import EvidenceError, ParameterError
from retention.intervals import Bounded, difference
from retention.quantities import quantity
from retention.results import percent


@dataclass(frozen=True)
class QuantileEffect:
    """Difference of a quantile between two arms, with interval and p-value."""

    quantile: float
    unit: str
    control: float
    treatment: float
    difference: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float
    n_control: int
    n_treatment: int
    control_error: float
    treatment_error: float

    def summary(self) -> str:
        """Say the effect in a sentence."""
        return (
            f"Quantile {percent(self.quantile, 0)}: "
            f"{quantity(self.difference, self.unit, signed=True)} (interval "
            f"{quantity(self.ci_low, self.unit, signed=True)} to "
            f"{quantity(self.ci_high, self.unit, signed=True)}; p = {self.p_value:.3g}; "
            f"n = {self.n_treatment:,} against {self.n_control:,})."
        )


def quantile_effect(
    control: Array,
    treatment: Array,
    quantile: float,
    *,
    unit: str = "",
    alpha: float = 0.05,
    control_clusters: Array | None = None,
    treatment_clusters: Array | None = None,
) -> QuantileEffect:
    """Compare a quantile of two arms.

    Each arm's interval reaches between the two order statistics whose ranks enclose the quantile
    with 1 - α by the binomial distribution; it holds for counts and other tied values, too, where
    it is wider than asked (David & Nagaraja 2003, "Order Statistics", section 7.1). With clusters
    the ranks follow from the variance of the clusters' counts below the quantile (Woodruff 1952,
    eq. 2.2; Deng et al., KDD 2018, section 4.2). The two are combined by Zou & Donner (2008), eq.
    5; the p-value is the level at which that interval reaches zero.

    Parameters
    ----------
    control, treatment
        Values of the units, no gaps.
    quantile
        Between 0 and 1.
    unit
        Unit of the values.
    alpha
        Two-sided level.
    control_clusters, treatment_clusters
        Cluster of each value, where units come in clusters.

    Raises
    ------
    EvidenceError
        If an arm is too small for the quantile's interval to exist, or values are missing.
    """
    if not 0 < quantile < 1:
        raise ParameterError(f"{quantile} is no quantile.", "Give one between 0 and 1.")
    a = _Arm.of(control, quantile, control_clusters)
    b = _Arm.of(treatment, quantile, treatment_clusters)
    z = float(stats.norm.ppf(1 - alpha / 2))
    of_a, of_b = a.around(z), b.around(z)
    if of_a is None or of_b is None:
        raise EvidenceError(
            f"{min(len(control), len(treatment)):,} units are too few for an interval of the "
            f"quantile {quantile}.",
            "Wait for more units, or choose a quantile nearer to the median.",
        )
    if of_a[1] == of_a[2] == of_b[1] == of_b[2]:
        raise EvidenceError(
            f"Quantile {quantile} falls on a value that most units share.",
            "Compare the share of units at that value instead, as a proportion, or the mean.",
        )
    gap, low, high = difference(of_b, of_a)
    p_value = _p_value(a, b)
    errors = [float(top - bottom) / (2 * z) for _, bottom, top in (of_a, of_b)]
    if not any(errors):  # a value of its own in each arm: the error that the p-value stands for
        errors = [abs(float(gap)) / float(special.ndtri(1 - p_value / 2)) / math.sqrt(2)] * 2
    return QuantileEffect(
        quantile, unit, a.value, b.value, float(gap), math.hypot(*errors), float(low), float(high),
        p_value, len(control), len(treatment), errors[0], errors[1],
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Arm:
    """Sorted values of an arm, its quantile, and the error of a share where units are clustered."""

    ordered: Array
    quantile: float
    value: float
    spread: float | None
    clusters: int

    @classmethod
    def of(cls, values: Array, quantile: float, clusters: Array | None) -> _Arm:
        """Return an arm; refuse gaps, no units and a single cluster."""
        values = np.asarray(values, dtype=float)
        if np.isnan(values).any():
            raise EvidenceError(
                f"{int(np.isnan(values).sum()):,} values are missing.", "Drop them knowingly."
            )
        if not len(values):
            raise EvidenceError(
                f"There are no units for an interval of the quantile {quantile}.",
                "Wait for units in every arm.",
            )
        middle = float(np.quantile(values, quantile))
        if clusters is None:
            return cls(np.sort(values), quantile, middle, None, len(values))
        spread, count = _clustered_spread((values <= middle).astype(float), np.asarray(clusters))
        return cls(np.sort(values), quantile, middle, spread, count)

    def around(self, z: float) -> Bounded | None:
        """Return the quantile with its interval at a normal deviate; None if it has no end."""
        n, tail = len(self.ordered), float(special.ndtr(-z))
        if self.spread is None:
            low = _binomial_quantile(tail, n, self.quantile)
            high = n + 1 - _binomial_quantile(tail, n, 1 - self.quantile)
        else:
            half = float(special.stdtrit(self.clusters - 1, 1 - tail)) * self.spread
            low = math.floor(n * (self.quantile - half))
            high = math.ceil(n * (self.quantile + half))
        if low < 1 or high > n:
            return None
        return self.value, float(self.ordered[low - 1]), float(self.ordered[high - 1])


def _binomial_quantile(level: float, n: int, share: float) -> int:
    """Return the binomial quantile; scipy.stats' own takes a hundred times as long."""
    found = max(math.ceil(special.bdtrik(level, n, share)), 0)
    lower = max(found - 1, 0)
    return lower if special.bdtr(lower, n, share) >= level else found


def _p_value(a: _Arm, b: _Arm) -> float:
    """Return the two-sided level at which the interval of the difference reaches zero.

    Where an interval has no end any more before it does, the level at which it last had one.
    """

    def leaves_out_zero(z: float) -> bool:
        of_a, of_b = a.around(z), b.around(z)
        if of_a is None or of_b is None:
            return False
        _, low, high = difference(of_b, of_a)
        return bool(low > 0 or high < 0)

    within, beyond = 0.0, 8.0
    for _ in range(30):
        middle = (within + beyond) / 2
        within, beyond = (middle, beyond) if leaves_out_zero(middle) else (within, middle)
    return float(2 * special.ndtr(-within))


def _clustered_spread(below: Array, clusters: Array) -> tuple[float, int]:
    """Return the standard error of the share below, by the clusters' totals, and their number."""
    _, codes = np.unique(clusters, return_inverse=True)
    counts, sizes = np.bincount(codes, weights=below), np.bincount(codes).astype(float)
    residual = counts - below.mean() * sizes
    k = len(sizes)
    if k < 2:
        raise EvidenceError(
            "An arm has one cluster, so that its spread is not known.",
            "Give each arm two clusters or more.",
        )
    return float(np.sqrt(k / (k - 1) * np.sum(residual**2)) / sizes.sum()), k

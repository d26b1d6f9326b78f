"""Effect on a quantile: the median order, the 90th percentile of delivery time, and the like."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from retention.abtest.statistics import Array
from retention.errors import EvidenceError, ParameterError
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

    The standard error of a sample quantile is half the distance of the two order statistics that
    enclose it with 1 - α, over the normal quantile (Woodruff 1952, "Confidence intervals for
    medians and other position measures"); no density has to be estimated. With clusters the
    binomial variance is replaced by that of the clusters' counts below the quantile (Deng et al.,
    KDD 2018, section 4.2).

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
    a, error_a = _quantile(control, quantile, alpha, control_clusters)
    b, error_b = _quantile(treatment, quantile, alpha, treatment_clusters)
    error, z = math.hypot(error_a, error_b), float(stats.norm.ppf(1 - alpha / 2))
    if error == 0:
        raise EvidenceError(
            f"Quantile {quantile} falls on a value that most units share.",
            "Compare the share of units at that value instead, as a proportion.",
        )
    return QuantileEffect(
        quantile, unit, a, b, b - a, error, b - a - z * error, b - a + z * error,
        float(2 * stats.norm.sf(abs(b - a) / error)), len(control), len(treatment),
        error_a, error_b,
    )  # fmt: skip


def _quantile(
    values: Array, quantile: float, alpha: float, clusters: Array | None
) -> tuple[float, float]:
    """Return a sample quantile and its standard error."""
    values = np.asarray(values, dtype=float)
    if np.isnan(values).any():
        raise EvidenceError(
            f"{int(np.isnan(values).sum()):,} values are missing.", "Drop them knowingly."
        )
    n, z = len(values), float(stats.norm.ppf(1 - alpha / 2))
    if n == 0:
        raise EvidenceError(
            f"There are no units for an interval of the quantile {quantile}.",
            "Wait for units in every arm.",
        )
    middle = float(np.quantile(values, quantile))
    spread = math.sqrt(quantile * (1 - quantile) / n)
    if clusters is not None:
        spread = _clustered_spread((values <= middle).astype(float), np.asarray(clusters))
    ordered = np.sort(values)
    low, high = math.floor(n * (quantile - z * spread)), math.ceil(n * (quantile + z * spread))
    if low < 1 or high > n:
        raise EvidenceError(
            f"{n:,} units are too few for an interval of the quantile {quantile}.",
            "Wait for more units, or choose a quantile nearer to the median.",
        )
    return middle, float(ordered[high - 1] - ordered[low - 1]) / (2 * z)


def _clustered_spread(below: Array, clusters: Array) -> float:
    """Return the standard error of the share below, by the clusters' totals."""
    _, codes = np.unique(clusters, return_inverse=True)
    counts, sizes = np.bincount(codes, weights=below), np.bincount(codes).astype(float)
    residual = counts - below.mean() * sizes
    k = len(sizes)
    return float(np.sqrt(k / (k - 1) * np.sum(residual**2)) / sizes.sum())

"""Several arms against one control: intervals that hold for all of them at once (Dunnett 1955).

Arms share the control, so their differences are correlated and the intervals are narrower than
Bonferroni's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from retention.abtest.contrasts import Contrast, contrast
from retention.abtest.metrics import MetricDefinition
from retention.abtest.statistics import Array, Statistics
from retention.errors import EvidenceError
from retention.quantities import between, quantity
from retention.results import percent


@dataclass(frozen=True, eq=False)
class SimultaneousEffects:
    """Difference of every arm, with intervals and p-values that hold for all arms at once."""

    metric: str
    unit: str
    control: str
    alpha: float
    critical_value: float
    table: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return arm, difference, interval and p-value."""
        return self.table

    def summary(self) -> str:
        """Say which arms differ from control."""
        rows = [
            f"{r['arm']} {quantity(r['difference'], self.unit, signed=True)} "
            f"({between(r['ci_low'], r['ci_high'], self.unit)})"
            for r in self.table.to_dict("records")
        ]
        return (
            f"{self.metric} against {self.control}, {percent(1 - self.alpha, 0)} intervals over "
            f"all arms: {'; '.join(rows)}."
        )


def simultaneous_effects(
    statistics: Statistics,
    metric: MetricDefinition,
    control: str,
    arms: Sequence[str],
    *,
    alpha: float = 0.05,
) -> SimultaneousEffects:
    """Compare several arms with one control at one level over all comparisons.

    Parameters
    ----------
    statistics
        From :func:`~retention.abtest.collect`.
    metric
        A mean, proportion or ratio.
    control, arms
        The arm that is compared with, and those that are compared.
    alpha
        Two-sided level over all arms.

    Notes
    -----
    Arms' variances may differ: correlations are those of the estimated errors, and the degrees of
    freedom are the smallest of the comparisons'.

    Raises
    ------
    EvidenceError
        If no arm is given, or an arm does not vary.
    """
    if not arms:
        raise EvidenceError("There is no arm to compare.", "Name one arm beside the control.")
    of = statistics.of
    found = [
        contrast(of(metric.name, control), of(metric.name, arm), metric, may_be_constant=False)
        for arm in arms
    ]
    loadings = np.array([math.sqrt(_control_share(both)) for both in found])
    degrees = min(both.degrees_of_freedom for both in found)
    critical = dunnett_quantile(1 - alpha, loadings, degrees)
    rows = [
        (arm, b.difference, b.difference - critical * b.standard_error,
         b.difference + critical * b.standard_error,
         1 - dunnett_probability(abs(b.difference) / b.standard_error, loadings, degrees))
        for arm, b in zip(arms, found, strict=True)
    ]  # fmt: skip
    columns = ["arm", "difference", "ci_low", "ci_high", "p_value"]
    return SimultaneousEffects(
        metric.name, metric.unit, control, alpha, critical, pd.DataFrame(rows, columns=columns)
    )


def _control_share(both: Contrast) -> float:
    """Return the share of a difference's variance that is the control's."""
    return float(both.covariance[0, 0]) / both.standard_error**2


def dunnett_quantile(level: float, loadings: Array, degrees: float = math.inf) -> float:
    """Return the two-sided critical value of Dunnett's test.

    Parameters
    ----------
    level
        Probability that all deviations stay within.
    loadings
        Square root of the control's share of each difference's variance.
    degrees
        Degrees of freedom; infinite for known variances.

    Examples
    --------
    >>> round(dunnett_quantile(0.95, np.full(3, 0.5**0.5)), 2)
    2.35
    """

    def excess(value: float) -> float:
        return dunnett_probability(value, loadings, degrees) - level

    return float(optimize.brentq(excess, 0.1, 200.0, xtol=1e-6))


def dunnett_probability(value: float, loadings: Array, degrees: float = math.inf) -> float:
    """Return the probability that no arm's studentised difference exceeds a value.

    Given the control's deviation (and the common scale) the arms are independent: Dunnett (1955),
    eq. 6, by Gauss-Hermite and, for the scale, quantiles of its distribution.
    """
    x, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    scale = np.ones(1)
    if math.isfinite(degrees):
        grid = (np.arange(100) + 0.5) / 100
        scale = np.sqrt(stats.chi2.ppf(grid, degrees) / degrees)
    rest = np.sqrt(np.maximum(1 - loadings**2, 1e-12))
    shift = loadings[:, None, None] * x[None, :, None]
    reach = value * scale[None, None, :]
    wide = rest[:, None, None]
    inside = special.ndtr((reach - shift) / wide) - special.ndtr((-reach - shift) / wide)
    return float((inside.prod(axis=0) * weights[:, None]).sum(axis=0).mean())

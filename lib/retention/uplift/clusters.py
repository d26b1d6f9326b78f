"""Standard errors where units were drawn in clusters: households, shops, streets.

What was drawn as one counts as one. Contributions to an estimate are added up within a cluster and
corrected for small samples by CR2 (Bell & McCaffrey, Survey Methodology 2002); with one unit per
cluster that is HC2, which for equal weights is the textbook error. Intervals are Student's with
Satterthwaite's degrees of freedom, so that few clusters give wide ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FEW = 40
"""Below so many clusters a report says that there are few."""

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class StandardError:
    """A standard error and its degrees of freedom; infinite where nothing can be said."""

    value: float
    degrees: float

    @property
    def reach(self) -> float:
        """Half the length of the 95 % interval."""
        return t_quantile(self.degrees) * self.value

    def p_value(self, estimate: float) -> float:
        """Return the two-sided p-value of an estimate of zero; 1 where the error is zero."""
        if self.value <= 0 or not np.isfinite(self.value):
            return 1.0
        return float(2 * stats.t.sf(abs(estimate) / self.value, self.degrees))


def t_quantile(degrees: float) -> float:
    """Return the 97.5 % point of Student's distribution."""
    return float(stats.t.ppf(0.975, max(degrees, 1.0)))


def draws(cluster: Integers | None, units: int) -> int:
    """Return how many independent draws the units are."""
    return units if cluster is None else len(np.unique(cluster))


def summed(values: Floats, cluster: Integers | None) -> Floats:
    """Add values up within each cluster; units of their own stay as they are."""
    if cluster is None:
        return values
    return np.asarray(np.bincount(cluster, weights=values), dtype=np.float64)


def mean_error(values: Floats, cluster: Integers | None = None) -> StandardError:
    """Return the standard error of a plain mean.

    Examples
    --------
    >>> error = mean_error(np.array([1.0, 1.0, 3.0, 3.0]), np.array([0, 0, 1, 1]))
    >>> error.value, error.degrees
    (1.0, 1.0)
    """
    n = len(values)
    if n < 2:
        return StandardError(np.inf, 1.0)
    share = summed(np.full(n, 1 / n), cluster)
    return error_of_mean(summed((values - values.mean()) / n, cluster), share)


def weighted_mean(
    values: Floats, weight: Floats, cluster: Integers | None = None
) -> tuple[float, Floats, Floats]:
    """Return a weighted mean with each draw's contribution to it and share of the weight.

    A unit of weight 0 does not belong to it. Contributions of means over other units of the same
    clusters can be subtracted: see :func:`error_of_difference`.
    """
    share = weight / weight.sum()
    mean = float(share @ values)
    return mean, summed(share * (values - mean), cluster), summed(share, cluster)


def error_of_difference(
    first: tuple[float, Floats, Floats], second: tuple[float, Floats, Floats]
) -> StandardError:
    """Return the standard error of the difference of two weighted means over the same draws."""
    parts = [error_of_mean(sums, share) for _, sums, share in (first, second)]
    if not all(np.isfinite(part.value) for part in parts):
        return StandardError(np.inf, 1.0)
    contributions = adjusted(*first[1:]) - adjusted(*second[1:])
    variances = [part.value**2 for part in parts]
    total = sum(variances)
    below = sum(v**2 / part.degrees for v, part in zip(variances, parts, strict=True))
    degrees = total**2 / below if below > 0 else sum(part.degrees for part in parts)
    return StandardError(float(np.sqrt(contributions @ contributions)), float(degrees))


def adjusted(sums: Floats, share: Floats) -> Floats:
    """Return contributions of draws to a mean, each scaled up by CR2 for its own share."""
    return np.asarray(sums / np.sqrt(np.maximum(1 - share, 1e-12)))


def error_of_mean(sums: Floats, share: Floats) -> StandardError:
    """Return the CR2 error of a weighted mean from its draws' contributions and shares."""
    inside = share > 0
    if inside.sum() < 2:
        return StandardError(np.inf, 1.0)
    contributions = adjusted(sums[inside], share[inside])
    return StandardError(float(np.sqrt(contributions @ contributions)), _degrees(share[inside]))


def _degrees(share: Floats) -> float:
    """Return Satterthwaite's degrees of freedom (Bell & McCaffrey, equation 8).

    The working variance of a cluster's sum is its squared share, as where a cluster is alike
    within; with equal shares the answer is one less than the number of clusters.
    """
    variance, scale = share**2, 1 / np.sqrt(np.maximum(1 - share, 1e-12))
    a, b, diagonal = scale * share, scale * variance, variance * scale**2
    total = variance.sum()
    rest = total * a**2 - 2 * a * b
    aa, ab, bb = a @ a, a @ b, b @ b
    squares = 2 * ab**2 + 2 * aa * bb - 4 * total * ab * aa + (total * aa) ** 2
    trace, square = diagonal.sum() + rest.sum(), (diagonal**2).sum()
    square += squares + 2 * diagonal @ rest
    return float(trace**2 / square) if square > 0 else 1.0

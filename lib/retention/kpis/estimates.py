"""An estimate with its interval: shares, means, ratios, counts and sums, one definition each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retention.intervals import NORMAL_95, difference
from retention.segments.intervals import Numbers, wilson


@dataclass(frozen=True)
class Estimate:
    """A value, its 95 % interval and the number of units behind it; NaN where there are none."""

    value: float
    ci_low: float
    ci_high: float
    n: int

    def less(self, other: Estimate) -> Estimate:
        """Return the difference to another estimate, with the interval of both combined.

        Notes
        -----
        `retention.intervals.difference`: customers who stay make the true interval narrower.

        Examples
        --------
        >>> Estimate(0.5, 0.4, 0.6, 9).less(Estimate(0.2, 0.1, 0.3, 9)).value
        0.3
        """
        value, low, high = difference(
            (self.value, self.ci_low, self.ci_high), (other.value, other.ci_low, other.ci_high)
        )
        return Estimate(value, float(low), float(high), min(self.n, other.n))

    def scaled(self, factor: float) -> Estimate:
        """Return the estimate in another unit."""
        return Estimate(self.value * factor, self.ci_low * factor, self.ci_high * factor, self.n)


NOTHING = Estimate(math.nan, math.nan, math.nan, 0)
"""The estimate of something nobody was there to show."""


def share(successes: float, n: float) -> Estimate:
    """Return a share with its score interval (Wilson 1927).

    Examples
    --------
    >>> share(5, 10).ci_low.__round__(4)
    0.2366
    """
    if n <= 0:
        return NOTHING
    low, high = wilson(successes, n)
    return Estimate(successes / n, float(low), float(high), int(n))


def count(events: int) -> Estimate:
    """Return a count with the exact interval of a Poisson flow (Garwood 1936).

    Examples
    --------
    >>> count(10).ci_low.__round__(3), count(10).ci_high.__round__(3)
    (4.795, 18.39)
    """
    from scipy.stats import chi2

    low = float(chi2.ppf(0.025, 2 * events) / 2) if events else 0.0
    return Estimate(float(events), low, float(chi2.ppf(0.975, 2 * events + 2) / 2), int(events))


def mean(values: Numbers) -> Estimate:
    """Return a mean with Student's interval; NaN bounds for a single value.

    Examples
    --------
    >>> mean(np.array([1.0, 2.0, 3.0])).ci_high.__round__(3)
    4.484
    """
    from scipy.stats import t

    n = len(values)
    if n == 0:
        return NOTHING
    centre = float(np.mean(values))
    if n == 1:
        return Estimate(centre, math.nan, math.nan, 1)
    half = float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / math.sqrt(n))
    return Estimate(centre, centre - half, centre + half, n)


def ratio(numerators: Numbers, denominators: Numbers) -> Estimate:
    """Return sum over sum, with units (customers, visitors) as clusters.

    Parameters
    ----------
    numerators, denominators
        One value per unit; units with a denominator of 0 do not count.

    Notes
    -----
    Linearised variance of a ratio of means (Cochran 1977, "Sampling techniques", equation 6.13).

    Examples
    --------
    >>> ratio(np.array([2.0, 4.0]), np.array([1.0, 2.0])).value
    2.0
    """
    taken = denominators > 0
    top, bottom = numerators[taken].astype(float), denominators[taken].astype(float)
    n = len(bottom)
    if n == 0:
        return NOTHING
    value = float(top.sum() / bottom.sum())
    if n == 1:
        return Estimate(value, math.nan, math.nan, 1)
    spread = math.sqrt(float(np.sum((top - value * bottom) ** 2)) * n / (n - 1))
    half = NORMAL_95 * spread / float(bottom.sum())
    return Estimate(value, value - half, value + half, n)


def total(values: Numbers) -> Estimate:
    """Return a sum over customers who arrive as a Poisson flow: variance is the sum of squares.

    Examples
    --------
    >>> total(np.array([3.0, 4.0])).ci_high.__round__(2)
    16.8
    """
    value = float(np.sum(values))
    half = NORMAL_95 * math.sqrt(float(np.sum(values.astype(float) ** 2)))
    return Estimate(value, value - half, value + half, len(values))


def promoter_score(scores: Numbers) -> Estimate:
    """Return promoters (9, 10) less detractors (0 to 6), in points, with its interval.

    Notes
    -----
    Reichheld (2003); the variance is that of a value of +1, 0 or -1 per answer.

    Examples
    --------
    >>> promoter_score(np.array([10.0, 9.0, 8.0, 3.0])).value
    25.0
    """
    signs = np.where(scores >= 9, 1.0, np.where(scores <= 6, -1.0, 0.0))
    return mean(signs).scaled(100.0)

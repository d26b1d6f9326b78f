"""Difference of two proportions by the score method, which holds at rare conversions.

Miettinen & Nurminen, "Comparative analysis of two rates", Statistics in Medicine 4 (1985),
equations 6-10: the interval is the set of differences that the score test does not refuse, with the
rates re-estimated under each difference.
"""

from __future__ import annotations

import math

from scipy import optimize, special


def score_test(x0: int, n0: int, x1: int, n1: int) -> float:
    """Return the two-sided p-value of equal rates (the pooled z test with divisor n - 1).

    Examples
    --------
    >>> round(score_test(49, 100, 51, 100), 4)
    0.7778
    """
    return float(2 * special.ndtr(-abs(_score(0.0, x0, n0, x1, n1))))


def score_interval(
    x0: int, n0: int, x1: int, n1: int, *, alpha: float = 0.05
) -> tuple[float, float]:
    """Return the interval of rate 1 - rate 0.

    Parameters
    ----------
    x0, n0
        Successes and units of control.
    x1, n1
        Successes and units of treatment.
    alpha
        Two-sided level.

    Examples
    --------
    >>> low, high = score_interval(10, 1000, 25, 1000)
    >>> low > 0
    True
    """
    quantile = float(special.ndtri(1 - alpha / 2))
    observed = x1 / n1 - x0 / n0

    def upper(difference: float) -> float:
        return _score(difference, x0, n0, x1, n1) + quantile

    def lower(difference: float) -> float:
        return _score(difference, x0, n0, x1, n1) - quantile

    edge = 1e-12
    low, high = -1 + edge, 1 - edge
    left = -1.0
    if lower(low) > 0:
        left = optimize.brentq(lower, low, min(observed, high), xtol=1e-12)
    right = 1.0
    if upper(high) < 0:
        right = optimize.brentq(upper, max(observed, low), high, xtol=1e-12)
    return float(left), float(right)


def _score(difference: float, x0: int, n0: int, x1: int, n1: int) -> float:
    """Return the score statistic of a difference; it falls as the difference grows."""
    rate0 = _restricted_rate(difference, x0, n0, x1, n1)
    rate1 = min(max(rate0 + difference, 0.0), 1.0)
    total = n0 + n1
    variance = (rate0 * (1 - rate0) / n0 + rate1 * (1 - rate1) / n1) * total / (total - 1)
    distance = x1 / n1 - x0 / n0 - difference
    if variance <= 0:
        return 0.0 if abs(distance) < 1e-12 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


def _restricted_rate(difference: float, x0: int, n0: int, x1: int, n1: int) -> float:
    """Return the likeliest rate of control given the difference (closed form of the cubic)."""
    total, successes = n0 + n1, x0 + x1
    l2 = (n1 + 2 * n0) * difference - total - successes
    l1 = (n0 * difference - total - 2 * x0) * difference + successes
    l0 = x0 * difference * (1 - difference)
    q = l2**3 / (3 * total) ** 3 - l1 * l2 / (6 * total**2) + l0 / (2 * total)
    p = math.copysign(math.sqrt(max(l2**2 / (3 * total) ** 2 - l1 / (3 * total), 0.0)), q)
    if p == 0:
        return min(max(-l2 / (3 * total), 0.0), 1.0)
    angle = (math.pi + math.acos(min(max(q / p**3, -1.0), 1.0))) / 3
    return min(max(2 * p * math.cos(angle) - l2 / (3 * total), 0.0), 1.0)

"""Interval of a relative lift: log ratio, Fieller, or delta method.

The log and the Fieller interval agree with the absolute test wherever the values are positive; the
delta method on the relative scale may not, so it is offered for comparison only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from retention.abtest.statistics import Array
from retention.errors import ParameterError
from retention.results import percent

UNBOUNDED = 20.0
"""Half-width of log(treatment/control) beyond which a ratio of e^20 means nothing."""


@dataclass(frozen=True)
class RelativeLift:
    """Relative lift (share of the control's value) and its interval; NaN where not defined."""

    lift: float
    ci_low: float
    ci_high: float
    method: str

    def summary(self) -> str:
        """Say the lift in per cent, or that it cannot be said."""
        if not math.isfinite(self.lift):
            return "relative lift not defined, the control's value is not above zero"
        if not (math.isfinite(self.ci_low) and math.isfinite(self.ci_high)):
            return f"relative {percent(self.lift, 1, signed=True)}, interval unbounded"
        ends = [percent(v, 1, signed=True) for v in (self.lift, self.ci_low, self.ci_high)]
        return f"relative {ends[0]}, {ends[1]} to {ends[2]}"


def relative_lift(
    control: float,
    treatment: float,
    covariance: Array,
    degrees_of_freedom: float,
    alpha: float = 0.05,
    method: str = "log",
) -> RelativeLift:
    """Return treatment/control - 1 with its interval.

    Parameters
    ----------
    control, treatment
        Estimated values.
    covariance
        Their joint sampling covariance, shape (2, 2), control first.
    degrees_of_freedom
        Of the t quantile; ``math.inf`` for the normal one.
    alpha
        Two-sided level.
    method
        ``"log"`` (interval of log(treatment/control)), ``"fieller"`` (the ratios that a t test does
        not refuse; Fieller 1954) or ``"delta"``.

    Raises
    ------
    ParameterError
        If the method is unknown.
    """
    intervals = {"log": _log, "fieller": _fieller, "delta": _delta}
    if method not in intervals:
        raise ParameterError(
            f"There is no relative interval {method!r}.", f"Choose one of {', '.join(intervals)}."
        )
    if not control > 0:
        return RelativeLift(math.nan, math.nan, math.nan, method)
    quantile = t_quantile(1 - alpha / 2, degrees_of_freedom)
    low, high = intervals[method](control, treatment, covariance, quantile)
    return RelativeLift(treatment / control - 1, low, high, method)


def t_quantile(level: float, degrees_of_freedom: float) -> float:
    """Return Student's quantile; the normal one at infinite degrees of freedom.

    Examples
    --------
    >>> round(t_quantile(0.975, 10), 4), round(t_quantile(0.975, math.inf), 4)
    (2.2281, 1.96)
    """
    if math.isinf(degrees_of_freedom):
        return float(special.ndtri(level))
    return float(special.stdtrit(degrees_of_freedom, level))


def _log(a: float, b: float, covariance: Array, quantile: float) -> tuple[float, float]:
    """Return the interval from the normal approximation of log(b/a)."""
    if not b > 0:
        return math.nan, math.nan
    variance = covariance[0, 0] / a**2 + covariance[1, 1] / b**2 - 2 * covariance[0, 1] / (a * b)
    half = quantile * math.sqrt(max(float(variance), 0.0))
    if half > UNBOUNDED:
        return -1.0, math.inf
    return b / a * math.exp(-half) - 1, b / a * math.exp(half) - 1


def _fieller(a: float, b: float, covariance: Array, quantile: float) -> tuple[float, float]:
    """Return the ratios r with (b - r a)² <= quantile² var(b - r a)."""
    q = quantile**2
    square = a**2 - q * covariance[0, 0]
    if square <= 0:  # the control's own interval holds zero: no bounded set of ratios
        return -math.inf, math.inf
    middle = a * b - q * covariance[0, 1]
    last = b**2 - q * covariance[1, 1]
    root = math.sqrt(max(float(middle**2 - square * last), 0.0))
    return float((middle - root) / square) - 1, float((middle + root) / square) - 1


def _delta(a: float, b: float, covariance: Array, quantile: float) -> tuple[float, float]:
    """Return the symmetric interval from the linearisation of b/a."""
    variance = (
        covariance[1, 1] / a**2 + b**2 * covariance[0, 0] / a**4 - 2 * b * covariance[0, 1] / a**3
    )
    half = quantile * math.sqrt(max(float(variance), 0.0))
    return b / a - 1 - half, b / a - 1 + half

"""Always-valid inference: intervals that hold at every look at once, however often one peeks."""

from __future__ import annotations

import math
from dataclasses import dataclass

from retention.abtest.contrasts import Contrast
from retention.errors import ParameterError


def mixture_rho(variance: float, alpha: float = 0.05) -> float:
    """Return the tuning ρ that makes the normal-mixture boundary tightest at an intrinsic time.

    Howard et al. (2021), section 3.5, in the closed approximation of their package.

    Examples
    --------
    >>> round(mixture_rho(100.0), 5)
    12.60056
    """
    tail = -2 * math.log(alpha)
    return variance / (tail + math.log1p(tail))


def mixture_boundary(variance: float, rho: float, alpha: float = 0.05) -> float:
    """Return the two-sided normal-mixture boundary on a sum at an intrinsic time.

    ``√((V + ρ) log((V + ρ) / (ρ α²)))`` (Robbins 1970; Howard et al. 2021, eq. 14).

    Examples
    --------
    >>> round(mixture_boundary(100.0, mixture_rho(100.0)), 5)
    30.35209
    """
    return math.sqrt((variance + rho) * math.log((variance + rho) / (rho * alpha**2)))


def sequence_half_width(standard_error: float, n: int, tuned_at: int, alpha: float = 0.05) -> float:
    """Return the half-width of the asymptotic confidence sequence at n units.

    Waudby-Smith et al., "Time-uniform central limit theory", eq. 9, with
    ρ = √((-2 log α + log(-2 log α + 1)) / tuned_at).

    Parameters
    ----------
    standard_error
        Standard error of the estimate at this look.
    n
        Units of both arms so far.
    tuned_at
        Number of units (both arms) at which the sequence is tightest; declared beforehand.
    alpha
        Two-sided level over all looks together.
    """
    if tuned_at <= 0:
        raise ParameterError(
            f"The confidence sequence is tuned at {tuned_at} units.",
            "Give the number of units at which you expect to decide.",
        )
    tail = -2 * math.log(alpha)
    rho_square = (tail + math.log(tail + 1)) / tuned_at
    load = n * rho_square + 1
    spread = math.sqrt(2 * load / (n**2 * rho_square) * math.log(math.sqrt(load) / alpha))
    return standard_error * math.sqrt(n) * spread


@dataclass(frozen=True)
class AlwaysValid:
    """Interval and p-value that may be read after every unit."""

    difference: float
    ci_low: float
    ci_high: float
    p_value: float
    tuned_at: int
    n: int

    def summary(self) -> str:
        """Say the interval and what it allows."""
        return (
            f"Difference {self.difference:+.4g}, always-valid interval {self.ci_low:+.4g} to "
            f"{self.ci_high:+.4g} after {self.n:,} units (p = {self.p_value:.3g}); it holds "
            "however often it was looked at."
        )


def always_valid(both: Contrast, tuned_at: int, alpha: float = 0.05) -> AlwaysValid:
    """Return the always-valid interval and p-value of a contrast.

    The p-value is the smallest level whose sequence leaves out zero.
    """
    n = both.n_control + both.n_treatment
    half = sequence_half_width(both.standard_error, n, tuned_at, alpha)
    return AlwaysValid(
        both.difference,
        both.difference - half,
        both.difference + half,
        _p_value(abs(both.difference), both.standard_error, n, tuned_at, alpha),
        tuned_at,
        n,
    )


def _p_value(distance: float, standard_error: float, n: int, tuned_at: int, alpha: float) -> float:
    """Return the level at which the interval just reaches zero, with ρ as tuned for ``alpha``."""
    tail = -2 * math.log(alpha)
    rho_square = (tail + math.log(tail + 1)) / tuned_at
    load = n * rho_square + 1
    z_square = (distance / standard_error) ** 2
    # half-width(p) = distance, solved for p: the mixture martingale itself.
    exponent = 0.5 * z_square * n * rho_square / load
    return float(min(1.0, math.sqrt(load) * math.exp(-min(exponent, 700.0))))

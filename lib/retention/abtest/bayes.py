"""Bayesian read-out: chance to win and expected loss under a stated prior."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import integrate, stats

from retention.errors import ParameterError
from retention.results import percent


@dataclass(frozen=True)
class NormalPrior:
    """Normal prior of an effect; a variance of infinity is the flat prior.

    Parameters
    ----------
    mean, variance
        Of the effect: in the metric's unit, or, with ``is_relative``, as a share of the control's
        value with gains positive.
    source
        Where it comes from, for the report.
    is_relative
        Whether it is about the relative effect.
    """

    mean: float = 0.0
    variance: float = math.inf
    source: str = ""
    is_relative: bool = False

    def in_unit(self, control_value: float, *, higher_is_better: bool = True) -> NormalPrior:
        """Return the prior in the metric's unit, where the control has this value.

        Examples
        --------
        >>> NormalPrior(0.02, 0.01**2, is_relative=True).in_unit(50.0).mean
        1.0
        """
        if not self.is_relative:
            return self
        scale = abs(control_value) * (1 if higher_is_better else -1)
        return NormalPrior(self.mean * scale, self.variance * scale**2, self.source)

    def summary(self) -> str:
        """Say the prior and where it comes from."""
        text = "flat prior"
        if not math.isinf(self.variance):
            text = f"prior normal({self.mean:.3g}, {math.sqrt(self.variance):.3g})"
        return f"{text}, {self.source}" if self.source else text


@dataclass(frozen=True)
class Posterior:
    """Posterior of an effect with its equal-tailed interval, chance to win and expected losses.

    ``chance_to_win`` is the chance that the effect is better than ``minimum``.
    ``loss_if_control`` is what one expects to forgo by keeping control, ``loss_if_treatment`` what
    one expects to lose by choosing the treatment, both in the effect's unit.
    """

    mean: float
    standard_deviation: float
    ci_low: float
    ci_high: float
    chance_to_win: float
    loss_if_control: float
    loss_if_treatment: float
    prior: NormalPrior
    minimum: float = 0.0

    def summary(self) -> str:
        """Say chance to win and expected loss."""
        least = f" by more than {self.minimum:g}" if self.minimum else ""
        return (
            f"Chance to win{least} {percent(self.chance_to_win, 1)}; expected loss "
            f"{round(self.loss_if_treatment, 6):.3g} if chosen, "
            f"{round(self.loss_if_control, 6):.3g} if not "
            f"({self.prior.summary()})."
        )


def posterior(
    effect: float,
    standard_error: float,
    prior: NormalPrior | None = None,
    *,
    alpha: float = 0.05,
    higher_is_better: bool = True,
    minimum: float = 0.0,
) -> Posterior:
    """Return the normal posterior of an effect.

    Parameters
    ----------
    effect, standard_error
        Estimate and its standard error (absolute or relative, as the prior is).
    prior
        Prior of the effect; flat if not given.
    alpha
        1 - mass of the interval.
    higher_is_better
        Whether winning means an effect above zero.
    minimum
        Least gain that counts as winning, in the effect's unit and in the good direction.

    Raises
    ------
    ParameterError
        If the effect is no number or its standard error not above zero.

    Examples
    --------
    >>> p = posterior(0.04081633, 0.14725466)
    >>> round(p.chance_to_win, 4), round(p.loss_if_treatment, 4)
    (0.6092, 0.0406)
    """
    if not (math.isfinite(effect) and 0 < standard_error < math.inf):
        raise ParameterError(
            f"An effect of {effect} with a standard error of {standard_error} has no posterior.",
            "Give a finite effect and an error above zero.",
            column="standard_error",
        )
    prior = prior or NormalPrior()
    precision = 1 / standard_error**2 + 1 / prior.variance
    mean = (effect / standard_error**2 + prior.mean / prior.variance) / precision
    deviation = math.sqrt(1 / precision)
    half = float(stats.norm.ppf(1 - alpha / 2)) * deviation
    sign = 1.0 if higher_is_better else -1.0
    z = sign * mean / deviation
    # E[max(0, -X)] and E[max(0, X)] of a normal X.
    down = deviation * float(stats.norm.pdf(z)) - sign * mean * float(stats.norm.sf(z))
    up = deviation * float(stats.norm.pdf(z)) + sign * mean * float(stats.norm.cdf(z))
    chance = float(stats.norm.cdf((sign * mean - minimum) / deviation))
    return Posterior(mean, deviation, mean - half, mean + half, chance, up, down, prior, minimum)


def beta_binomial_chance(
    x0: int, n0: int, x1: int, n1: int, *, alpha: float = 1.0, beta: float = 1.0
) -> float:
    """Return the probability that rate 1 exceeds rate 0 under independent beta priors.

    Examples
    --------
    >>> round(beta_binomial_chance(42, 104, 500, 1009), 6)
    0.962082
    """
    first = stats.beta(alpha + x0, beta + n0 - x0)
    second = stats.beta(alpha + x1, beta + n1 - x1)
    low = float(max(first.ppf(1e-15), 0.0))
    high = float(min(first.ppf(1 - 1e-15), 1.0))
    points = sorted(float(q) for q in first.ppf([0.01, 0.5, 0.99]))
    value, _ = integrate.quad(
        lambda p: first.pdf(p) * second.sf(p), low, high, points=points, epsabs=1e-12, limit=200
    )
    return float(np.clip(value, 0.0, 1.0))

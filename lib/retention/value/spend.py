r"""Gamma-Gamma: how much a purchase of this customer is worth.

Fader and Hardie (2013), "The Gamma-Gamma model of monetary value", note 025. Each customer's
average purchase is gamma(p, nu) with nu ~ gamma(q, gamma); the average z over x purchases has

.. math:: f(z|x)=\frac{\Gamma(px+q)}{\Gamma(px)\Gamma(q)}\frac{\gamma^q z^{px-1}x^{px}}
   {(\gamma+xz)^{px+q}},\qquad E[M|x,z]=\frac{p(\gamma+xz)}{px+q-1}.

The model supposes that value and frequency are independent; :func:`spend_independence` checks it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.errors import EvidenceError, InputError
from retention.intervals import NORMAL_95
from retention.optimise import covariance_of, maximise
from retention.results import Check, Status
from retention.value.codes import ValueCheck

Floats = NDArray[np.float64]

ALIKE = 1e5
"""Shape p from which on the purchases of a customer differ by less than 0.3 %."""

NAMES = ("p", "q", "gamma")
STRONG_CORRELATION = 0.3
"""Correlation of value and frequency above which the supposed independence is given up."""
WEAK_CORRELATION = 0.1
"""Correlation up to which independence is a fair description."""


@dataclass(frozen=True)
class SpendFit:
    """A Gamma-Gamma model fitted by maximum likelihood.

    Parameters
    ----------
    parameters
        p and q without unit, gamma in money.
    covariance
        Asymptotic covariance of the logarithms of the parameters.
    log_likelihood
        Log-likelihood at the optimum.
    customers
        Repeat buyers (weights) it rests on.
    converged, gradient_norm
        How the search ended.
    correlation, correlation_low, correlation_high
        Correlation of a customer's mean value with the number of repeat purchases (logarithms of
        both), with its 95 % interval: the model supposes 0.
    currency
        ISO 4217 code of the values; empty where it was not given.
    """

    parameters: Floats
    covariance: Floats
    log_likelihood: float
    customers: float
    converged: bool
    gradient_norm: float
    correlation: float
    correlation_low: float
    correlation_high: float
    currency: str = ""

    @property
    def population_mean(self) -> float:
        """Mean value of a purchase over all customers; infinite where q is 1 or less."""
        p, q, gamma = self.parameters
        return float(gamma * p / (q - 1)) if q > 1 else float("inf")

    def expected_value(self, purchases: Floats, mean_value: Floats) -> Floats:
        """Return E[M | x, z]: each customer's own mean shrunk towards everybody's.

        Parameters
        ----------
        purchases
            Purchases x that the mean rests on; 0 gives the population mean.
        mean_value
            Mean value z of those purchases, in money; ignored where x is 0, and 0 where returns
            made it less.
        """
        return expected_spend(self.parameters, purchases, mean_value)

    def to_frame(self) -> pd.DataFrame:
        """Return one line per parameter: estimate, standard error and 95 % interval."""
        spread = np.sqrt(np.maximum(np.diag(self.covariance), 0))
        reach = np.exp(NORMAL_95 * spread)
        return pd.DataFrame(
            {
                "model": "Gamma-Gamma",
                "parameter": list(NAMES),
                "estimate": self.parameters,
                "standard_error": self.parameters * spread,
                "ci_low": self.parameters / reach,
                "ci_high": self.parameters * reach,
            }
        )

    def summary(self) -> str:
        """Return in words what a purchase is worth and whether the model may be used."""
        ending = (
            "The search converged."
            + " Order values hardly differ." * int(self.parameters[0] > ALIKE)
            if self.converged
            else "The search did NOT converge, so its figures should not be used."
        )
        mean = (
            f"a purchase of a customer about whom nothing is known is worth "
            f"{self.currency} {self.population_mean:,.2f} on average".replace("  ", " ")
            if np.isfinite(self.population_mean)
            else "the spread between customers is so wide that the model has no mean (q <= 1)"
        )
        return (
            f"Gamma-Gamma on {self.customers:,.0f} repeat buyers: {mean}; log-likelihood "
            f"{self.log_likelihood:,.3f}. {ending}"
        )

    def convergence_check(self) -> Check:
        """Return whether the search converged and the expected order value exists."""
        if not self.converged:
            status, action = Status.FAIL, "Look for constant or extreme order values."
        elif self.parameters[1] <= 1:
            status, action = Status.FAIL, "Look for wholesale orders among the largest values."
        else:
            status, action = Status.PASS, ""
        return Check(ValueCheck.SPEND_CONVERGENCE, status, self.summary(), action)

    def independence_check(self) -> Check:
        """Return whether value and frequency are independent enough for the model."""
        size = abs(self.correlation)
        status = (
            Status.PASS
            if size <= WEAK_CORRELATION
            else Status.WARN
            if size <= STRONG_CORRELATION
            else Status.FAIL
        )
        detail = (
            f"Value per purchase and number of repeat purchases correlate at "
            f"{self.correlation:+.2f} (95 % interval {self.correlation_low:+.2f} to "
            f"{self.correlation_high:+.2f}, n = {self.customers:,.0f}); the model supposes 0."
        )
        action = (
            "" if status is Status.PASS
            else "Read lifetime values of very frequent buyers with care: the hold-out's revenue, "
            "predicted against actual, stands under value.holdout_revenue, by fifths of value."
        )  # fmt: skip
        return Check(ValueCheck.SPEND_INDEPENDENCE, status, detail, action)


def fit_spend(
    purchases: Floats, mean_value: Floats, weight: Floats | None = None, *, currency: str = ""
) -> SpendFit:
    """Fit the Gamma-Gamma model to repeat buyers by maximum likelihood.

    Parameters
    ----------
    purchases
        Repeat purchases x per customer; customers with 0 are left out.
    mean_value
        Mean value z of those purchases in money; customers at or below 0 are left out, because
        the model knows positive values only.
    weight
        Customers behind each line; None counts each once.
    currency
        ISO 4217 code of the values, for the words of the fit.

    Raises
    ------
    InputError
        If the arrays differ in length.
    EvidenceError
        If fewer than 10 customers have a repeat purchase of positive value.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> nu = rng.gamma(4.0, 1 / 15.0, 2000)
    >>> fit = fit_spend(np.ones(2000), rng.gamma(6.0, 1 / nu))
    >>> fit.converged
    True
    """
    if len(purchases) != len(mean_value):
        raise InputError("Purchases and values differ in length.", "Give one line per customer.")
    amounts = np.ones(len(purchases)) if weight is None else np.asarray(weight, dtype=np.float64)
    usable = (purchases > 0) & (np.nan_to_num(mean_value) > 0) & (amounts > 0)
    x, z, w = purchases[usable], mean_value[usable], amounts[usable]
    if w.sum() < 10:
        raise EvidenceError(
            f"Repeat buyers whose orders have a value: {w.sum():.0f}. Ten are the very least.",
            "Take a longer history.",
        )
    scale = float(np.exp((w @ np.log(z)) / w.sum()))  # one wholesale order moves a mean, not this
    best = maximise(_SpendLikelihood(x, z / scale, w), _starts())
    correlation = spend_independence(x, z, w)
    return SpendFit(
        parameters=np.exp(best.point) * np.array([1.0, 1.0, scale]),
        covariance=covariance_of(-best.hessian * w.sum()),
        log_likelihood=(best.value - np.log(scale)) * float(w.sum()),
        customers=float(w.sum()),
        converged=best.converged,
        gradient_norm=best.gradient_norm,
        correlation=correlation[0],
        correlation_low=correlation[1],
        correlation_high=correlation[2],
        currency=currency,
    )


def expected_spend(parameters: Floats, purchases: Floats, mean_value: Floats) -> Floats:
    """Return E[M | x, z] for parameters p, q, gamma; infinite where the mean does not exist.

    The model knows no value below zero: who sent back more than was bought again counts as having
    spent nothing, lest a few returns make a customer's whole future a loss.
    """
    p, q, gamma = parameters
    spent = np.maximum(np.nan_to_num(mean_value), 0.0)
    total = np.where(purchases > 0, purchases * spent, 0.0)
    shape = p * purchases + q - 1
    return np.where(shape > 0, p * (gamma + total) / np.where(shape > 0, shape, 1.0), np.inf)


def spend_independence(x: Floats, z: Floats, w: Floats) -> tuple[float, float, float]:
    """Return the weighted correlation of ln z with ln x and its 95 % interval (Fisher's z)."""
    u, v = np.log(x), np.log(z)
    u, v = u - (w @ u) / w.sum(), v - (w @ v) / w.sum()
    spread = float(np.sqrt((w @ u**2) * (w @ v**2)))
    if spread == 0:
        return 0.0, -1.0, 1.0
    r = float(np.clip((w @ (u * v)) / spread, -0.999999, 0.999999))
    reach = NORMAL_95 / np.sqrt(max(float(w.sum()) - 3, 1.0))
    return r, float(np.tanh(np.arctanh(r) - reach)), float(np.tanh(np.arctanh(r) + reach))


def _starts() -> list[Floats]:
    """Return starting points for values whose mean is 1."""
    return [np.log([p, q, (q - 1) / p]) for p, q in ((1.0, 2.0), (6.0, 4.0), (0.5, 10.0))]


class _SpendLikelihood:
    """Mean log-likelihood of the Gamma-Gamma model and its gradient in log parameters."""

    def __init__(self, x: Floats, z: Floats, w: Floats) -> None:
        self.levels, self.at = np.unique(x, return_inverse=True)
        self.x, self.weight, self.sum = x, w / w.sum(), x * z
        self.log_sum, self.log_z = np.log(x * z), np.log(z)

    def __call__(self, point: Floats) -> tuple[float, Floats]:
        """Evaluate value and gradient."""
        from scipy.special import digamma, gammaln

        p, q, gamma = np.exp(point)
        x, at, w = self.x, self.at, self.weight
        log_total = np.log(gamma + self.sum)
        table = gammaln(p * self.levels + q) - gammaln(p * self.levels) - gammaln(q)
        value = table[at] + q * np.log(gamma) + p * x * self.log_sum - self.log_z
        value -= (p * x + q) * log_total
        slope = digamma(p * self.levels + q)
        by_p = x * ((slope - digamma(p * self.levels))[at] + self.log_sum - log_total)
        by_q = (slope - digamma(q))[at] + np.log(gamma) - log_total
        by_gamma = q / gamma - (p * x + q) / (gamma + self.sum)
        gradient = np.array([p * (w @ by_p), q * (w @ by_q), gamma * (w @ by_gamma)])
        return float(w @ value), gradient

r"""Pareto/NBD: buyers who may drop out at any moment, with static covariates.

Schmittlein, Morrison and Colombo (1987), Management Science 33; likelihood as in Fader and Hardie
(2005), "A note on deriving the Pareto/NBD model"; covariates as in Fader and Hardie (2007),
"Incorporating time-invariant covariates into the Pareto/NBD and BG/NBD models":
:math:`\alpha_i=\alpha e^{-\gamma'z_i}`, :math:`\beta_i=\beta e^{-\delta'z_i}`.

The likelihood is written as the sum of its two branches, alive at T and lost in between:

.. math:: \frac{\Gamma(r+x)\alpha^r\beta^s}{\Gamma(r)}\left[(\alpha+T)^{-(r+x)}(\beta+T)^{-s}
   + s\int_{t_x}^T(\alpha+y)^{-(r+x)}(\beta+y)^{-(s+1)}dy\right].

The textbook form of the integral is a difference of two Gaussian hypergeometric functions, which
cancels when recency is close to tenure and has no handy derivatives. Gauss-Legendre quadrature in
ln(y + min(alpha, beta)) is exact to rounding there, and gives the gradient by the same sum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from retention.value.summary import PurchaseSummary

Floats = NDArray[np.float64]

_NODES = 40
_NEGLIGIBLE = 45.0
"""The integral stops where its integrand has fallen by exp(-45) from its start."""


@dataclass(frozen=True)
class ParetoDropout:
    """Pareto/NBD; covariates of the summary act on purchase and dropout rates.

    Parameters
    ----------
    name
        Name in the literature.
    """

    name: str = "Pareto/NBD"
    parameter_names: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")
    scale_parameters: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    def names(self, summary: PurchaseSummary) -> tuple[str, ...]:
        """Return the four parameters and two coefficients for each covariate."""
        covariates = summary.covariate_names
        return (
            *self.parameter_names,
            *(f"purchase.{name}" for name in covariates),
            *(f"dropout.{name}" for name in covariates),
        )

    def starts(self, summary: PurchaseSummary) -> list[Floats]:
        """Return starting points that match the base's purchase rate."""
        scale = summary.mean_gap
        shapes = [(0.5, 0.6, 1.0), (1.0, 0.5, 2.0), (2.0, 1.5, 4.0)]
        zeros = np.zeros(2 * len(summary.covariate_names))
        return [np.concatenate([np.log([r, r * scale, s, beta]), zeros]) for r, s, beta in shapes]

    def objective(self, summary: PurchaseSummary) -> _ParetoLikelihood:
        """Return the mean log-likelihood and gradient as a function of working parameters."""
        return _ParetoLikelihood(summary)

    def expected_purchases(self, parameters: Floats, time: Floats) -> Floats:
        """Return E[X(t)] of a new customer whose covariates are all zero."""
        r, alpha, s, beta = parameters[:4]
        return np.asarray(
            r * beta / alpha * _discounted(s, -np.log1p(time / beta)),
            dtype=np.float64,
        )

    def probability_alive(self, parameters: Floats, summary: PurchaseSummary) -> Floats:
        """Return P(alive) for each unique row."""
        branches = _branches(summary, *individual_rates(parameters, summary))
        return np.exp(branches.log_alive - branches.log_sum)

    def expected_if_alive(
        self, parameters: Floats, summary: PurchaseSummary, horizon: float
    ) -> Floats:
        """Return the purchases expected within the horizon from a customer who is still alive."""
        r, alpha, s, beta = individual_rates(parameters, summary)
        later = beta + summary.tenure
        rate = (r + summary.frequency) / (alpha + summary.tenure)
        return rate * later * _discounted(s, -np.log1p(horizon / later))

    def silence_if_alive(
        self, parameters: Floats, summary: PurchaseSummary, horizon: float
    ) -> Floats:
        """Return the probability that a living customer does not buy within the horizon.

        It is the likelihood of a customer without repeat purchases whose clock starts now, under
        the posterior gamma(r + x, alpha + T) and gamma(s, beta + T).
        """
        r, alpha, s, beta = individual_rates(parameters, summary)
        nothing = np.zeros(summary.rows)
        future = replace(
            summary, frequency=nothing, recency=nothing, tenure=np.full(summary.rows, horizon)
        )
        r, alpha = r + summary.frequency, alpha + summary.tenure
        beta = beta + summary.tenure
        branches = _branches(future, r, alpha, s, beta)
        return np.exp(r * np.log(alpha) + s * np.log(beta) + branches.log_sum)


def _discounted(s: Floats | float, log_q: Floats) -> Floats:
    """Return (1 - q**(s-1))/(s-1), which tends to -log(q) at s = 1."""
    power = np.asarray(s - 1.0)
    safe = np.where(power == 0, 1.0, power)
    return np.where(power == 0, -log_q, -np.expm1(power * log_q) / safe)


def individual_rates(parameters: Floats, summary: PurchaseSummary) -> tuple[Floats, ...]:
    """Return r, alpha, s, beta of each unique row, covariates included where it has coefficients.

    Parameters
    ----------
    parameters
        r, alpha, s, beta, then the coefficients, if any.
    summary
        Unique rows.
    """
    r, alpha, s, beta = parameters[:4]
    ones = np.ones(summary.rows)
    if summary.covariates is None or len(parameters) == 4:
        return r * ones, alpha * ones, s * ones, beta * ones
    purchase, dropout = np.split(parameters[4:], 2)
    return (
        r * ones,
        alpha * np.exp(-summary.covariates @ purchase),
        s * ones,
        beta * np.exp(-summary.covariates @ dropout),
    )


@dataclass(frozen=True)
class _Branches:
    """Logarithms of the two branches and the quadrature that gave the second."""

    log_alive: Floats
    log_sum: Floats
    density: Floats
    points: Floats


def _branches(
    summary: PurchaseSummary, r: Floats, alpha: Floats, s: Floats, beta: Floats
) -> _Branches:
    """Return ln of (alive at T) and of (alive or lost), without the constant in front."""
    power = r + summary.frequency
    log_alive = -power * np.log(alpha + summary.tenure) - s * np.log(beta + summary.tenure)
    smaller = np.minimum(alpha, beta)
    low = np.log(smaller + summary.recency)
    with np.errstate(over="ignore"):
        cut = np.minimum(
            (alpha + summary.recency) * np.expm1(_NEGLIGIBLE / power),
            (beta + summary.recency) * np.expm1(_NEGLIGIBLE / (s + 1)),
        )
    end = np.minimum(summary.tenure, summary.recency + cut)
    half = (np.log(smaller + end) - low) / 2
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    shifted = np.exp(low[:, None] + half[:, None] * (nodes + 1))
    points = shifted - smaller[:, None]
    log_density = np.log(shifted) + np.log(s)[:, None]
    log_density -= power[:, None] * np.log(alpha[:, None] + points)
    log_density -= (s + 1)[:, None] * np.log(beta[:, None] + points)
    peak = np.maximum(log_alive, log_density.max(axis=1))
    density = np.exp(log_density - peak[:, None]) * (half[:, None] * weights)
    log_sum = peak + np.log(np.exp(log_alive - peak) + density.sum(axis=1))
    return _Branches(log_alive, log_sum, density * np.exp(peak - log_sum)[:, None], points)


class _ParetoLikelihood:
    """The mean log-likelihood over unique rows with its gradient."""

    def __init__(self, summary: PurchaseSummary) -> None:
        self.summary = summary
        self.total = summary.customers

    def __call__(self, working: Floats) -> tuple[float, Floats]:
        """Return the mean log-likelihood and its gradient in the working parameters."""
        from scipy.special import digamma, gammaln

        data = self.summary
        parameters = np.concatenate([np.exp(working[:4]), working[4:]])
        r, alpha, s, beta = individual_rates(parameters, data)
        found = _branches(data, r, alpha, s, beta)
        alive = np.exp(found.log_alive - found.log_sum)
        x, t = data.frequency, data.tenure
        a_points, b_points = alpha[:, None] + found.points, beta[:, None] + found.points
        value = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) + found.log_sum
        by_r = digamma(r + x) - digamma(r) + np.log(alpha)
        by_r -= alive * np.log(alpha + t) + (found.density * np.log(a_points)).sum(axis=1)
        by_alpha = r / alpha
        by_alpha -= (r + x) * (alive / (alpha + t) + (found.density / a_points).sum(axis=1))
        by_s = np.log(beta) - alive * np.log(beta + t) + (1 - alive) / s
        by_s -= (found.density * np.log(b_points)).sum(axis=1)
        by_beta = s / beta - alive * s / (beta + t)
        by_beta -= (s + 1) * (found.density / b_points).sum(axis=1)
        return self._mean(value, r * by_r, alpha * by_alpha, s * by_s, beta * by_beta)

    def _mean(self, value: Floats, *by_log: Floats) -> tuple[float, Floats]:
        """Average over customers and hand the scale derivatives on to the coefficients."""
        weight = self.summary.weight / self.total
        gradient = [weight @ part for part in by_log]
        if self.summary.covariates is not None:
            gradient.extend(-(weight * by_log[1]) @ self.summary.covariates)
            gradient.extend(-(weight * by_log[3]) @ self.summary.covariates)
        return float(weight @ value), np.array(gradient)

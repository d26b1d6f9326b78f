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

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(40)
_NEGLIGIBLE = 45.0
"""The integral stops where its integrand has fallen by exp(-45) from its start."""

_BLOCK = 1_000
"""Rows whose quadrature is computed together: their arrays stay in the processor's cache."""


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
        return _branches(summary, *individual_rates(parameters, summary)).alive

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
    """Logarithms of the two branches, and what the quadrature of the second averages.

    ``alive`` is the share of the first branch in their sum. The other four are averages over the
    moment of dropout, weighted with the share of the second branch: of ln(alpha + y), ln(beta + y)
    and of their derivatives' 1/(alpha + y), 1/(beta + y).
    """

    alive: Floats
    log_sum: Floats
    log_alpha: Floats
    log_beta: Floats
    over_alpha: Floats
    over_beta: Floats


def _branches(
    summary: PurchaseSummary, r: Floats, alpha: Floats, s: Floats, beta: Floats
) -> _Branches:
    """Return ln of (alive at T) and of (alive or lost), without the constant in front."""
    power = r + summary.frequency
    log_alive = -power * np.log(alpha + summary.tenure) - s * np.log(beta + summary.tenure)
    smaller, larger = np.minimum(alpha, beta), np.maximum(alpha, beta)
    low = np.log(smaller + summary.recency)
    with np.errstate(over="ignore"):
        cut = np.minimum(
            (alpha + summary.recency) * np.expm1(_NEGLIGIBLE / power),
            (beta + summary.recency) * np.expm1(_NEGLIGIBLE / (s + 1)),
        )
    end = np.minimum(summary.tenure, summary.recency + cut)
    half = (np.log(smaller + end) - low) / 2
    first = alpha <= beta
    at_smaller = np.where(first, power, s + 1)
    rows = np.stack([low, half, larger - smaller, at_smaller, power + s + 1 - at_smaller,
                     np.log(s), log_alive])  # fmt: skip
    blocks = [
        _quadrature(rows[:, start : start + _BLOCK]) for start in range(0, len(power), _BLOCK)
    ]
    alive, log_sum, *means = np.concatenate(blocks, axis=1)
    log_alpha, log_beta = np.where(first, means[:2], means[1::-1])
    over_alpha, over_beta = np.where(first, means[2:], means[:1:-1])
    return _Branches(alive, log_sum, log_alpha, log_beta, over_alpha, over_beta)


def _quadrature(rows: Floats) -> Floats:
    """Return alive, log_sum and the four averages for some rows, the smaller scale's before.

    The nodes are even in ln(y + the smaller scale), so that this logarithm needs no computing.
    """
    low, half, gap, at_smaller, at_larger, log_s, log_alive = rows[:, :, None]
    log_near = low + half * (_POINTS + 1)
    near = np.exp(log_near)
    far = near + gap
    log_far = np.log(far)
    density = (1 - at_smaller) * log_near + log_s
    density -= at_larger * log_far
    peak = np.maximum(log_alive, density.max(axis=1, keepdims=True))
    density -= peak
    np.exp(density, out=density)
    density *= half * _WEIGHTS
    alive = np.exp(log_alive - peak)[:, 0]
    total = alive + density.sum(axis=1)
    sums = [np.einsum("ij,ij->i", density, part) for part in (log_near, log_far)]
    sums += [(density / part).sum(axis=1) for part in (near, far)]
    return np.stack([alive / total, peak[:, 0] + np.log(total), *(part / total for part in sums)])


class _ParetoLikelihood:
    """The mean log-likelihood over unique rows with its gradient."""

    def __init__(self, summary: PurchaseSummary) -> None:
        self.summary = summary
        self.total = summary.customers
        self.orders, self.order = np.unique(summary.frequency, return_inverse=True)

    def __call__(self, working: Floats) -> tuple[float, Floats]:
        """Return the mean log-likelihood and its gradient in the working parameters."""
        from scipy.special import digamma, gammaln

        data = self.summary
        parameters = np.concatenate([np.exp(working[:4]), working[4:]])
        r, alpha, s, beta = individual_rates(parameters, data)
        found = _branches(data, r, alpha, s, beta)
        alive, x, t = found.alive, data.frequency, data.tenure
        # The shape r is everyone's, so its functions take few values: one for each x.
        shape = parameters[0]
        log_ratio = (gammaln(shape + self.orders) - gammaln(shape))[self.order]
        by_shape = (digamma(shape + self.orders) - digamma(shape))[self.order]
        log_alpha, log_beta = np.log(alpha), np.log(beta)
        value = log_ratio + r * log_alpha + s * log_beta + found.log_sum
        by_r = by_shape + log_alpha - alive * np.log(alpha + t) - found.log_alpha
        by_alpha = r / alpha - (r + x) * (alive / (alpha + t) + found.over_alpha)
        by_s = log_beta - alive * np.log(beta + t) + (1 - alive) / s - found.log_beta
        by_beta = s / beta - alive * s / (beta + t) - (s + 1) * found.over_beta
        return self._mean(value, r * by_r, alpha * by_alpha, s * by_s, beta * by_beta)

    def _mean(self, value: Floats, *by_log: Floats) -> tuple[float, Floats]:
        """Average over customers and hand the scale derivatives on to the coefficients."""
        weight = self.summary.weight / self.total
        gradient = [weight @ part for part in by_log]
        if self.summary.covariates is not None:
            gradient.extend(-(weight * by_log[1]) @ self.summary.covariates)
            gradient.extend(-(weight * by_log[3]) @ self.summary.covariates)
        return float(weight @ value), np.array(gradient)

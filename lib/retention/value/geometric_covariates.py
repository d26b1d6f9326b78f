r"""BG/NBD and MBG/NBD with static covariates on both of their rates.

Fader and Hardie (2007), "Incorporating time-invariant covariates into the Pareto/NBD and BG/NBD
models": :math:`\alpha_i=\alpha e^{-\gamma'z_i}`, so that purchase rates are multiplied by
:math:`e^{\gamma'z_i}`, and :math:`a_i=a e^{\delta'z_i}` with b held, so that the odds of dropping
out after a purchase, a/b, are multiplied by :math:`e^{\delta'z_i}`. With b free as well, as in
their note, the two coefficients of one covariate are hardly told apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from retention.value.geometric import GeometricDropout
from retention.value.summary import PurchaseSummary

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class GeometricDropoutCovariates:
    """BG/NBD or MBG/NBD; covariates of the summary act on purchase rates and dropout odds.

    Examples
    --------
    >>> GeometricDropoutCovariates(coin_at_start=True).name
    'MBG/NBD with covariates'
    """

    coin_at_start: bool = False
    parameter_names: ClassVar[tuple[str, ...]] = GeometricDropout.parameter_names
    scale_parameters: ClassVar[tuple[str, ...]] = GeometricDropout.scale_parameters

    @property
    def name(self) -> str:
        """Name of the model."""
        return f"{self.plain.name} with covariates"

    @property
    def plain(self) -> GeometricDropout:
        """The same model without covariates."""
        return GeometricDropout(self.coin_at_start)

    def names(self, summary: PurchaseSummary) -> tuple[str, ...]:
        """Return the four parameters and two coefficients for each covariate."""
        return (
            *self.parameter_names,
            *(f"purchase.{name}" for name in summary.covariate_names),
            *(f"dropout.{name}" for name in summary.covariate_names),
        )

    def starts(self, summary: PurchaseSummary) -> list[Floats]:
        """Return the plain model's starting points, without any effect."""
        zeros = np.zeros(2 * len(summary.covariate_names))
        return [np.concatenate([start, zeros]) for start in self.plain.starts(summary)]

    def objective(self, summary: PurchaseSummary) -> _CovariatesLikelihood:
        """Return the mean log-likelihood and gradient as a function of working parameters."""
        return _CovariatesLikelihood(summary, int(self.coin_at_start))

    def expected_purchases(self, parameters: Floats, time: Floats) -> Floats:
        """Return E[X(t)] of a new customer whose covariates are all zero."""
        return self.plain.expected_purchases(parameters[:4], time)

    def probability_alive(self, parameters: Floats, summary: PurchaseSummary) -> Floats:
        """Return P(alive) for each unique row."""
        return self.plain.probability_alive(own_parameters(parameters, summary), summary)

    def expected_if_alive(
        self, parameters: Floats, summary: PurchaseSummary, horizon: float
    ) -> Floats:
        """Return the purchases expected within the horizon from a customer who is still alive."""
        return self.plain.expected_if_alive(own_parameters(parameters, summary), summary, horizon)

    def silence_if_alive(
        self, parameters: Floats, summary: PurchaseSummary, horizon: float
    ) -> Floats:
        """Return the probability that a living customer does not buy within the horizon."""
        return self.plain.silence_if_alive(own_parameters(parameters, summary), summary, horizon)


def own_parameters(parameters: Floats, summary: PurchaseSummary) -> Floats:
    """Return r, alpha, a, b of each unique row, shape (4, rows).

    Parameters
    ----------
    parameters
        r, alpha, a, b, then the coefficients on the purchase rate and on the dropout odds.
    summary
        Unique rows; without covariates all have the same parameters.
    """
    every = np.repeat(parameters[:4, None], summary.rows, axis=1)
    if summary.covariates is not None and len(parameters) > 4:
        purchase, dropout = np.split(parameters[4:], 2)
        every[1] *= np.exp(-summary.covariates @ purchase)
        every[2] *= np.exp(summary.covariates @ dropout)
    return every


class _CovariatesLikelihood:
    """The mean log-likelihood over unique rows with its gradient.

    Gamma functions depend on a row's purchases and covariates alone; they are computed once for
    each kind of row that shares these, and there are few.
    """

    def __init__(self, summary: PurchaseSummary, coin: int) -> None:
        self.summary = summary
        self.survived = summary.frequency + coin
        self.weight = summary.weight / summary.customers
        known = summary.covariates if summary.covariates is not None else ()
        seen = [np.unique(column, return_inverse=True)[1] for column in np.transpose(known)]
        code = np.unique(summary.frequency, return_inverse=True)[1]
        for column in seen:
            code = code * (int(column.max()) + 1) + column
        _, self.example, self.kind = np.unique(code, return_index=True, return_inverse=True)

    def __call__(self, working: Floats) -> tuple[float, Floats]:
        """Return the mean log-likelihood and its gradient in the working parameters."""
        data, s = self.summary, self.survived
        parameters = np.concatenate([np.exp(working[:4]), working[4:]])
        r, alpha, a, b = own_parameters(parameters, data)
        of_kind = _of_counts(*(v[self.example] for v in (r, data.frequency, a, b, s)))
        constant, by_shape, both, by_coins = of_kind[:, self.kind]
        x, late, early = data.frequency, alpha + data.tenure, alpha + data.recency
        log_late, log_alpha = np.log(late), np.log(alpha)
        gap, coins = log_late - np.log(early), np.where(s > 0, b + s - 1, np.inf)
        log_ratio = (r + x) * gap + np.log(a) - np.log(coins)
        lost = 1 / (1 + np.exp(-np.clip(log_ratio, -700, 700)))
        value = constant + r * log_alpha - (r + x) * log_late + np.logaddexp(0.0, log_ratio)
        by_r = by_shape + log_alpha - log_late + lost * gap
        by_alpha = r / alpha - (r + x) / late + lost * (r + x) * (1 / late - 1 / early)
        by_a = both + lost / a
        by_b = both + by_coins - lost / coins
        return self._mean(value, r * by_r, alpha * by_alpha, a * by_a, b * by_b)

    def _mean(self, value: Floats, *by_log: Floats) -> tuple[float, Floats]:
        """Average over customers and hand the derivatives on to the coefficients."""
        gradient = [self.weight @ part for part in by_log]
        if self.summary.covariates is not None:
            gradient.extend(-(self.weight * by_log[1]) @ self.summary.covariates)
            gradient.extend((self.weight * by_log[2]) @ self.summary.covariates)
        return float(self.weight @ value), np.array(gradient)


def _of_counts(r: Floats, x: Floats, a: Floats, b: Floats, s: Floats) -> Floats:
    """Return what gamma functions bring to the likelihood and to its derivatives, shape (4, n).

    The log-likelihood's part; its derivative by r; that by a, which b shares; what b has besides.
    """
    from scipy.special import digamma, gammaln

    constant = gammaln(r + x) - gammaln(r)
    constant += gammaln(b + s) - gammaln(a + b + s) - gammaln(b) + gammaln(a + b)
    both = digamma(a + b) - digamma(a + b + s)
    return np.stack([constant, digamma(r + x) - digamma(r), both, digamma(b + s) - digamma(b)])

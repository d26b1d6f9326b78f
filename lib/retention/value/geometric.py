r"""BG/NBD and MBG/NBD: buyers who may drop out after a purchase.

BG/NBD: Fader, Hardie and Lee (2005), "Counting your customers the easy way", Marketing Science 24.
MBG/NBD: Batislam, Denizel and Filiztekin (2007), Int. J. Research in Marketing 24; the dropout coin
is also tossed at the first purchase, so that a customer without a repeat purchase may be lost.

With s = x + k coins survived (k = 0 in BG/NBD, 1 in MBG/NBD) both have the likelihood

.. math:: \frac{B(a,b+s)}{B(a,b)}\frac{\Gamma(r+x)\alpha^r}{\Gamma(r)}\left[(\alpha+T)^{-(r+x)}
   + \frac{a}{b+s-1}(\alpha+t_x)^{-(r+x)}\,1\{s>0\}\right].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from retention.value.special import expected_geometric_purchases
from retention.value.summary import PurchaseSummary

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class GeometricDropout:
    """BG/NBD (``coin_at_start=False``) or MBG/NBD (``coin_at_start=True``).

    Examples
    --------
    >>> GeometricDropout(coin_at_start=True).name
    'MBG/NBD'
    """

    coin_at_start: bool = False
    parameter_names: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    scale_parameters: ClassVar[tuple[str, ...]] = ("alpha",)

    @property
    def name(self) -> str:
        """Name of the model in the literature."""
        return "MBG/NBD" if self.coin_at_start else "BG/NBD"

    def names(self, summary: PurchaseSummary) -> tuple[str, ...]:
        """Return the parameters' names; covariates are not part of this model."""
        return self.parameter_names

    def starts(self, summary: PurchaseSummary) -> list[Floats]:
        """Return starting points (logarithms) that match the base's purchase rate."""
        scale = summary.mean_gap
        shapes = [(0.3, 0.8, 2.5), (1.0, 0.5, 3.0), (2.0, 2.0, 10.0)]
        return [np.log([r, r * scale, a, b]) for r, a, b in shapes]

    def objective(self, summary: PurchaseSummary) -> _GeometricLikelihood:
        """Return the mean log-likelihood and gradient as a function of log parameters."""
        return _GeometricLikelihood(summary, int(self.coin_at_start))

    def expected_purchases(self, parameters: Floats, time: Floats) -> Floats:
        """Return E[X(t)] of a customer about whom nothing is known yet.

        Parameters
        ----------
        parameters
            r, alpha, a, b.
        time
            Time since the first purchase, in time units.
        """
        r, alpha, a, b = parameters
        if not self.coin_at_start:
            return expected_geometric_purchases(r, alpha, a, b, time)
        living = expected_geometric_purchases(r, alpha, a, b + 1, time)
        return np.asarray(b / (a + b) * living, dtype=np.float64)

    def probability_alive(self, parameters: Floats, summary: PurchaseSummary) -> Floats:
        """Return P(alive) for each unique row.

        In BG/NBD it is 1 by construction where there is no repeat purchase: never rank by it.
        """
        r, alpha, a, b = parameters
        x, survived = summary.frequency, summary.frequency + int(self.coin_at_start)
        tossed = survived > 0
        with np.errstate(over="ignore"):
            odds = np.exp(
                np.log(a)
                - np.log(np.where(tossed, b + survived - 1, 1.0))
                + (r + x) * np.log((alpha + summary.tenure) / (alpha + summary.recency))
            )
        return np.where(tossed, 1 / (1 + odds), 1.0)

    def expected_if_alive(
        self, parameters: Floats, summary: PurchaseSummary, horizon: float
    ) -> Floats:
        """Return the purchases expected within the horizon from a customer who is still alive."""
        r, alpha, a, b = parameters
        survived = summary.frequency + int(self.coin_at_start)
        return expected_geometric_purchases(
            r + summary.frequency, alpha + summary.tenure, a, b + survived, np.asarray(horizon)
        )

    def silence_if_alive(
        self, parameters: Floats, summary: PurchaseSummary, horizon: float
    ) -> Floats:
        """Return the probability that a living customer does not buy within the horizon."""
        r, alpha = parameters[:2]
        later = alpha + summary.tenure
        return np.asarray(
            np.exp(-(r + summary.frequency) * np.log1p(horizon / later)),
            dtype=np.float64,
        )


class _GeometricLikelihood:
    """The mean log-likelihood over unique rows, with what does not depend on them tabulated.

    Terms in x alone, in T alone and in t_x alone are evaluated once per distinct value; only the
    logarithm of the sum of the two branches is evaluated once per unique row.
    """

    def __init__(self, summary: PurchaseSummary, coin: int) -> None:
        self.total = summary.customers
        self.frequency, at = np.unique(summary.frequency, return_inverse=True)
        self.tenure, at_tenure = np.unique(summary.tenure, return_inverse=True)
        self.survived = self.frequency + coin
        self.count = np.bincount(at, summary.weight, len(self.frequency))
        self.by_tenure = np.bincount(at_tenure, summary.weight, len(self.tenure))
        self.purchases = np.bincount(
            at_tenure, summary.weight * summary.frequency, len(self.tenure)
        )
        tossed = summary.frequency + coin > 0
        self.recency, self.at_recency = np.unique(summary.recency[tossed], return_inverse=True)
        self.at, self.at_tenure = at[tossed], at_tenure[tossed]
        self.x, self.weight = summary.frequency[tossed], summary.weight[tossed]

    def __call__(self, log_parameters: Floats) -> tuple[float, Floats]:
        """Return the mean log-likelihood and its gradient in the log parameters."""
        parameters = np.exp(log_parameters)
        value, gradient = self._tables(parameters)
        branch_value, branch_gradient = self._branches(parameters)
        return (
            (value + branch_value) / self.total,
            (gradient + branch_gradient) * parameters / self.total,
        )

    def _tables(self, parameters: Floats) -> tuple[float, Floats]:
        """Return the part of the log-likelihood without the dropout branch."""
        from scipy.special import digamma, gammaln

        r, alpha, a, b = parameters
        n, x, s = self.count, self.frequency, self.survived
        log_t = np.log(alpha + self.tenure)
        value = n @ (gammaln(r + x) - gammaln(r) + r * np.log(alpha))
        value += n @ (gammaln(b + s) - gammaln(a + b + s) - gammaln(b) + gammaln(a + b))
        value -= (r * self.by_tenure + self.purchases) @ log_t
        by_r = n @ (digamma(r + x) - digamma(r) + np.log(alpha)) - self.by_tenure @ log_t
        by_alpha = n.sum() * r / alpha
        by_alpha -= (r * self.by_tenure + self.purchases) @ (1 / (alpha + self.tenure))
        by_a = n @ (digamma(a + b) - digamma(a + b + s))
        by_b = by_a + n @ (digamma(b + s) - digamma(b))
        return float(value), np.array([by_r, by_alpha, by_a, by_b])

    def _branches(self, parameters: Floats) -> tuple[float, Floats]:
        """Return what the dropout branch adds: ln(1 + ratio of the branches)."""
        r, alpha, a, b = parameters
        tossed = np.maximum(b + self.survived - 1, 1e-300)
        gap = np.log(alpha + self.tenure)[self.at_tenure]
        gap -= np.log(alpha + self.recency)[self.at_recency]
        power = r + self.x
        log_ratio = power * gap
        log_ratio += (np.log(a) - np.log(tossed))[self.at]
        softened = np.exp(-np.abs(log_ratio))
        value = self.weight @ (np.maximum(log_ratio, 0) + np.log1p(softened))
        share = np.where(log_ratio >= 0, 1.0, softened) / (1 + softened) * self.weight
        slope = (1 / (alpha + self.tenure))[self.at_tenure]
        slope -= (1 / (alpha + self.recency))[self.at_recency]
        return float(value), np.array(
            [
                share @ gap,
                (share * power) @ slope,
                share.sum() / a,
                -(share @ (1 / tossed)[self.at]),
            ]
        )

r"""What the customers may really bring: the luck of their own purchases on top of the parameters'.

The interval of `LifetimeValues.interval` says how well the data pin down the *expected* value. What
will be booked also depends on what each customer then happens to do, so plans are held against the
wider interval of this module: histories drawn from the fitted models, each draw with parameters of
its own (parametric bootstrap of the posterior predictive).

Given that a customer is alive at the as-of date, the traits are independent and conjugate:
purchase rate gamma(r + x, alpha + T); dropout per purchase beta(a, b + x), with one coin more in
MBG/NBD; dropout per time unit gamma(s, beta + T) in Pareto/NBD; spend 1/nu with
nu ~ gamma(px + q, gamma + xz). (Fader and Hardie, notes 009, 018, 025.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.errors import ParameterError
from retention.value.geometric import GeometricDropout
from retention.value.geometric_covariates import GeometricDropoutCovariates, own_parameters
from retention.value.groups import EVERYBODY
from retention.value.lifetime import ValueTerms
from retention.value.models import PurchaseFit
from retention.value.pareto import individual_rates
from retention.value.spend import SpendFit
from retention.value.summary import PurchaseSummary

Floats = NDArray[np.float64]

MOST_DRAWN = 20_000_000
"""Customers times draws at most, so that a large base costs no more than this."""

FEWEST_DRAWS = 100
"""Draws at least: the 95 % interval needs its tails."""

FUTURES = 2
"""Futures drawn for each draw of the parameters: more would leave too few draws of those."""

FUTURES_OF_MANY = 10
"""The same where there are many distinct histories: each draw of the parameters is dear, and so
much is known about them that the luck of the purchases outweighs them by far."""

MANY_ROWS = 50_000

MOST_TRIES = 50
"""Draws of the parameters that may be refused in a row."""


@dataclass(frozen=True)
class PredictedRange:
    """What the customers may bring within the horizon, in draws from the fitted models.

    Parameters
    ----------
    table
        One line for all customers (``all customers``) and one per group: ``group, customers,
        mean, predicted_low, predicted_high`` (95 %, discounted margin, money), ``purchases,
        purchases_low, purchases_high``.
    draws
        Draws behind each.
    terms
        Horizon, margin, discount rate, currency.
    """

    table: pd.DataFrame
    draws: int
    terms: ValueTerms

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def summary(self) -> str:
        """Return in words what may be booked."""
        row = self.table.iloc[0]
        return (
            f"What the {row['customers']:,} customers really bring will, if the model holds, lie "
            f"between {self.terms.currency} {row['predicted_low']:,.0f} and "
            f"{row['predicted_high']:,.0f} (95 % predictive interval, {self.draws} draws: the "
            f"luck of their purchases on top of the parameters' uncertainty), with "
            f"{row['purchases_low']:,.0f} to {row['purchases_high']:,.0f} purchases."
        )


def predicted_range(
    frame: pd.DataFrame,
    summary: PurchaseSummary,
    purchases: PurchaseFit,
    spend: SpendFit,
    terms: ValueTerms,
    *,
    groups: pd.Series[str] | None = None,
    factor: Floats | None = None,
    lesson: PurchaseSummary | None = None,
    draws: int = 400,
    seed: int = 0,
) -> PredictedRange:
    """Draw what the customers may bring within the horizon.

    Parameters
    ----------
    frame, summary, purchases, spend, terms
        As in `retention.value.lifetime_values`.
    groups
        Each customer's group, in the same order; None for the whole base alone.
    factor
        What each customer's value is multiplied by where another forecast sets the level
        (`retention.value.follow_forecast`); None for the model's own.
    lesson
        The histories that the purchase model was fitted to, where they were not all.
    draws
        Draws; fewer where the base is so large that they would cost too much, 100 at least.
    seed
        Seed of the draws.

    Raises
    ------
    ParameterError
        If fewer than 100 draws are asked for.
    """
    if draws < FEWEST_DRAWS:
        raise ParameterError(f"{draws} draws show no tails.", f"Ask for {FEWEST_DRAWS} or more.")
    draws = max(FEWEST_DRAWS, min(draws, MOST_DRAWN // max(len(frame), 1)))
    random = np.random.default_rng(seed)
    labels = pd.Series("", index=frame.index) if groups is None else groups.fillna("unassigned")
    place, names = pd.factorize(labels.astype(str), sort=True)
    times = np.ones(len(frame)) if factor is None else factor
    around = _Around(purchases, summary if lesson is None else lesson)
    futures = _futures(frame, summary, around, spend, terms, random)
    totals, counts = np.zeros((draws, len(names))), np.zeros((draws, len(names)))
    for draw, (value, bought) in zip(range(draws), futures, strict=False):
        totals[draw] = np.bincount(place, times * value, len(names))
        counts[draw] = np.bincount(place, times * bought, len(names))
    sizes = np.bincount(place, minlength=len(names))
    rows = [_row(EVERYBODY, len(frame), totals.sum(axis=1), counts.sum(axis=1))]
    if groups is not None and list(names) != [EVERYBODY]:
        rows += [_row(str(name), int(sizes[k]), totals[:, k], counts[:, k])
                 for k, name in enumerate(names)]  # fmt: skip
    return PredictedRange(pd.DataFrame(rows), draws, terms)


def _row(name: str, customers: int, totals: Floats, counts: Floats) -> dict[str, object]:
    """Return the range of one group."""
    low, high = np.quantile(totals, [0.025, 0.975])
    fewest, most = np.quantile(counts, [0.025, 0.975])
    return {
        "group": name, "customers": customers, "mean": float(totals.mean()),
        "predicted_low": float(low), "predicted_high": float(high),
        "purchases": float(counts.mean()), "purchases_low": float(fewest),
        "purchases_high": float(most),
    }  # fmt: skip


class _Around:
    """Draws of the working parameters from their asymptotic law, where the likelihood bears it out.

    Where the data hardly identify a parameter, the law around the optimum reaches far to both
    sides, and on one of them the likelihood may have fallen to nothing. So a draw is kept with the
    chance by which the likelihood there falls short of what the law supposes; with plenty of data
    nearly all are. Plateaus stay where they are. ``lesson`` is what the model was fitted to.
    """

    def __init__(self, fit: PurchaseFit, lesson: PurchaseSummary) -> None:
        self.fit, self.customers = fit, lesson.customers
        free = np.where(fit.plateau, 0.0, 1.0)
        self.covariance = fit.covariance * free[:, None] * free
        self.precision = np.linalg.pinv(self.covariance, hermitian=True)
        self.likelihood = fit.model.objective(lesson)
        self.best = self.likelihood(fit.working)[0]

    def draw(self, random: np.random.Generator) -> Floats:
        """Return one draw; the estimate itself where none of many is borne out."""
        for _ in range(MOST_TRIES):
            point = random.multivariate_normal(self.fit.working, self.covariance, method="eigh")
            if self.fit.penalty or np.log(random.random()) <= self._borne_out(point):
                return point
        return self.fit.working

    def _borne_out(self, point: Floats) -> float:
        """Return ln(likelihood over the law's density), both relative to the optimum."""
        away = point - self.fit.working
        with np.errstate(all="ignore"):
            fallen = self.customers * (self.likelihood(point)[0] - self.best)
        gap = fallen + float(away @ self.precision @ away) / 2
        return gap if np.isfinite(gap) else -np.inf


def _spend_around(spend: SpendFit, random: np.random.Generator) -> Floats:
    """Draw p, q, gamma; q stays above 1, below which an order value has no mean."""
    drawn = random.multivariate_normal(np.log(spend.parameters), spend.covariance, method="eigh")
    p, q, gamma = np.exp(drawn)
    return np.array([p, max(float(q), 1.001), gamma])


@dataclass(frozen=True)
class _Lives:
    """The laws that the customers' traits follow under one draw of the parameters.

    Parameters
    ----------
    alive
        Chance to be alive at the as-of date, by distinct history.
    rate
        Shape and rate of the purchase rate's gamma law, by distinct history.
    dropout
        Of the beta law of leaving at a purchase, by distinct history; None in Pareto/NBD.
    leaving
        Of the gamma law of leaving per time unit, by distinct history; None but in Pareto/NBD.
    spend
        Shape and rate of the gamma law of nu, by customer.
    order_shape
        Shape p of the gamma law of an order's value, whose rate is nu.
    """

    alive: Floats
    rate: tuple[Floats, Floats]
    dropout: tuple[Floats, Floats] | None
    leaving: tuple[Floats, Floats] | None
    spend: tuple[Floats, Floats]
    order_shape: float


def _futures(
    frame: pd.DataFrame, summary: PurchaseSummary, around: _Around, spend: SpendFit,
    terms: ValueTerms, random: np.random.Generator,
) -> Iterator[tuple[Floats, Floats]]:  # fmt: skip
    """Yield futures without end, some for each draw of the parameters."""
    while True:
        fit = replace(around.fit, parameters=around.fit.at(around.draw(random)))
        own = _spend_around(spend, random)
        lives = _lives(frame, summary, fit, own)
        for _ in range(FUTURES if summary.rows <= MANY_ROWS else FUTURES_OF_MANY):
            yield _one_future(lives, summary.row, fit.unit_days, terms, random)


def _one_future(
    lives: _Lives, row: NDArray[np.int64], unit_days: float, terms: ValueTerms,
    random: np.random.Generator,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return each customer's discounted margin and purchases in one drawn future.

    Most customers of a large base will not buy again: what only buyers need is drawn for them
    alone, and who is through is put aside. A customer's own chance to leave at a purchase is not
    drawn: with beta law (a, b) and k purchases survived, the next is the last with chance
    a / (a + b + k), whatever the chance itself is (Polya's urn).
    """
    value, bought = np.zeros(len(row)), np.zeros(len(row))
    place = np.flatnonzero(random.random(len(row)) < lives.alive[row])
    rate = _gamma(lives.rate, row[place], random)
    limit = np.full(len(place), terms.horizon_days / unit_days)
    if lives.leaving is not None:
        leaving = _gamma(lives.leaving, row[place], random)
        limit = np.minimum(limit, _waits(leaving, random))
    clock = _waits(rate, random)
    buys = clock <= limit
    place = place[buys]
    rate, limit, clock = _those(buys, rate, limit, clock)
    nu, last, seen = _gamma(lives.spend, place, random), np.zeros(len(place)), np.ones(len(place))
    if lives.dropout is not None:
        last = lives.dropout[0][row[place]]
        seen = last + lives.dropout[1][row[place]]
    while len(place):
        size = random.gamma(lives.order_shape, 1.0, len(place)) / nu
        value[place] += size * np.exp(-terms.daily * unit_days * clock)
        bought[place] += 1
        clock = clock + _waits(rate, random)
        goes_on = (random.random(len(place)) * seen >= last) & (clock <= limit)
        place = place[goes_on]
        rate, limit, clock, nu, last, seen = _those(goes_on, rate, limit, clock, nu, last, seen + 1)
    return terms.margin * value, bought


def _those(who: NDArray[np.bool_], *traits: Floats) -> tuple[Floats, ...]:
    """Return the traits of some."""
    return tuple(trait[who] for trait in traits)


def _gamma(
    law: tuple[Floats, Floats], who: NDArray[np.int64], random: np.random.Generator
) -> Floats:
    """Draw from the gamma laws of some."""
    return np.asarray(random.gamma(law[0][who]) / law[1][who], dtype=np.float64)


def _waits(rate: Floats, random: np.random.Generator) -> Floats:
    """Draw the time until something that comes at these rates."""
    return np.asarray(random.exponential(1.0, len(rate)) / np.maximum(rate, 1e-300))


def _lives(
    frame: pd.DataFrame, summary: PurchaseSummary, fit: PurchaseFit, spend: Floats
) -> _Lives:
    """Return the laws of rate, dropout and spend under one draw of the parameters."""
    x, t = summary.frequency, summary.tenure
    alive = fit.model.probability_alive(fit.parameters, summary)
    orders = (_own_spend(frame, spend), float(spend[0]))
    if isinstance(fit.model, GeometricDropout | GeometricDropoutCovariates):
        r, alpha, a, b = own_parameters(fit.parameters, summary)
        dropout = (a, b + x + int(fit.model.coin_at_start))
        return _Lives(alive, (r + x, alpha + t), dropout, None, *orders)
    r, alpha, s, beta = individual_rates(fit.parameters, summary)
    return _Lives(alive, (r + x, alpha + t), None, (s, beta + t), *orders)


def _own_spend(frame: pd.DataFrame, spend: Floats) -> tuple[Floats, Floats]:
    """Return shape and rate of the law of each customer's nu: an order is worth gamma(p)/nu."""
    p, q, gamma = spend
    x = frame["frequency"].to_numpy(dtype=np.float64)
    z = frame["monetary_value"].to_numpy(dtype=np.float64, na_value=np.nan)
    z = np.maximum(np.nan_to_num(z), 0.0)  # as `expected_spend` has it: returns are no loss to come
    return p * x + q, gamma + x * z

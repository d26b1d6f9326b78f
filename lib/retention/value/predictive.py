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
    rows = [_row("all customers", len(frame), totals.sum(axis=1), counts.sum(axis=1))]
    if groups is not None:
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


def _futures(
    frame: pd.DataFrame, summary: PurchaseSummary, around: _Around, spend: SpendFit,
    terms: ValueTerms, random: np.random.Generator,
) -> Iterator[tuple[Floats, Floats]]:  # fmt: skip
    """Yield futures without end, some for each draw of the parameters."""
    while True:
        fit = replace(around.fit, parameters=around.fit.at(around.draw(random)))
        own = _spend_around(spend, random)
        alive = summary.expand(fit.model.probability_alive(fit.parameters, summary))
        for _ in range(FUTURES if summary.rows <= MANY_ROWS else FUTURES_OF_MANY):
            yield _one_future(frame, summary, fit, alive, own, terms, random)


def _one_future(
    frame: pd.DataFrame, summary: PurchaseSummary, fit: PurchaseFit, alive: Floats, spend: Floats,
    terms: ValueTerms, random: np.random.Generator,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return each customer's discounted margin and purchases in one drawn future."""
    active = np.flatnonzero(random.random(len(frame)) < alive)
    rate, dropout, ends = _traits(summary, fit, active, random)
    horizon = terms.horizon_days / fit.unit_days
    nu = _own_spend(frame, spend, random)
    value, bought, clock = (np.zeros(len(frame)) for _ in range(3))
    limit = np.full(len(frame), horizon)
    limit[active] = np.minimum(horizon, ends)
    while len(active):
        clock[active] += random.exponential(1.0, len(active)) / np.maximum(rate[active], 1e-300)
        active = active[clock[active] <= limit[active]]
        size = random.gamma(spend[0], 1.0, len(active)) / nu[active]
        value[active] += size * np.exp(-terms.daily * fit.unit_days * clock[active])
        bought[active] += 1
        active = active[random.random(len(active)) >= dropout[active]]
    return terms.margin * value, bought


def _traits(
    summary: PurchaseSummary, fit: PurchaseFit, active: NDArray[np.int64],
    random: np.random.Generator,
) -> tuple[Floats, Floats, Floats]:  # fmt: skip
    """Draw rate and dropout of every customer, and when the living ones leave by themselves."""
    x, t = summary.expand(summary.frequency), summary.expand(summary.tenure)
    if isinstance(fit.model, GeometricDropout | GeometricDropoutCovariates):
        r, alpha, a, b = own_parameters(fit.parameters, summary)[:, summary.row]
        rate = random.gamma(r + x) / (alpha + t)
        coins = x + int(fit.model.coin_at_start)
        return rate, random.beta(a, b + coins), np.full(len(active), np.inf)
    r, alpha, s, beta = (summary.expand(v) for v in individual_rates(fit.parameters, summary))
    rate = random.gamma(r + x) / (alpha + t)
    leaving = random.gamma(s) / (beta + t)
    ends = random.exponential(1.0, len(active)) / np.maximum(leaving[active], 1e-300)
    return rate, np.zeros(len(x)), ends


def _own_spend(frame: pd.DataFrame, spend: Floats, random: np.random.Generator) -> Floats:
    """Draw each customer's nu: an order is worth gamma(p)/nu."""
    p, q, gamma = spend
    x = frame["frequency"].to_numpy(dtype=np.float64)
    z = frame["monetary_value"].to_numpy(dtype=np.float64, na_value=np.nan)
    z = np.maximum(np.nan_to_num(z), 0.0)  # as `expected_spend` has it: returns are no loss to come
    return np.asarray(random.gamma(p * x + q) / (gamma + x * z), dtype=np.float64)

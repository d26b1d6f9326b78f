"""Customer value against simulated truth: bias and coverage, with and without covariates, in money.

Every tolerance is three Monte-Carlo errors of the figure: of a mean error, three times the spread
of the single errors over the square root of their number; of a coverage, three binomial errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.race import is_quick
from benchmarks.record import Entry, near
from retention.value import (
    GeometricDropout,
    GeometricDropoutCovariates,
    ParetoDropout,
    PurchaseSummary,
    ValueTerms,
    compress,
    fit_purchases,
    fit_spend,
    lifetime_values,
    predicted_range,
)
from retention.value.models import PurchaseModel, expected_future
from retention.value.simulate import simulate_geometric, simulate_pareto, simulate_spend

BG, MBG, PARETO = GeometricDropout(), GeometricDropout(coin_at_start=True), ParetoDropout()
MBG_COVARIATES = GeometricDropoutCovariates(coin_at_start=True)
PARETO_COVARIATES = ParetoDropout("Pareto/NBD with covariates")
SPEND = np.array([6.0, 4.0, 15.0])
EFFECTS = np.array([0.6, -0.4])
"""Effects of a covariate on the purchase rate and on dropout (logarithms of factors)."""

BUYERS, SMALL = 3_000, 1_000
MONTE_CARLO_ERRORS = 3


def cases() -> Iterator[Entry]:
    """Yield all evidence of this area."""
    bases = 4 if is_quick() else 100
    plain: list[tuple[PurchaseModel, list[float]]] = [
        (BG, [0.6, 5.0, 0.8, 2.5]), (MBG, [0.6, 5.0, 0.8, 2.5]), (PARETO, [0.8, 8.0, 0.9, 12.0]),
    ]  # fmt: skip
    for model, truth in plain:
        yield from _recovered(model, np.array(truth), bases)
    rich: list[tuple[PurchaseModel, list[float]]] = [
        (MBG_COVARIATES, [0.6, 5.0, 0.8, 2.5]), (PARETO_COVARIATES, [0.8, 8.0, 0.9, 12.0]),
    ]  # fmt: skip
    for model, truth in rich:
        yield from _recovered(model, np.array([*truth, *EFFECTS]), bases)
    yield from _order_values(2 * bases)
    yield from _money(bases)


def _recovered(model: PurchaseModel, truth: np.ndarray, bases: int) -> Iterator[Entry]:
    """Draw many bases from a model: bias and coverage of parameters and of the forecast."""
    source = f"{bases} simulated bases of {BUYERS:,} customers"
    found = pd.DataFrame([_one_base(model, truth, seed) for seed in range(bases)])
    for name in found.columns.drop("covered"):
        label = f"ln {name}" if name in model.parameter_names else name
        yield from _bias_and_coverage(f"{model.name} recovery of {label}", found[name], source)
    yield _coverage(
        f"{model.name}: coverage of the 95 % interval of total expected purchases",
        found["covered"], source,
    )  # fmt: skip


def _one_base(model: PurchaseModel, truth: np.ndarray, seed: int) -> dict[str, float]:
    """Fit one simulated base; return errors in standard errors and whether its total is covered."""
    summary = _drawn(model, truth, seed)
    fit = fit_purchases(model, summary)
    working = np.concatenate([np.log(truth[:4]), truth[4:]])
    errors = (fit.working - working) / fit.working_errors

    def total(parameters: np.ndarray) -> float:
        return float(summary.weight @ expected_future(model, parameters, summary, 52.0))

    steps = 1e-4 * np.eye(len(truth))
    slope = np.array(
        [total(fit.at(fit.working + s)) - total(fit.at(fit.working - s)) for s in steps]
    )
    spread = np.sqrt(slope @ fit.covariance @ slope) / 2e-4
    inside = abs(total(fit.parameters) - total(truth)) < 1.96 * spread
    return dict(zip(fit.names, errors, strict=True)) | {"covered": float(inside)}


def _drawn(model: PurchaseModel, truth: np.ndarray, seed: int) -> PurchaseSummary:
    """Return the histories of one base; every other customer has the covariate."""
    tenure = np.floor(np.random.default_rng(seed).uniform(20, 90, BUYERS))
    group = np.arange(BUYERS) % 2 - 0.5 if len(truth) > 4 else np.zeros(BUYERS)
    buying, leaving = truth[4:] if len(truth) > 4 else (0.0, 0.0)
    first, alpha, third, fourth = truth[:4]
    rates = alpha * np.exp(-buying * group)
    if isinstance(model, GeometricDropout | GeometricDropoutCovariates):
        own = np.array([first, rates, third * np.exp(leaving * group), fourth], dtype=object)
        coin = model.coin_at_start
        frame = simulate_geometric(own, tenure, seed=seed, coin_at_start=coin)
    else:
        own = np.array([first, rates, third, fourth * np.exp(-leaving * group)], dtype=object)
        frame = simulate_pareto(own, tenure, seed=seed)
    covariates = ("group",) if len(truth) > 4 else ()
    return compress(frame.assign(group=group), covariates=covariates)


def _order_values(bases: int) -> Iterator[Entry]:
    """Draw order values: bias and coverage of Gamma-Gamma."""
    source = f"{bases} simulated bases of {BUYERS:,} repeat buyers"
    rows = []
    for seed in range(bases):
        purchases = 1.0 + np.random.default_rng(seed).poisson(2.0, BUYERS)
        fit = fit_spend(purchases, _means(purchases, seed).to_numpy())
        spread = np.sqrt(np.diag(fit.covariance))
        rows.append((np.log(fit.parameters) - np.log(SPEND)) / spread)
    found = pd.DataFrame(rows, columns=["p", "q", "gamma"])
    for name in found:
        yield from _bias_and_coverage(f"Gamma-Gamma recovery of ln {name}", found[name], source)


def _money(worlds: int) -> Iterator[Entry]:
    """Count how often both intervals of money hold what they speak of.

    That of the expectation: the total lifetime value by the true parameters. The predictive one:
    what is then really bought, in purchases and in money.
    """
    found = pd.DataFrame([_one_world(seed, SMALL, drawn=True) for seed in range(worlds)])
    case = "coverage of the 95 % interval of the total lifetime value"
    source = f"{worlds} simulated bases of {{:,}} customers, a year ahead, 10 % discounted"
    large = pd.DataFrame([_one_world(seed, BUYERS) for seed in range(worlds)])["expected"]
    yield _coverage(case, large, source.format(BUYERS))
    why = "; this interval rests on large samples, and a base of this size is a small one for it"
    entry = _coverage(f"{case}, small base", found["expected"], source.format(SMALL))
    yield entry if entry.ok else replace(entry, source=entry.source + why)
    for name, what in (("purchases", "purchases"), ("money", "value")):
        case = f"coverage of the 95 % predictive interval of the {what} of a year, small base"
        yield _coverage(case, found[name], source.format(SMALL))


def _one_world(seed: int, customers: int, *, drawn: bool = False) -> dict[str, float]:
    """Return whether each interval holds in one simulated base; the predictive ones if drawn."""
    tenure = np.floor(np.random.default_rng(seed).uniform(150, 700, customers))
    truth = np.array([0.8, 60.0, 0.9, 300.0])
    frame = simulate_pareto(truth, tenure, seed=seed)
    spend = simulate_spend(SPEND, frame["frequency"].to_numpy(), seed=seed)
    frame["monetary_value"] = spend["monetary_value"]
    summary, terms = compress(frame.round(0)), ValueTerms(365, 0.5, 0.1, "USD")
    fit = fit_purchases(PARETO, summary)
    orders = fit_spend(frame["frequency"].to_numpy(), frame["monetary_value"].to_numpy())
    known = replace(fit, parameters=truth), replace(orders, parameters=SPEND)
    exact = lifetime_values(frame, summary, *known, terms).total
    low, high = lifetime_values(frame, summary, fit, orders, terms).interval()
    told = {"expected": float(low <= exact <= high)}
    if not drawn:
        return told
    row = predicted_range(frame, summary, fit, orders, terms, draws=200, seed=seed).table.iloc[0]
    bought, worth = _year(frame, spend["true_mean"].to_numpy(), terms, 10_000 + seed)
    return told | {
        "purchases": float(row["purchases_low"] <= bought <= row["purchases_high"]),
        "money": float(row["predicted_low"] <= worth <= row["predicted_high"]),
    }


def _year(
    frame: pd.DataFrame, mean: np.ndarray, terms: ValueTerms, seed: int
) -> tuple[float, float]:
    """Draw what the living customers really buy in a year: purchases, and discounted margin."""
    random = np.random.default_rng(seed)
    lifetime = np.minimum(random.exponential(1 / frame["dropout"].to_numpy()), 365.0)
    bought = random.poisson(frame["rate"].to_numpy() * lifetime * frame["is_alive"].to_numpy())
    buyer = np.repeat(np.arange(len(frame)), bought)
    at = random.random(len(buyer)) * lifetime[buyer]
    size = random.gamma(SPEND[0], 1.0, len(buyer)) * mean[buyer] / SPEND[0]
    return float(bought.sum()), float(terms.margin * (size * np.exp(-terms.daily * at)).sum())


def _means(purchases: np.ndarray, seed: int) -> pd.Series:
    """Return simulated mean order values."""
    return simulate_spend(SPEND, purchases, seed=seed)["monetary_value"]


def _bias_and_coverage(case: str, errors: pd.Series, source: str) -> Iterator[Entry]:
    """Yield the mean error in standard errors and the coverage of the 95 % interval."""
    chance = float(errors.std(ddof=1) / np.sqrt(len(errors)))
    yield near(
        "value", f"{case}: mean error in standard errors", 0.0, float(errors.mean()),
        MONTE_CARLO_ERRORS * chance, len(errors),
        f"{source}; tolerance: {MONTE_CARLO_ERRORS} Monte-Carlo errors of {chance:.3f}",
    )  # fmt: skip
    inside = (errors.abs() < 1.96).astype(float)
    yield _coverage(f"{case}: coverage of the 95 % interval", inside, source)


def _coverage(case: str, inside: pd.Series | Sequence[float], source: str) -> Entry:
    """Return how often an interval held, against 95 %."""
    chance = float(np.sqrt(0.95 * 0.05 / len(inside)))
    return near(
        "value", case, 0.95, float(np.mean(inside)), MONTE_CARLO_ERRORS * chance, len(inside),
        f"{source}; tolerance: {MONTE_CARLO_ERRORS} Monte-Carlo errors of {chance:.3f}",
    )  # fmt: skip

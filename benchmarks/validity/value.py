"""Customer value: CDNOW's printed figures, and independent fits of Online Retail."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pandas as pd

from benchmarks.race import Contestant, measure
from benchmarks.record import Entry, at_least, near
from benchmarks.validity._value_independent import cdnow
from retention.value import (
    GeometricDropout,
    ParetoDropout,
    PurchaseFit,
    PurchaseSummary,
    compress,
    fit_purchases,
    fit_spend,
)
from retention.value.forecasts import rank_auc
from retention.value.models import expected_future

BG, MBG, PARETO = GeometricDropout(), GeometricDropout(coin_at_start=True), ParetoDropout()
PRINTED = {
    "BG/NBD": (BG, [0.2425945, 4.4136019, 0.7929199, 2.4258881], -9582.429, 1e-5),
    "MBG/NBD": (MBG, [0.52484, 6.1831, 0.89136, 1.61400], -9582.136, 2e-5),
    "Pareto/NBD": (PARETO, [0.55315, 10.57633, 0.60625, 11.67150], -9594.976, 5e-4),
}
PARETO_ERRORS = [0.04763, 0.84272, 0.18726, 6.21054]
NEW_CUSTOMER = {0.1429: 0.0078, 1: 0.0532, 3: 0.1506, 31.857: 1.0405, 32: 1.0437, 78: 1.858}
"""E[X(t)] of BG/NBD by weeks since the first purchase, as printed."""

TEN_MEANS = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
"""Expected order values of the first ten customers, in the order of their first purchase."""

NOT_REPEATED = {f"Pareto/NBD: {figure}" for figure in ("s", "beta", "purchases in 90 units")}
"""Figures of Pareto/NBD on Online Retail that the peer does not repeat itself: it starts at random,
and hardly anyone is seen to leave."""

WEEKS = 39


def cases() -> Iterator[Entry]:
    """Yield all evidence of this area."""
    yield from _printed()
    yield from _pareto_optimum()
    yield from _customers()
    yield from _order_values()
    yield from _held_out()
    yield from _online_retail()
    yield from _pareto_by_another()


@lru_cache(maxsize=1)
def _cdnow() -> pd.DataFrame:
    """Return CDNOW's histories, read once."""
    return cdnow()


@lru_cache(maxsize=4)
def _fitted(name: str) -> tuple[PurchaseFit, PurchaseSummary]:
    """Return a model fitted to CDNOW."""
    summary = compress(_cdnow(), unit_days=7)
    return fit_purchases(PRINTED[name][0], summary), summary


def _printed() -> Iterator[Entry]:
    """Hold parameters and log-likelihoods against the literature."""
    notes = "CDNOW 1/10 sample, 39 weeks; Fader and Hardie's notes"
    for name, (_, printed, likelihood, tolerance) in PRINTED.items():
        fit, summary = _fitted(name)
        higher = "; where the fourth digit differs, ours is the higher optimum (see below)"
        source = notes + (higher if name == "Pareto/NBD" else "")
        for parameter, expected, figure in zip(fit.names, printed, fit.parameters, strict=True):
            yield near(
                "value", f"CDNOW {name}: {parameter}", expected, float(figure),
                expected * tolerance, int(summary.customers), source,
            )  # fmt: skip
        yield near(
            "value", f"CDNOW {name}: log-likelihood", likelihood, fit.log_likelihood, 5e-4,
            int(summary.customers), source,
        )  # fmt: skip


def _pareto_optimum() -> Iterator[Entry]:
    """Hold standard errors against the literature, and tell whose optimum is the higher one."""
    fit, summary = _fitted("Pareto/NBD")
    count, source = int(summary.customers), "CDNOW 1/10 sample; published to five digits"
    for name, expected, figure in zip(fit.names, PARETO_ERRORS, fit.standard_errors, strict=True):
        case = f"CDNOW Pareto/NBD: standard error of {name}"
        yield near("value", case, expected, float(figure), 1e-3 * expected, count, source)
    likelihood = fit.model.objective(summary)
    printed = likelihood(np.log(PRINTED["Pareto/NBD"][1]))[0] * count
    yield at_least(
        "value", "CDNOW Pareto/NBD: log-likelihood above that of the published parameters", 0.0,
        fit.log_likelihood - printed, count,
        "the same likelihood at both points: where the two differ in the fourth digit, the "
        "published search had stopped short of the top",
    )  # fmt: skip


def _customers() -> Iterator[Entry]:
    """Hold what the models say of single customers against the literature."""
    fit, _ = _fitted("BG/NBD")
    source = "CDNOW 1/10 sample; Fader, Hardie and Lee (2005) and their spreadsheet"
    for weeks, expected in NEW_CUSTOMER.items():
        figure = float(fit.expected_purchases(7.0 * weeks)[0])
        case = f"CDNOW BG/NBD: E[X(t)] of a new customer at t = {weeks} weeks"
        yield near("value", case, expected, figure, 5e-4 if weeks == 78 else 5e-5, 1, source)
    one = _history(2, 30.43, 38.86)
    alive, future = fit.probability_alive(one)[0], fit.expected_future(one, WEEKS * 7)[0]
    for case, expected, figure, tolerance in (
        ("P(alive) of x = 2, t_x = 30.43, T = 38.86", 0.72661, alive, 5e-6),
        ("E[X(39)] of x = 2, t_x = 30.43, T = 38.86", 1.226, future, 5e-4),
    ):
        yield near("value", f"CDNOW BG/NBD: {case}", expected, float(figure), tolerance, 1, source)
    often, given = _history(26, 30.86, 31.0), np.array([0.5534, 10.5802, 0.6061, 11.6562])
    alive = PARETO.probability_alive(given, often)[0]
    future = expected_future(PARETO, given, often, 52.0)[0]
    for case, expected, figure, tolerance in (
        ("P(alive) of x = 26, t_x = 30.86, T = 31", 0.9979, alive, 5e-5),
        ("E[X(52)] of x = 26, t_x = 30.86, T = 31", 25.46, future, 6e-3),
    ):
        yield near(
            "value", f"Pareto/NBD at printed parameters: {case}", expected, float(figure),
            tolerance, 1, "Fader and Hardie's notes on Pareto/NBD",
        )  # fmt: skip


def _history(frequency: float, recency: float, tenure: float) -> PurchaseSummary:
    """Return one customer's history in weeks."""
    history = {"frequency": [frequency], "recency": [recency], "tenure": [tenure]}
    return compress(pd.DataFrame(history), unit_days=7)


def _order_values() -> Iterator[Entry]:
    """Hold Gamma-Gamma against the literature."""
    frame = _cdnow()
    fit = fit_spend(frame["frequency"].to_numpy(), frame["value"].to_numpy())
    source = "CDNOW 1/10 sample; Fader and Hardie, note 025"
    printed = zip(("p", "q", "gamma"), (6.25, 3.74, 15.44), fit.parameters, strict=True)
    for name, expected, figure in printed:
        case = f"CDNOW Gamma-Gamma: {name}"
        yield near("value", case, expected, float(figure), 0.005, int(fit.customers), source)
    yield near(
        "value", "CDNOW Gamma-Gamma: log-likelihood", -4055.9177, fit.log_likelihood, 1e-4,
        int(fit.customers), source,
    )  # fmt: skip
    means = fit.expected_value(frame["frequency"].to_numpy(), frame["value"].to_numpy())
    order = np.lexsort([frame.index, frame["first"].to_numpy()])[: len(TEN_MEANS)]
    for place, (expected, figure) in enumerate(zip(TEN_MEANS, means[order], strict=True), start=1):
        case = f"CDNOW Gamma-Gamma: expected order value of customer {place} of ten"
        yield near("value", case, expected, float(figure), 0.1, 1, source)


def _held_out() -> Iterator[Entry]:
    """Hold hold-out errors and ranks against what was measured before, independently."""
    frame, source = _cdnow(), "CDNOW weeks 40-78, measured independently beforehand"
    actual, count = frame["actual"].to_numpy(), len(frame)
    for name, mae, total in (("BG/NBD", 0.786, -0.121), ("Pareto/NBD", 0.755, -0.115)):
        fit, summary = _fitted(name)
        future = summary.expand(fit.expected_future(summary, WEEKS * 7))
        found = float(np.abs(future - actual).mean())
        yield near("value", f"CDNOW {name}: hold-out MAE", mae, found, 1e-3, count, source)
        error = float(future.sum() / actual.sum() - 1)
        case = f"CDNOW {name}: hold-out total against actual"
        yield near("value", case, total, error, 5e-4, count, source)
    for name, expected in (("BG/NBD", 0.316), ("MBG/NBD", 0.687), ("Pareto/NBD", 0.726)):
        fit, summary = _fitted(name)
        auc = rank_auc(summary.expand(fit.probability_alive(summary)), actual > 0)
        case = f"CDNOW {name}: AUC of P(alive), which must not rank anyone"
        yield near("value", case, expected, auc, 1e-3, count, source)
    fit, summary = _fitted("BG/NBD")
    score = summary.expand(fit.expected_future(summary, WEEKS * 7))
    case = "CDNOW BG/NBD: AUC of E[X(39)], which may"
    yield near("value", case, 0.773, rank_auc(score, actual > 0), 1e-3, count, source)


def _online_retail() -> Iterator[Entry]:
    """Fit Online Retail by our library and by lifetimes, each in its own environment."""
    module = "benchmarks.validity._value_independent"
    mine, theirs = measure(
        [
            Contestant("ours", f"{module}:ours"),
            Contestant("lifetimes", f"{module}:lifetimes", environment="main"),
        ],
        rounds=1,
    )
    source = "lifetimes 0.11.3 on the same histories; its optimiser stops a little short"
    for key, expected in theirs.answer.items():
        if key in NOT_REPEATED:
            continue
        model, figure = key.split(": ")
        tolerance = {"log-likelihood": 1e-5, "purchases in 90 units": 0.005}.get(figure, 0.01)
        yield near(
            "value", f"Online Retail {key.replace('units', 'days')}", expected, mine.answer[key],
            abs(expected) * tolerance,
            4_338 if model != "Gamma-Gamma" else int(mine.answer["Gamma-Gamma: customers"]),
            source if model != "Pareto/NBD" else f"{source}. Hardly anyone is seen to leave, so "
            "that s and beta are not identified and differ from one search to the next: CDNOW is "
            "the better test",
        )  # fmt: skip


def _pareto_by_another() -> Iterator[Entry]:
    """Fit Pareto/NBD to CDNOW, which identifies it, by our library and by lifetimes."""
    module = "benchmarks.validity._value_independent"
    data = {"data": "cdnow", "models": ["Pareto/NBD"]}
    mine, theirs = measure(
        [
            Contestant("ours", f"{module}:ours", data),
            Contestant("lifetimes", f"{module}:lifetimes", data, environment="main"),
        ],
        rounds=1,
    )
    for key, expected in theirs.answer.items():
        yield near(
            "value", f"CDNOW by another library, {key.replace('units', 'weeks')}", expected,
            mine.answer[key], abs(expected) * 1e-3, 2_357,
            "lifetimes 0.11.3 on the same histories in weeks; it starts at random and stops near "
            "the top",
        )  # fmt: skip

"""Customer value: CDNOW's printed figures, simulated truth, an independent fit."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pandas as pd

from benchmarks.race import Contestant, measure
from benchmarks.record import HERE, Entry, near
from benchmarks.validity._value_independent import DATA
from retention.value import (
    GeometricDropout,
    ParetoDropout,
    PurchaseFit,
    PurchaseSummary,
    ValueTerms,
    compress,
    fit_purchases,
    fit_spend,
    predicted_range,
)
from retention.value.forecasts import rank_auc
from retention.value.models import PurchaseModel
from retention.value.simulate import simulate_geometric, simulate_pareto, simulate_spend

BG, MBG, PARETO = GeometricDropout(), GeometricDropout(coin_at_start=True), ParetoDropout()
PRINTED = {
    "BG/NBD": (BG, [0.2425945, 4.4136019, 0.7929199, 2.4258881], -9582.429, 1e-5),
    "MBG/NBD": (MBG, [0.52484, 6.1831, 0.89136, 1.61400], -9582.136, 2e-5),
    "Pareto/NBD": (PARETO, [0.553, 10.578, 0.606, 11.669], -9594.976, 1e-3),
}
WEEKS = 39
REPETITIONS = 100
BUYERS = 3_000


def cases() -> Iterator[Entry]:
    """Yield all evidence of this area."""
    yield from _printed()
    yield from _order_values()
    yield from _held_out()
    yield from _online_retail()
    yield from _simulated()
    yield from _booked()


@lru_cache(maxsize=1)
def _cdnow() -> pd.DataFrame:
    """Return the 1/10 sample: histories at week 39 in weeks, hold-out purchases, mean value."""
    listed = HERE.parent / "tests" / "value" / "cdnow_sample_ids.txt"
    words = [w for line in listed.read_text().splitlines() if line[0] != "#" for w in line.split()]
    with gzip.open(DATA / "cdnow.txt.gz", "rt") as handle:
        raw = pd.read_csv(handle, sep=r"\s+", skiprows=1, names=["id", "day", "pieces", "value"])
    raw = raw[raw["id"].isin([int(word) for word in words])]
    days = raw.groupby(["id", "day"], as_index=False)["value"].sum()
    days["at"] = pd.to_datetime(days["day"].astype(str), format="%Y%m%d")
    days["first"] = days.groupby("id")["at"].transform("min")
    end = pd.Timestamp("1997-09-30")
    past, later = days[days["at"] <= end], days[days["at"] > end]
    found = past.groupby("id").agg(first=("first", "min"), last=("at", "max"), n=("at", "size"))
    repeats = past[past["at"] > past["first"]].groupby("id")["value"].mean()
    return pd.DataFrame(
        {
            "frequency": found["n"] - 1.0,
            "recency": (found["last"] - found["first"]).dt.days / 7,
            "tenure": (end - found["first"]).dt.days / 7,
            "value": repeats.reindex(found.index),
            "actual": later.groupby("id").size().reindex(found.index).fillna(0.0),
        }
    )


@lru_cache(maxsize=4)
def _fitted(name: str) -> tuple[PurchaseFit, PurchaseSummary]:
    """Return a model fitted to CDNOW."""
    summary = compress(_cdnow(), unit_days=7)
    return fit_purchases(PRINTED[name][0], summary), summary


def _printed() -> Iterator[Entry]:
    """Hold parameters and log-likelihoods against the literature."""
    source = "CDNOW 1/10 sample, 39 weeks; Fader and Hardie's notes"
    for name, (_, printed, likelihood, tolerance) in PRINTED.items():
        fit, summary = _fitted(name)
        for parameter, expected, figure in zip(fit.names, printed, fit.parameters, strict=True):
            yield near(
                "value", f"CDNOW {name}: {parameter}", expected, float(figure),
                expected * tolerance, int(summary.customers), source,
            )  # fmt: skip
        yield near(
            "value", f"CDNOW {name}: log-likelihood", likelihood, fit.log_likelihood, 5e-4,
            int(summary.customers), source,
        )  # fmt: skip


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
    tolerances = {"r": 0.01, "alpha": 0.01, "log_likelihood": 1e-5, "purchases_90": 0.005}
    for key, tolerance in tolerances.items():
        expected = theirs.answer[key]
        yield near(
            "value", f"Online Retail BG/NBD: {key}", expected, mine.answer[key],
            abs(expected) * tolerance, 4_338,
            "lifetimes 0.11.3 on the same histories; its optimiser stops a little short",
        )  # fmt: skip


def _simulated() -> Iterator[Entry]:
    """Draw many bases from each model: bias and coverage of parameters and of the forecast."""
    worlds: list[tuple[PurchaseModel, list[float]]] = [
        (BG, [0.6, 5.0, 0.8, 2.5]), (MBG, [0.6, 5.0, 0.8, 2.5]), (PARETO, [0.8, 8.0, 0.9, 12.0]),
    ]  # fmt: skip
    source = f"{REPETITIONS} simulated bases of {BUYERS:,} customers"
    slack = 3 * float(np.sqrt(0.95 * 0.05 / REPETITIONS))
    for model, truth in worlds:
        found = pd.DataFrame([_one_base(model, np.array(truth), s) for s in range(REPETITIONS)])
        for name in model.parameter_names:
            error = found[name]
            yield near(
                "value", f"{model.name} recovery of ln {name}: mean error in standard errors", 0.0,
                float(error.mean()), 3 / np.sqrt(REPETITIONS) + 0.1, REPETITIONS, source,
            )  # fmt: skip
            yield near(
                "value", f"{model.name} recovery of ln {name}: coverage of the 95 % interval",
                0.95, float((error.abs() < 1.96).mean()), slack, REPETITIONS, source,
            )  # fmt: skip
        yield near(
            "value", f"{model.name}: coverage of the 95 % interval of total expected purchases",
            0.95, float(found["covered"].mean()), slack, REPETITIONS, source,
        )  # fmt: skip


def _booked(worlds: int = 100) -> Iterator[Entry]:
    """Count how often what is really bought lies within the predictive interval."""
    inside = []
    for seed in range(worlds):
        tenure = np.floor(np.random.default_rng(seed).uniform(150, 700, 1_000))
        truth = np.array([0.8, 60.0, 0.9, 300.0])
        frame = simulate_pareto(truth, tenure, seed=seed)
        spend = simulate_spend(np.array([6.0, 4.0, 15.0]), frame["frequency"].to_numpy(), seed=seed)
        frame["monetary_value"] = spend["monetary_value"]
        summary = compress(frame.round(0))
        fit = fit_purchases(PARETO, summary)
        orders = fit_spend(frame["frequency"].to_numpy(), frame["monetary_value"].to_numpy())
        terms = ValueTerms(365, 1.0, 0.0, "USD")
        found = predicted_range(frame, summary, fit, orders, terms, draws=200, seed=seed).table
        random = np.random.default_rng(10_000 + seed)
        lifetime = np.minimum(random.exponential(1 / frame["dropout"]), 365)
        bought = random.poisson(frame["rate"] * lifetime * frame["is_alive"]).sum()
        inside.append(found["purchases_low"][0] <= bought <= found["purchases_high"][0])
    slack = 3 * float(np.sqrt(0.95 * 0.05 / worlds))
    yield near(
        "value", "coverage of the 95 % predictive interval of the purchases of a year", 0.95,
        float(np.mean(inside)), slack, worlds, f"{worlds} simulated bases of 1,000 customers",
    )  # fmt: skip


def _one_base(model: PurchaseModel, truth: np.ndarray, seed: int) -> dict[str, float]:
    """Fit one simulated base; return errors in standard errors and whether its total is covered."""
    from retention.value.models import expected_future

    tenure = np.floor(np.random.default_rng(seed).uniform(20, 90, BUYERS))
    if isinstance(model, GeometricDropout):
        frame = simulate_geometric(truth, tenure, seed=seed, coin_at_start=model.coin_at_start)
    else:
        frame = simulate_pareto(truth, tenure, seed=seed)
    summary = compress(frame)
    fit = fit_purchases(model, summary)
    errors = (fit.working - np.log(truth)) / fit.working_errors

    def total(parameters: np.ndarray) -> float:
        return float(summary.weight @ expected_future(model, parameters, summary, 52.0))

    steps = 1e-4 * np.eye(4)
    slope = np.array(
        [total(fit.at(fit.working + s)) - total(fit.at(fit.working - s)) for s in steps]
    )
    spread = np.sqrt(slope @ fit.covariance @ slope) / 2e-4
    inside = abs(total(fit.parameters) - total(truth)) < 1.96 * spread
    return dict(zip(fit.names, errors, strict=True)) | {"covered": float(inside)}

"""Online Retail by two implementations; the peer's part imports nothing of ours."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("RETENTION_DATA", ROOT.parent / "shared" / "data"))
DAYS = 90


def histories() -> pd.DataFrame:
    """Return frequency, recency, tenure in days and mean repeat value from the raw file."""
    raw = pd.read_csv(DATA / "online_retail.csv.gz", dtype={"InvoiceNo": str})
    sold = raw["CustomerID"].notna() & (raw["Quantity"] > 0) & (raw["UnitPrice"] > 0)
    raw = raw[sold & ~raw["InvoiceNo"].str.startswith("C")]
    day = pd.to_datetime(raw["InvoiceDate"]).dt.normalize()
    lines = pd.DataFrame(
        {"customer": raw["CustomerID"], "day": day, "value": raw["Quantity"] * raw["UnitPrice"]}
    )
    days = lines.groupby(["customer", "day"], as_index=False)["value"].sum()
    found = days.groupby("customer")["day"].agg(["min", "max", "size"])
    later = days[days["day"] > days["customer"].map(found["min"])]
    end = pd.Timestamp("2011-12-09")
    return pd.DataFrame(
        {
            "frequency": (found["size"] - 1).astype(float),
            "recency": (found["max"] - found["min"]).dt.days.astype(float),
            "tenure": (end - found["min"]).dt.days.astype(float),
            "value": later.groupby("customer")["value"].mean().reindex(found.index),
        }
    )


def ours() -> Callable[[], dict[str, float]]:
    """Fit with our library."""
    from retention.value import MODELS, compress, fit_purchases, fit_spend

    frame = histories()
    summary = compress(frame[["frequency", "recency", "tenure"]])

    def work() -> dict[str, float]:
        found: dict[str, float] = {}
        for key in ("bg_nbd", "mbg_nbd", "pareto_nbd"):
            fit = fit_purchases(MODELS[key], summary)
            future = float(summary.weight @ fit.expected_future(summary, DAYS))
            figures = dict(zip(fit.names, fit.parameters, strict=True))
            found |= _told(fit.model.name, figures, fit.log_likelihood, future)
        spend = fit_spend(frame["frequency"].to_numpy(), frame["value"].to_numpy())
        figures = dict(zip(("p", "q", "gamma"), spend.parameters, strict=True))
        return found | _told("Gamma-Gamma", figures, spend.log_likelihood) | {
            "Gamma-Gamma: customers": spend.customers
        }  # fmt: skip

    return work


def lifetimes() -> Callable[[], dict[str, float]]:
    """Fit with lifetimes."""
    import warnings

    warnings.simplefilter("ignore")
    from lifetimes import BetaGeoFitter, GammaGammaFitter, ModifiedBetaGeoFitter, ParetoNBDFitter

    frame = histories()
    columns = [frame[name] for name in ("frequency", "recency", "tenure")]
    repeat = frame[frame["frequency"] > 0]

    def work() -> dict[str, float]:
        found: dict[str, float] = {}
        for name, fitter in (
            ("BG/NBD", BetaGeoFitter()),
            ("MBG/NBD", ModifiedBetaGeoFitter()),
            ("Pareto/NBD", ParetoNBDFitter()),
        ):
            fitter.fit(*columns)
            future = fitter.conditional_expected_number_of_purchases_up_to_time(DAYS, *columns)
            values = _log_likelihood(fitter, columns)
            found |= _told(name, dict(fitter.params_), values, float(np.sum(future)))
        spend = GammaGammaFitter()
        spend.fit(repeat["frequency"], repeat["value"])
        figures = dict(zip(("p", "q", "gamma"), spend.params_[["p", "q", "v"]], strict=True))
        value = _log_likelihood(spend, [repeat["frequency"], repeat["value"]])
        return found | _told("Gamma-Gamma", figures, value)

    return work


def _log_likelihood(fitter: Any, columns: list[pd.Series]) -> float:
    """Return lifetimes' own log-likelihood at its estimates."""
    arrays = [column.to_numpy() for column in columns]
    weights = np.ones(len(arrays[0]))
    mean = fitter._negative_log_likelihood(np.log(fitter.params_), *arrays, weights, 0.0)
    return float(-mean * len(weights))


def _told(
    model: str, parameters: dict[str, float], likelihood: float, future: float | None = None
) -> dict[str, float]:
    """Return the figures of one model by their names."""
    found = {f"{model}: {name}": float(value) for name, value in parameters.items()}
    found[f"{model}: log-likelihood"] = float(likelihood)
    return found if future is None else found | {f"{model}: purchases in {DAYS} days": future}

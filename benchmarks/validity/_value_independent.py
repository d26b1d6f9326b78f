"""Online Retail and CDNOW by two implementations; the peer's part imports nothing of ours."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("RETENTION_DATA", ROOT.parent / "shared" / "data"))
AHEAD = 90
MODELS = ("BG/NBD", "MBG/NBD", "Pareto/NBD", "Gamma-Gamma")


def online_retail() -> pd.DataFrame:
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


def cdnow() -> pd.DataFrame:
    """Return the 1/10 sample: histories at week 39 in weeks, hold-out purchases, mean value."""
    listed = ROOT / "tests" / "value" / "cdnow_sample_ids.txt"
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
            "first": found["first"],
            "actual": later.groupby("id").size().reindex(found.index).fillna(0.0),
        }
    )


def _data(name: str) -> pd.DataFrame:
    """Return the histories of one of the two shops."""
    return cdnow() if name == "cdnow" else online_retail()


def ours(
    data: str = "online_retail", models: Sequence[str] = MODELS
) -> Callable[[], dict[str, float]]:
    """Fit with our library."""
    from retention.value import MODELS as FITTED
    from retention.value import compress, fit_purchases, fit_spend

    frame = _data(data)
    summary = compress(frame[["frequency", "recency", "tenure"]])

    def work() -> dict[str, float]:
        found: dict[str, float] = {}
        for key in ("bg_nbd", "mbg_nbd", "pareto_nbd"):
            if FITTED[key].name in models:
                fit = fit_purchases(FITTED[key], summary)
                future = float(summary.weight @ fit.expected_future(summary, AHEAD))
                figures = dict(zip(fit.names, fit.parameters, strict=True))
                found |= _told(fit.model.name, figures, fit.log_likelihood, future)
        if "Gamma-Gamma" in models:
            spend = fit_spend(frame["frequency"].to_numpy(), frame["value"].to_numpy())
            figures = dict(zip(("p", "q", "gamma"), spend.parameters, strict=True))
            found |= _told("Gamma-Gamma", figures, spend.log_likelihood)
            found["Gamma-Gamma: customers"] = spend.customers
        return found

    return work


def lifetimes(
    data: str = "online_retail", models: Sequence[str] = MODELS
) -> Callable[[], dict[str, float]]:
    """Fit with lifetimes."""
    import warnings

    warnings.simplefilter("ignore")
    from lifetimes import BetaGeoFitter, GammaGammaFitter, ModifiedBetaGeoFitter, ParetoNBDFitter

    frame = _data(data)
    columns = [frame[name] for name in ("frequency", "recency", "tenure")]
    repeat = frame[frame["frequency"] > 0]
    kinds = {"BG/NBD": BetaGeoFitter, "MBG/NBD": ModifiedBetaGeoFitter,
             "Pareto/NBD": ParetoNBDFitter}  # fmt: skip

    def work() -> dict[str, float]:
        found: dict[str, float] = {}
        for name in [name for name in kinds if name in models]:
            fitter = kinds[name]()
            fitter.fit(*columns)
            future = fitter.conditional_expected_number_of_purchases_up_to_time(AHEAD, *columns)
            # At unscaled times its likelihood of Pareto/NBD is not finite, so it is not compared.
            value = None if name == "Pareto/NBD" else _log_likelihood(fitter, columns)
            found |= _told(name, dict(fitter.params_), value, float(np.sum(future)))
        if "Gamma-Gamma" in models:
            spend = GammaGammaFitter()
            spend.fit(repeat["frequency"], repeat["value"])
            figures = dict(zip(("p", "q", "gamma"), spend.params_[["p", "q", "v"]], strict=True))
            value = _log_likelihood(spend, [repeat["frequency"], repeat["value"]])
            found |= _told("Gamma-Gamma", figures, value)
        return found

    return work


def _log_likelihood(fitter: Any, columns: list[pd.Series]) -> float:
    """Return lifetimes' own log-likelihood at its estimates."""
    arrays = [column.to_numpy() for column in columns]
    weights = np.ones(len(arrays[0]))
    mean = fitter._negative_log_likelihood(np.log(fitter.params_), *arrays, weights, 0.0)
    return float(-mean * len(weights))


def _told(
    model: str,
    parameters: dict[str, float],
    likelihood: float | None,
    future: float | None = None,
) -> dict[str, float]:
    """Return the figures of one model by their names."""
    figures = parameters | {"log-likelihood": likelihood, f"purchases in {AHEAD} units": future}
    return {
        f"{model}: {name}": float(value) for name, value in figures.items() if value is not None
    }

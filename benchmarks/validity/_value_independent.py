"""BG/NBD on Online Retail by two implementations; the peer's part imports nothing of ours."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("RETENTION_DATA", ROOT.parent / "shared" / "data"))


def histories() -> pd.DataFrame:
    """Return frequency, recency and tenure in days from the raw file, by pandas alone."""
    raw = pd.read_csv(DATA / "online_retail.csv.gz", dtype={"InvoiceNo": str})
    sold = raw["CustomerID"].notna() & (raw["Quantity"] > 0) & (raw["UnitPrice"] > 0)
    raw = raw[sold & ~raw["InvoiceNo"].str.startswith("C")]
    day = pd.to_datetime(raw["InvoiceDate"]).dt.normalize()
    days = pd.DataFrame({"customer": raw["CustomerID"], "day": day}).drop_duplicates()
    found = days.groupby("customer")["day"].agg(["min", "max", "size"])
    end = pd.Timestamp("2011-12-09")
    return pd.DataFrame(
        {
            "frequency": (found["size"] - 1).astype(float),
            "recency": (found["max"] - found["min"]).dt.days.astype(float),
            "tenure": (end - found["min"]).dt.days.astype(float),
        }
    )


def ours() -> Callable[[], dict[str, float]]:
    """Fit with our library."""
    from retention.value import GeometricDropout, compress, fit_purchases

    frame = histories()

    def work() -> dict[str, float]:
        fit = fit_purchases(GeometricDropout(), compress(frame))
        r, alpha, _, _ = fit.parameters
        ninety = fit.expected_future(compress(frame), 90)
        total = compress(frame).weight @ ninety
        return {"r": r, "alpha": alpha, "log_likelihood": fit.log_likelihood, "purchases_90": total}

    return work


def lifetimes() -> Callable[[], dict[str, float]]:
    """Fit with lifetimes."""
    import warnings

    warnings.simplefilter("ignore")
    from lifetimes import BetaGeoFitter

    frame = histories()

    def work() -> dict[str, float]:
        fitter = BetaGeoFitter()
        fitter.fit(frame["frequency"], frame["recency"], frame["tenure"])
        future = fitter.conditional_expected_number_of_purchases_up_to_time(
            90, frame["frequency"], frame["recency"], frame["tenure"]
        )
        columns = (frame["frequency"], frame["recency"], frame["tenure"])
        mean = fitter._negative_log_likelihood(
            np.log(fitter.params_),
            *(column.to_numpy() for column in columns),
            np.ones(len(frame)),
            0.0,
        )
        return {
            "r": float(fitter.params_["r"]),
            "alpha": float(fitter.params_["alpha"]),
            "log_likelihood": float(-mean * len(frame)),
            "purchases_90": float(future.sum()),
        }

    return work

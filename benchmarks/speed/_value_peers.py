"""BG/NBD contestants. Nothing here imports our library but the one function that races it."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

R, ALPHA_DAYS, A, B = 0.243, 4.414 * 7, 0.793, 2.426
"""CDNOW's parameters (Fader, Hardie and Lee 2005), per day."""

LONGEST_DAYS = 730

Work = Callable[[], dict[str, float]]


def histories(customers: int, unit_days: int) -> pd.DataFrame:
    """Draw histories of customers acquired over two years, in whole days or weeks."""
    random = np.random.default_rng(20260701)
    tenure = random.integers(7, LONGEST_DAYS, customers).astype(float)
    rate = random.gamma(R, 1 / ALPHA_DAYS, customers)
    dropout = random.beta(A, B, customers)
    frequency, recency, clock = (np.zeros(customers) for _ in range(3))
    active = np.arange(customers)
    while len(active):
        with np.errstate(divide="ignore"):
            clock[active] += random.exponential(1.0, len(active)) / rate[active]
        active = active[clock[active] <= tenure[active]]
        frequency[active] += 1
        recency[active] = clock[active]
        active = active[random.random(len(active)) >= dropout[active]]
    return pd.DataFrame(
        {
            "frequency": frequency,
            "recency": np.floor(recency / unit_days),
            "tenure": np.floor(tenure / unit_days),
        }
    )


def ours(customers: int, unit_days: int, together: bool = True) -> Work:
    """Fit with our library: compression to unique rows included unless told otherwise."""
    from retention.value import GeometricDropout, compress, fit_purchases

    frame = histories(customers, unit_days)
    fit_purchases(GeometricDropout(), compress(frame.head(1_000)))

    def work() -> dict[str, float]:
        if together:
            fit = fit_purchases(GeometricDropout(), compress(frame))
            return dict(zip(fit.names, fit.parameters, strict=True))
        single = compress(frame.assign(own=np.arange(len(frame))), covariates=("own",))
        fit = fit_purchases(GeometricDropout(), single)
        return dict(zip(fit.names, fit.parameters, strict=True))

    return work


def lifetimes(customers: int, unit_days: int) -> Work:
    """Fit with lifetimes' BetaGeoFitter."""
    warnings.simplefilter("ignore")
    from lifetimes import BetaGeoFitter

    frame = histories(customers, unit_days)

    def work() -> dict[str, float]:
        fitter = BetaGeoFitter()
        fitter.fit(frame["frequency"], frame["recency"], frame["tenure"])
        return {name: float(fitter.params_[name]) for name in ("r", "alpha", "a", "b")}

    return work


def pymc_marketing(customers: int, unit_days: int) -> Work:
    """Fit with pymc-marketing's BetaGeoModel by MAP, compiled beforehand on a small base."""
    warnings.simplefilter("ignore")
    from pymc_marketing.clv import BetaGeoModel

    frame = histories(customers, unit_days).rename(columns={"tenure": "T"})
    frame["customer_id"] = np.arange(len(frame))
    BetaGeoModel().fit(frame.head(1_000), method="map", progressbar=False)

    def work() -> dict[str, float]:
        model = BetaGeoModel()
        model.fit(frame, method="map", progressbar=False)
        found = model.fit_summary()
        return {name: float(found[name]) for name in ("r", "alpha", "a", "b")}

    return work

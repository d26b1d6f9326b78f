"""Purchase histories split in time: what a forecast knew, and what then happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.engine import Engine
from retention.errors import EvidenceError
from retention.features import customer_features, purchase_summary, shifted

Floats = NDArray[np.float64]

_NOT_FEATURES = frozenset({"customer_key"})


@dataclass(frozen=True)
class Holdout:
    """Everything that a test of forecasts needs, split at ``calibration_end``.

    Parameters
    ----------
    calibration
        Purchase summary as of the calibration's end, one line per customer known then.
    actual
        Purchases (in the summary's grain) of each of them in the hold-out.
    last_period
        Purchases of each of them in a period of the same length just before: the naive forecast.
    features
        Features of each of them as of the calibration's end; numbers only.
    past_features, past_actual
        The same features one period earlier, for those known then, and their purchases up to the
        calibration's end: what a regression may learn from without seeing the hold-out.
    calibration_end, end
        ISO dates; the hold-out runs from the first up to the day before the second.
    horizon_days
        Length of the hold-out in days.
    unit_days
        Grain of the purchase summary in days.
    """

    calibration: pd.DataFrame
    actual: Floats
    last_period: Floats
    features: pd.DataFrame
    past_features: pd.DataFrame
    past_actual: Floats
    calibration_end: str
    end: str
    horizon_days: int
    unit_days: int


def split_holdout(engine: Engine, end: str, horizon_days: int, unit_days: int = 1) -> Holdout:
    """Split the orders in time for a test of forecasts.

    Parameters
    ----------
    engine
        Engine with the table ``orders`` (and whatever else features are made from).
    end
        ISO date at which the hold-out ends (exclusive): the as-of date of the run.
    horizon_days
        Length of the hold-out in days; calibration and the regression's lesson end before it.
    unit_days
        Grain of the purchase summary: 1 for days, 7 for weeks.

    Raises
    ------
    EvidenceError
        If nobody had bought before the calibration's end.
    """
    middle, start = shifted(end, -horizon_days), shifted(end, -2 * horizon_days)
    later = purchase_summary(engine, end, unit_days)
    now = purchase_summary(engine, middle, unit_days)
    before = purchase_summary(engine, start, unit_days)
    if now.empty:
        raise EvidenceError(
            f"Nobody had bought before {middle}, so there is no hold-out to test on.",
            "Shorten holdout_days or bring older orders in.",
        )
    learned = _numbers(customer_features(engine, start), before) if len(before) else before
    return Holdout(
        calibration=now,
        actual=_between(now, later),
        last_period=_recent(before, now),
        features=_numbers(customer_features(engine, middle), now),
        past_features=learned,
        past_actual=_between(before, now),
        calibration_end=middle,
        end=end,
        horizon_days=horizon_days,
        unit_days=unit_days,
    )


def _between(earlier: pd.DataFrame, later: pd.DataFrame) -> Floats:
    """Return the purchases between two as-of dates of those known at the first."""
    found = later.set_index("customer_key")["frequency"].reindex(earlier["customer_key"])
    return found.to_numpy(dtype=np.float64) - earlier["frequency"].to_numpy(dtype=np.float64)


def _recent(before: pd.DataFrame, now: pd.DataFrame) -> Floats:
    """Return everybody's purchases since an earlier date, first purchases included."""
    known = before.set_index("customer_key")["frequency"].reindex(now["customer_key"])
    return now["frequency"].to_numpy(dtype=np.float64) - known.fillna(-1).to_numpy(dtype=np.float64)


def _numbers(features: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Return the numeric features of the customers of a summary, in its order."""
    numeric = features.select_dtypes(["number", "bool"]).astype(np.float64)
    numeric = numeric.drop(columns=[c for c in numeric if c in _NOT_FEATURES])
    keyed = numeric.set_index(features["customer_key"]).reindex(like["customer_key"])
    joined = keyed.reset_index(drop=True)
    for name in ("frequency", "recency", "tenure"):
        joined[name] = like[name].to_numpy(dtype=np.float64)
    return joined

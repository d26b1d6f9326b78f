"""Purchase histories split in time: what a forecast knew, and what then happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.engine import Engine
from retention.errors import EvidenceError
from retention.features import (
    customer_features,
    purchase_summary,
    sampled_customers,
    shifted,
)
from retention.value.orders import daily_purchases, with_covariates

Floats = NDArray[np.float64]

_NOT_FEATURES = frozenset({"customer_key"})


@dataclass(frozen=True)
class Lesson:
    """What forecasts may know at an as-of date, and what a regression may learn from before it.

    Parameters
    ----------
    summary
        Purchase summary, one line per customer known at the date.
    last_period
        Purchases of each of them in the period that ends there: the naive forecast of the next.
    features
        Features of each of them at the date; numbers only.
    past_features, past_actual
        The same features one period earlier, for those known then, and their purchases since.
    as_of
        ISO date.
    horizon_days
        Length of a period in days.
    unit_days
        Grain of the purchase summary in days.
    """

    summary: pd.DataFrame
    last_period: Floats
    features: pd.DataFrame
    past_features: pd.DataFrame
    past_actual: Floats
    as_of: str
    horizon_days: int
    unit_days: int


@dataclass(frozen=True)
class Holdout:
    """A lesson that ends before the as-of date, and what then happened.

    Parameters
    ----------
    lesson
        What was known when the hold-out began.
    calibration
        Purchase summary of those known then, with their static covariates.
    varied
        Names of the covariates.
    daily
        First and repeat purchases per day (`retention.value.daily_purchases`) until the end.
    actual
        Purchases (in the summary's grain) of each customer known then, in the hold-out.
    revenue
        What these purchases brought, less what was paid back within the hold-out, in money.
    end
        ISO date at which the hold-out ends (exclusive).
    share
        Share of the customers that was drawn to be looked at.
    """

    lesson: Lesson
    calibration: pd.DataFrame
    varied: tuple[str, ...]
    daily: pd.DataFrame
    actual: Floats
    revenue: Floats
    end: str
    share: float = 1.0

    @property
    def calibration_end(self) -> str:
        """ISO date at which the hold-out begins."""
        return self.lesson.as_of


def learn_from(engine: Engine, as_of: str, horizon_days: int, unit_days: int = 1) -> Lesson:
    """Return what forecasts of the next period may know.

    Parameters
    ----------
    engine
        Engine with the table ``orders`` (and whatever else features are made from).
    as_of
        ISO date; nothing from then on is looked at.
    horizon_days
        Length of a period in days.
    unit_days
        Grain of the purchase summary: 1 for days, 7 for weeks.

    Raises
    ------
    EvidenceError
        If nobody had bought before the date.
    """
    start = shifted(as_of, -horizon_days)
    now = purchase_summary(engine, as_of, unit_days)
    if now.empty:
        raise EvidenceError(
            f"Nobody had bought before {as_of}, so there is nothing to forecast from.",
            "Shorten holdout_days or bring older orders in.",
        )
    before = purchase_summary(engine, start, unit_days)
    learned = _numbers(customer_features(engine, start), before) if len(before) else before
    return Lesson(
        summary=now,
        last_period=_recent(before, now),
        features=_numbers(customer_features(engine, as_of), now),
        past_features=learned,
        past_actual=_between(before, now),
        as_of=as_of,
        horizon_days=horizon_days,
        unit_days=unit_days,
    )


def split_holdout(
    engine: Engine, end: str, horizon_days: int, unit_days: int = 1, *,
    covariates: Sequence[str] = (), most_customers: int | None = None,
) -> Holdout:  # fmt: skip
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
    covariates
        Static covariates that the purchase models may use (`retention.value.with_covariates`).
    most_customers
        Of a shop with more customers, about so many are drawn
        (`retention.features.sampled_customers`); None looks at all.

    Raises
    ------
    EvidenceError
        If nobody had bought before the hold-out began.
    """
    start = shifted(end, -horizon_days)
    with sampled_customers(engine, most_customers, is_kept=True) as share:
        lesson = learn_from(engine, start, horizon_days, unit_days)
        later = purchase_summary(engine, end, unit_days)
        known, varied = with_covariates(engine, lesson.summary, start, covariates)
        daily = daily_purchases(engine, end, start)
    actual, revenue = (told(lesson.summary, later) for told in (_between, _revenue_between))
    return Holdout(lesson, known, varied, daily, actual, revenue, end, share)


def _between(earlier: pd.DataFrame, later: pd.DataFrame) -> Floats:
    """Return the purchases between two as-of dates of those known at the first."""
    found = later.set_index("customer_key")["frequency"].reindex(earlier["customer_key"])
    return found.to_numpy(dtype=np.float64) - earlier["frequency"].to_numpy(dtype=np.float64)


def _revenue_between(earlier: pd.DataFrame, later: pd.DataFrame) -> Floats:
    """Return what those known at the first of two as-of dates spent between them."""
    before, after = (_spent(summary) for summary in (earlier, later))
    return np.asarray(after.reindex(before.index) - before, dtype=np.float64)


def _spent(summary: pd.DataFrame) -> pd.Series[float]:
    """Return the value of everybody's repeat purchases by customer."""
    total = summary["frequency"] * summary["monetary_value"].fillna(0.0)
    return total.set_axis(pd.Index(summary["customer_key"]))


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

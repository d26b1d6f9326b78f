"""Labels on a time split: what was known before a date, and what happened after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retention.engine import Engine
from retention.errors import EvidenceError, ParameterError
from retention.features import (
    customer_features,
    epoch_of,
    observed_until,
    sampled_customers,
    shifted,
)
from retention.results import percent

Array = npt.NDArray[Any]

DAY_S = 86_400

NOT_FOR_MODELS = frozenset(
    {"customer_key", "first_order_at", "top_category", "stated_reason", "stated_preference"}
)
"""Columns that identify, date or label a customer: shown, never modelled."""


@dataclass(frozen=True)
class LabelledDate:
    """The customers of one as-of date, what was known of them, and whether they came back.

    Parameters
    ----------
    as_of
        ISO date: features are from strictly before it, outcomes from it on.
    horizon_days
        A customer without a purchase in so many days from ``as_of`` has churned.
    features
        Feature table, one row per customer, sorted by ``customer_key``.
    churned
        1 where no purchase followed within the horizon.
    days_to_purchase
        Days until the first purchase (counting the day itself, so from 1), at most the horizon.
    revenue_minor
        Revenue within the horizon.
    share
        Share of the shop's customers that were drawn; the others were not looked at.
    """

    as_of: str
    horizon_days: int
    features: pd.DataFrame
    churned: Array
    days_to_purchase: Array
    revenue_minor: Array
    share: float = 1.0

    @property
    def matured_on(self) -> str:
        """First as-of date at which the outcomes are known in full."""
        return shifted(self.as_of, self.horizon_days)

    @property
    def keys(self) -> Array:
        """Keys of the customers."""
        return self.features["customer_key"].to_numpy()

    def __len__(self) -> int:
        """Return the number of customers."""
        return len(self.features)

    def rows(self, chosen: Array) -> LabelledDate:
        """Return the same date for some of the customers (boolean mask or row numbers)."""
        return LabelledDate(
            self.as_of, self.horizon_days, self.features[chosen].reset_index(drop=True)
            if chosen.dtype == bool else self.features.iloc[chosen].reset_index(drop=True),
            self.churned[chosen], self.days_to_purchase[chosen], self.revenue_minor[chosen],
            self.share,
        )  # fmt: skip

    def summary(self) -> str:
        """Say how many churned."""
        return (
            f"As of {self.as_of}, {percent(self.churned.mean())} of {len(self):,} customers "
            f"bought "
            f"nothing in the next {self.horizon_days} days."
        )


def known_customers(
    engine: Engine, as_of: str, active_within_days: int | None = None
) -> pd.DataFrame:
    """Return the feature table of those who bought within so many days before the as-of date.

    Parameters
    ----------
    engine
        Engine with the snapshot's tables.
    as_of
        ISO date.
    active_within_days
        Leave out customers whose last purchase is older; None keeps all. Long-gone customers are
        easy to predict and flatter a model without helping anybody.

    Raises
    ------
    EvidenceError
        If nobody is left.
    """
    features = customer_features(engine, as_of)
    if active_within_days is not None:
        features = features[features["recency_days"] <= active_within_days]
    if features.empty:
        raise EvidenceError(
            f"Nobody bought shortly before {as_of}.",
            "Choose a later as-of date or a wider activity window.",
        )
    return features.sort_values("customer_key", ignore_index=True)


def labelled_date(
    engine: Engine, as_of: str, horizon_days: int, active_within_days: int | None = None
) -> LabelledDate:
    """Split at a date: features from before it, churn labels from the horizon after it.

    Raises
    ------
    ParameterError
        If the horizon is not positive.
    EvidenceError
        If the data end before the horizon does, so that labels would be false.
    """
    return _labelled(engine, as_of, horizon_days, active_within_days, observed_until(engine))


def _labelled(
    engine: Engine, as_of: str, horizon_days: int, active_within_days: int | None, seen: str,
    share: float = 1.0,
) -> LabelledDate:  # fmt: skip
    """Split at a date, where orders are known until ``seen``; for the rest see `labelled_date`."""
    if horizon_days <= 0:
        raise ParameterError(
            f"A horizon of {horizon_days} days is empty.", "Give 1 or more.", column="horizon_days"
        )
    if shifted(as_of, horizon_days) > seen:
        raise EvidenceError(
            f"Orders are known until {seen}, so {horizon_days} days from {as_of} are not over.",
            f"Use an as-of date no later than {shifted(seen, -horizon_days)}.",
        )
    features = known_customers(engine, as_of, active_within_days)
    start = epoch_of(as_of)
    outcomes = engine.query("churn_outcomes", as_of_s=start,
                            until_s=start + horizon_days * DAY_S).frame()  # fmt: skip
    joined = features[["customer_key"]].merge(outcomes, how="left", on="customer_key")
    churned = joined["first_purchase_s"].isna().to_numpy()
    days = ((joined["first_purchase_s"] - start) // DAY_S + 1).fillna(horizon_days)
    return LabelledDate(as_of, horizon_days, features, churned.astype(np.int8),
                        days.to_numpy(dtype=float),
                        joined["revenue_minor"].fillna(0).to_numpy(dtype=float), share)  # fmt: skip


def rolling_dates(as_of: str, horizon_days: int, *, dates: int, step_days: int) -> list[str]:
    """Return the as-of dates of a rolling-origin backtest, oldest first.

    The latest is the last whose horizon is over at ``as_of``; the others precede it by whole
    steps. To these come the earlier dates that the oldest one needs to be trained on.

    Examples
    --------
    >>> rolling_dates("2026-07-01", 90, dates=2, step_days=90)
    ['2025-10-04', '2026-01-02', '2026-04-02']
    """
    if dates < 1 or step_days < 1:
        raise ParameterError(
            "A backtest needs at least one date and a step of a day.",
            "Give positive numbers.",
            column="dates",
        )
    before = -(-horizon_days // step_days)
    return [shifted(as_of, -horizon_days - step_days * back)
            for back in range(dates + before - 1, -1, -1)]  # fmt: skip


def labelled_dates(
    engine: Engine, dates: list[str], horizon_days: int, active_within_days: int | None = None,
    *, most_customers: int | None = None,
) -> list[LabelledDate]:  # fmt: skip
    """Return a labelled split for every date on which somebody was already a customer.

    Parameters
    ----------
    engine, horizon_days, active_within_days
        As for `labelled_date`.
    dates
        ISO dates.
    most_customers
        Of a shop with more customers, about so many are drawn, the same at every date
        (`retention.features.sampled_customers`); None looks at all.

    Raises
    ------
    EvidenceError
        If nobody was a customer on any of the dates.
    """
    first = engine.sql("SELECT min(ordered_epoch_s) AS first_s FROM orders").frame()["first_s"][0]
    seen, known = observed_until(engine), [d for d in dates if epoch_of(d) > int(first) + DAY_S]
    if not known:
        raise EvidenceError(
            f"No past date lies {horizon_days} days before the last known order ({seen}) and after "
            "the first.",
            "Wait until the shop has more history, or shorten the horizon.",
        )
    with sampled_customers(engine, most_customers, is_kept=True) as share:
        return [_labelled(engine, date, horizon_days, active_within_days, seen, share)
                for date in known]  # fmt: skip


def model_columns(features: pd.DataFrame) -> list[str]:
    """Return the columns a model may read: numbers and flags that are known of somebody.

    No keys, dates or labels.

    Protected attributes are not in the feature table at all; they audit fairness only.
    """
    return [
        column for column in features.columns
        if column not in NOT_FOR_MODELS and features[column].notna().any()
        and (pd.api.types.is_numeric_dtype(features[column])
             or pd.api.types.is_bool_dtype(features[column]))
    ]  # fmt: skip


def design(features: pd.DataFrame, columns: list[str]) -> Array:
    """Return the columns as floats, missing as NaN; a column this date lacks is missing for all."""
    return features.reindex(columns=columns).astype(float).to_numpy()


def churn_share_interval(churned: Array, z: float = 1.959964) -> tuple[float, float]:
    """Return Wilson's interval of the churned share.

    Examples
    --------
    >>> [round(x, 3) for x in churn_share_interval(np.array([1, 0, 0, 0]))]
    [0.046, 0.699]
    """
    n, share = len(churned), float(np.mean(churned))
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return float(centre - half), float(centre + half)

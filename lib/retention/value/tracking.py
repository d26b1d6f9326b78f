"""Repeat purchases of a whole cohort week by week: predicted against actual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.errors import InputError
from retention.features import epoch_of
from retention.features.dates import DAY_S
from retention.results import percent
from retention.value.models import PurchaseFit

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tracking:
    """Weekly repeat purchases, predicted and actual, of customers acquired before a date.

    Parameters
    ----------
    table
        One line per whole week: ``week`` (from 1), ``actual``, ``predicted``,
        ``actual_cumulative``, ``predicted_cumulative``, ``is_holdout``.
    model
        Name of the model.
    """

    table: pd.DataFrame
    model: str

    @property
    def holdout_error(self) -> float:
        """Predicted over actual purchases of the hold-out weeks, minus 1; NaN without any."""
        held = self.table[self.table["is_holdout"]]
        actual = float(held["actual"].sum())
        return float(held["predicted"].sum()) / actual - 1 if actual else float("nan")

    @property
    def weekly_error(self) -> float:
        """Mean absolute error of a hold-out week as a share of the mean week; NaN without any."""
        held = self.table[self.table["is_holdout"]]
        actual = float(held["actual"].sum())
        off = float((held["predicted"] - held["actual"]).abs().sum())
        return off / actual if actual else float("nan")

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def summary(self) -> str:
        """Return in words how well the model tracks the cohort."""
        weeks = int(self.table["is_holdout"].sum())
        if not weeks or self.holdout_error != self.holdout_error:
            return "There is no whole hold-out week to track."
        direction = "above" if self.holdout_error > 0 else "below"
        return (
            f"Over {weeks} held-out weeks {self.model} ended {percent(abs(self.holdout_error))} "
            f"{direction} the actual repeat purchases; a single week was off by "
            f"{percent(self.weekly_error, 0)} on average, because the model knows no seasons."
        )


def track(fit: PurchaseFit, daily: pd.DataFrame, *, calibration_end: str) -> Tracking:
    """Compare a cohort's weekly repeat purchases with what a model expected of it.

    Each customer's expectation starts at the own first purchase, so that
    the cohort's expectation is the convolution of acquisitions with E[X(t)].

    Parameters
    ----------
    fit
        A model fitted to the calibration period.
    daily
        ``day`` (days since 1970), ``first_purchases``, ``repeat_purchases``: see
        :func:`retention.value.daily_purchases`.
    calibration_end
        ISO date at which the calibration period ends (exclusive).

    Raises
    ------
    InputError
        If there is no day, or less than one week.
    """
    if daily.empty or int(daily["day"].max() - daily["day"].min()) < 7:
        raise InputError("There is less than a week to track.", "Give more history.")
    start = int(daily["day"].min())
    length = int(daily["day"].max()) - start + 1
    held_from = epoch_of(calibration_end) // DAY_S - start
    at = daily["day"].to_numpy(dtype=np.int64) - start
    first = np.bincount(at, daily["first_purchases"].to_numpy(dtype=float), length)
    again = np.bincount(at, daily["repeat_purchases"].to_numpy(dtype=float), length)
    curve = fit.expected_purchases(np.arange(length, dtype=np.float64))
    expected = np.convolve(first, curve)[:length]
    ends = np.arange(7, length + 1, 7) - 1
    predicted, actual = expected[ends], np.cumsum(again)[ends]
    table = pd.DataFrame(
        {
            "week": np.arange(1, len(ends) + 1),
            "actual": np.diff(actual, prepend=0.0),
            "predicted": np.diff(predicted, prepend=0.0),
            "actual_cumulative": actual,
            "predicted_cumulative": predicted,
            "is_holdout": ends - 6 >= held_from,
        }
    )
    return Tracking(table, fit.model.name)

"""Repeat purchases of a whole cohort week by week: predicted against actual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.errors import InputError
from retention.features import epoch_of
from retention.features.dates import DAY_S
from retention.results import of_drawn, percent
from retention.value.models import PurchaseFit
from retention.value.summary import PurchaseSummary

Floats = NDArray[np.float64]

_MONDAY = 3
"""Days from a Monday to 1970-01-01: units of time are counted from there, as in the summary."""

CLOSE = 0.1
"""Error of a forecast up to which it may be planned with as it is."""


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
    share
        Share of the customers that was drawn to be looked at.
    """

    table: pd.DataFrame
    model: str
    share: float = 1.0

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
            f"{direction} the actual repeat purchases{of_drawn(self.share)}; a single week was off "
            f"by {percent(self.weekly_error, 0)} on average. Tracking is unconditional: it begins "
            "with each customer's first purchase and uses none of the later ones, so its total may "
            "stray further than that of the forecasts above, which know each history."
        )

    def advice(self) -> str:
        """Return in words what the tracking allows to plan."""
        if self.holdout_error != self.holdout_error:
            return "Hold back at least one whole week, so that the model can be tracked."
        correction = percent(1 / (1 + self.holdout_error) - 1, signed=True)
        total = (
            "Budget a whole period with the model"
            if abs(self.holdout_error) <= CLOSE
            else f"Correct a curve of a whole period by {correction}, or shorten the period"
        )
        week = (
            "single weeks may be planned with it, too."
            if self.weekly_error <= CLOSE
            else "plan stock and staff of a single week by the same week of last year instead."
        )
        return f"{total}; {week}"


def track(
    fit: PurchaseFit, daily: pd.DataFrame, summary: PurchaseSummary, *, calibration_end: str,
    share: float = 1.0,
) -> Tracking:  # fmt: skip
    """Compare a cohort's weekly repeat purchases with what a model expected of it.

    Each customer's expectation starts at the own first purchase, so that the cohort's expectation
    is the convolution of acquisitions with E[X(t)]. With covariates each kind of customer has an
    own curve, and the curves are added up over the customers of that kind.

    Parameters
    ----------
    fit
        A model fitted to the calibration period.
    daily
        ``day`` (days since 1970), ``first_purchases``, ``repeat_purchases``: see
        :func:`retention.value.daily_purchases`.
    summary
        The histories that it was fitted to: they say which kinds of customers came when.
    calibration_end
        ISO date at which the calibration period ends (exclusive).
    share
        Share of the customers that was drawn to be looked at.

    Raises
    ------
    InputError
        If there is no day, or less than one week; or if the model has covariates that the
        histories lack.
    """
    if daily.empty or int(daily["day"].max() - daily["day"].min()) < 7:
        raise InputError("There is less than a week to track.", "Give more history.")
    start = int(daily["day"].min())
    length = int(daily["day"].max()) - start + 1
    end = epoch_of(calibration_end) // DAY_S
    at = daily["day"].to_numpy(dtype=np.int64) - start
    came = daily["first_purchases"].to_numpy(dtype=np.float64)
    first = np.bincount(at, came, length).astype(np.float64)
    again = np.bincount(at, daily["repeat_purchases"].to_numpy(dtype=float), length)
    expected = _expected(fit, first, summary, start, end)
    ends = np.arange(7, length + 1, 7) - 1
    predicted, actual = expected[ends], np.cumsum(again)[ends]
    table = pd.DataFrame(
        {
            "week": np.arange(1, len(ends) + 1),
            "actual": np.diff(actual, prepend=0.0),
            "predicted": np.diff(predicted, prepend=0.0),
            "actual_cumulative": actual,
            "predicted_cumulative": predicted,
            "is_holdout": ends - 6 >= end - start,
        }
    )
    return Tracking(table, fit.model.name, share)


def _expected(
    fit: PurchaseFit, first: Floats, summary: PurchaseSummary, start: int, end: int
) -> Floats:
    """Return the repeat purchases expected up to each day, from acquisitions per day."""
    days = np.arange(len(first), dtype=np.float64)
    if len(fit.names) == fit.positive:
        return np.convolve(first, fit.expected_purchases(days))[: len(first)]
    if summary.covariates is None:
        raise InputError(
            f"{fit.model.name} cannot be tracked without the customers' covariates.",
            "Give the histories that it was fitted to.",
        )
    kinds, kind = np.unique(summary.covariates, axis=0, return_inverse=True)
    curves = fit.expected_by_covariates(days, kinds)
    came = _acquired_by_kind(summary, kind.ravel(), len(kinds), first, start, end)
    parts = [np.convolve(of, curve)[: len(first)] for of, curve in zip(came, curves, strict=True)]
    return np.asarray(np.sum(parts, axis=0), dtype=np.float64)


def _acquired_by_kind(
    summary: PurchaseSummary, kind: NDArray[np.int64], kinds: int, first: Floats, start: int,
    end: int,
) -> Floats:  # fmt: skip
    """Return acquisitions per kind of customer and day, shape (kinds, days).

    The histories tell the unit (day or week) in which a customer came; the days of a unit share
    its mix of kinds. A unit that they do not know has the mix of the whole base.
    """
    unit_days = int(summary.unit_days)
    unit = (start + np.arange(len(first)) + _MONDAY) // unit_days - (start + _MONDAY) // unit_days
    known_to = (end + _MONDAY - 1) // unit_days - (start + _MONDAY) // unit_days
    at = known_to - np.rint(summary.tenure).astype(np.int64)
    inside = (at >= 0) & (at <= unit[-1])
    mix = np.zeros((kinds, int(unit[-1]) + 1))
    np.add.at(mix, (kind[inside], at[inside]), summary.weight[inside])
    total = mix.sum(axis=0)
    whole = np.bincount(kind, summary.weight, kinds) / summary.customers
    share = np.where(total > 0, mix / np.where(total > 0, total, 1.0), whole[:, None])
    return np.asarray(first * share[:, unit], dtype=np.float64)

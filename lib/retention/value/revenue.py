"""The hold-out in money: predicted against actual revenue, in total and by fifths of value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.errors import InputError
from retention.results import Check, Status, of_drawn, percent
from retention.value.codes import ValueCheck

Floats = NDArray[np.float64]

FIFTHS = ("most valuable fifth", "second fifth", "third fifth", "fourth fifth", "last fifth")
TOLERANCE = 0.2
"""Error of the total up to which the check passes."""

MOST_DRAWN = 20_000_000
"""Customers times resamples at most."""


@dataclass(frozen=True)
class RevenueComparison:
    """Revenue of the hold-out, predicted and actual.

    Parameters
    ----------
    table
        ``all customers`` and one line per fifth by predicted revenue: ``group``, ``customers``,
        ``predicted``, ``actual``, ``actual_ci_low``, ``actual_ci_high`` (money; 95 % interval by
        bootstrap over customers), ``error`` (predicted/actual - 1), ``error_ci_low``,
        ``error_ci_high``.
    forecast
        The forecast of purchases that the prediction rests on.
    currency
        ISO 4217 code.
    resamples
        Resamples behind the intervals.
    share
        Share of the customers that was drawn to be looked at.
    """

    table: pd.DataFrame
    forecast: str
    currency: str
    resamples: int
    share: float = 1.0

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def summary(self) -> str:
        """Return in words how the predicted revenue met the actual one."""
        row, top = self.table.iloc[0], self.table.iloc[1]
        return (
            f"{self.forecast} and the expected order values foretold {self.currency} "
            f"{row['predicted']:,.0f} of revenue in the hold-out; {self.currency} "
            f"{row['actual']:,.0f} came in ({percent(row['error'], signed=True)}, 95 % interval "
            f"{percent(row['error_ci_low'], signed=True)} to "
            f"{percent(row['error_ci_high'], signed=True)}, n = {row['customers']:,}"
            f"{of_drawn(self.share, ', a drawn ')}). For the "
            f"{top['group']} by predicted revenue the error was "
            f"{percent(top['error'], signed=True)} ({percent(top['error_ci_low'], signed=True)} to "
            f"{percent(top['error_ci_high'], signed=True)})."
        )

    def check(self) -> Check:
        """Return whether total and most valuable fifth were foretold within the tolerance."""
        worst = self.table.iloc[:2].loc[lambda rows: rows["error"].abs().fillna(np.inf).idxmax()]
        close = abs(worst["error"]) <= TOLERANCE
        high = worst["error"] > 0
        return Check(
            ValueCheck.HOLDOUT_REVENUE,
            Status.PASS if close else Status.WARN,
            self.summary(),
            ""
            if close
            else f"Read the values of {worst['group']} as too {'high' if high else 'low'} by about "
            f"that much; look for a change of prices or of what is bought.",
        )


def compare_revenue(
    predicted: Floats, actual: Floats, *, forecast: str, currency: str, resamples: int = 500,
    seed: int = 0, share: float = 1.0,
) -> RevenueComparison:  # fmt: skip
    """Compare each customer's predicted and actual revenue of the hold-out, by fifths of value.

    Parameters
    ----------
    predicted
        Expected purchases times expected order value, per customer (money).
    actual
        What each of them spent in the hold-out (money).
    forecast
        Name of the forecast of purchases.
    currency
        ISO 4217 code.
    resamples, seed
        Resamples of the customers within each fifth, and their seed.
    share
        Share of the customers that was drawn to be looked at.

    Raises
    ------
    InputError
        If the two differ in length or there are fewer customers than fifths.

    Examples
    --------
    >>> found = compare_revenue(
    ...     np.arange(10.0), np.arange(10.0), forecast="BG/NBD", currency="USD"
    ... )
    >>> found.to_frame()["error"].tolist()[0]
    0.0
    """
    if len(predicted) != len(actual) or len(actual) < len(FIFTHS):
        raise InputError(
            "Predicted and actual revenue need one value for each of five customers or more.",
            "Give both for the same customers.",
        )
    random = np.random.default_rng(seed)
    resamples = max(100, min(resamples, MOST_DRAWN // len(actual)))
    order = np.argsort(-predicted, kind="stable")
    fifths = np.array_split(order, len(FIFTHS))
    drawn = np.array([[_resampled(predicted[of], actual[of], random) for _ in range(resamples)]
                      for of in fifths])  # fmt: skip
    rows = [_row("all customers", predicted, actual, drawn.sum(axis=0))]
    for name, of, sums in zip(FIFTHS, fifths, drawn, strict=True):
        rows.append(_row(name, predicted[of], actual[of], sums))
    return RevenueComparison(pd.DataFrame(rows), forecast, currency, resamples, share)


def _resampled(
    predicted: Floats, actual: Floats, random: np.random.Generator
) -> tuple[float, float]:
    """Return predicted and actual revenue of customers drawn with replacement."""
    chosen = random.integers(0, len(actual), len(actual))
    return float(predicted[chosen].sum()), float(actual[chosen].sum())


def _row(name: str, predicted: Floats, actual: Floats, drawn: Floats) -> dict[str, object]:
    """Return one line of the comparison; ``drawn`` has shape (resamples, 2)."""
    total = float(actual.sum())
    low, high = np.quantile(drawn[:, 1], [0.025, 0.975])
    error = float(predicted.sum()) / total - 1 if total > 0 else float("nan")
    parts = drawn[drawn[:, 1] > 0]
    ends = (
        np.quantile(parts[:, 0] / parts[:, 1] - 1, [0.025, 0.975]) if len(parts) else [np.nan] * 2
    )
    return {
        "group": name, "customers": len(actual), "predicted": float(predicted.sum()),
        "actual": total, "actual_ci_low": float(low), "actual_ci_high": float(high),
        "error": error, "error_ci_low": float(ends[0]), "error_ci_high": float(ends[1]),
    }  # fmt: skip

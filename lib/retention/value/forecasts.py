"""Forecasts put to the test: purchase models against naive guesses and a regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.engine import Engine
from retention.errors import InputError
from retention.intervals import NORMAL_95
from retention.results import Check, Status, of_drawn, percent
from retention.value.codes import ValueCheck
from retention.value.holdout import Lesson, learn_from

Floats = NDArray[np.float64]

LAST_PERIOD = "Last period's purchases"
MEAN = "Mean for everyone"
BOOSTING = "Gradient boosting"

FEWEST_LESSONS = 200
"""Customers that a regression needs to learn from; with fewer it is not tried."""

MATERIAL = 0.005
"""Share of the mean squared error by which another forecast must be better to be used."""


@dataclass(frozen=True)
class ForecastComparison:
    """How well each forecast met the hold-out.

    Parameters
    ----------
    table
        One line per forecast, smallest mean squared error first: ``forecast``, ``predicted_total``,
        ``actual_total``, ``total_error`` (predicted/actual - 1), ``mae``, ``rmse``, ``spearman``
        (each with ``_ci_low`` and ``_ci_high``), ``auc`` (ranks those who bought above those who
        did not), ``excess_mse`` over the preferred forecast with its paired 95 % interval.
    preferred
        The purchase model in hand.
    used
        The forecast to use.
    reason
        Why that one.
    customers
        Customers in the hold-out.
    horizon_days
        Its length in days.
    share
        Share of the customers that was drawn to be looked at.
    """

    table: pd.DataFrame
    preferred: str
    used: str
    reason: str
    customers: int
    horizon_days: int
    share: float = 1.0

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def scores(self) -> pd.DataFrame:
        """Return the columns that a reader compares."""
        columns = [
            "forecast", "predicted_total", "actual_total", "total_error", "mae", "rmse",
            "rmse_ci_low", "rmse_ci_high", "spearman", "auc",
        ]  # fmt: skip
        return self.table[columns].copy()

    def line(self, forecast: str) -> dict[str, Any]:
        """Return the line of one forecast."""
        return dict(self.table[self.table["forecast"] == forecast].iloc[0])

    def summary(self) -> str:
        """Return in words which forecast is used and why."""
        row = self.line(self.used)
        return (
            f"Of {len(self.table)} forecasts of the {self.horizon_days} held-out days "
            f"({self.customers:,} customers{of_drawn(self.share, ', a drawn ')}) {self.used} is "
            f"used: {self.reason} It was "
            f"{percent(abs(row['total_error']))} "
            f"{'above' if row['total_error'] > 0 else 'below'} the actual total, with a rank "
            f"correlation of {row['spearman']:.2f} (95 % interval "
            f"{row['spearman_ci_low']:.2f} to {row['spearman_ci_high']:.2f})."
        )

    def checks(self, tolerance: float = 0.2) -> list[Check]:
        """Return the trust checks: the total within tolerance, and no naive guess better."""
        row = self.line(self.used)
        close = abs(row["total_error"]) <= tolerance
        naive = [name for name in (LAST_PERIOD, MEAN) if name == self.used]
        return [
            Check(
                ValueCheck.HOLDOUT_TOTAL,
                Status.PASS if close else Status.WARN,
                f"{self.used} predicted {row['predicted_total']:,.0f} purchases in the hold-out; "
                f"{row['actual_total']:,.0f} happened"
                f"{of_drawn(self.share, ' among a drawn ')} "
                f"({percent(row['total_error'], signed=True)}).",
                "" if close else "Read totals with that error in mind; look for a season or a "
                "campaign that the hold-out had and the past had not.",
            ),
            Check(
                ValueCheck.HOLDOUT_BASELINE,
                Status.WARN if naive else Status.PASS,
                self.reason,
                "Use the naive forecast for planning; do not pay for a model here."
                if naive else "",
            ),
        ]  # fmt: skip


def compare_forecasts(
    actual: Floats,
    forecasts: dict[str, Floats],
    *,
    preferred: str,
    horizon_days: int,
    share: float = 1.0,
) -> ForecastComparison:
    """Compare forecasts of each customer's purchases with what happened.

    The preferred forecast is used unless another has a mean squared error that is smaller by more
    than chance (paired 95 % interval) and by half a per cent or more: the purchase model alone
    extends to other horizons.

    Parameters
    ----------
    actual
        Purchases of each customer in the hold-out.
    forecasts
        Name of each forecast to its prediction per customer, in the same order.
    preferred
        Name of the forecast to use unless another is better.
    horizon_days
        Length of the hold-out in days.
    share
        Share of the customers that was drawn to be looked at.

    Raises
    ------
    InputError
        If a forecast differs in length or the preferred one is missing.

    Examples
    --------
    >>> actual = np.array([0.0, 1, 0, 3, 2, 0])
    >>> found = compare_forecasts(
    ...     actual,
    ...     {"model": actual + 0.1, "naive": actual * 0},
    ...     preferred="model",
    ...     horizon_days=90,
    ... )
    >>> found.used
    'model'
    """
    if preferred not in forecasts or any(len(f) != len(actual) for f in forecasts.values()):
        raise InputError(
            "A forecast is missing or has another length than the hold-out.",
            "Give one prediction per customer for every forecast.",
        )
    base = (forecasts[preferred] - actual) ** 2
    rows = [_scores(name, actual, forecast, base) for name, forecast in forecasts.items()]
    table = pd.DataFrame(rows).sort_values(["rmse", "forecast"]).reset_index(drop=True)
    used, reason = _choose(table, preferred)
    return ForecastComparison(table, preferred, used, reason, len(actual), horizon_days, share)


def baseline_forecasts(lesson: Lesson, *, seed: int, only: str | None = None) -> dict[str, Floats]:
    """Return the forecasts of the next period that a purchase model has to beat.

    The mean and the regression learn from the period before the lesson's date only.

    Parameters
    ----------
    lesson
        What may be known.
    seed
        Seed of the regression.
    only
        Name of the one forecast wanted; None makes all. A purchase model's name makes none.
    """
    known, count = lesson.past_actual, len(lesson.summary)
    forecasts: dict[str, Floats] = {}
    if only in (None, LAST_PERIOD):
        forecasts[LAST_PERIOD] = lesson.last_period
    if only in (None, MEAN):
        mean = known.mean() if len(known) else lesson.last_period.mean()
        forecasts[MEAN] = np.full(count, float(mean))
    if only in (None, BOOSTING) and len(known) >= FEWEST_LESSONS and known.sum() > 0:
        forecasts[BOOSTING] = boosted_forecast(
            lesson.past_features, known, lesson.features, seed=seed
        )
    return forecasts


def coming_baseline(
    engine: Engine, used: str, *, as_of: str, horizon_days: int, unit_days: int, seed: int
) -> dict[str, Floats]:
    """Return the forecast of the coming period that has won, if it is one of `baseline_forecasts`.

    Where a purchase model has won, nothing is looked at: there is nothing to make.

    Parameters
    ----------
    engine
        Engine with the table ``orders`` (and whatever else features are made from).
    used
        Name of the forecast that has won.
    as_of, horizon_days, unit_days
        As for `retention.value.learn_from`.
    seed
        Seed of the regression.
    """
    if used not in (LAST_PERIOD, MEAN, BOOSTING):
        return {}
    lesson = learn_from(engine, as_of, horizon_days, unit_days)
    return baseline_forecasts(lesson, seed=seed, only=used)


def boosted_forecast(
    past: pd.DataFrame, past_actual: Floats, now: pd.DataFrame, *, seed: int
) -> Floats:
    """Return the purchases that gradient boosting (Poisson loss) predicts from features.

    Parameters
    ----------
    past, past_actual
        Features one period ago and the purchases that followed.
    now
        The same features today.
    seed
        Seed of the regression.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    # A feature that said nothing a period ago (a source that began later) teaches nothing.
    columns = [name for name in past if name in now and past[name].min() < past[name].max()]
    model = HistGradientBoostingRegressor(
        loss="poisson", learning_rate=0.05, max_iter=150, max_leaf_nodes=15,
        min_samples_leaf=40, l2_regularization=1.0, early_stopping=False, random_state=seed,
    )  # fmt: skip
    model.fit(past[columns].to_numpy(), past_actual)
    return np.asarray(model.predict(now[columns].to_numpy()), dtype=np.float64)


def _scores(name: str, actual: Floats, forecast: Floats, base: Floats) -> dict[str, float | str]:
    """Return one line of the comparison."""
    root = NORMAL_95 / np.sqrt(len(actual))
    error = forecast - actual
    square, off = error**2, np.abs(error)
    rmse = float(np.sqrt(square.mean()))
    rmse_reach = root * float(square.std()) / (2 * rmse) if rmse else 0.0
    excess = square - base
    total = float(actual.sum())
    return {
        "forecast": name,
        "predicted_total": float(forecast.sum()),
        "actual_total": total,
        "total_error": float(forecast.sum()) / total - 1 if total else float("nan"),
        **_with_interval("mae", float(off.mean()), root * float(off.std())),
        **_with_interval("rmse", rmse, rmse_reach),
        **_rank_correlation(forecast, actual),
        "auc": rank_auc(forecast, actual > 0),
        **_with_interval("excess_mse", float(excess.mean()), root * float(excess.std())),
    }


def _with_interval(name: str, value: float, reach: float) -> dict[str, float]:
    """Return a figure with its 95 % interval as three columns."""
    return {name: value, f"{name}_ci_low": value - reach, f"{name}_ci_high": value + reach}


def _rank_correlation(forecast: Floats, actual: Floats) -> dict[str, float]:
    """Return Spearman's correlation with its 95 % interval (Bonett and Wright 2000)."""
    from scipy.stats import spearmanr

    varied = np.ptp(forecast) > 0 and np.ptp(actual) > 0
    rho = float(spearmanr(forecast, actual).statistic) if varied else 0.0
    reach = NORMAL_95 * np.sqrt((1 + rho**2 / 2) / max(len(actual) - 3, 1))
    middle = np.arctanh(min(rho, 0.999999))
    return {
        "spearman": rho,
        "spearman_ci_low": float(np.tanh(middle - reach)),
        "spearman_ci_high": float(np.tanh(middle + reach)),
    }


def rank_auc(score: Floats, positive: NDArray[np.bool_]) -> float:
    """Return the chance that a buyer outranks a non-buyer; ties count half, NaN if one kind lacks.

    Examples
    --------
    >>> rank_auc(np.array([0.1, 0.9, 0.5]), np.array([False, True, False]))
    1.0
    """
    from scipy.stats import rankdata

    yes = int(positive.sum())
    no = len(positive) - yes
    if not yes or not no:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[positive].sum() - yes * (yes + 1) / 2) / (yes * no))


def _choose(table: pd.DataFrame, preferred: str) -> tuple[str, str]:
    """Return the forecast to use and the reason."""
    least = -MATERIAL * float(table.loc[table["forecast"] == preferred, "rmse"].iloc[0]) ** 2
    better = table[(table["excess_mse_ci_high"] < 0) & (table["excess_mse"] < least)]
    if better.empty:
        others = table[table["forecast"] != preferred]
        if others.empty:
            return preferred, "there is nothing to compare it with."
        rival = others.iloc[0]
        part = rival["excess_mse"] * MATERIAL / -least if least else 0.0
        return preferred, (
            f"no other forecast beats it both by more than chance and by {percent(MATERIAL)} of "
            f"the mean squared error (the nearest, {rival['forecast']}, differs by "
            f"{percent(part, signed=True)}: {rival['excess_mse']:+.4f}, 95 % interval "
            f"{rival['excess_mse_ci_low']:+.4f} to {rival['excess_mse_ci_high']:+.4f})."
        )
    best = better.iloc[0]
    return str(best["forecast"]), (
        f"its mean squared error is smaller than that of {preferred} by {-best['excess_mse']:.4f} "
        f"(95 % interval {-best['excess_mse_ci_high']:.4f} to {-best['excess_mse_ci_low']:.4f})."
    )

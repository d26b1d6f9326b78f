"""Candidates that model the time to the next purchase, and read churn off its curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import pandas as pd

from retention.churn.attribution import tree_effects
from retention.churn.backtest import Backtest
from retention.churn.calibration import Recalibration
from retention.churn.candidates import Fitted, Standardiser, pooled
from retention.churn.panel import Array, LabelledDate, design, model_columns
from retention.churn.thinning import thinned
from retention.churn.trees import Trees
from retention.survival import (
    brier_scores,
    concordance,
    fit_accelerated,
    fit_cox,
)
from retention.value import PurchaseFit, compress, fit_purchases
from retention.value.geometric import GeometricDropout


class FittedTimes(Fitted, Protocol):
    """A fitted candidate that also knows when."""

    def still_silent(self, features: pd.DataFrame, days: Sequence[float]) -> Array:
        """Return P(no purchase within so many days): rows x days."""
        ...


@dataclass(frozen=True)
class SilenceModel:
    """P(X(H) = 0) of a buy-till-you-die model, its level corrected on matured outcomes.

    MBG/NBD, not BG/NBD: the latter holds that whoever bought once only is surely alive.
    """

    name: str = "purchase_model"
    complexity: int = 1

    def fit(self, dates: Sequence[LabelledDate], *, seed: int) -> Fitted:
        """Fit to the histories of the latest date, then correct on the outcomes of all."""
        pooled(dates)
        fit = fit_purchases(GeometricDropout(coin_at_start=True), histories_of(dates[-1].features))
        raw = FittedSilence(fit, dates[-1].horizon_days, Recalibration(0.0, 1.0))
        said = np.concatenate([raw.probability(date.features) for date in dates])
        happened = np.concatenate([date.churned for date in dates])
        return FittedSilence(fit, dates[-1].horizon_days, Recalibration.of(happened, said))


@dataclass(frozen=True)
class FittedSilence:
    """A fitted purchase model with its correction."""

    fit: PurchaseFit
    horizon_days: int
    recalibration: Recalibration

    def probability(self, features: pd.DataFrame) -> Array:
        """Return the corrected probability of no purchase within the horizon."""
        return self.still_silent(features, [self.horizon_days])[:, 0]

    def still_silent(self, features: pd.DataFrame, days: Sequence[float]) -> Array:
        """Return the corrected probability of no purchase within so many days."""
        histories = histories_of(features)
        raw = [histories.expand(self.fit.probability_of_none(histories, d)) for d in days]
        return self.recalibration.apply(np.column_stack(raw))


def histories_of(features: pd.DataFrame) -> Any:
    """Return the purchase histories that the feature table holds.

    A table in which one feature was set to a typical value (for reasons) can hold a last purchase
    before the first; it then counts as one purchase time.
    """
    tenure = features["tenure_days"].astype(float)
    span = (tenure - features["recency_days"].astype(float)).clip(lower=0.0)
    frequency = features["repeat_order_count"].astype(float).where(span > 0, 0.0)
    return compress(
        pd.DataFrame({"frequency": frequency, "recency": span.where(frequency > 0, 0.0),
                      "tenure": tenure}), unit_days=1)  # fmt: skip


@dataclass(frozen=True)
class CoxCandidate:
    """Cox regression of the time to the next purchase."""

    penalizer: float = 1e-3
    most_customers: int = 100_000
    name: str = "cox_regression"
    complexity: int = 3

    def fit(self, dates: Sequence[LabelledDate], *, seed: int) -> Fitted:
        """Fit with a light ridge penalty, which settles collinear features."""
        chosen = thinned(dates, self.most_customers)
        rows, scaler, columns = _time_rows(chosen)
        model = fit_cox(rows, columns, penalizer=self.penalizer)
        base = model.fitter.baseline_cumulative_hazard_.iloc[:, 0]
        centre = -float(model.fitter.predict_log_partial_hazard(rows[columns].iloc[:1] * 0).iloc[0])
        steps = np.concatenate([[0.0], base.to_numpy()]), base.index.to_numpy(dtype=float)
        return FittedCox(scaler, model.coefficients["coefficient"].to_numpy(), centre, *steps,
                         dates[-1].horizon_days)  # fmt: skip


@dataclass(frozen=True)
class FittedCox:
    """Coefficients and baseline of a fitted Cox regression."""

    scaler: Standardiser
    coefficients: Array
    centre: float
    hazard: Array
    times: Array
    horizon_days: int

    def probability(self, features: pd.DataFrame) -> Array:
        """Return the probability of no purchase within the horizon."""
        return self.still_silent(features, [self.horizon_days])[:, 0]

    def still_silent(self, features: pd.DataFrame, days: Sequence[float]) -> Array:
        """Return exp(-H0(t) exp(x'b))."""
        risk = np.exp(self.scaler.transform(features) @ self.coefficients - self.centre)
        at = self.hazard[np.searchsorted(self.times, np.asarray(days), side="right")]
        return np.exp(-np.outer(risk, at))

    def effects(self, features: pd.DataFrame, typical: pd.DataFrame) -> pd.DataFrame:
        """Return what each feature takes off the log hazard of a purchase."""
        return self.scaler.effects(-self.coefficients, features, typical)


@dataclass(frozen=True)
class AcceleratedCandidate:
    """Accelerated failure time model (Weibull) of the time to the next purchase."""

    penalizer: float = 1e-3
    most_customers: int = 20_000
    name: str = "weibull_times"
    complexity: int = 3

    def fit(self, dates: Sequence[LabelledDate], *, seed: int) -> Fitted:
        """Fit by maximum likelihood on at most so many customers."""
        rows, scaler, columns = _time_rows(thinned(dates, self.most_customers))
        model = fit_accelerated(rows, columns, penalizer=self.penalizer)
        table = model.coefficients["coefficient"].to_numpy()
        return FittedWeibull(scaler, table[1:], float(table[0]), model.scale,
                             dates[-1].horizon_days)  # fmt: skip


@dataclass(frozen=True)
class FittedWeibull:
    """Coefficients of a fitted Weibull model of log time."""

    scaler: Standardiser
    coefficients: Array
    intercept: float
    scale: float
    horizon_days: int

    def probability(self, features: pd.DataFrame) -> Array:
        """Return the probability of no purchase within the horizon."""
        return self.still_silent(features, [self.horizon_days])[:, 0]

    def still_silent(self, features: pd.DataFrame, days: Sequence[float]) -> Array:
        """Return exp(-(t/exp(mu))^(1/scale))."""
        location = self.intercept + self.scaler.transform(features) @ self.coefficients
        log_time = np.log(np.maximum(np.asarray(days, dtype=float), 1e-9))
        return np.exp(-np.exp((log_time - location[:, None]) / self.scale))

    def effects(self, features: pd.DataFrame, typical: pd.DataFrame) -> pd.DataFrame:
        """Return what each feature takes off the log hazard of a purchase."""
        return self.scaler.effects(self.coefficients / self.scale, features, typical)


def _time_rows(
    dates: Sequence[LabelledDate],
) -> tuple[pd.DataFrame, Standardiser, list[str]]:
    """Return standardised rows with the time to the next purchase, cut at the horizon."""
    features, churned = pooled(dates)
    scaler = Standardiser.of(features, model_columns(features))
    rows = pd.DataFrame(scaler.transform(features), columns=scaler.names)
    varying = [c for c in scaler.names if rows[c].std() > 1e-9]
    if len(varying) < len(scaler.names):
        scaler = scaler.only(varying)
        rows = rows[varying]
    times = np.concatenate([date.days_to_purchase for date in dates])
    return rows.assign(duration=times, event=1 - churned), scaler, varying


@dataclass(frozen=True)
class HazardModel:
    """Gradient-boosted hazard of a purchase in each slice of the horizon (discrete time)."""

    slices: int = 3
    iterations: int = 80
    learning_rate: float = 0.1
    leaves: int = 15
    bins: int = 63
    most_customers: int = 100_000
    name: str = "boosted_hazard"
    complexity: int = 6

    def fit(self, dates: Sequence[LabelledDate], *, seed: int) -> Fitted:
        """Fit to customer-slices at risk: one row for each slice begun without a purchase."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        chosen = thinned(dates, self.most_customers)
        features, churned = pooled(chosen)
        columns = model_columns(features)
        x = design(features, columns)
        times = np.concatenate([date.days_to_purchase for date in chosen])
        cuts = np.linspace(0, dates[-1].horizon_days, self.slices + 1)
        rows, bought = [], []
        for low, high in pairwise(cuts):
            there = times > low
            rows.append(np.column_stack([x[there], np.full(there.sum(), high)]))
            bought.append(((times <= high) & (churned == 0))[there])
        model = HistGradientBoostingClassifier(
            max_iter=self.iterations, learning_rate=self.learning_rate,
            max_leaf_nodes=self.leaves, min_samples_leaf=40, l2_regularization=1.0,
            max_bins=self.bins, early_stopping=False, random_state=seed)  # fmt: skip
        model.fit(np.vstack(rows), np.concatenate(bought))
        return FittedHazard(columns, cuts, Trees.of(model))


@dataclass(frozen=True)
class FittedHazard:
    """Fitted trees of the purchase hazard by slice."""

    columns: list[str]
    cuts: Array
    model: Trees

    def probability(self, features: pd.DataFrame) -> Array:
        """Return the probability of no purchase in any slice."""
        return np.exp(self._log_silent(features)[:, -1])

    def still_silent(self, features: pd.DataFrame, days: Sequence[float]) -> Array:
        """Return the probability of silence, the log of it linear within a slice."""
        log = np.column_stack([np.zeros(len(features)), self._log_silent(features)])
        at = np.clip(np.asarray(days, dtype=float), 0, self.cuts[-1])
        after = np.clip(np.searchsorted(self.cuts, at, side="left"), 1, len(self.cuts) - 1)
        part = (at - self.cuts[after - 1]) / (self.cuts[after] - self.cuts[after - 1])
        return np.exp(log[:, after - 1] * (1 - part) + log[:, after] * part)

    def effects(self, features: pd.DataFrame, typical: pd.DataFrame) -> pd.DataFrame:
        """Return what each feature takes off the log-odds of a purchase, mean over the slices."""
        usual = design(typical, self.columns)[0]
        rows = design(features, self.columns)
        added = tree_effects(self.model, rows, usual, slices=self.cuts[1:])
        return pd.DataFrame(-added, columns=self.columns)

    def _log_silent(self, features: pd.DataFrame) -> Array:
        """Return the running sum of log(1 - hazard) at the end of each slice."""
        x = design(features, self.columns)
        hazard = [self.model.probability(np.column_stack([x, np.full(len(x), high)]))
                  for high in self.cuts[1:]]  # fmt: skip
        return np.cumsum(np.log1p(-np.clip(np.column_stack(hazard), 0, 1 - 1e-9)), axis=1)


def score_times(result: Backtest, dates: Sequence[LabelledDate]) -> pd.DataFrame:
    """Score the candidates that know when, on the latest test date of a backtest.

    Returns
    -------
    pandas.DataFrame
        Columns ``candidate``, ``concordance``, ``integrated_brier``; the best Brier score first.
    """
    test = max(dates, key=lambda date: date.as_of)
    told = FittedSilence | FittedCox | FittedWeibull | FittedHazard
    rows = [
        {"candidate": name, **time_scores(fitted, test)}
        for name, fitted in result.fitted.items()
        if isinstance(fitted, told)
    ]
    frame = pd.DataFrame(rows, columns=["candidate", "concordance", "integrated_brier"])
    return frame.sort_values("integrated_brier", kind="stable", ignore_index=True)


def time_scores(fitted: FittedTimes, test: LabelledDate, *, points: int = 6) -> dict[str, float]:
    """Score predicted times: IPCW concordance and integrated Brier score on a test date.

    Parameters
    ----------
    fitted
        A candidate that knows when.
    test
        A date it was not trained on.
    points
        Number of evenly spaced days within the horizon at which the curves are scored.
    """
    end = test.horizon_days
    days = np.linspace(end / points, end * (1 - 1e-9), points)
    silent = fitted.still_silent(test.features, list(days))
    bought = 1 - test.churned
    scored = brier_scores(silent, test.days_to_purchase, bought, list(days))
    return {"concordance": concordance(1 - silent[:, -1], test.days_to_purchase, bought),
            "integrated_brier": scored.integrated}  # fmt: skip

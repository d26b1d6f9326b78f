"""The gift shop's churn backtest: our chosen model against three rivals under the same splits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record import Entry, at_least, at_most
from benchmarks.validity._value_independent import DATA
from retention.churn import (
    LabelledDate,
    Recalibration,
    backtest,
    candidates_named,
    labelled_dates,
    leak_check,
    rolling_dates,
)
from retention.churn.backtest import Backtest, clustered_error
from retention.churn.metrics import log_losses
from retention.churn.panel import Array, design, model_columns
from retention.churn.survival_candidates import histories_of
from retention.engine import Engine
from retention.results import Status
from retention.value import GeometricDropout, PurchaseFit, fit_purchases

OURS = ["purchase_model", "logistic_regression", "cox_regression", "gradient_boosting",
        "boosted_hazard"]  # fmt: skip
HORIZON_DAYS, STEP_DAYS, TEST_DATES, SEED = 90, 30, 4, 20260701
SOURCE = "Online Retail, 90 days ahead, 4 dates a month apart, features strictly before"


@dataclass(frozen=True)
class Probability:
    """A fitted rival: a function from features to churn probabilities."""

    of: Any

    def probability(self, features: pd.DataFrame) -> Array:
        """Return the churn probability of each row."""
        return self.of(features)


@dataclass(frozen=True)
class ExpectedPurchases:
    """BG/NBD's expected purchases, turned into a probability by one line on earlier outcomes."""

    name: str = "BG/NBD's expected purchases"
    complexity: int = 9

    def fit(self, dates: Sequence[LabelledDate], *, seed: int) -> Probability:
        """Fit BG/NBD to the latest date's histories, and the line to the outcomes of all dates."""
        fit = fit_purchases(GeometricDropout(), histories_of(dates[-1].features))
        said = np.concatenate([_none_expected(fit, date.features) for date in dates])
        line = Recalibration.of(np.concatenate([date.churned for date in dates]), said)
        return Probability(lambda features: line.apply(_none_expected(fit, features)))


def _none_expected(fit: PurchaseFit, features: pd.DataFrame) -> Array:
    """Return exp(-E[X]), the chance of no purchase if purchases came at random."""
    histories = histories_of(features)
    return np.exp(-histories.expand(fit.expected_future(histories, HORIZON_DAYS)))


@dataclass(frozen=True)
class LifelinesCox:
    """lifelines' Cox regression on standardised features, as its guide shows it."""

    name: str = "lifelines' Cox"
    complexity: int = 9

    def fit(self, dates: Sequence[LabelledDate], *, seed: int) -> Probability:
        """Fit on all training dates with a light penalty; missing values take the median."""
        from lifelines import CoxPHFitter

        features = pd.concat([date.features for date in dates], ignore_index=True)
        columns = [c for c in model_columns(features) if features[c].min() < features[c].max()]
        middle = features[columns].astype(float).median()
        filled = features[columns].astype(float).fillna(middle)
        mean, spread = filled.mean(), filled.std()
        rows = (filled - mean) / spread
        rows["duration"] = np.concatenate([date.days_to_purchase for date in dates])
        rows["event"] = np.concatenate([1 - date.churned for date in dates])
        fitter = CoxPHFitter(penalizer=0.1).fit(rows, "duration", "event")

        def probability(frame: pd.DataFrame) -> Array:
            x = (frame[columns].astype(float).fillna(middle) - mean) / spread
            return fitter.predict_survival_function(x, times=[HORIZON_DAYS]).to_numpy()[0]

        return Probability(probability)


@dataclass(frozen=True)
class PlainBoosting:
    """Gradient boosting with scikit-learn's defaults."""

    name: str = "plain gradient boosting"
    complexity: int = 9

    def fit(self, dates: Sequence[LabelledDate], *, seed: int) -> Probability:
        """Fit on all training dates."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        features = pd.concat([date.features for date in dates], ignore_index=True)
        columns = model_columns(features)
        model = HistGradientBoostingClassifier(random_state=seed)
        model.fit(design(features, columns), np.concatenate([date.churned for date in dates]))
        return Probability(lambda frame: model.predict_proba(design(frame, columns))[:, 1])


def cases() -> Iterator[Entry]:
    """Yield the log loss that our chosen model saves against every rival, and the leak guard."""
    if not (DATA / "online_retail.csv.gz").is_file():
        return
    origins = rolling_dates("2011-12-09", HORIZON_DAYS, dates=TEST_DATES, step_days=STEP_DAYS)
    dates = labelled_dates(_shop(), origins, HORIZON_DAYS, 365)
    chosen = backtest(dates, candidates_named(OURS), test_dates=TEST_DATES, seed=SEED)
    rivals = [ExpectedPurchases(), LifelinesCox(), PlainBoosting()]
    theirs = backtest(dates, rivals, test_dates=TEST_DATES, seed=SEED)
    for rival in rivals:
        yield _saved(chosen, theirs, rival.name)
    auc = chosen.scores()["auc"]
    yield at_least("churn", "Online Retail: AUC of the chosen model", 0.69, auc,
                   len(chosen.predictions), f"{SOURCE}; {chosen.summary()}")  # fmt: skip
    leaks = float(leak_check(dates, chosen).status is Status.FAIL)
    yield at_most("churn", "Online Retail: leaks found", 0.0, leaks, len(dates), SOURCE)


def _saved(chosen: Backtest, theirs: Backtest, rival: str) -> Entry:
    """Return how much log loss the chosen model saves against one rival, customer by customer."""
    churned = chosen.predictions["churned"].to_numpy()
    mine = log_losses(churned, chosen.predictions[chosen.chosen].to_numpy())
    other = log_losses(churned, theirs.predictions[rival].to_numpy())
    error = clustered_error(other - mine, chosen.predictions["customer_key"].to_numpy())
    return at_least(
        "churn", f"Online Retail: log loss saved against {rival}", 0.0,
        float((other - mine).mean()), len(churned),
        f"{SOURCE}; {chosen.chosen.replace('_', ' ')} {mine.mean():.4f}, {rival} "
        f"{other.mean():.4f}, standard error of the difference {error:.4f}",
    )  # fmt: skip


def _shop() -> Engine:
    """Return the sales of identified customers as orders, from the raw file."""
    lines = pd.read_csv(DATA / "online_retail.csv.gz", dtype={"InvoiceNo": str})
    kept = lines[lines["CustomerID"].notna() & ~lines["InvoiceNo"].str.startswith("C")
                 & (lines["Quantity"] > 0) & (lines["UnitPrice"] > 0)]  # fmt: skip
    kept = kept.assign(pence=(kept["Quantity"] * kept["UnitPrice"] * 100).round(),
                       at=pd.to_datetime(kept["InvoiceDate"]))  # fmt: skip
    orders = kept.groupby("InvoiceNo", sort=True).agg(
        customer=("CustomerID", "first"), at=("at", "min"), gross=("pence", "sum")
    )
    empty = pd.array([None] * len(orders), dtype="boolean")
    engine = Engine(threads=1)
    engine.register("orders", pd.DataFrame({
        "order_key": orders.index, "shop_id": "uk", "currency": "GBP", "status": "paid",
        "customer_key": orders["customer"].astype(int).astype(str), "ordered_at": orders["at"],
        "ordered_epoch_s": orders["at"].astype("datetime64[s]").astype("int64"),
        "gross_minor": orders["gross"].astype("int64"), "discount_minor": 0, "refunded_minor": 0,
        "is_gift": empty, "delivered_late": empty,
    }))  # fmt: skip
    return engine

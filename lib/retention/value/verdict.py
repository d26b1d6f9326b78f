"""The report's verdict: one sentence and the figures that readers compare from run to run."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from retention.results import Check, Metric, percent
from retention.value.family import ModelFamily
from retention.value.forecasts import ForecastComparison
from retention.value.gate import Evidence
from retention.value.groups import Concentration
from retention.value.lifetime import LifetimeValues
from retention.value.margin import Margin
from retention.value.predictive import PredictedRange
from retention.value.revenue import RevenueComparison
from retention.value.spend import SpendFit
from retention.value.tracking import Tracking


@dataclass(frozen=True)
class ValueVerdict:
    """Everything that the verdict rests on.

    Parameters
    ----------
    evidence
        Outcome of the gate.
    family, chosen
        Fitted purchase models and the key of the one in use.
    spend
        Fitted spend model.
    values
        Lifetime values.
    comparison, tracking
        How the forecasts met the hold-out.
    spread
        How unevenly value is spread.
    reality
        What the customers may really bring.
    revenue
        How the predicted revenue met that of the hold-out.
    margin
        The margin that values are reckoned with.
    """

    evidence: Evidence
    family: ModelFamily
    chosen: str
    spend: SpendFit
    values: LifetimeValues
    comparison: ForecastComparison
    tracking: Tracking
    spread: Concentration
    reality: PredictedRange
    revenue: RevenueComparison
    margin: Margin

    def checks(self, history_days: float) -> list[Check]:
        """Return all trust checks; ``history_days`` is the longest observed tenure."""
        return [
            *self.evidence.checks,
            self.family.check(self.chosen),
            self.spend.convergence_check(),
            self.spend.independence_check(),
            *self.comparison.checks(),
            self.revenue.check(),
            self.margin.check(),
            self.values.terms.horizon_check(history_days),
        ]

    def metrics(self) -> list[Metric]:
        """Return the figures to compare from run to run.

        The mean lifetime value of a customer is a key figure: `retention.kpis` defines it.
        """
        count = len(self.values.customers)
        unit = self.values.terms.currency
        low, high = self.values.interval()
        total, drawn = self.values.total, self.reality.table.iloc[0]
        return [
            Metric("customers", count, "customers", n=count),
            Metric("lifetime_value_total", total, unit, low, high, count),
            Metric(
                "expected_purchases", float(self.values.customers["expected_purchases"].sum()),
                "purchases", float(drawn["purchases_low"]), float(drawn["purchases_high"]), count,
            ),
            Metric(
                "value_that_may_be_booked", total, unit, float(drawn["predicted_low"]),
                float(drawn["predicted_high"]), count,
            ),
            Metric("top_fifth_share_of_value", self.spread.top_share, "share", n=count),
            *self._holdout_metrics(),
            Metric("margin_used", self.margin.used, "share", n=self.margin.customers),
            Metric("forecast_used", self.comparison.used, "name", n=self.comparison.customers),
        ]  # fmt: skip

    def _holdout_metrics(self) -> list[Metric]:
        """Return how the forecast in use met the hold-out."""
        row, earned = self.comparison.line(self.comparison.used), self.revenue.table.iloc[0]
        held, rank = self.comparison.customers, float(row["spearman"])
        return [
            Metric("holdout_total_error", float(row["total_error"]), "share", n=held),
            Metric(
                "holdout_revenue_error", float(earned["error"]), "share",
                float(earned["error_ci_low"]), float(earned["error_ci_high"]), held,
            ),
            Metric("holdout_weekly_error", self.tracking.weekly_error, "share", n=held),
            Metric(
                "holdout_rank_correlation", rank, "correlation",
                float(row["spearman_ci_low"]), float(row["spearman_ci_high"]), held,
            ),
        ]  # fmt: skip

    def parameters(self) -> pd.DataFrame:
        """Return the parameters of all purchase models and of the spend model, one line each."""
        return pd.concat([self.family.to_frame(), self.spend.to_frame()], ignore_index=True)

    def to_frame(self) -> pd.DataFrame:
        """Return the metrics, one line each."""
        return pd.DataFrame([metric.as_dict() for metric in self.metrics()])

    def summary(self) -> str:
        """Return the verdict in words."""
        if not self.evidence.enough:
            return self.evidence.summary()
        row = self.comparison.line(self.comparison.used)
        return (
            f"{self.values.summary()} {self.reality.summary()} In the held-out "
            f"{self.comparison.horizon_days} days the forecast in use ({self.comparison.used}) was "
            f"off by {percent(row['total_error'], signed=True)} in total."
        )

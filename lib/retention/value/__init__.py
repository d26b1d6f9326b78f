"""What a customer is worth: purchase models, spend, lifetime value and its validation."""

from __future__ import annotations

from retention.value.codes import ValueCheck
from retention.value.conditional import ConditionalExpectations, conditional_expectations
from retention.value.earlier import values_as_of
from retention.value.family import MODELS, ModelFamily, fit_family
from retention.value.forecasts import (
    ForecastComparison,
    baseline_forecasts,
    coming_baseline,
    compare_forecasts,
)
from retention.value.gate import Evidence, Gate, evidence_gate
from retention.value.geometric import GeometricDropout
from retention.value.geometric_covariates import GeometricDropoutCovariates
from retention.value.groups import (
    Concentration,
    GroupValues,
    acquisition_cohorts,
    beside,
    beside_advice,
    beside_summary,
    concentration,
    labels_of,
    value_by,
)
from retention.value.holdout import Holdout, Lesson, learn_from, split_holdout
from retention.value.lifetime import (
    LifetimeValues,
    ValueTerms,
    follow_forecast,
    lifetime_values,
)
from retention.value.margin import Margin, margin_of
from retention.value.models import PurchaseFit, fit_purchases
from retention.value.orders import (
    daily_purchases,
    purchase_histories,
    reporting_currency,
    with_covariates,
)
from retention.value.pareto import ParetoDropout
from retention.value.predictive import PredictedRange, predicted_range
from retention.value.protect import Protection, chance_lost, protect
from retention.value.revenue import RevenueComparison, compare_revenue
from retention.value.spend import SpendFit, fit_spend
from retention.value.summary import PurchaseSummary, compress
from retention.value.tracking import Tracking, track
from retention.value.verdict import ValueVerdict

__all__ = [
    "MODELS",
    "Concentration",
    "ConditionalExpectations",
    "Evidence",
    "ForecastComparison",
    "Gate",
    "GeometricDropout",
    "GeometricDropoutCovariates",
    "GroupValues",
    "Holdout",
    "Lesson",
    "LifetimeValues",
    "Margin",
    "ModelFamily",
    "ParetoDropout",
    "PredictedRange",
    "Protection",
    "PurchaseFit",
    "PurchaseSummary",
    "RevenueComparison",
    "SpendFit",
    "Tracking",
    "ValueCheck",
    "ValueTerms",
    "ValueVerdict",
    "acquisition_cohorts",
    "baseline_forecasts",
    "beside",
    "beside_advice",
    "beside_summary",
    "chance_lost",
    "coming_baseline",
    "compare_forecasts",
    "compare_revenue",
    "compress",
    "concentration",
    "conditional_expectations",
    "daily_purchases",
    "evidence_gate",
    "fit_family",
    "fit_purchases",
    "fit_spend",
    "follow_forecast",
    "labels_of",
    "learn_from",
    "lifetime_values",
    "margin_of",
    "predicted_range",
    "protect",
    "purchase_histories",
    "reporting_currency",
    "split_holdout",
    "track",
    "value_by",
    "values_as_of",
    "with_covariates",
]

"""What a customer is worth: purchase models, spend, lifetime value and its validation."""

from __future__ import annotations

from retention.value.codes import ValueCheck
from retention.value.family import MODELS, ModelFamily, fit_family
from retention.value.forecasts import (
    ForecastComparison,
    baseline_forecasts,
    compare_forecasts,
    conditional_expectations,
)
from retention.value.gate import Evidence, Gate, evidence_gate
from retention.value.geometric import GeometricDropout
from retention.value.groups import Concentration, GroupValues, concentration, value_by
from retention.value.holdout import Holdout, daily_purchases, split_holdout
from retention.value.lifetime import LifetimeValues, ValueTerms, lifetime_values
from retention.value.models import PurchaseFit, fit_purchases
from retention.value.pareto import ParetoDropout
from retention.value.spend import SpendFit, fit_spend
from retention.value.summary import PurchaseSummary, compress
from retention.value.tracking import Tracking, track

__all__ = [
    "MODELS",
    "Concentration",
    "Evidence",
    "ForecastComparison",
    "Gate",
    "GeometricDropout",
    "GroupValues",
    "Holdout",
    "LifetimeValues",
    "ModelFamily",
    "ParetoDropout",
    "PurchaseFit",
    "PurchaseSummary",
    "SpendFit",
    "Tracking",
    "ValueCheck",
    "ValueTerms",
    "baseline_forecasts",
    "compare_forecasts",
    "compress",
    "concentration",
    "conditional_expectations",
    "daily_purchases",
    "evidence_gate",
    "fit_family",
    "fit_purchases",
    "fit_spend",
    "lifetime_values",
    "split_holdout",
    "track",
    "value_by",
]

"""Retention curves, hazards, assumption checks and survival scores.

Everything starts from compressed counts: ``count_events(frame)`` once, then curves, tests and
means from the counts alone.
"""

from retention.survival.accelerated import AcceleratedModel, Distribution, fit_accelerated
from retention.survival.codes import SurvivalCode
from retention.survival.counts import EventCounts, count_events
from retention.survival.cox import CoxModel, fit_cox, hazard_ratio_sentence
from retention.survival.hazard import Hazard, nelson_aalen, smoothed_hazard
from retention.survival.kaplan_meier import RetentionCurves, kaplan_meier
from retention.survival.logrank import LogRankTest, Weighting, log_rank
from retention.survival.proportional_hazards import (
    ProportionalHazardsTest,
    proportional_hazards_test,
)
from retention.survival.restricted_mean import RestrictedMeans, restricted_mean
from retention.survival.scores import BrierScores, brier_scores, concordance
from retention.survival.spells import (
    purchase_gaps,
    retention_spells,
    second_purchase_spells,
    starting_covariates,
)

__all__ = [
    "AcceleratedModel",
    "BrierScores",
    "CoxModel",
    "Distribution",
    "EventCounts",
    "Hazard",
    "LogRankTest",
    "ProportionalHazardsTest",
    "RestrictedMeans",
    "RetentionCurves",
    "SurvivalCode",
    "Weighting",
    "brier_scores",
    "concordance",
    "count_events",
    "fit_accelerated",
    "fit_cox",
    "hazard_ratio_sentence",
    "kaplan_meier",
    "log_rank",
    "nelson_aalen",
    "proportional_hazards_test",
    "purchase_gaps",
    "restricted_mean",
    "retention_spells",
    "second_purchase_spells",
    "smoothed_hazard",
    "starting_covariates",
]

"""Retention curves, hazards, assumption checks and survival scores.

Everything starts from compressed counts: ``count_events(frame)`` once, then curves, tests and
means from the counts alone.
"""

from retention.survival.accelerated import AcceleratedModel, Distribution, fit_accelerated
from retention.survival.codes import SurvivalCode
from retention.survival.competing import CumulativeIncidence, cumulative_incidence
from retention.survival.counts import EventCounts, count_events
from retention.survival.cox import CoxModel, fit_cox, hazard_ratio_sentence
from retention.survival.hazard import Hazard, nelson_aalen, smoothed_hazard
from retention.survival.interval_censored import IntervalCurve, interval_curve
from retention.survival.kaplan_meier import RetentionCurves, kaplan_meier
from retention.survival.logrank import LogRankTest, Weighting, log_rank
from retention.survival.proportional_hazards import (
    ProportionalHazardsTest,
    proportional_hazards_test,
)
from retention.survival.restricted_mean import RestrictedMeans, restricted_mean
from retention.survival.scores import BrierScores, brier_scores, concordance
from retention.survival.spells import (
    competing_ends,
    landmark_spells,
    purchase_gaps,
    retention_spells,
    second_purchase_spells,
    starting_covariates,
)
from retention.survival.time_varying import (
    Remedy,
    TimeVaryingModel,
    fit_time_varying_cox,
    remedied_cox,
    split_at,
)
from retention.survival.triangles import CohortTriangle, cohort_triangle

__all__ = [
    "AcceleratedModel",
    "BrierScores",
    "CohortTriangle",
    "CoxModel",
    "CumulativeIncidence",
    "Distribution",
    "EventCounts",
    "Hazard",
    "IntervalCurve",
    "LogRankTest",
    "ProportionalHazardsTest",
    "Remedy",
    "RestrictedMeans",
    "RetentionCurves",
    "SurvivalCode",
    "TimeVaryingModel",
    "Weighting",
    "brier_scores",
    "cohort_triangle",
    "competing_ends",
    "concordance",
    "count_events",
    "cumulative_incidence",
    "fit_accelerated",
    "fit_cox",
    "fit_time_varying_cox",
    "hazard_ratio_sentence",
    "interval_curve",
    "kaplan_meier",
    "landmark_spells",
    "log_rank",
    "nelson_aalen",
    "proportional_hazards_test",
    "purchase_gaps",
    "remedied_cox",
    "restricted_mean",
    "retention_spells",
    "second_purchase_spells",
    "smoothed_hazard",
    "split_at",
    "starting_covariates",
]

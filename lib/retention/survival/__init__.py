"""Retention curves, hazards, assumption checks and survival scores.

Everything starts from compressed counts: ``count_events(frame)`` once, then curves, tests and
means from the counts alone.
"""

from retention.survival.accelerated import (
    AcceleratedModel,
    Distribution,
    best_accelerated,
    fit_accelerated,
)
from retention.survival.codes import SurvivalCode
from retention.survival.competing import CumulativeIncidence, cumulative_incidence
from retention.survival.competing_regression import (
    FineGrayModel,
    fit_cause_specific,
    fit_fine_gray,
)
from retention.survival.concordance import concordance
from retention.survival.counts import EventCounts, count_events, evenly_spaced
from retention.survival.cox import CoxModel, Penalty, fit_cox, hazard_ratio_sentence
from retention.survival.ends import competing_ends, departure_intervals
from retention.survival.hazard import Hazard, nelson_aalen, smoothed_hazard
from retention.survival.interval_censored import IntervalCurve, interval_curve
from retention.survival.kaplan_meier import RetentionCurves, kaplan_meier, median_follow_up
from retention.survival.logrank import (
    LogRankFamily,
    LogRankTest,
    Weighting,
    log_rank,
    log_rank_family,
)
from retention.survival.proportional_hazards import (
    ProportionalHazardsTest,
    proportional_hazards_test,
)
from retention.survival.restricted_mean import RestrictedMeans, restricted_mean
from retention.survival.scores import BrierScores, brier_scores
from retention.survival.spells import (
    landmark_spells,
    purchase_gaps,
    retention_spells,
    second_purchase_spells,
    spell_counts,
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
    "FineGrayModel",
    "Hazard",
    "IntervalCurve",
    "LogRankFamily",
    "LogRankTest",
    "Penalty",
    "ProportionalHazardsTest",
    "Remedy",
    "RestrictedMeans",
    "RetentionCurves",
    "SurvivalCode",
    "TimeVaryingModel",
    "Weighting",
    "best_accelerated",
    "brier_scores",
    "cohort_triangle",
    "competing_ends",
    "concordance",
    "count_events",
    "cumulative_incidence",
    "departure_intervals",
    "evenly_spaced",
    "fit_accelerated",
    "fit_cause_specific",
    "fit_cox",
    "fit_fine_gray",
    "fit_time_varying_cox",
    "hazard_ratio_sentence",
    "interval_curve",
    "kaplan_meier",
    "landmark_spells",
    "log_rank",
    "log_rank_family",
    "median_follow_up",
    "nelson_aalen",
    "proportional_hazards_test",
    "purchase_gaps",
    "remedied_cox",
    "restricted_mean",
    "retention_spells",
    "second_purchase_spells",
    "smoothed_hazard",
    "spell_counts",
    "split_at",
    "starting_covariates",
]

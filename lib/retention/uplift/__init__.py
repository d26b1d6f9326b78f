"""Whom does a campaign change? Effects per customer, how well they rank, and what to do.

The way in is ``trial_from_frame`` and ``study_targeting``. causalml is imported only by the
candidates that need it.
"""

from retention.uplift.candidates import named_candidates
from retention.uplift.effects import average_lift
from retention.uplift.habits import habit_policies
from retention.uplift.study import TargetingStudy, costs_in_outcome, study_targeting
from retention.uplift.targeting import budget_curve, recommendation_counts, targeting_table
from retention.uplift.trial import Trial, trial_from_frame

__all__ = [
    "TargetingStudy",
    "Trial",
    "average_lift",
    "budget_curve",
    "costs_in_outcome",
    "habit_policies",
    "named_candidates",
    "recommendation_counts",
    "study_targeting",
    "targeting_table",
    "trial_from_frame",
]

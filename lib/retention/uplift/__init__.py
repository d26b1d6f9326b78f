"""Whom does a campaign change? Effects per customer, how well they rank, and what to do.

The way in is ``trial_from_frame`` and ``study_targeting``. causalml is imported only by the
candidates that need it.
"""

from retention.uplift.allocation import Limits
from retention.uplift.candidates import named_candidates
from retention.uplift.comparability import Comparability, adjusted, comparability
from retention.uplift.effects import average_lift
from retention.uplift.gaps import without_gaps
from retention.uplift.habits import habit_policies
from retention.uplift.study import TargetingStudy, costs_in_outcome, study_targeting
from retention.uplift.targeting import People, Plan, own_people, plan_campaign
from retention.uplift.thinning import at_most, learnt_from
from retention.uplift.trial import Trial, trial_from_frame

__all__ = [
    "Comparability",
    "Limits",
    "People",
    "Plan",
    "TargetingStudy",
    "Trial",
    "adjusted",
    "at_most",
    "average_lift",
    "comparability",
    "costs_in_outcome",
    "habit_policies",
    "learnt_from",
    "named_candidates",
    "own_people",
    "plan_campaign",
    "study_targeting",
    "trial_from_frame",
    "without_gaps",
]

"""Named codes of the checks that the survival package hands over."""

from enum import StrEnum


class SurvivalCode(StrEnum):
    """What can be checked about a retention curve or a hazard model."""

    ENOUGH_EVENTS = "survival_enough_events"
    FOLLOW_UP = "survival_follow_up"
    PROPORTIONAL_HAZARDS = "survival_proportional_hazards"
    GROUP_SIZE = "survival_group_size"
    CONVERGENCE = "survival_convergence"

"""Named codes of the checks that the churn package hands over."""

from enum import StrEnum


class ChurnCode(StrEnum):
    """What can be checked about a churn model and its input."""

    ENOUGH_OUTCOMES = "churn_enough_outcomes"
    NO_LEAK = "churn_no_leak"
    BEATS_RECENCY = "churn_beats_recency"
    CALIBRATED = "churn_calibrated"
    STABLE_OVER_TIME = "churn_stable_over_time"
    DEFINITION_MATTERS = "churn_definition_matters"
    INPUT_DRIFT = "churn_input_drift"
    SCORE_DRIFT = "churn_score_drift"
    CALIBRATION_DRIFT = "churn_calibration_drift"
    RANKING_DRIFT = "churn_ranking_drift"
    FAIR_CALIBRATION = "churn_fair_calibration"
    MATURED_OUTCOMES = "churn_matured_outcomes"

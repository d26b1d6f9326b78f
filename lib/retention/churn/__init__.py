"""Who is about to leave, and whether we can believe it: labels, models, backtests, reasons."""

from retention.churn.backtest import Backtest, backtest, matured
from retention.churn.calibration import Recalibration
from retention.churn.candidates import (
    BoostedModel,
    LogisticModel,
    RecencyRule,
    default_candidates,
)
from retention.churn.codes import ChurnCode
from retention.churn.leaks import leak_check, single_feature_aucs
from retention.churn.metrics import Scores, score_probabilities
from retention.churn.panel import (
    LabelledDate,
    known_customers,
    labelled_date,
    labelled_dates,
    rolling_dates,
)
from retention.churn.ranking import Ranking, ValueIfKept, rank_by_stake
from retention.churn.reasons import Reasons, explain
from retention.churn.window import ReturnProbability, return_probability, window_sensitivity

__all__ = [
    "Backtest",
    "BoostedModel",
    "ChurnCode",
    "LabelledDate",
    "LogisticModel",
    "Ranking",
    "Reasons",
    "Recalibration",
    "RecencyRule",
    "ReturnProbability",
    "Scores",
    "ValueIfKept",
    "backtest",
    "default_candidates",
    "explain",
    "known_customers",
    "labelled_date",
    "labelled_dates",
    "leak_check",
    "matured",
    "rank_by_stake",
    "return_probability",
    "rolling_dates",
    "score_probabilities",
    "single_feature_aucs",
    "window_sensitivity",
]

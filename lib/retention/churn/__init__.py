"""Who is about to leave, and whether we can believe it: labels, models, backtests, reasons."""

from retention.churn.backtest import Backtest, backtest, matured
from retention.churn.calibration import Recalibration
from retention.churn.candidates import (
    BoostedModel,
    LogisticModel,
    RecencyRule,
)
from retention.churn.codes import ChurnCode
from retention.churn.definitions import (
    Definitions,
    compare_definitions,
    contract_ends,
    own_window,
)
from retention.churn.drift import Drift, drift, stability_index
from retention.churn.groups import GroupScores, order_bands, protected_groups, score_groups
from retention.churn.leaks import leak_check, single_feature_aucs
from retention.churn.leave_reasons import LeaveReasons, leave_reasons, stated_reasons
from retention.churn.legacy import (
    against_champion,
    champion_of,
    latest_matured,
    legacy_scores,
    legacy_shadow,
    stored_shadow,
)
from retention.churn.lineup import CANDIDATES, candidates_named, default_candidates
from retention.churn.metrics import Scores, score_probabilities
from retention.churn.model_card import ModelCard, model_card
from retention.churn.monitor import (
    Action,
    Alarm,
    MaturedScores,
    Thresholds,
    alarm,
    matured_scores,
)
from retention.churn.panel import (
    LabelledDate,
    known_customers,
    labelled_date,
    labelled_dates,
    rolling_dates,
)
from retention.churn.ranking import (
    Ranking,
    Savable,
    ValueIfKept,
    rank_by_stake,
    savable_share,
)
from retention.churn.reasons import Reasons, explain, reason_stability
from retention.churn.shadow import Recommendation, ShadowComparison, compare_in_shadow
from retention.churn.storage import StoredModel, acting_model
from retention.churn.survival_candidates import (
    AcceleratedCandidate,
    CoxCandidate,
    HazardModel,
    SilenceModel,
    score_times,
    time_scores,
)
from retention.churn.thinning import thinned
from retention.churn.window import ReturnProbability, return_probability, window_sensitivity

__all__ = [
    "CANDIDATES",
    "AcceleratedCandidate",
    "Action",
    "Alarm",
    "Backtest",
    "BoostedModel",
    "ChurnCode",
    "CoxCandidate",
    "Definitions",
    "Drift",
    "GroupScores",
    "HazardModel",
    "LabelledDate",
    "LeaveReasons",
    "LogisticModel",
    "MaturedScores",
    "ModelCard",
    "Ranking",
    "Reasons",
    "Recalibration",
    "RecencyRule",
    "Recommendation",
    "ReturnProbability",
    "Savable",
    "Scores",
    "ShadowComparison",
    "SilenceModel",
    "StoredModel",
    "Thresholds",
    "ValueIfKept",
    "acting_model",
    "against_champion",
    "alarm",
    "backtest",
    "candidates_named",
    "champion_of",
    "compare_definitions",
    "compare_in_shadow",
    "contract_ends",
    "default_candidates",
    "drift",
    "explain",
    "known_customers",
    "labelled_date",
    "labelled_dates",
    "latest_matured",
    "leak_check",
    "leave_reasons",
    "legacy_scores",
    "legacy_shadow",
    "matured",
    "matured_scores",
    "model_card",
    "order_bands",
    "own_window",
    "protected_groups",
    "rank_by_stake",
    "reason_stability",
    "return_probability",
    "rolling_dates",
    "savable_share",
    "score_groups",
    "score_probabilities",
    "score_times",
    "single_feature_aucs",
    "stability_index",
    "stated_reasons",
    "stored_shadow",
    "thinned",
    "time_scores",
    "window_sensitivity",
]

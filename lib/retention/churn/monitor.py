"""Living with a model: matured outcomes of what was said, and alarms that say what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from retention.churn.codes import ChurnCode
from retention.churn.drift import Drift
from retention.churn.metrics import Scores, score_probabilities
from retention.engine import Engine
from retention.errors import EvidenceError, InputError
from retention.features import future_purchases, observed_until, shifted
from retention.results import Check, Status, percent


class Action(StrEnum):
    """What an alarm asks for."""

    NONE = "none"
    RECALIBRATE = "recalibrate"
    RETRAIN = "retrain"
    PAUSE = "pause"
    ROLL_BACK = "roll_back"


@dataclass(frozen=True)
class MaturedScores:
    """What an earlier run said, held against what then happened.

    Parameters
    ----------
    as_of
        When it was said.
    horizon_days
        Horizon of the probabilities.
    scores
        Scores of the probabilities.
    said, happened
        Mean probability and share who churned.
    n
        Customers whose outcome is known.
    """

    as_of: str
    horizon_days: int
    scores: Scores
    said: float
    happened: float
    n: int

    def to_frame(self) -> pd.DataFrame:
        """Return the scores."""
        return self.scores.to_frame()

    def summary(self) -> str:
        """Say what was said and what it was."""
        return (
            f"On {self.as_of} we said {percent(self.said, 0)}, it was {percent(self.happened, 0)} "
            f"(n = {self.n:,}, {self.horizon_days} days). {self.scores.summary()}"
        )


def matured_scores(
    engine: Engine, said: pd.DataFrame, as_of: str, horizon_days: int, *, seed: int = 0
) -> MaturedScores:
    """Score an earlier run's probabilities once their horizon is over.

    Parameters
    ----------
    engine
        Engine with today's orders.
    said
        The earlier run's table: ``customer_key``, ``churn_probability``.
    as_of
        As-of date of that run.
    horizon_days
        Its horizon.
    seed
        Seed of bootstrap draws.

    Raises
    ------
    EvidenceError
        If the horizon is not over yet.
    InputError
        If none of the customers is known any more.
    """
    seen, ends = observed_until(engine), shifted(as_of, horizon_days)
    if ends > seen:
        raise EvidenceError(
            f"What was said on {as_of} can be judged from {ends} on.",
            f"Orders are known until {seen}: wait.",
        )
    outcomes = future_purchases(engine, as_of, horizon_days)[["customer_key", "purchases"]]
    joined = said[["customer_key", "churn_probability"]].merge(outcomes, on="customer_key")
    if joined.empty:
        raise InputError(
            "None of the scored customers is in this snapshot.",
            "Use the snapshot of the same shop and pseudonym key.",
        )
    churned = joined["purchases"].eq(0).to_numpy().astype(int)
    p = joined["churn_probability"].to_numpy()
    return MaturedScores(as_of, horizon_days, score_probabilities(churned, p, seed=seed),
                         float(p.mean()), float(churned.mean()), len(joined))  # fmt: skip


@dataclass(frozen=True)
class Thresholds:
    """When to sound an alarm; all of them parameters of the run.

    Parameters
    ----------
    level_gap
        Largest tolerated distance between said and happened.
    slope_gap
        Largest tolerated distance of the calibration slope from 1.
    auc_fall
        Largest tolerated fall of AUC below the backtest's.
    auc_floor
        AUC below which the scores are not to be used at all.
    """

    level_gap: float = 0.03
    slope_gap: float = 0.2
    auc_fall: float = 0.03
    auc_floor: float = 0.6


@dataclass(frozen=True)
class Alarm:
    """What the monitoring found and what to do.

    Parameters
    ----------
    action
        The strongest action called for.
    checks
        The findings behind it.
    """

    action: Action
    checks: list[Check]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per finding."""
        return pd.DataFrame([check.as_dict() for check in self.checks])

    def summary(self) -> str:
        """Say what to do."""
        if self.action is Action.NONE:
            return "No alarm: the model may go on as it is."
        loud = [check.detail for check in self.checks if check.status is not Status.PASS]
        return f"Alarm: {self.action.replace('_', ' ')}. {' '.join(loud)}"


def alarm(
    matured: MaturedScores,
    approved: Scores,
    *,
    drifted: Drift | None = None,
    thresholds: Thresholds | None = None,
    last_approved: str = "",
) -> Alarm:
    """Turn matured outcomes and drift into one action.

    Parameters
    ----------
    matured
        Scores of what was said.
    approved
        Scores on which the model was approved (its backtest).
    drifted
        Drift of inputs and scores, if looked at.
    thresholds
        When to sound an alarm.
    last_approved
        The run to go back to, in words; empty where none has been approved.

    Notes
    -----
    A finding counts only if its whole interval lies beyond the threshold: chance does not sound an
    alarm. AUC below the floor pauses; ranking lost against approval rolls back to the approved
    model, or retrains where none has been approved; drifted inputs with lost ranking retrain;
    level or slope alone recalibrates.
    """
    limits = thresholds or Thresholds()
    calibration = _calibration(matured, limits)
    ranking = _ranking(matured, approved, limits, last_approved)
    checks = [calibration, ranking, *(drifted.checks() if drifted else [])]
    inputs_moved = drifted is not None and bool(drifted.drifted)
    if _row(matured.scores, "auc")[2] < limits.auc_floor:
        action = Action.PAUSE
    elif ranking.status is Status.FAIL:
        action = Action.RETRAIN if inputs_moved or not last_approved else Action.ROLL_BACK
    elif calibration.status is Status.FAIL:
        action = Action.RECALIBRATE
    else:
        action = Action.RETRAIN if inputs_moved else Action.NONE
    return Alarm(action, checks)


def _calibration(matured: MaturedScores, limits: Thresholds) -> Check:
    """Compare level and slope with what was promised."""
    error = 1.96 * np.sqrt(matured.happened * (1 - matured.happened) / matured.n)
    off = abs(matured.said - matured.happened) - error > limits.level_gap
    _, low, high = _row(matured.scores, "calibration_slope")
    bent = low > 1 + limits.slope_gap or high < 1 - limits.slope_gap
    bad = bool(off or bent)
    return Check(ChurnCode.CALIBRATION_DRIFT, Status.FAIL if bad else Status.PASS,
                 f"Said {percent(matured.said)}, was {percent(matured.happened)} (n = "
                 f"{matured.n:,}).",
                 "Recalibrate on the matured outcomes." if bad else "")  # fmt: skip


def _ranking(
    matured: MaturedScores, approved: Scores, limits: Thresholds, last_approved: str
) -> Check:
    """Compare AUC with that of the approval."""
    value, _, high = _row(matured.scores, "auc")
    bad = high < approved["auc"] - limits.auc_fall or high < limits.auc_floor
    return Check(ChurnCode.RANKING_DRIFT, Status.FAIL if bad else Status.PASS,
                 f"AUC {value:.3f} where {approved['auc']:.3f} was approved.",
                 _way_back(last_approved) if bad else "")  # fmt: skip


def _way_back(last_approved: str) -> str:
    """Say where to go when the ranking is lost."""
    if not last_approved:
        return "Retrain: no run has been approved to go back to."
    return f"Go back to {last_approved} (set `scoring_model: approved`), or retrain."


def _row(scores: Scores, metric: str) -> tuple[float, float, float]:
    """Return one score with its interval."""
    row = scores.frame.loc[scores.frame["metric"] == metric, ["value", "ci_low", "ci_high"]]
    value, low, high = row.iloc[0]
    return float(value), float(low), float(high)

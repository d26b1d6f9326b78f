"""Did the campaign sell more, or only sooner? Its effect week by week and added up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from retention.campaign.codes import CampaignCode
from retention.engine import Engine
from retention.errors import ParameterError
from retention.results import Check, Status
from retention.uplift.effects import AverageLift, average_lift
from retention.uplift.trial import Trial

WEEK_S = 7 * 86_400


@dataclass(frozen=True)
class Timeline:
    """Effect on revenue per customer in each week after the assignment, and up to each week.

    Parameters
    ----------
    weeks
        arm, week (0 first), effect, ci_low, ci_high, cumulative, cumulative_low, cumulative_high.
    peaks
        One row per arm: effect in the early weeks and in those after them, with intervals.
    currency
        ISO code of the money.
    n
        Units followed.
    """

    weeks: pd.DataFrame
    peaks: pd.DataFrame
    currency: str
    n: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row per arm and week."""
        return self.weeks

    def summary(self) -> str:
        """Word for each arm whether sales were gained or only moved."""
        return " ".join(self._sentence(row) for row in self.peaks.to_dict("records"))

    def checks(self) -> list[Check]:
        """Return one check per arm: a drop after the campaign is a warning."""
        return [
            Check(CampaignCode.PULL_FORWARD, Status.WARN, self._sentence(row),
                  "Judge the campaign by the total up to the last week, not by its first weeks.")
            if row["after_high"] < 0
            else Check(CampaignCode.PULL_FORWARD, Status.PASS, self._sentence(row))
            for row in self.peaks.to_dict("records")
        ]  # fmt: skip

    def _sentence(self, row: dict[Any, Any]) -> str:
        """Word one arm's course."""
        interval = f"{row['after_low']:+.2f} to {row['after_high']:+.2f}"
        text = (
            f"{row['arm']}: {self.currency} {row['early']:+.2f} per customer in the first "
            f"{row['early_weeks']:.0f} weeks, {row['after']:+.2f} in the weeks after "
            f"(95 % interval {interval}, n = {self.n:,})"
        )
        if row["after_high"] < 0:
            return f"{text}: part of the sales were only pulled forward."
        if row["after_low"] > 0:
            return f"{text}: the effect lasts."
        return f"{text}: whether sales were pulled forward is open."


def effect_over_weeks(
    engine: Engine, trial: Trial, experiment_key: str, *, weeks: int, early_weeks: int,
    minor_per_major: int, currency: str,
) -> Timeline:  # fmt: skip
    """Estimate the effect on revenue in each week after the assignment.

    Parameters
    ----------
    engine
        Engine with ``assignments`` and ``orders``.
    trial
        The experiment's trial: its arms and propensities are used.
    experiment_key
        The experiment.
    weeks
        Weeks to follow; the orders must be known that far.
    early_weeks
        Weeks that the campaign was meant to move; what follows shows whether sales were borrowed.
    minor_per_major
        Minor units in one unit of the currency.
    currency
        ISO code of the money.

    Raises
    ------
    ParameterError
        If there is no week after the early ones.
    """
    if not 0 < early_weeks < weeks:
        raise ParameterError(
            f"{weeks} weeks leave nothing after the first {early_weeks}.",
            "Follow the customers for longer.",
            column="weeks",
        )
    bought = engine.query(
        "campaign_weekly_orders", experiment_key=experiment_key, weeks=weeks, week_s=WEEK_S
    ).frame()
    matrix = _matrix(trial, bought, weeks) / minor_per_major
    outcomes = pd.DataFrame(
        {f"in {w}": matrix[:, w] for w in range(weeks)}
        | {f"up to {w}": matrix[:, : w + 1].sum(axis=1) for w in range(weeks)}
        | {
            "early": matrix[:, :early_weeks].sum(axis=1),
            "after": matrix[:, early_weeks:].sum(axis=1),
        }
    )
    lift = average_lift(replace(trial, outcomes=outcomes), list(outcomes.columns))
    table = [_row(lift, arm, week) for arm in trial.treatments for week in range(weeks)]
    peaks = [_peak(lift, arm, early_weeks) for arm in trial.treatments]
    return Timeline(pd.DataFrame(table), pd.DataFrame(peaks), currency, trial.units)


def _matrix(trial: Trial, bought: pd.DataFrame, weeks: int) -> np.ndarray:
    """Return revenue in minor units by unit and week; the trial's units are in key order."""
    matrix = np.zeros((trial.units, weeks))
    position = np.searchsorted(trial.unit_key.astype(str), bought["unit_key"].to_numpy(dtype=str))
    matrix[position, bought["week"].to_numpy()] = bought["revenue_minor"].to_numpy(dtype=float)
    return matrix


def _row(lift: AverageLift, arm: str, week: int) -> dict[str, object]:
    """Return one arm's effect in and up to a week."""
    single, total = lift.of(f"in {week}", arm), lift.of(f"up to {week}", arm)
    return {
        "arm": arm, "week": week, "effect": single.difference, "ci_low": single.ci_low,
        "ci_high": single.ci_high, "cumulative": total.difference, "cumulative_low": total.ci_low,
        "cumulative_high": total.ci_high,
    }  # fmt: skip


def _peak(lift: AverageLift, arm: str, early_weeks: int) -> dict[str, object]:
    """Return one arm's effect in the early weeks and after them."""
    early, after = lift.of("early", arm), lift.of("after", arm)
    return {
        "arm": arm, "early_weeks": early_weeks, "early": early.difference,
        "early_low": early.ci_low, "early_high": early.ci_high, "after": after.difference,
        "after_low": after.ci_low, "after_high": after.ci_high,
    }  # fmt: skip

"""Policies of habit: what a marketer would do without any of this, to be beaten."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.uplift.trial import Integers, Trial

RECENCY = ("recency_days", "recency")
MONEY = ("monetary_minor", "history")


@dataclass(frozen=True)
class HabitPolicy:
    """Send an arm to recent customers who spend much, by limits fixed beforehand.

    Parameters
    ----------
    position
        Number of the arm.
    recency, money
        Attributes, each with its limit: at most so long ago, at least so much spent.
    """

    position: int
    recency: tuple[str, float]
    money: tuple[str, float]

    def __call__(self, covariates: pd.DataFrame) -> Integers:
        """Return the arm number of each unit; one of whom either is not known gets nothing."""
        recent = covariates[self.recency[0]] <= self.recency[1]
        spends = covariates[self.money[0]] >= self.money[1]
        return np.where(recent & spends, self.position, 0).astype(np.intp)


def habit_policies(trial: Trial) -> dict[str, HabitPolicy]:
    """Return for each arm "send it to recent customers who spend much", where both are known.

    Recent and spending much mean the better half of either. A customer of whom one of them is not
    known gets nothing.

    Examples
    --------
    >>> from retention.uplift.trial import trial_from_frame
    >>> frame = pd.DataFrame({"unit_key": list("abcd"), "arm": ["none", "email"] * 2,
    ...                       "recency": [1, 1, 9, 9], "history": [9, 1, 9, 1], "visit": 0})
    >>> trial = trial_from_frame(frame, control="none", outcomes=["visit"])
    >>> habit_policies(trial)["email to recent high spenders"](trial.covariates).tolist()
    [1, 0, 0, 0]
    """
    recency = next((c for c in RECENCY if c in trial.covariates), None)
    money = next((c for c in MONEY if c in trial.covariates), None)
    if recency is None or money is None:
        return {}
    limits = [(c, float(trial.covariates[c].median())) for c in (recency, money)]
    return {
        f"{arm} to recent high spenders": HabitPolicy(position, *limits)
        for position, arm in enumerate(trial.treatments, start=1)
    }

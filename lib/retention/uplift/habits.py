"""Policies of habit: what a marketer would do without any of this, to be beaten."""

from __future__ import annotations

import numpy as np

from retention.uplift.trial import Integers, Trial

RECENCY = ("recency_days", "recency")
MONEY = ("monetary_minor", "history")


def habit_policies(trial: Trial) -> dict[str, Integers]:
    """Return for each arm "send it to recent customers who spend much", where both are known.

    Recent and spending much mean the better half of either. A customer of whom one of them is not
    known gets nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> from retention.uplift.trial import trial_from_frame
    >>> frame = pd.DataFrame({"unit_key": list("abcd"), "arm": ["none", "email"] * 2,
    ...                       "recency": [1, 1, 9, 9], "history": [9, 1, 9, 1], "visit": 0})
    >>> trial = trial_from_frame(frame, control="none", outcomes=["visit"])
    >>> habit_policies(trial)["email to recent high spenders"].tolist()
    [1, 0, 0, 0]
    """
    recency = next((c for c in RECENCY if c in trial.covariates), None)
    money = next((c for c in MONEY if c in trial.covariates), None)
    if recency is None or money is None:
        return {}
    recent = trial.covariates[recency] <= trial.covariates[recency].median()
    spends = trial.covariates[money] >= trial.covariates[money].median()
    chosen = (recent & spends).to_numpy()
    return {
        f"{arm} to recent high spenders": np.where(chosen, position, 0).astype(np.intp)
        for position, arm in enumerate(trial.treatments, start=1)
    }

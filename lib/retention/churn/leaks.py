"""Leak check: no feature may know the future."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retention.churn.backtest import Backtest
from retention.churn.codes import ChurnCode
from retention.churn.metrics import auc_of
from retention.churn.panel import LabelledDate, design, model_columns
from retention.results import Check, Status

SUSPICIOUS_AUC = 0.9
"""Buying of one's own accord is not foreseen so well: a higher AUC is a leak until explained."""


def leak_check(dates: Sequence[LabelledDate], result: Backtest | None = None) -> Check:
    """Look for features, or a whole model, that foretell churn too well to be honest.

    Parameters
    ----------
    dates
        Labelled dates as the models saw them.
    result
        Backtest on them, if there is one.

    Notes
    -----
    Each feature is judged alone by its AUC (either way round, missing values as lowest), and so is
    every candidate's held-out AUC. Labelling "recency over 90 days" with recency among the
    features gives 1.000, and such a model is worth nothing.
    """
    found = [f"feature {name} (AUC {auc:.3f})" for name, auc in single_feature_aucs(dates)
             if auc >= SUSPICIOUS_AUC]  # fmt: skip
    if result is not None:
        named = result.comparison[["candidate", "auc"]].itertuples(index=False, name=None)
        found += [
            f"candidate {name} (AUC {auc:.3f})" for name, auc in named if auc >= SUSPICIOUS_AUC
        ]
    if found:
        return Check(
            ChurnCode.NO_LEAK,
            Status.FAIL,
            f"Too good to be true: {', '.join(found)}.",
            "Find out how the future came into it before anything is published.",
        )
    return Check(ChurnCode.NO_LEAK, Status.PASS,
                 f"No feature and no candidate reaches an AUC of {SUSPICIOUS_AUC}.")  # fmt: skip


def single_feature_aucs(dates: Sequence[LabelledDate]) -> list[tuple[str, float]]:
    """Return each feature's AUC alone, whichever way round, pooled within dates."""
    columns = sorted({name for date in dates for name in model_columns(date.features)})
    answer = []
    for column in columns:
        aucs, sizes = [], []
        for date in dates:
            if 0 < date.churned.sum() < len(date):
                x = np.nan_to_num(design(date.features, [column])[:, 0], nan=-np.inf)
                aucs.append(auc_of(date.churned, x))
                sizes.append(len(date))
        if aucs:
            mean = float(np.average(aucs, weights=sizes))
            answer.append((column, max(mean, 1 - mean)))
    return answer

"""The recommendation, customer by customer, as the table ``targeting``."""

from __future__ import annotations

import numpy as np
import pandas as pd

from retention.uplift.study import TargetingStudy
from retention.uplift.trial import Trial


def targeting_table(study: TargetingStudy, trial: Trial) -> pd.DataFrame:
    """Return each unit's recommended arm and what it is expected to bring.

    Returns
    -------
    DataFrame
        ``customer_key``, ``recommended_arm``, ``expected_effect`` (of the recommended arm, in units
        of the outcome), ``expected_profit`` (effect less cost) and ``effect_<arm>`` for every arm,
        ordered by customer.
    """
    effects = np.column_stack([np.zeros(trial.units), study.predict(trial.covariates)])
    arm = study.recommend(trial.covariates)
    rows = np.arange(trial.units)
    cost = np.asarray(study.costs)
    frame = pd.DataFrame({
        "customer_key": trial.unit_key.astype(str),
        "recommended_arm": np.asarray(study.arms, dtype=object)[arm],
        "expected_effect": effects[rows, arm],
        "expected_profit": effects[rows, arm] - (cost[arm] - cost[0]),
    })  # fmt: skip
    for position, name in enumerate(trial.treatments, start=1):
        frame[f"effect_{name}"] = effects[:, position]
    return frame.sort_values("customer_key", ignore_index=True)


def recommendation_counts(table: pd.DataFrame) -> str:
    """Word how many customers each arm is recommended for."""
    counts = table["recommended_arm"].value_counts().sort_index()
    parts = [f"{name} for {count:,}" for name, count in counts.items()]
    return f"Recommended among {len(table):,} customers: {', '.join(parts)}."

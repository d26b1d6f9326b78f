"""Churn probabilities where customers do not fit into memory: a fitted model, batch by batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from retention.churn.candidates import Fitted
from retention.engine import Engine
from retention.features import feature_rows

SCORES = pa.schema([("customer_key", pa.string()), ("churn_probability", pa.float64())])
"""Columns of the table that `score_churn` keeps."""


@dataclass(frozen=True)
class ChurnScorer:
    """A fitted model as a function of a batch of the feature table.

    Parameters
    ----------
    model
        The fitted model.
    active_within_days
        Leave out customers whose last purchase is older; None scores all.
    """

    model: Fitted
    active_within_days: int | None = None

    def __call__(self, features: pd.DataFrame) -> pd.DataFrame:
        """Return key and churn probability of each customer of the batch."""
        if self.active_within_days is not None:
            features = features[features["recency_days"] <= self.active_within_days]
        known = features.reset_index(drop=True)
        chances = self.model.probability(known) if len(known) else np.empty(0)
        return pd.DataFrame({"customer_key": known["customer_key"], "churn_probability": chances})


def score_churn(
    engine: Engine, as_of: str, scorer: ChurnScorer, name: str = "churn_scores"
) -> None:
    """Keep every customer's churn probability as a table of the engine.

    Parameters
    ----------
    engine
        Engine with the snapshot's tables.
    as_of
        ISO date.
    scorer
        The fitted model and whom it is for.
    name
        Name of the table; its columns are `SCORES`.
    """
    with feature_rows(engine, as_of) as rows:
        engine.score_batches(name, rows, scorer, SCORES)

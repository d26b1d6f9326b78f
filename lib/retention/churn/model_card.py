"""The model card: what the model is, what it was judged on, and what it is not for."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from retention.churn.backtest import Backtest
from retention.churn.metrics import Scores
from retention.churn.panel import LabelledDate, model_columns
from retention.results import Check

NOT_FOR = (
    "refusing service, credit, returns or a price to a person",
    "judging staff or suppliers by the customers they serve",
    "concluding that a reason is a cause: only an experiment can show that",
    "choosing whom to send a discount: that needs an uplift model, for the surest leavers are "
    "often beyond saving",
    "any decision about one person without a human looking at it",
)
"""What the scores must not be used for."""


@dataclass(frozen=True)
class ModelCard:
    """A model card (Mitchell et al. 2019) written from the run.

    Parameters
    ----------
    frame
        Columns ``topic``, ``text``: one row per statement.
    """

    frame: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return the statements."""
        return self.frame.copy()

    def summary(self) -> str:
        """Return the card as lines of text."""
        return "\n".join(f"{row.topic}: {row.text}" for row in self.frame.itertuples())


def model_card(
    result: Backtest, scores: Scores, dates: list[LabelledDate], checks: list[Check], *, as_of: str
) -> ModelCard:
    """Write the model card from a backtest.

    Parameters
    ----------
    result, scores
        The backtest, and the chosen model's scores.
    dates
        The labelled dates it rests on.
    checks
        Trust checks of the run.
    as_of
        As-of date of the run.
    """
    columns = model_columns(dates[-1].features)
    table = result.comparison.sort_values("log_loss")
    rivals = "; ".join(f"{r.candidate} {r.log_loss:.4f}" for r in table.itertuples())
    warned = "; ".join(c.detail for c in checks if str(c.status) != "pass") or "none"
    rows = [
        ("model", f"{result.chosen.replace('_', ' ')}, as of {as_of}"),
        ("question", f"probability of no purchase within {result.horizon_days} days"),
        ("learnt from", f"{len(dates)} as-of dates, {dates[0].as_of} to {dates[-1].as_of}; "
                        f"{sum(len(date) for date in dates):,} customer-dates"),
        ("features", f"{len(columns)}: {', '.join(columns)}"),
        ("left out", "protected attributes (they audit fairness only), names, free text"),
        ("judged on", f"{len(result.dates)} later dates, {scores.n:,} predictions"),
        ("scores", scores.summary()),
        ("against", f"log loss: {rivals}"),
        ("warnings", warned),
        *(("not for", text) for text in NOT_FOR),
    ]  # fmt: skip
    return ModelCard(pd.DataFrame(rows, columns=["topic", "text"]))

"""Recalibration: bring the level and the spread of probabilities into line with what happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retention.churn.logistic import logistic_line
from retention.churn.metrics import logit
from retention.churn.panel import Array


@dataclass(frozen=True)
class Recalibration:
    """New log-odds = intercept + slope × old log-odds (Cox 1958; Platt 1999).

    Two numbers leave the ranking as it is, and need few outcomes to be known well.

    Examples
    --------
    >>> Recalibration(0.0, 1.0).apply(np.array([0.25])).round(6).tolist()
    [0.25]
    """

    intercept: float
    slope: float

    @classmethod
    def of(cls, churned: Array, probability: Array) -> Recalibration:
        """Learn the correction from matured predictions.

        Where outcomes do not support a rising line, only the level is corrected.
        """
        (intercept, slope), _ = logistic_line(churned, logit(probability))
        if slope <= 0:
            (intercept, slope), _ = logistic_line(churned, logit(probability), fixed_slope=True)
        return cls(float(intercept), float(slope))

    def apply(self, probability: Array) -> Array:
        """Return the corrected probabilities."""
        return 1 / (1 + np.exp(-(self.intercept + self.slope * logit(probability))))

    def summary(self) -> str:
        """Say what the correction does."""
        spread = "narrower" if self.slope < 1 else "wider"
        return (f"Probabilities are made {spread} (slope {self.slope:.2f}) and shifted by "
                f"{self.intercept:+.2f} in log-odds.")  # fmt: skip

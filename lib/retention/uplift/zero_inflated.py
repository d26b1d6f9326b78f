"""Money that is mostly zero: a model of whether, times a model of how much."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.utils.validation import check_is_fitted, validate_data

from retention.errors import EvidenceError

FEWEST_BUYERS = 200
"""Below so many non-zero outcomes the amount is taken as their mean."""


class TwoPartRegressor(RegressorMixin, BaseEstimator):
    """Mean of an outcome that is often exactly zero: P(y > 0) × E(y | y > 0).

    Both parts are gradient boosting, the second with the Gamma deviance, whose log link and growing
    spread suit order values (Duan, Manning, Morris & Newhouse, 1983).

    Parameters
    ----------
    max_iter, learning_rate, max_leaf_nodes, min_samples_leaf
        Of both parts.
    random_state
        Seed.
    """

    def __init__(
        self, max_iter: int = 60, learning_rate: float = 0.08, max_leaf_nodes: int = 8,
        min_samples_leaf: int = 60, random_state: int | None = 0,
    ) -> None:  # fmt: skip
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit both parts; raises EvidenceError where an outcome is negative.

        Equal weights are left out: scikit-learn's weighted binning takes ten times as long.
        """
        matrix, values = validate_data(
            self, X, y, dtype=np.float64, ensure_all_finite="allow-nan", y_numeric=True
        )
        if (values < 0).any():
            raise EvidenceError(
                "A two-part model needs outcomes of zero or more.", "Use a plain regressor."
            )
        weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        some = values > 0
        part = None if weight is None else weight[some]
        self.share_ = float(np.average(some, weights=weight))
        self.mean_ = float(np.average(values[some], weights=part)) if some.any() else 0.0
        options = self._options()
        self.whether_ = self.amount_ = None
        if 0 < self.share_ < 1:
            self.whether_ = HistGradientBoostingClassifier(**options)
            self.whether_.fit(matrix, some, sample_weight=weight)
        if some.sum() >= FEWEST_BUYERS:
            self.amount_ = HistGradientBoostingRegressor(loss="gamma", **options)
            self.amount_.fit(matrix[some], values[some], sample_weight=part)
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the expected outcome of each row."""
        check_is_fitted(self, "share_")
        matrix = validate_data(
            self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False
        )
        whether = self.whether_.predict_proba(matrix)[:, 1] if self.whether_ else self.share_
        amount = self.amount_.predict(matrix) if self.amount_ else self.mean_
        return np.broadcast_to(np.asarray(whether * amount, dtype=np.float64), len(matrix)).copy()

    def _options(self) -> dict[str, Any]:
        """Return the settings that both parts share."""
        return {
            "max_iter": self.max_iter, "learning_rate": self.learning_rate,
            "max_leaf_nodes": self.max_leaf_nodes, "min_samples_leaf": self.min_samples_leaf,
            "random_state": self.random_state, "early_stopping": False,
        }  # fmt: skip

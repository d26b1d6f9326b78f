"""The base models learners are built from, and how a mean is asked of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone, is_classifier
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from retention.uplift.trial import Floats
from retention.uplift.zero_inflated import TwoPartRegressor

_BOOSTING: dict[str, Any] = {
    "max_iter": 60,
    "learning_rate": 0.08,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 60,
    "l2_regularization": 1.0,
    "early_stopping": False,
}

MOSTLY_ZERO = 0.5
"""From this share of zeros on, an outcome of zero or more is modelled in two parts."""


def outcome_model(outcome: Floats, model: Any = None) -> Any:
    """Return an unfitted model of the mean outcome: the one given, else gradient boosting.

    A 0/1 outcome gets a classifier, whose probabilities (never its labels) are used; money that is
    mostly zero gets a two-part model.
    """
    if model is not None:
        return clone(model)
    if np.isin(outcome, (0.0, 1.0)).all():
        return HistGradientBoostingClassifier(**_BOOSTING, random_state=0)
    if outcome.min(initial=0.0) >= 0 and np.mean(outcome == 0) >= MOSTLY_ZERO:
        return TwoPartRegressor()
    return HistGradientBoostingRegressor(**_BOOSTING, random_state=0)


def effect_model(model: Any = None) -> Any:
    """Return an unfitted model of the effect: the one given, else flat gradient boosting.

    Effects are small against the noise of the scores they are learnt from, hence few leaves.
    """
    if model is not None:
        return clone(model)
    return HistGradientBoostingRegressor(
        **{**_BOOSTING, "max_leaf_nodes": 6, "min_samples_leaf": 120}, random_state=0
    )


def fit_mean(model: Any, X: Floats, y: Floats, weight: Floats | None = None) -> Any:
    """Fit the model; an outcome that never varies needs none and gives its constant."""
    if len(y) == 0 or np.ptp(y) == 0:
        constant = float(y[0]) if len(y) else 0.0
        return DummyRegressor(strategy="constant", constant=constant).fit([[0.0]], [0.0])
    target: ArrayLike = y.astype(int) if is_classifier(model) else y
    if weight is None:
        return model.fit(X, target)
    return model.fit(X, target, sample_weight=weight)


def predict_mean(model: Any, X: Floats) -> Floats:
    """Return the expected outcome: a classifier's probability of 1, a regressor's prediction."""
    if is_classifier(model):
        return np.asarray(model.predict_proba(X)[:, 1], dtype=np.float64)
    return np.asarray(model.predict(X), dtype=np.float64).reshape(len(X))

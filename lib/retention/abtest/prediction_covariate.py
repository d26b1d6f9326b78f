"""CUPAC: a model's prediction of the outcome, from what was known before, as the covariate.

Tang, Huang, Kastelman & Bauman (2020), "Control using predictions as covariates in switchback
experiments". Predictions are cross-fitted, so that no unit's own outcome enters its prediction, and
the model never sees the arm: the difference of the arms stays unbiased whatever the model is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.abtest.assignment import positions
from retention.abtest.unit_values import numbers
from retention.errors import EvidenceError, InputError

FEWEST = 100
"""Units with an outcome below which no model is fitted."""


def predicted_outcome(
    units: pd.DataFrame,
    outcome: str,
    features: Sequence[str],
    *,
    unit: str = "unit_key",
    cluster: str | None = None,
    folds: int = 5,
    model: Any = None,
    seed: int = 0,
) -> pd.Series:
    """Return the cross-fitted prediction of each unit's outcome, to be used as a covariate.

    Parameters
    ----------
    units
        One row per unit; outcomes that are missing are not learned from, but are predicted.
    outcome
        Column of the outcome.
    features
        Columns known before the start; text is taken as categories, gaps are allowed.
    unit, cluster
        Column that draws the folds: a cluster is never on both sides of one.
    folds
        Parts; each is predicted by a model of the others.
    model
        A scikit-learn regressor; boosted trees if not given.
    seed
        Seed of the folds and of the default model.

    Raises
    ------
    InputError
        If a feature is missing, or is the outcome or the arm.
    EvidenceError
        If fewer than 100 units have an outcome.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> people = pd.DataFrame({"unit_key": range(400), "before": generator.normal(size=400)})
    >>> people["spend"] = people["before"] + generator.normal(size=400)
    >>> people["expected"] = predicted_outcome(people, "spend", ["before"])
    >>> bool(people["expected"].corr(people["spend"]) > 0.4)
    True
    """
    wrong = [f for f in features if f not in units or f in (outcome, "arm")]
    if wrong or not features:
        raise InputError(
            f"{wrong or 'No column'} cannot predict {outcome!r}.",
            "Name columns that were known before the start.",
            column=outcome,
        )
    y = numbers(units, [outcome])[outcome].to_numpy()
    known = np.isfinite(y)
    if known.sum() < FEWEST:
        raise EvidenceError(
            f"{int(known.sum())} units have an outcome; a prediction needs {FEWEST}.",
            "Use a single covariate of the time before.",
        )
    values, fold = _encoded(units, features), _folds(units[cluster or unit], folds, seed)
    found = np.full(len(units), np.nan)
    for part in range(folds):
        held = fold == part
        if held.any():
            found[held] = _fitted(model, values[~held & known], y[~held & known], seed).predict(
                values[held]
            )
    return pd.Series(found, index=units.index, name=f"predicted {outcome}")


def _folds(keys: pd.Series, folds: int, seed: int) -> NDArray[np.int64]:
    """Return each row's fold, the same for all rows of one key."""
    return np.asarray((positions(keys, f"folds {seed}") * folds).astype(np.int64))


def _encoded(units: pd.DataFrame, features: Sequence[str]) -> NDArray[np.float64]:
    """Return the features as numbers, text by the code of its category."""
    columns = []
    for name in features:
        if pd.api.types.is_numeric_dtype(units[name]):
            columns.append(numbers(units, [name])[name].to_numpy())
        else:
            codes = pd.factorize(units[name], sort=True)[0].astype(float)
            columns.append(np.where(codes < 0, np.nan, codes))
    return np.column_stack(columns)


def _fitted(model: Any, x: NDArray[np.float64], y: NDArray[np.float64], seed: int) -> Any:
    """Return a copy of the model fitted to some units."""
    from sklearn.base import clone
    from sklearn.ensemble import HistGradientBoostingRegressor

    plain = HistGradientBoostingRegressor(
        max_iter=100, max_leaf_nodes=15, learning_rate=0.1, random_state=seed
    )
    return clone(model if model is not None else plain).fit(x, y)

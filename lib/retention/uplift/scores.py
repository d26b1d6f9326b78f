r"""Doubly robust scores: for each unit and arm, what the outcome would be, without bias.

:math:`\Gamma_{ik} = \hat\mu_k^{-f}(x_i) + 1\{a_i = k\}\,(y_i - \hat\mu_k^{-f}(x_i)) / e_k(x_i)`
(Robins, Rotnitzky & Zhao, 1994), where :math:`\hat\mu^{-f}` never saw the unit's own fold
(Chernozhukov et al., 2018). With a known propensity the mean of :math:`\Gamma_k` is unbiased
whatever the model of the outcome.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retention.uplift.models import fit_mean, outcome_model, predict_mean
from retention.uplift.trial import Floats, Integers, Trial

SMALLEST_ARM_FOLD = 20
"""An arm with fewer units outside a fold gets its mean as model."""


def balanced_folds(arm: Integers, folds: int, seed: int) -> Integers:
    """Return a fold number per unit, balanced within each arm."""
    generator = np.random.default_rng(seed)
    fold = np.empty(len(arm), dtype=np.intp)
    for value in np.unique(arm):
        rows = np.flatnonzero(arm == value)
        fold[generator.permutation(rows)] = np.arange(len(rows)) % folds
    return fold


def cross_fitted_means(
    X: Floats,
    arm: Integers,
    outcome: Floats,
    arms: int,
    *,
    model: Any = None,
    folds: int = 5,
    seed: int = 0,
) -> Floats:
    """Predict each unit's outcome under each arm from models that never saw its fold.

    Returns
    -------
    ndarray of shape (units, arms)
    """
    fold = balanced_folds(arm, folds, seed)
    means = np.empty((len(arm), arms))
    for number in range(folds):
        inside = fold == number
        for k in range(arms):
            rows = ~inside & (arm == k)
            if rows.sum() < SMALLEST_ARM_FOLD:
                means[inside, k] = outcome[arm == k].mean() if (arm == k).any() else 0.0
                continue
            fitted = fit_mean(outcome_model(outcome, model), X[rows], outcome[rows])
            means[inside, k] = predict_mean(fitted, X[inside])
    return means


def robust_scores(arm: Integers, outcome: Floats, propensity: Floats, means: Floats) -> Floats:
    """Return the doubly robust scores, shape (units, arms); see the module for the formula."""
    scores = means.copy()
    rows = np.arange(len(arm))
    residual = outcome - means[rows, arm]
    scores[rows, arm] += residual / propensity[rows, arm]
    return scores


def trial_scores(
    trial: Trial, outcome: str, *, model: Any = None, folds: int = 5, seed: int = 0
) -> tuple[Floats, Floats]:
    """Return the doubly robust scores of a trial and the cross-fitted means behind them."""
    values = trial.outcome(outcome)
    means = cross_fitted_means(
        trial.covariates.to_numpy(), trial.arm, values, len(trial.arms),
        model=model, folds=folds, seed=seed,
    )  # fmt: skip
    return robust_scores(trial.arm, values, trial.propensity, means), means

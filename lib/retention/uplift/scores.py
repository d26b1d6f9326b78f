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


def balanced_folds(
    stratum: Integers, folds: int, seed: int, cluster: Integers | None = None
) -> Integers:
    """Return a fold number per unit, balanced within each stratum (an arm, say).

    A cluster is kept whole: it goes, by the stratum of its first unit, where its size is next in
    turn, so that folds hold about as many units.
    """
    generator = np.random.default_rng(seed)
    if cluster is not None:
        first, size = _clusters(cluster)
        order = generator.permutation(len(first))
        order = order[np.argsort(-size[order], kind="stable")]
        return _dealt(stratum[first], order, folds)[cluster]
    fold = np.empty(len(stratum), dtype=np.intp)
    for value in np.unique(stratum):
        rows = np.flatnonzero(stratum == value)
        fold[generator.permutation(rows)] = np.arange(len(rows)) % folds
    return fold


def trial_folds(trial: Trial, outcome: str, folds: int, seed: int) -> Integers:
    """Return a fold number per unit of a trial: clusters whole, arms and rare outcomes in balance.

    An outcome that is zero for some is balanced by whether it is zero, so that no fold lacks what
    happened to few.
    """
    some = (trial.outcome(outcome) != 0).astype(np.intp)
    return balanced_folds(2 * trial.arm + some, folds, seed, trial.cluster)


def _clusters(cluster: Integers) -> tuple[Integers, Integers]:
    """Return the first unit and the size of each cluster, clusters numbered from 0."""
    _, first, size = np.unique(cluster, return_index=True, return_counts=True)
    return first, size


def _dealt(stratum: Integers, order: Integers, folds: int) -> Integers:
    """Deal clusters in the order given to the folds in turn, stratum by stratum, to and fro."""
    fold = np.empty(len(stratum), dtype=np.intp)
    turn = np.r_[np.arange(folds), np.arange(folds)[::-1]]
    for value in np.unique(stratum):
        rows = order[stratum[order] == value]
        fold[rows] = turn[np.arange(len(rows)) % len(turn)]
    return fold


def cross_fitted_means(
    X: Floats,
    arm: Integers,
    outcome: Floats,
    arms: int,
    *,
    model: Any = None,
    folds: int | Integers = 5,
    seed: int = 0,
) -> Floats:
    """Predict each unit's outcome under each arm from models that never saw its fold.

    ``folds`` is their number, or the fold of each unit.

    Returns
    -------
    ndarray of shape (units, arms)
    """
    fold = balanced_folds(arm, folds, seed) if isinstance(folds, int) else folds
    means = np.empty((len(arm), arms))
    for number in np.unique(fold):
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
    fold = trial_folds(trial, outcome, folds, seed)
    means = cross_fitted_means(
        trial.covariates.to_numpy(), trial.arm, values, len(trial.arms), model=model, folds=fold
    )
    return robust_scores(trial.arm, values, trial.propensity, means), means

"""One arm over all folds: rankings chosen and learnt without the fold that they are asked about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.base import clone

from retention.uplift.learners import EffectLearner
from retention.uplift.selection import Selection, SplitResult, selection_of, split_results
from retention.uplift.trial import Floats, Integers, Trial

FOLDS = 5
"""Folds of every cross-fitted figure of a study."""


@dataclass(frozen=True)
class ArmFolds:
    """Cross-fitted predictions of one arm's effect, for every unit of the trial.

    Parameters
    ----------
    position
        Number of the arm.
    selection
        Candidates compared over the half splits of all folds together.
    chosen
        Effect by the candidate that was chosen without the unit's fold, which may be a constant;
        -inf where a rule would give nothing.
    ranking
        Effect by the best candidate that ranks at all.
    rule
        Effect by the best one-attribute rule, -inf where it would give nothing.
    fold
        Fold of each unit.
    """

    position: int
    selection: Selection
    chosen: Floats
    ranking: Floats
    rule: Floats
    fold: Integers

    @property
    def order(self) -> Floats:
        """Rank of each unit within its fold, as a share: predictions of folds differ in level."""
        return _within_folds(self.ranking, self.fold, lambda x: rankdata(x) / len(x))

    @property
    def spread(self) -> Floats:
        """Predicted effect less its mean in the fold."""
        return _within_folds(self.ranking, self.fold, lambda x: x - x.mean())

    def of(self, rows: NDArray[np.bool_]) -> ArmFolds:
        """Return the predictions of some of the units."""
        return ArmFolds(
            self.position, self.selection, self.chosen[rows], self.ranking[rows],
            self.rule[rows], self.fold[rows],
        )  # fmt: skip


def fit(candidate: EffectLearner, trial: Trial, outcome: str) -> EffectLearner:
    """Fit a fresh copy of a candidate."""
    return clone(candidate).fit(
        trial.covariates, trial.arm, trial.outcome(outcome), trial.propensity
    )


def cross_fitted_arm(
    trial: Trial, outcome: str, scores: Floats, fold: Integers, position: int,
    pool: Mapping[str, EffectLearner], splits: int, seed: int,
) -> ArmFolds:  # fmt: skip
    """Choose and learn one arm's rankings anew without each fold, and predict that fold.

    Parameters
    ----------
    trial, outcome
        The trial and what is to be increased.
    scores
        Doubly robust scores of all units and arms.
    fold
        Fold of each unit.
    position
        Number of the arm.
    pool
        Candidates by name, simplest first.
    splits
        Half splits on which candidates are compared, over all folds together.
    seed
        Seed of the splits.
    """
    both = np.isin(trial.arm, (0, position))
    pair = trial.against_control(trial.arms[position])
    effect, own_fold = scores[both, position] - scores[both, 0], fold[both]
    found = {name: np.empty(trial.units) for name in ("chosen", "ranking", "rule")}
    results: list[SplitResult] = []
    numbers = np.unique(fold)
    for number in numbers:
        known = own_fold != number
        part = pair.take(known)
        own = split_results(
            part, outcome, effect[known], pool, splits=-(-splits // len(numbers)),
            seed=seed + 100 * int(number),
        )  # fmt: skip
        results += own
        choice = selection_of(pair.arms[1], list(pool), own, part.units)
        named = {"chosen": choice.chosen, "ranking": choice.best_ranking, "rule": "rule"}
        fitted = {name: fit(pool[name], part, outcome) for name in {*named.values()}}
        inside = fold == number
        X = trial.covariates.iloc[np.flatnonzero(inside)]
        for key, name in named.items():
            asked = fitted[name].predict if key == "ranking" else fitted[name].policy_effects
            found[key][inside] = asked(X)[:, 0]
    pooled = selection_of(pair.arms[1], list(pool), results, pair.units)
    return ArmFolds(position, pooled, found["chosen"], found["ranking"], found["rule"], fold)


def _within_folds(values: Floats, fold: Integers, change: Callable[[Floats], Floats]) -> Floats:
    """Apply a function within each fold."""
    result = np.empty(len(values))
    for number in np.unique(fold):
        inside = fold == number
        result[inside] = change(values[inside])
    return result

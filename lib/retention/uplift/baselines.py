"""What every learner must beat: one effect for all, and the best rule of one attribute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from retention.uplift.learners import EffectLearner
from retention.uplift.trial import Floats, Integers

FEW_VALUES = 10
"""An attribute with at most so many values is cut at each of them, another at its deciles."""


class ConstantEffect(EffectLearner):
    """The same effect for everybody: the difference of weighted means."""

    def _learn(self, X: Floats, arm: Integers, outcome: Floats, propensity: Floats) -> None:
        means = _weighted_means(arm, outcome, propensity)
        self.effects_ = means[1:] - means[0]

    def _effects(self, X: Floats) -> Floats:
        return np.tile(self.effects_, (len(X), 1))


@dataclass(frozen=True)
class Rule:
    """A condition on one attribute, and the effects inside and outside of it."""

    column: int
    name: str
    threshold: float
    above: bool
    is_flag: bool
    inside: float
    outside: float

    def covers(self, X: Floats) -> np.ndarray:
        """Return which rows meet the condition; a missing value never does."""
        values = X[:, self.column]
        return values > self.threshold if self.above else values <= self.threshold

    def __str__(self) -> str:
        """Return the condition as a marketer would write it."""
        if self.is_flag:
            return f"{self.name} == {int(self.above)}"
        return f"{self.name} {'>' if self.above else '<='} {self.threshold:.6g}"


class BestRule(EffectLearner):
    """The one-attribute rule whose two groups rank best by effect, arm by arm.

    Among all cuts the rule with the largest QINI on the training units is taken: with a share p
    inside, effects t₁ inside and t₀ outside, QINI = p(1 − p)(t₁ − t₀)/2.
    """

    def _learn(self, X: Floats, arm: Integers, outcome: Floats, propensity: Floats) -> None:
        names = getattr(self, "feature_names_in_", [f"x{i}" for i in range(X.shape[1])])
        means = _weighted_means(arm, outcome, propensity)
        rows = np.arange(len(arm))
        weight = 1 / propensity[rows, arm]
        centred = (outcome - means.mean()) * weight
        self.rules_ = [
            _best_rule(X, list(map(str, names)), _pair_scores(arm, centred, k), means[k] - means[0])
            for k in range(1, self.n_arms_)
        ]

    def _effects(self, X: Floats) -> Floats:
        columns = [np.where(r.covers(X), r.inside, r.outside) for r in self.rules_]
        return np.column_stack(columns)

    def policy_effects(self, X: ArrayLike) -> Floats:
        """Return the effect of whom the rule covers; the others are given nothing.

        Whether they would pay, too, is what sending to all is compared for: the small effect left
        outside of a rule is mostly noise.
        """
        matrix = np.asarray(X, dtype=np.float64)
        columns = [np.where(r.covers(matrix), r.inside, -np.inf) for r in self.rules_]
        return np.column_stack(columns)


def _weighted_means(arm: Integers, outcome: Floats, propensity: Floats) -> Floats:
    """Return the mean outcome of each arm, weighted by the inverse of its propensity."""
    return np.array(
        [
            np.average(outcome[arm == k], weights=1 / propensity[arm == k, k])
            for k in range(propensity.shape[1])
        ]
    )


def _pair_scores(arm: Integers, centred: Floats, k: int) -> Floats:
    """Return scores whose mean over any group estimates arm k's effect in it."""
    return np.where(arm == k, centred, 0.0) - np.where(arm == 0, centred, 0.0)


def _best_rule(X: Floats, names: list[str], scores: Floats, effect: float) -> Rule:
    """Return the cut of largest QINI over all attributes."""
    best, found = -np.inf, Rule(0, names[0], np.inf, False, False, effect, effect)
    total, count = scores.sum(), len(scores)
    for column in range(X.shape[1]):
        values = X[:, column]
        is_flag = bool(np.isin(values[~np.isnan(values)], (0.0, 1.0)).all())
        for threshold in _thresholds(values, is_flag):
            inside = values > threshold
            size, part = int(inside.sum()), float(scores[inside].sum())
            if not 0 < size < count:
                continue
            share, upper, lower = size / count, part / size, (total - part) / (count - size)
            gain = share * (1 - share) * abs(upper - lower) / 2
            if gain > best * (1 + 1e-9):
                best, above = gain, upper >= lower
                effects = (upper, lower) if above else (lower, upper)
                found = Rule(column, names[column], threshold, above, is_flag, *effects)
    return found


def _thresholds(values: Floats, is_flag: bool) -> Floats:
    """Return the cuts to try."""
    known = values[~np.isnan(values)]
    if is_flag or len(known) == 0:
        return np.array([0.5])
    distinct = np.unique(known)
    if len(distinct) <= FEW_VALUES:
        return np.asarray(distinct[:-1])
    return np.unique(np.quantile(known, np.arange(1, 10) / 10))

"""The policies that a study compares: cross-fitted where they are learnt, and fit to be applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.uplift.baselines import BestRule
from retention.uplift.cross_fitting import ArmFolds
from retention.uplift.learners import EffectLearner
from retention.uplift.models import fit_mean, outcome_model, predict_mean
from retention.uplift.policy import greedy_policy, random_policy
from retention.uplift.policy_tree import PolicyTree, grow_policy_tree
from retention.uplift.trial import Floats, Integers, Trial

TARGETED = "targeted"
NOBODY = "nobody"
RULE = "best rule"
TREE = "policy tree"
RANDOM = "random, same shares"
SMALLEST_LEAF = 50
"""Customers that a leaf of the policy tree needs, and one in a hundred at that."""

Assign = Callable[[pd.DataFrame], Integers]
Rule = Integers | Assign
"""A marketer's policy: arm numbers of the trial's units, or a function of what is known of one."""


@dataclass(frozen=True)
class AppliedPolicy:
    """A policy for any units with the attributes of the trial.

    Parameters
    ----------
    effects
        Effect expected of each arm, shape (units, arms − 1).
    allowed
        Which arms the policy would use for each unit, same shape.
    """

    effects: Callable[[pd.DataFrame], Floats]
    allowed: Callable[[pd.DataFrame], np.ndarray]


def by_learners(learners: Sequence[EffectLearner]) -> AppliedPolicy:
    """Return the policy that gives each unit the arm of largest predicted effect less cost."""

    def effects(X: pd.DataFrame) -> Floats:
        return np.column_stack([learner.predict(X)[:, 0] for learner in learners])

    def allowed(X: pd.DataFrame) -> np.ndarray:
        return np.column_stack(
            [np.isfinite(learner.policy_effects(X)[:, 0]) for learner in learners]
        )

    return AppliedPolicy(effects, allowed)


def to_all(effects: Callable[[pd.DataFrame], Floats], used: Sequence[bool]) -> AppliedPolicy:
    """Return the policy that gives the arms that are used to everybody."""
    usable = np.asarray(used, dtype=bool)
    return AppliedPolicy(effects, lambda X: np.broadcast_to(usable, (len(X), len(usable))))


def by_assignment(assign: Assign, scores: Floats, given: Integers) -> AppliedPolicy:
    """Return a policy that names each unit's arm; its effects are those measured of whom it chose.

    Parameters
    ----------
    assign
        The policy.
    scores
        Doubly robust scores of the trial's units.
    given
        Arm that the policy gives each of them.
    """
    arms = np.arange(1, scores.shape[1])
    measured = np.array(
        [
            (scores[given == k, k] - scores[given == k, 0]).mean() if (given == k).any() else 0.0
            for k in arms
        ]
    )
    return AppliedPolicy(
        lambda X: np.tile(measured, (len(X), 1)), lambda X: assign(X)[:, None] == arms[None, :]
    )


def cross_fitted_policies(
    trial: Trial, by_arm: Sequence[ArmFolds], means: Floats, cost: Floats
) -> dict[str, Integers | Floats]:
    """Return the policies for all alike, those learnt outside of each fold, and a random one."""
    policies: dict[str, Integers | Floats] = {NOBODY: np.zeros(trial.units, dtype=np.intp)}
    for position, arm in enumerate(trial.treatments, start=1):
        policies[f"{arm} to all"] = np.full(trial.units, position, dtype=np.intp)
    targeted = greedy_policy(np.column_stack([arm.chosen for arm in by_arm]), cost)
    policies[TARGETED] = targeted
    policies[RULE] = greedy_policy(np.column_stack([arm.rule for arm in by_arm]), cost)
    policies[RANDOM] = random_policy(targeted, len(trial.arms))
    for position, arm in enumerate(trial.treatments, start=1):
        likely = means[:, position] > np.median(means[:, position])
        policies[likely_half(arm)] = np.where(likely, position, 0).astype(np.intp)
    return policies


def likely_half(arm: str) -> str:
    """Return the name of the response model's policy."""
    return f"{arm} to the likely half"


def likely_buyers(trial: Trial, outcome: str, position: int, model: object) -> Assign:
    """Return the response model's policy: an arm to the half most likely to respond to it."""
    rows = trial.arm == position
    values = trial.outcome(outcome)[rows]
    X = trial.covariates.to_numpy()
    fitted = fit_mean(outcome_model(values, model), X[rows], values)
    edge = np.median(predict_mean(fitted, X))

    def assign(covariates: pd.DataFrame) -> Integers:
        likely = predict_mean(fitted, covariates.to_numpy(np.float64)) > edge
        return np.where(likely, position, 0).astype(np.intp)

    return assign


def grown_tree(trial: Trial, scores: Floats, cost: Floats, depth: int) -> PolicyTree:
    """Return the readable policy grown on the units of a trial."""
    smallest = max(SMALLEST_LEAF, trial.units // 100)
    return grow_policy_tree(
        trial.covariates, scores, trial.arms, costs=cost, depth=depth, smallest_leaf=smallest
    )


def cross_fitted_tree(
    trial: Trial, scores: Floats, fold: Integers, cost: Floats, depth: int
) -> Integers:
    """Return the arm of each unit by the tree that was grown without its fold."""
    given = np.zeros(trial.units, dtype=np.intp)
    for number in np.unique(fold):
        inside = fold == number
        tree = grown_tree(trial.take(~inside), scores[~inside], cost, depth)
        given[inside] = tree.assign(trial.covariates.iloc[np.flatnonzero(inside)])
    return given


def given_rules(trial: Trial, rules: Mapping[str, Rule]) -> dict[str, Integers]:
    """Return the arm that each of a marketer's policies gives the units of the trial."""
    return {
        name: np.asarray(rule(trial.covariates) if callable(rule) else rule, dtype=np.intp)
        for name, rule in rules.items()
    }


def worded_rules(learners: Sequence[EffectLearner], arms: Sequence[str], cost: Floats) -> str:
    """Word the best rules of the arms as a marketer would: who is sent what."""
    parts = []
    for learner, arm, price in zip(learners, arms[1:], cost[1:] - cost[0], strict=True):
        if isinstance(learner, BestRule):
            rule = learner.rules_[0]
            if rule.inside > price:
                parts.append(f"{arm} where {rule}")
    return "; ".join(parts) or "nobody"

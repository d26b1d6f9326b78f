"""From an experiment to a recommendation: what worked, for whom, and whether to target at all.

Policies are learnt anew without each fold, the choice among candidates with them, and valued on the
fold: all units count, and none has a say in the policy that it is given. Intervals of policies that
are looked at together hold all at once, so that the best of many cannot flatter itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from retention.results import Check, Metric, Status
from retention.uplift.arm_study import ArmStudy, heterogeneity_check, judge, study_arm
from retention.uplift.baselines import BestRule, ConstantEffect
from retention.uplift.codes import UpliftCode
from retention.uplift.comparability import comparability
from retention.uplift.cross_fitting import FOLDS, cross_fitted_arm
from retention.uplift.effects import AverageLift, average_lift
from retention.uplift.learners import EffectLearner
from retention.uplift.policies import (
    NOBODY,
    RANDOM,
    RULE,
    TARGETED,
    TREE,
    AppliedPolicy,
    Assign,
    Rule,
    by_assignment,
    by_learners,
    cross_fitted_policies,
    cross_fitted_tree,
    given_rules,
    grown_tree,
    likely_buyers,
    likely_half,
    to_all,
    worded_rules,
)
from retention.uplift.policy import PolicyComparison, PolicyRewards, PolicyValue, greedy_policy
from retention.uplift.policy_tree import PolicyTree
from retention.uplift.scores import trial_folds, trial_scores
from retention.uplift.trial import Floats, Integers, Trial, finite
from retention.uplift.verdict import SENDS_NOTHING, Action, Contest, Verdict

PER_CUSTOMER = " per customer"


@dataclass(frozen=True)
class TargetingStudy:
    """The recommendation with everything it rests on.

    ``to_frame`` gives the policies; ``summary`` the verdict; ``predict`` the effects that the
    recommendation uses for any units with the same attributes.
    """

    outcome: str
    arms: tuple[str, ...]
    costs: tuple[float, ...]
    lift: AverageLift
    by_arm: tuple[ArmStudy, ...]
    policies: PolicyComparison
    verdict: Verdict
    over_nobody: PolicyValue
    applied: AppliedPolicy
    tree: PolicyTree | None = None

    def to_frame(self) -> pd.DataFrame:
        """Return one row per policy, best first."""
        return self.policies.to_frame()

    def summary(self) -> str:
        """Word the verdict; without randomisation it is called what it is."""
        if self.lift.randomised:
            return self.verdict.summary()
        return f"This is not an experiment, so take it as a hint. {self.verdict.summary()}"

    @property
    def curves(self) -> dict[str, pd.DataFrame]:
        """Gain curve of each arm's cross-fitted ranking, by arm and ranking."""
        return {arm.ranking_of: arm.curve for arm in self.by_arm}

    def tree_summary(self) -> str:
        """Word the readable policy tree and what it is worth; empty where there is none."""
        if self.tree is None:
            return ""
        worth = self.policies.of(TREE)
        return (
            f"As questions a marketer can read: {self.tree.summary()} Against "
            f"{worth.reference!r} {worth.gain:+.4g} ({worth.gain_low:+.4g} to "
            f"{worth.gain_high:+.4g}) {self.policies.unit}."
        )

    def rankings(self) -> pd.DataFrame:
        """Return the held-out QINI of every candidate, arm by arm."""
        return pd.concat([arm.selection.to_frame() for arm in self.by_arm], ignore_index=True)

    def deciles(self) -> pd.DataFrame:
        """Return predicted and measured effect by tenth of each arm's cross-fitted ranking."""
        return self._stacked("deciles")

    def top_shares(self) -> pd.DataFrame:
        """Return the effect among the top shares of each arm's cross-fitted ranking."""
        return self._stacked("top_shares")

    def areas(self) -> pd.DataFrame:
        """Return QINI, AUTOC, AUUC and the QINI of learning anew of each arm's ranking."""
        parts = [a.held_out.areas().assign(ranking=f"{a.arm} by {a.held_out.ranking}")
                 for a in self.by_arm]  # fmt: skip
        table = pd.concat(parts, ignore_index=True)
        return table[["ranking", *(c for c in table.columns if c != "ranking")]]

    def _stacked(self, name: str) -> pd.DataFrame:
        """Return one table of every arm's ranking, one below the other."""
        parts = [
            getattr(a.held_out, name).assign(ranking=f"{a.arm} by {a.held_out.ranking}")
            for a in self.by_arm
        ]
        table = pd.concat(parts, ignore_index=True)
        return table[["ranking", *(c for c in table.columns if c != "ranking")]]

    def predict(self, covariates: pd.DataFrame) -> Floats:
        """Return the effects the recommendation rests on, shape (units, arms − 1)."""
        return self.applied.effects(covariates)

    def recommend(self, covariates: pd.DataFrame) -> Integers:
        """Return the arm number recommended for each unit."""
        return greedy_policy(self.usable(covariates, self.predict(covariates)), self.costs)

    def usable(self, covariates: pd.DataFrame, effects: Floats) -> Floats:
        """Rule out the arms that the recommendation would not use."""
        if self.verdict.action in SENDS_NOTHING:
            return np.full_like(effects, -np.inf)
        return np.where(self.applied.allowed(covariates), effects, -np.inf)

    def metrics(self) -> list[Metric]:
        """Return the held-out QINI of each arm's ranking and the value of each policy."""
        unit = self.policies.unit.removesuffix(PER_CUSTOMER)
        ranks = [
            Metric(f"qini.{a.arm}", a.quality.qini, unit,
                   a.quality.qini - 1.96 * a.quality.qini_error,
                   a.quality.qini + 1.96 * a.quality.qini_error, a.quality.n)
            for a in self.by_arm
        ]  # fmt: skip
        values = [
            Metric(f"value.{v.policy}", v.value, unit, v.ci_low, v.ci_high, v.n)
            for v in self.policies.values
        ]
        return [*ranks, *values]

    def status(self) -> Status:
        """Return a pass where chance decided and the evidence does, else a warning or a fail."""
        if self.verdict.action is Action.INVALID:
            return Status.FAIL
        open_question = self.verdict.action in SENDS_NOTHING or not self.lift.randomised
        return Status.WARN if open_question else Status.PASS

    def checks(self) -> list[Check]:
        """Return one check per arm on heterogeneity and one on the gain from targeting."""
        return [*(heterogeneity_check(arm) for arm in self.by_arm), _gain_check(self)]


def study_targeting(
    trial: Trial,
    outcome: str,
    *,
    candidates: Mapping[str, EffectLearner],
    costs: Sequence[float] | None = None,
    rules: Mapping[str, Rule] | None = None,
    splits: int = 5,
    seed: int = 0,
    unit: str = "per unit",
    model: Any = None,
    tree_depth: int = 0,
    replicates: int = 0,
) -> TargetingStudy:
    """Find out whom to treat with which arm, or that everybody or nobody should be treated.

    Parameters
    ----------
    trial
        The experiment.
    outcome
        What is to be increased (a rate, or money such as the net margin).
    candidates
        Learners by name, simplest first; ``constant`` and ``rule`` are put in front.
    costs
        Cost of each arm per unit treated, control first, in units of the outcome; None means free.
    rules
        Policies a marketer would use: functions of the attributes that give arm numbers, or the arm
        numbers of the trial's units (which are compared, but cannot be recommended for others).
    splits
        Half splits, over all folds together, on which candidates are compared.
    seed
        Seed of every split and half-sample.
    unit
        Unit of the values, for the wording.
    model
        Model of the outcome behind the doubly robust scores; None means gradient boosting.
    tree_depth
        Questions of a policy tree that is valued beside the others, 1 to 3; 0 for none.
    replicates
        Random halves on which each arm's ranking is learnt anew, for the interval of the whole way
        of ranking; 0 for none.
    """
    cost = np.zeros(len(trial.arms)) if costs is None else finite(np.asarray(costs), "costs")
    pool = {"constant": ConstantEffect(), "rule": BestRule(), **candidates}
    fold = trial_folds(trial, outcome, FOLDS, seed)
    scores, means = trial_scores(trial, outcome, model=model, folds=FOLDS, seed=seed)
    over_folds = [
        cross_fitted_arm(trial, outcome, scores, fold, k, pool, splits, seed)
        for k in range(1, len(trial.arms))
    ]
    by_arm = judge(
        [study_arm(trial, outcome, scores, means, arm, pool, seed, replicates)
         for arm in over_folds]
    )  # fmt: skip
    lift = average_lift(trial, [outcome])
    policies = cross_fitted_policies(trial, over_folds, means, cost)
    policies |= given_rules(trial, rules or {})
    tree = grown_tree(trial, scores, cost, tree_depth) if tree_depth else None
    if tree is not None:
        policies[TREE] = cross_fitted_tree(trial, scores, fold, cost, tree_depth)
    contest = _contest(trial, policies, by_arm, scores, cost, rules or {}, tree, unit)
    verdict = _checked(trial, outcome, contest.decide([a.arm for a in by_arm if a.differs]))
    applied = _Applied(trial, outcome, scores, policies, by_arm, rules or {}, tree, lift, model)
    return TargetingStudy(
        outcome, trial.arms, tuple(cost), lift, by_arm,
        contest.rewards.against(contest.best_constant() or NOBODY, unit=unit), verdict,
        _over_nobody(contest, verdict), applied.policy(verdict), tree,
    )  # fmt: skip


def costs_in_outcome(
    arms: Sequence[str], contact_cost: float | Mapping[str, float], worth: float
) -> Floats:
    """Return each arm's cost in units of the outcome; the control costs nothing.

    Parameters
    ----------
    arms
        Names of the arms, control first.
    contact_cost
        Cost of one contact, in money; one for all arms, or one for each by its name.
    worth
        Money that one unit of the outcome brings; 0 leaves the cost out.

    Examples
    --------
    >>> costs_in_outcome(("none", "email"), 0.1, 0.5).tolist()
    [0.0, 0.2]
    """
    if worth <= 0:
        return np.zeros(len(arms))
    each = contact_cost if isinstance(contact_cost, Mapping) else dict.fromkeys(arms, contact_cost)
    return np.array([0.0, *(each[arm] / worth for arm in arms[1:])])


def _contest(
    trial: Trial, policies: Mapping[str, Integers | Floats], by_arm: Sequence[ArmStudy],
    scores: Floats, cost: Floats, rules: Mapping[str, Rule], tree: PolicyTree | None, unit: str,
) -> Contest:  # fmt: skip
    """Return the policies that the verdict chooses among, with what they bring."""
    constants = {f"{arm} to all": arm for arm in trial.treatments}
    targeted = (TARGETED, RULE, *([TREE] if tree else []))
    own = tuple(name for name, rule in rules.items() if callable(rule))
    habits = (*own, *(likely_half(arm) for arm in trial.treatments))
    words = {RULE: worded_rules([arm.rule_learner for arm in by_arm], trial.arms, cost)}
    words |= {name: name for name in habits}
    if tree is not None:
        words[TREE] = tree.summary().removesuffix(".")
    if all(arm.selection.chosen in ("rule", "constant") for arm in by_arm):
        words[TARGETED] = words[RULE]
    rewards = replace(
        PolicyRewards.of(scores, policies, cost, trial.cluster),
        learnt=frozenset({*targeted, RANDOM}),
        families=(tuple(constants), (*targeted, *habits)),
    )
    return Contest(rewards, NOBODY, constants, targeted, habits, words, unit)


def _checked(trial: Trial, outcome: str, verdict: Verdict) -> Verdict:
    """Return the verdict; where chance cannot have drawn the arms there is none."""
    if not trial.randomised:
        return verdict
    alike = comparability(trial, outcome)
    if alike.is_valid:
        return verdict
    detail = next(check.detail for check in alike.checks() if check.status is Status.FAIL)
    return Verdict(Action.INVALID, NOBODY, None, detail)


def _over_nobody(contest: Contest, verdict: Verdict) -> PolicyValue:
    """Return what the recommended policy brings over leaving everybody alone."""
    over = contest.rewards.against(contest.nobody, unit=contest.unit)
    return over.of(TARGETED if verdict.policy == NOBODY else verdict.policy)


@dataclass(frozen=True)
class _Applied:
    """What the recommended policy is made of, to be applied to any customers."""

    trial: Trial
    outcome: str
    scores: Floats
    policies: Mapping[str, Integers | Floats]
    by_arm: Sequence[ArmStudy]
    rules: Mapping[str, Rule]
    tree: PolicyTree | None
    lift: AverageLift
    model: Any

    def policy(self, verdict: Verdict) -> AppliedPolicy:
        """Return the recommended policy."""
        if verdict.policy == TARGETED:
            return by_learners([arm.chosen for arm in self.by_arm])
        if verdict.policy == RULE:
            return by_learners([arm.rule_learner for arm in self.by_arm])
        if verdict.arm is not None or verdict.policy == NOBODY:
            return to_all(self._known, [arm == verdict.arm for arm in self.trial.treatments])
        given = np.asarray(self.policies[verdict.policy], dtype=np.intp)
        return by_assignment(self._assign(verdict.policy), self.scores, given)

    def _known(self, covariates: pd.DataFrame) -> Floats:
        """Return individual effects where they are confirmed and the average elsewhere."""
        columns = [
            arm.learner.predict(covariates)[:, 0]
            if arm.differs
            else np.full(len(covariates), self.lift.of(self.outcome, arm.arm).difference)
            for arm in self.by_arm
        ]
        return np.column_stack(columns)

    def _assign(self, name: str) -> Assign:
        """Return the arm numbers of a policy as a function of the attributes."""
        if name == TREE and self.tree is not None:
            return self.tree.assign
        rule = self.rules.get(name)
        if callable(rule):
            return rule
        position = next(
            k for k, arm in enumerate(self.trial.treatments, start=1) if likely_half(arm) == name
        )
        return likely_buyers(self.trial, self.outcome, position, self.model)


def _gain_check(study: TargetingStudy) -> Check:
    """Return the check on the gain from targeting."""
    status = study.status() if study.verdict.action in SENDS_NOTHING else Status.PASS
    if status is Status.PASS and study.verdict.arm is None:
        return Check(UpliftCode.POLICY_GAIN, Status.PASS, study.summary())
    return Check(
        UpliftCode.POLICY_GAIN, status if status is Status.FAIL else Status.WARN, study.summary(),
        f"Follow {study.verdict.policy!r}; keep a hold-out so that the next send can be measured.",
    )  # fmt: skip

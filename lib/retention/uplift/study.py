"""From an experiment to a recommendation: what worked, for whom, and whether to target at all.

Candidates are chosen on one part of the units; every test and value is taken on an untouched
part, so that the choice of the best of many cannot flatter itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from retention.errors import ParameterError
from retention.results import Check, Metric, Status
from retention.uplift.arm_study import ArmStudy, heterogeneity_check, judge, study_arm
from retention.uplift.baselines import BestRule, ConstantEffect
from retention.uplift.codes import UpliftCode
from retention.uplift.effects import ArmEffect, AverageLift, average_lift
from retention.uplift.learners import EffectLearner
from retention.uplift.policy import (
    PolicyComparison,
    PolicyValue,
    compare_policies,
    greedy_policy,
    random_policy,
)
from retention.uplift.policy_tree import PolicyTree, grow_policy_tree
from retention.uplift.scores import balanced_folds, trial_scores
from retention.uplift.trial import Floats, Integers, Trial
from retention.uplift.verdict import Action, Verdict

TARGETED = "targeted"
NOBODY = "nobody"
TREE = "policy tree"
PER_CUSTOMER = " per customer"
SMALLEST_LEAF = 50
"""Customers that a leaf of the policy tree needs, and one in a hundred at that."""


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
        """Gain curve of each arm's ranking on the untouched units, by arm and ranking."""
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
        """Return predicted and measured effect by tenth of each arm's ranking, untouched units."""
        return self._stacked("deciles")

    def top_shares(self) -> pd.DataFrame:
        """Return the effect among the top shares of each arm's ranking, untouched units."""
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
        return _combined(self.by_arm, self.lift, self.outcome, covariates)

    def recommend(self, covariates: pd.DataFrame) -> Integers:
        """Return the arm number recommended for each unit."""
        if self.verdict.action is Action.DO_NOT_SEND:
            return np.zeros(len(covariates), dtype=np.intp)
        if self.verdict.arm is not None:
            return np.full(len(covariates), self.arms.index(self.verdict.arm), dtype=np.intp)
        return greedy_policy(self.usable(self.predict(covariates)), self.costs)

    def usable(self, effects: Floats) -> Floats:
        """Rule out arms that are neither confirmed to differ nor shown to pay on average."""
        return _usable(effects, self.by_arm, self.lift, self.outcome, self.costs)

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
        """Return a pass where chance decided and the evidence does, else a warning."""
        open_question = self.verdict.action is Action.DO_NOT_SEND or not self.lift.randomised
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
    rules: Mapping[str, Integers] | None = None,
    untouched_share: float = 0.4,
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
        Policies a marketer would use, as arm numbers per unit in the trial's order.
    untouched_share
        Share of the units that no choice may see.
    splits
        Half splits on which candidates are compared.
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

    Raises
    ------
    ParameterError
        If the untouched share leaves nothing to learn from or to test on.
    """
    cost = np.zeros(len(trial.arms)) if costs is None else np.asarray(costs, dtype=np.float64)
    pool = {"constant": ConstantEffect(), "rule": BestRule(), **candidates}
    untouched = _untouched(trial, untouched_share, seed)
    scores, means = trial_scores(trial, outcome, model=model, seed=seed)
    lift = average_lift(trial, [outcome])
    positions = range(1, len(trial.arms))
    by_arm = judge(
        [study_arm(trial, outcome, scores, means, untouched, k, pool, splits, seed, replicates)
         for k in positions]
    )  # fmt: skip
    rules = {**_likely_buyers(trial, lift, outcome, means), **(rules or {})}
    policies = _policies(trial, by_arm, lift, outcome, cost, untouched, rules)
    tree = _tree(trial, scores, untouched, cost, tree_depth)
    if tree is not None:
        policies[TREE] = tree.assign(trial.take(untouched).covariates)
    best = _best_constant(trial, lift, outcome, cost)
    comparison = compare_policies(
        scores[untouched], policies, costs=cost, unit=unit,
        reference=f"{best.arm} to all" if best else NOBODY,
    )  # fmt: skip
    verdict = _decide(by_arm, comparison, best)
    over_nobody = _over_nobody(scores[untouched], policies, verdict, cost, unit)
    return TargetingStudy(
        outcome, trial.arms, tuple(cost), lift, by_arm, comparison, verdict, over_nobody, tree
    )


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


def _untouched(trial: Trial, share: float, seed: int) -> np.ndarray:
    """Return which units no choice may see: a share of every arm, drawn by seed."""
    if not 0.1 <= share <= 0.9:
        raise ParameterError(
            f"An untouched share of {share} leaves too little on one side.",
            "Choose a share between 0.1 and 0.9.",
            column="untouched_share",
        )
    return balanced_folds(trial.arm, 100, seed) < round(100 * share)


def _combined(
    by_arm: Sequence[ArmStudy], lift: AverageLift, outcome: str, covariates: pd.DataFrame
) -> Floats:
    """Return individual effects where they are confirmed and the average elsewhere."""
    columns = [
        arm.learner.predict(covariates)[:, 0] if arm.differs
        else np.full(len(covariates), lift.of(outcome, arm.arm).difference)
        for arm in by_arm
    ]  # fmt: skip
    return np.column_stack(columns)


def _usable(
    effects: Floats, by_arm: Sequence[ArmStudy], lift: AverageLift, outcome: str,
    cost: Sequence[float] | Floats,
) -> Floats:  # fmt: skip
    """Rule out arms that are neither confirmed to differ nor shown to pay on average."""
    shown = [
        arm.differs or lift.of(outcome, arm.arm).ci_low > cost[k] - cost[0]
        for k, arm in enumerate(by_arm, start=1)
    ]
    return np.where(np.array(shown)[None, :], effects, -np.inf)


def _policies(
    trial: Trial, by_arm: Sequence[ArmStudy], lift: AverageLift, outcome: str, cost: Floats,
    untouched: np.ndarray, rules: Mapping[str, Integers],
) -> dict[str, Integers | Floats]:  # fmt: skip
    """Return every policy to be valued on the untouched units."""
    held = trial.take(untouched)
    effects = _combined(by_arm, lift, outcome, held.covariates)
    targeted = greedy_policy(_usable(effects, by_arm, lift, outcome, cost), cost)
    learned = np.column_stack([arm.learner.predict(held.covariates)[:, 0] for arm in by_arm])
    policies: dict[str, Integers | Floats] = {NOBODY: np.zeros(held.units, dtype=np.intp)}
    for position, arm in enumerate(trial.treatments, start=1):
        policies[f"{arm} to all"] = np.full(held.units, position, dtype=np.intp)
    policies[TARGETED] = targeted
    policies["targeted without the test"] = greedy_policy(learned, cost)
    policies["random, same shares"] = random_policy(targeted, len(trial.arms))
    return policies | {name: rule[untouched] for name, rule in rules.items()}


def _tree(
    trial: Trial, scores: Floats, untouched: np.ndarray, cost: Floats, depth: int
) -> PolicyTree | None:
    """Return the readable policy grown on the touched units, None where none is asked for."""
    if depth == 0:
        return None
    known = trial.take(~untouched).covariates
    smallest = max(SMALLEST_LEAF, len(known) // 100)
    return grow_policy_tree(
        known, scores[~untouched], trial.arms, costs=cost, depth=depth, smallest_leaf=smallest
    )


def _over_nobody(
    scores: Floats, policies: Mapping[str, Integers | Floats], verdict: Verdict, cost: Floats,
    unit: str,
) -> PolicyValue:  # fmt: skip
    """Return what the recommended policy brings over leaving everybody alone."""
    name = verdict.policy if verdict.policy in policies else TARGETED
    pair = {NOBODY: policies[NOBODY], name: policies[name]}
    return compare_policies(scores, pair, costs=cost, reference=NOBODY, unit=unit).of(name)


def _likely_buyers(
    trial: Trial, lift: AverageLift, outcome: str, means: Floats
) -> dict[str, Integers]:
    """Return the response model's policy: the best arm to the half most likely to respond."""
    best = max(trial.treatments, key=lambda arm: lift.of(outcome, arm).difference)
    position = trial.arms.index(best)
    likely = means[:, position] > np.median(means[:, position])
    return {f"{best} to the likely half": np.where(likely, position, 0).astype(np.intp)}


def _best_constant(trial: Trial, lift: AverageLift, outcome: str, cost: Floats) -> ArmEffect | None:
    """Return the arm that pays most when sent to all, or None where none is shown to pay."""
    paying = [
        (lift.of(outcome, arm).difference - (cost[k] - cost[0]), lift.of(outcome, arm))
        for k, arm in enumerate(trial.treatments, start=1)
        if lift.of(outcome, arm).ci_low > cost[k] - cost[0]
    ]
    return max(paying, key=lambda item: item[0])[1] if paying else None


def _decide(
    by_arm: Sequence[ArmStudy], comparison: PolicyComparison, best: ArmEffect | None
) -> Verdict:
    """Target only where effects differ and the targeted policy beats the best policy for all."""
    gain = comparison.of(TARGETED)
    against = f"against {gain.reference!r} {gain.gain:+.4g} ({gain.gain_low:+.4g} to " + (
        f"{gain.gain_high:+.4g}) {comparison.unit} on {gain.n:,} untouched units"
    )
    differing = [arm for arm in by_arm if arm.differs]
    if differing and gain.gain_low > 0:
        reason = f"Targeting gains {against}."
        if all(arm.selection.chosen == "rule" for arm in differing):
            words = "; ".join(f"{arm.arm} by {arm.ranking}" for arm in differing)
            return Verdict(Action.USE_RULE, words, None, reason)
        return Verdict(Action.TARGET, TARGETED, None, reason)
    rest = f"Targeting does not pay more ({against})."
    if gain.gain == gain.gain_low == gain.gain_high == 0:
        rest = f"No confirmed ranking would treat anyone otherwise ({gain.n:,} untouched units)."
    if best is None:
        return Verdict(Action.DO_NOT_SEND, NOBODY, None, rest)
    paid = (
        f"It changes {best.label} by {best.difference:+.4g} ({best.ci_low:+.4g} to "
        f"{best.ci_high:+.4g}) per unit before cost. "
    )
    return Verdict(Action.SEND_TO_ALL, f"{best.arm} to all", best.arm, paid + rest)


def _gain_check(study: TargetingStudy) -> Check:
    """Return the check on the gain from targeting."""
    gain = study.policies.of(TARGETED)
    if gain.gain_low > 0:
        return Check(UpliftCode.POLICY_GAIN, Status.PASS, study.summary())
    return Check(
        UpliftCode.POLICY_GAIN, Status.WARN, study.summary(),
        f"Follow {study.verdict.policy!r}; keep a hold-out so that the next send can be measured.",
    )  # fmt: skip

"""One arm under study: the ranking chosen for it, and how that held up in all folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from retention.results import Check, Status
from retention.uplift.baselines import BestRule
from retention.uplift.codes import UpliftCode
from retention.uplift.cross_fitting import ArmFolds, fit
from retention.uplift.held_out import POOLED_ERROR, HeldOut, Looks, look_at
from retention.uplift.heterogeneity import Heterogeneity, best_linear_predictor
from retention.uplift.learners import EffectLearner
from retention.uplift.ranking import RankQuality, one_sided_p, toc_curve
from retention.uplift.selection import Selection
from retention.uplift.trial import Floats, Trial

LEVEL = 0.05
"""Level of every test of heterogeneity, shared among the arms by Holm's method."""


@dataclass(frozen=True)
class ArmStudy:
    """What was found about one arm: the ranking chosen for it and how it held up in all folds.

    ``learner`` is the ranking, ``chosen`` the candidate (which may be a constant), both fitted on
    all units; ``rule`` is the best rule in words.
    """

    arm: str
    selection: Selection
    rule: str
    heterogeneity: Heterogeneity
    differs: bool
    learner: EffectLearner
    chosen: EffectLearner
    rule_learner: EffectLearner
    curve: pd.DataFrame
    held_out: HeldOut

    @property
    def quality(self) -> RankQuality:
        """QINI and AUTOC of the ranking over all folds."""
        return self.held_out.quality

    @property
    def ranking(self) -> str:
        """Name of the best ranking; a rule is named by its condition."""
        name = self.selection.best_ranking
        return self.rule if name == "rule" else name

    @property
    def ranking_of(self) -> str:
        """Name the arm and its ranking, for a label."""
        return f"{self.arm} by {self.ranking}"

    def summary(self) -> str:
        """Word the best ranking for the arm and whether it may be used."""
        held = f"cross-fitted QINI {1000 * self.quality.qini:.2f} per 1,000"
        if self.differs:
            return (
                f"The best ranking for {self.arm} is {self.ranking} ({held}). "
                + self.heterogeneity.summary()
            )
        if self.selection.chosen == "constant":
            return (
                f"{self.arm} works alike for everyone as far as these data can tell: no ranking "
                f"beat treating all alike on held-out halves (n = {self.selection.n:,})."
            )
        return (
            f"{self.arm} works alike for everyone as far as these data can tell: the best ranking, "
            f"{self.ranking}, is not confirmed ({held}). " + self.heterogeneity.summary()
        )


def study_arm(
    trial: Trial, outcome: str, scores: Floats, means: Floats, folds: ArmFolds,
    pool: Mapping[str, EffectLearner], seed: int, replicates: int = 0,
) -> ArmStudy:  # fmt: skip
    """Look at one arm's cross-fitted ranking, and learn it from all units."""
    k = folds.position
    both = np.isin(trial.arm, (0, k))
    pair, means = trial.against_control(trial.arms[k]), means[both]
    effect = scores[both, k] - scores[both, 0]
    own = folds.of(both)
    name, chosen = folds.selection.best_ranking, folds.selection.chosen
    fitted = {n: fit(pool[n], pair, outcome) for n in {name, chosen, "rule"}}
    rule = _worded(fitted["rule"])
    mean = (pair.propensity * means[:, [0, k]]).sum(axis=1)
    tested = best_linear_predictor(
        own.spread, pair.arm, pair.outcome(outcome), pair.propensity[:, 1], mean, pair.cluster
    )
    tested = replace(
        tested, slope_error=POOLED_ERROR * tested.slope_error,
        p_value=one_sided_p(tested.slope, POOLED_ERROR * tested.slope_error),
    )  # fmt: skip
    looks = Looks(_named(pool), pool[name], replicates, seed)
    held_out = look_at(rule if name == "rule" else name, own, pair, outcome, effect, looks)
    curve = toc_curve(own.order, effect)
    return ArmStudy(
        pair.arms[1], folds.selection, rule, tested, False, fitted[name], fitted[chosen],
        fitted["rule"], curve, held_out,
    )  # fmt: skip


def _named(pool: Mapping[str, EffectLearner]) -> tuple[str, EffectLearner]:
    """Return the first learner that was asked for, the best rule where none was."""
    name = next((n for n in pool if n not in ("constant", "rule")), "rule")
    return name, pool[name]


def _worded(learner: EffectLearner) -> str:
    """Word a fitted best rule."""
    return str(learner.rules_[0]) if isinstance(learner, BestRule) else ""


def judge(arms: list[ArmStudy]) -> tuple[ArmStudy, ...]:
    """Decide for which arms effects differ, at one level for all of them (Holm, 1979)."""
    order = sorted(range(len(arms)), key=lambda i: arms[i].heterogeneity.p_value)
    judged = list(arms)
    for rank, i in enumerate(order):
        if arms[i].heterogeneity.p_value > LEVEL / (len(arms) - rank):
            break
        judged[i] = replace(arms[i], differs=True)
    return tuple(judged)


def heterogeneity_check(arm: ArmStudy) -> Check:
    """Return the check on one arm's heterogeneity."""
    if arm.differs:
        return Check(UpliftCode.HETEROGENEITY, Status.PASS, arm.summary())
    return Check(
        UpliftCode.HETEROGENEITY, Status.WARN, arm.summary(),
        f"Do not choose customers for {arm.arm} by predicted effect.",
    )  # fmt: skip

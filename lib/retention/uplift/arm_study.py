"""One arm under study: the ranking chosen for it, and how that held up on untouched units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.base import clone

from retention.results import Check, Status
from retention.uplift.baselines import BestRule
from retention.uplift.codes import UpliftCode
from retention.uplift.held_out import HeldOut, look_at
from retention.uplift.heterogeneity import Heterogeneity, best_linear_predictor
from retention.uplift.learners import EffectLearner
from retention.uplift.ranking import RankQuality, rank_quality, toc_curve
from retention.uplift.selection import Selection, select_candidate
from retention.uplift.trial import Floats, Trial

LEVEL = 0.05
"""Level of every test of heterogeneity, shared among the arms by Holm's method."""


@dataclass(frozen=True)
class ArmStudy:
    """What was found about one arm: the ranking chosen for it and how it held up untouched."""

    arm: str
    selection: Selection
    rule: str
    quality: RankQuality
    heterogeneity: Heterogeneity
    differs: bool
    learner: EffectLearner
    curve: pd.DataFrame
    held_out: HeldOut

    @property
    def ranking(self) -> str:
        """Name of the chosen ranking; a rule is named by its condition."""
        return self.rule if self.selection.chosen == "rule" else self.selection.chosen

    @property
    def ranking_of(self) -> str:
        """Name the arm and its ranking, for a label."""
        return f"{self.arm} by {self.ranking}"

    def summary(self) -> str:
        """Word the best ranking for the arm and whether it may be used."""
        held = f"untouched QINI {1000 * self.quality.qini:.2f} per 1,000"
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
    trial: Trial, outcome: str, scores: Floats, means: Floats, untouched: np.ndarray,
    position: int, pool: Mapping[str, EffectLearner], splits: int, seed: int, replicates: int = 0,
) -> ArmStudy:  # fmt: skip
    """Choose a ranking for one arm on the touched units and test it on the untouched."""
    both = np.isin(trial.arm, (0, position))
    pair, means = trial.take(both).against_control(trial.arms[position]), means[both]
    effect, late = scores[both, position] - scores[both, 0], untouched[both]
    work, held = pair.take(~late), pair.take(late)
    selection = select_candidate(work, outcome, effect[~late], pool, splits=splits, seed=seed)
    learner = _fit(pool[selection.chosen], work, outcome)
    rule = str(_fit(BestRule(), work, outcome).rules_[0])
    predicted = learner.predict(held.covariates)[:, 0]
    quality = rank_quality(predicted, effect[late], seed=seed)
    mean = (held.propensity * means[late][:, [0, position]]).sum(axis=1)
    tested = best_linear_predictor(
        predicted, held.arm, held.outcome(outcome), held.propensity[:, 1], mean
    )
    curve = toc_curve(predicted, effect[late])
    name = selection.best_ranking
    shown = learner if name == selection.chosen else _fit(pool[name], work, outcome)
    label = rule if name == "rule" else name
    held_out = look_at(
        label, shown, _named(pool), pair, outcome, effect, late, seed, pool[name], replicates
    )
    return ArmStudy(held.arms[1], selection, rule, quality, tested, False, learner, curve, held_out)


def _named(pool: Mapping[str, EffectLearner]) -> tuple[str, EffectLearner]:
    """Return the first learner that was asked for, the best rule where none was."""
    name = next((n for n in pool if n not in ("constant", "rule")), "rule")
    return name, pool[name]


def _fit(candidate: EffectLearner, trial: Trial, outcome: str) -> EffectLearner:
    """Fit a fresh copy of a candidate."""
    return clone(candidate).fit(
        trial.covariates, trial.arm, trial.outcome(outcome), trial.propensity
    )


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

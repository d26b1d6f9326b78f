"""Are the arms alike but for the campaign? By chance, or after weighting where chance did not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from retention.results import Check, Status, p_text
from retention.uplift.clusters import FEW, error_of_difference, weighted_mean
from retention.uplift.codes import UpliftCode
from retention.uplift.observational import (
    MOST_OUTSIDE,
    ObservationalEffect,
    balance_table,
    observational_effect,
)
from retention.uplift.overlap import comparable, estimated_chances, require_overlap, thinned
from retention.uplift.trial import Floats, Trial

SUSPICIOUS = 0.001
"""A difference between arms this improbable under chance, all attributes counted, fails."""

LOOK_INTO = "Read no effect. Find out how the arms were assigned, or where units were lost."


@dataclass(frozen=True)
class Comparability:
    """How alike the arms were before the campaign.

    Parameters
    ----------
    balance
        arm, attribute, and the standardised mean difference against the control ``before`` and
        ``after`` weighting by the propensity.
    p_value
        Probability under chance of the largest difference, all attributes counted (Bonferroni).
    effects
        Adjusted effects with their overlap and sensitivity, where chance did not decide.
    randomised
        Whether chance decided.
    n
        Units.
    shares_p
        Probability under chance of numbers of units per arm as far from plan as these.
    clusters, crossing
        Number of clusters where units were drawn in clusters (else 0), and of those whose units are
        in more than one arm.
    """

    balance: pd.DataFrame
    p_value: float
    effects: tuple[ObservationalEffect, ...]
    randomised: bool
    n: int
    shares_p: float = 1.0
    clusters: int = 0
    crossing: int = 0

    @property
    def is_valid(self) -> bool:
        """Whether chance can have drawn these arms; True where nobody says that it did."""
        return not self.randomised or min(self.p_value, self.shares_p) >= SUSPICIOUS

    def to_frame(self) -> pd.DataFrame:
        """Return the attributes that differ most, largest difference first."""
        order = self.balance["after"].abs().sort_values(ascending=False, kind="stable").index
        return self.balance.loc[order].reset_index(drop=True)

    def summary(self) -> str:
        """Word whether the arms can be compared."""
        if not self.randomised:
            return " ".join(effect.summary() for effect in self.effects)
        if self.balance.empty:
            return f"Chance decided; nothing was known beforehand to compare ({self._counted()})."
        worst = self.to_frame().iloc[0]
        text = (
            f"Chance decided. The largest of {len(self.balance):,} differences between an arm and "
            f"the control is {worst['after']:+.3f} standard deviations ({worst['attribute']}, "
            f"{worst['arm']}; {self._counted()})"
        )
        if self.p_value < SUSPICIOUS:
            return f"{text}, more than chance explains ({p_text(self.p_value)})."
        return f"{text}, no more than chance explains."

    def _counted(self) -> str:
        """Write how many units and clusters there are."""
        return f"n = {self.n:,}" + (f" in {self.clusters:,} clusters" if self.clusters else "")

    def checks(self) -> list[Check]:
        """Return the checks on balance and, without an experiment, on overlap and sensitivity."""
        if not self.randomised:
            return [check for effect in self.effects for check in effect.checks()]
        balanced, shared = self.p_value >= SUSPICIOUS, self.shares_p >= SUSPICIOUS
        share = f"Units per arm {'are' if shared else 'are not'} as planned"
        found = [
            _verdict(UpliftCode.BALANCE, balanced, self.summary()),
            _verdict(UpliftCode.ARM_SHARES, shared, f"{share} ({p_text(self.shares_p)})."),
        ]
        return [*found, self._cluster_check()] if self.clusters else found

    def _cluster_check(self) -> Check:
        """Return the check that each cluster is in one arm and that there are enough of them."""
        if self.crossing:
            return Check(
                UpliftCode.CLUSTERS, Status.WARN,
                f"{self.crossing:,} of {self.clusters:,} clusters have units in several arms.",
                "If whole clusters were drawn, look for units that changed arm; if units were drawn"
                " one by one, name no cluster.",
            )  # fmt: skip
        few = self.clusters < FEW
        detail = f"{self.clusters:,} clusters were drawn, each into one arm."
        action = "Intervals are wide for so few: draw more clusters next time." if few else ""
        return Check(UpliftCode.CLUSTERS, Status.WARN if few else Status.PASS, detail, action)


def _verdict(code: UpliftCode, passed: bool, detail: str) -> Check:
    """Return a check that passes, or fails because nothing after it can be read."""
    return Check(code, Status.PASS if passed else Status.FAIL, detail, "" if passed else LOOK_INTO)


def adjusted(trial: Trial, *, folds: int = 5, seed: int = 0) -> Trial:
    """Return the trial with estimated propensities where chance did not decide.

    Each unit's chance of every arm comes from a (multinomial) logistic regression that never saw
    its fold. Where up to a tenth of the units had hardly a chance of some arm, chances are kept
    between .02 and .98. Else the trial is cut down to those who can be compared: with one arm
    beside the control to those like the smaller group, with more to those who could have been in
    any. What is estimated then holds for them. A randomised trial is returned as it is.

    Raises
    ------
    EvidenceError
        If fewer than a tenth of those to be compared have a counterpart.
    """
    if trial.randomised:
        return trial
    chance = estimated_chances(trial, folds=folds, seed=seed)
    inside = comparable(chance)
    if inside.mean() >= 1 - MOST_OUTSIDE:
        inside = np.ones(trial.units, dtype=bool)
    elif len(trial.arms) == 2:
        inside, chance = thinned(trial, chance, seed)
    smaller = trial.arm == np.bincount(trial.arm).argmin()
    require_overlap(float(inside[smaller].mean()))
    return replace(trial.take(inside), propensity=np.clip(chance[inside], 0.02, 0.98))


def comparability(trial: Trial, outcome: str, *, seed: int = 0) -> Comparability:
    """Compare what was known of the arms before the campaign.

    Parameters
    ----------
    trial
        The experiment, or the groups that were not drawn by chance.
    outcome
        Outcome of the adjusted effects, where chance did not decide.
    seed
        Seed of the folds.
    """
    parts, effects, p_values = [], [], [1.0]
    for arm in trial.treatments:
        pair = trial.against_control(arm)
        weight = 1 / pair.propensity[np.arange(pair.units), pair.arm]
        if not trial.randomised:
            effects.append(observational_effect(trial, outcome, arm, seed=seed))
        table = effects[-1].balance if effects else balance_table(pair, weight)
        parts.append(table.assign(arm=arm))
        p_values += [_chance_p(pair, name, weight) for name in table["attribute"]]
    balance = pd.concat(parts, ignore_index=True)
    tested = max(len(balance), 1)
    return Comparability(
        balance[["arm", "attribute", "before", "after"]], min(1.0, min(p_values) * tested),
        tuple(effects), trial.randomised, trial.units, *_counts(trial),
    )  # fmt: skip


def _chance_p(pair: Trial, attribute: str, weight: Floats) -> float:
    """Return how improbable a difference of an attribute is under chance, drawn as it was."""
    if not pair.randomised:
        return 1.0
    values = pair.covariates[attribute]
    filled = values.fillna(values.mean()).to_numpy(np.float64)
    arms = [
        weighted_mean(filled, np.where(pair.arm == k, weight, 0.0), pair.cluster) for k in (1, 0)
    ]
    return error_of_difference(*arms).p_value(arms[0][0] - arms[1][0])


def _counts(trial: Trial) -> tuple[float, int, int]:
    """Return the p-value of the numbers per arm, the clusters, and those in several arms.

    Where clusters were drawn, clusters are counted: each by the arm of its first unit.
    """
    first, crossing = np.arange(trial.units), 0
    if trial.cluster is not None:
        first = np.unique(trial.cluster, return_index=True)[1]
        crossing = int(len(np.unique(trial.arm + len(trial.arms) * trial.cluster)) - len(first))
    if not trial.randomised:
        return 1.0, 0, 0
    expected = trial.propensity[first].sum(axis=0)
    counts = np.bincount(trial.arm[first], minlength=len(trial.arms))
    p_value = float(stats.chisquare(counts, expected * len(first) / expected.sum()).pvalue)
    return p_value, 0 if trial.cluster is None else len(first), crossing

"""Are the arms alike but for the campaign? By chance, or after weighting where chance did not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from retention.results import Check, Status, p_text
from retention.uplift.codes import UpliftCode
from retention.uplift.models import fit_mean
from retention.uplift.observational import (
    TRIM,
    ObservationalEffect,
    balance_table,
    observational_effect,
)
from retention.uplift.scores import balanced_folds
from retention.uplift.trial import Floats, Trial

SUSPICIOUS = 0.001
"""A difference between arms this improbable under chance, all attributes counted, is a warning."""


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
    """

    balance: pd.DataFrame
    p_value: float
    effects: tuple[ObservationalEffect, ...]
    randomised: bool
    n: int

    def to_frame(self) -> pd.DataFrame:
        """Return the attributes that differ most, largest difference first."""
        order = self.balance["after"].abs().sort_values(ascending=False, kind="stable").index
        return self.balance.loc[order].reset_index(drop=True)

    def summary(self) -> str:
        """Word whether the arms can be compared."""
        if not self.randomised:
            return " ".join(effect.summary() for effect in self.effects)
        if self.balance.empty:
            return f"Chance decided; nothing was known beforehand to compare (n = {self.n:,})."
        worst = self.to_frame().iloc[0]
        text = (
            f"Chance decided. The largest of {len(self.balance):,} differences between an arm and "
            f"the control is {worst['after']:+.3f} standard deviations ({worst['attribute']}, "
            f"{worst['arm']}; n = {self.n:,})"
        )
        if self.p_value < SUSPICIOUS:
            return f"{text}, more than chance explains ({p_text(self.p_value)})."
        return f"{text}, no more than chance explains."

    def checks(self) -> list[Check]:
        """Return the checks on balance and, without an experiment, on overlap and sensitivity."""
        if not self.randomised:
            return [check for effect in self.effects for check in effect.checks()]
        if self.p_value < SUSPICIOUS:
            action = "Look into how the arms were assigned before trusting any effect."
            return [Check(UpliftCode.BALANCE, Status.WARN, self.summary(), action)]
        return [Check(UpliftCode.BALANCE, Status.PASS, self.summary())]


def adjusted(trial: Trial, *, folds: int = 5, seed: int = 0) -> Trial:
    """Return the trial with estimated propensities where chance did not decide.

    Each unit's chance of every arm comes from a multinomial logistic regression that never saw its
    fold, and is kept between ``TRIM`` and 1 − ``TRIM``. A randomised trial is returned as it is.
    """
    if trial.randomised:
        return trial
    X, fold = trial.covariates.to_numpy(), balanced_folds(trial.arm, folds, seed)
    chance = np.empty((trial.units, len(trial.arms)))
    for number in range(folds):
        rows = fold != number
        model = fit_mean(_logistic(), X[rows], trial.arm[rows].astype(np.float64))
        chance[~rows] = model.predict_proba(X[~rows])
    chance = np.clip(chance, TRIM, 1 - TRIM)
    return replace(trial, propensity=chance / chance.sum(axis=1, keepdims=True))


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
    parts, effects = [], []
    for arm in trial.treatments:
        pair = trial.against_control(arm)
        weight = 1 / pair.propensity[np.arange(pair.units), pair.arm]
        if not trial.randomised:
            effects.append(observational_effect(trial, outcome, arm, seed=seed))
        table = effects[-1].balance if effects else balance_table(pair, weight)
        parts.append(table.assign(arm=arm, z=table["after"] * _precision(pair, weight)))
    balance = pd.concat(parts, ignore_index=True)
    return Comparability(
        balance[["arm", "attribute", "before", "after"]], _largest_p(balance["z"].to_numpy()),
        tuple(effects), trial.randomised, trial.units,
    )  # fmt: skip


def _precision(pair: Trial, weight: Floats) -> float:
    """Return one over the standard error of a standardised difference of weighted means."""
    sizes = [weight[pair.arm == k].sum() ** 2 / (weight[pair.arm == k] ** 2).sum() for k in (0, 1)]
    return float(1 / np.sqrt(1 / sizes[0] + 1 / sizes[1]))


def _largest_p(z: Floats) -> float:
    """Return the probability of a z as large as the largest among so many."""
    from scipy.stats import norm

    return float(min(1.0, 2 * norm.sf(np.abs(z).max(initial=0.0)) * max(len(z), 1)))


def _logistic() -> object:
    """Return an unfitted multinomial logistic regression that takes missing values."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression(max_iter=500)
    )

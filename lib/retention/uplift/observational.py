"""When chance did not decide: overlap, balance after weighting, and how fragile the effect is.

None of this turns observation into an experiment; every summary says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from retention.intervals import NORMAL_95
from retention.results import Check, Status, percent
from retention.uplift.codes import UpliftCode
from retention.uplift.models import fit_mean, predict_mean
from retention.uplift.scores import balanced_folds, trial_scores
from retention.uplift.trial import Floats, Trial

TRIM = 0.02
"""Propensities outside of TRIM … 1 − TRIM mean that the other arm was hardly possible."""

IMBALANCE = 0.1
"""Standardised mean difference from which an attribute counts as unbalanced (Austin, 2009)."""


@dataclass(frozen=True)
class ObservationalEffect:
    """Effect of one arm against the control, adjusted for what was recorded.

    Parameters
    ----------
    outcome, arm
        What was compared.
    difference, standard_error, ci_low, ci_high
        Doubly robust estimate in units of the outcome.
    outside
        Share of units whose estimated propensity leaves the range where comparison is possible.
    effective_share
        Effective share of units after weighting (Kish).
    balance
        One row per attribute: standardised mean difference before and after weighting.
    robustness
        Share of the remaining variance of both treatment and outcome that an unrecorded cause would
        have to explain to bring the estimate to zero (Cinelli & Hazlett, JRSS B 2020, eq. 19).
    n
        Units compared.
    """

    outcome: str
    arm: str
    difference: float
    standard_error: float
    ci_low: float
    ci_high: float
    outside: float
    effective_share: float
    balance: pd.DataFrame
    robustness: float
    n: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row with the estimate and its diagnostics."""
        values = {k: v for k, v in vars(self).items() if k != "balance"}
        return pd.DataFrame([values])

    def summary(self) -> str:
        """Word the association and its fragility."""
        return (
            f"This is not an experiment: {self.arm} goes with {self.difference:+.4g} in "
            f"{self.outcome} (95 % interval {self.ci_low:.4g} to {self.ci_high:.4g}, "
            f"n = {self.n:,}) after adjusting for what was recorded; an unrecorded cause that "
            f"explains {percent(self.robustness)} of the rest of both would undo it."
        )

    def checks(self) -> list[Check]:
        """Return the checks on overlap, balance and sensitivity."""
        worst = float(self.balance["after"].abs().max())
        return [
            Check(UpliftCode.RANDOMISED, Status.WARN, self.summary(),
                  "Run a randomised test before money depends on it."),
            _check(UpliftCode.OVERLAP, self.outside <= 0.05,
                   f"{percent(self.outside)} of units could hardly have been in the other arm.",
                   "Compare only customers who could have been in either arm."),
            _check(UpliftCode.BALANCE, worst <= IMBALANCE,
                   f"The largest difference left between the arms is {worst:.2f} deviations.",
                   "Record what decided who was contacted, and add it to the attributes."),
            _check(UpliftCode.SENSITIVITY, self.robustness >= 0.05,
                   f"Robustness value {percent(self.robustness)}.",
                   "Treat the estimate as undecided."),
        ]  # fmt: skip


def observational_effect(
    trial: Trial, outcome: str, arm: str, *, model: Any = None, folds: int = 5, seed: int = 0
) -> ObservationalEffect:
    """Estimate the effect of an arm that was not drawn by chance.

    The propensity is estimated by a cross-fitted logistic regression (or ``model``) and the effect
    by the mean of doubly robust scores.

    Parameters
    ----------
    trial
        Units with their arms; the propensities in it are ignored.
    outcome, arm
        What to compare with the control.
    model
        Classifier of being treated.
    folds, seed
        Of the cross-fitting.
    """
    pair = trial.against_control(arm)
    chance = _propensity(pair, model, folds, seed)
    inside = np.clip(chance, TRIM, 1 - TRIM)
    pair = replace(pair, propensity=np.column_stack([1 - inside, inside]), randomised=False)
    scores, means = trial_scores(pair, outcome, folds=folds, seed=seed)
    effect = scores[:, 1] - scores[:, 0]
    difference, n = float(effect.mean()), pair.units
    error = float(effect.std(ddof=1) / np.sqrt(n))
    weight = 1 / pair.propensity[np.arange(n), pair.arm]
    return ObservationalEffect(
        outcome, arm, difference, error, difference - NORMAL_95 * error,
        difference + NORMAL_95 * error, float(np.mean(inside != chance)),
        float(weight.sum() ** 2 / (weight**2).sum() / n), balance_table(pair, weight),
        robustness_value(difference / error if error > 0 else 0.0, n - means.shape[1]), n,
    )  # fmt: skip


def robustness_value(statistic: float, degrees: int) -> float:
    """Return the robustness value of a t statistic (Cinelli & Hazlett, 2020, eq. 19).

    Examples
    --------
    >>> round(robustness_value(4.18, 783), 3)
    0.139
    """
    f2 = statistic**2 / degrees
    return float((np.sqrt(f2**2 + 4 * f2) - f2) / 2)


def _propensity(pair: Trial, model: Any, folds: int, seed: int) -> Floats:
    """Return each unit's chance of the arm from models that never saw its fold."""
    from sklearn.base import clone
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    base = model if model is not None else make_pipeline(
        SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression(max_iter=500)
    )  # fmt: skip
    X, treated = pair.covariates.to_numpy(), pair.arm.astype(np.float64)
    fold, chance = balanced_folds(pair.arm, folds, seed), np.empty(pair.units)
    for number in range(folds):
        rows = fold != number
        fitted = fit_mean(clone(base), X[rows], treated[rows])
        chance[~rows] = predict_mean(fitted, X[~rows])
    return chance


def balance_table(pair: Trial, weight: Floats) -> pd.DataFrame:
    """Return standardised mean differences of every attribute before and after weighting.

    Parameters
    ----------
    pair
        A two-arm trial.
    weight
        Weight of each unit: one over its probability of the arm that it was in.
    """
    treated = pair.arm == 1
    rows = []
    for name in pair.covariates.columns:
        value = pair.covariates[name].fillna(pair.covariates[name].mean()).to_numpy()
        spread = np.sqrt((value[treated].var() + value[~treated].var()) / 2)
        if spread > 0:
            rows.append((name, *_differences(value, treated, weight, float(spread))))
    return pd.DataFrame(rows, columns=["attribute", "before", "after"])


def _differences(
    value: Floats, treated: np.ndarray, weight: Floats, spread: float
) -> Sequence[float]:
    """Return the difference of means over the spread, plain and weighted."""
    plain = value[treated].mean() - value[~treated].mean()
    weighted = np.average(value[treated], weights=weight[treated]) - np.average(
        value[~treated], weights=weight[~treated]
    )
    return float(plain / spread), float(weighted / spread)


def _check(code: UpliftCode, passed: bool, detail: str, action: str) -> Check:
    """Return a check that passes or warns."""
    return Check(code, Status.PASS if passed else Status.WARN, detail, "" if passed else action)

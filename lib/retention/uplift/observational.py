"""When chance did not decide: effects for those who can be compared, and how fragile they are.

None of this turns observation into an experiment; every summary says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from retention.errors import EvidenceError
from retention.results import Check, Status, percent
from retention.uplift.clusters import StandardError, error_of_mean, mean_error, summed
from retention.uplift.codes import UpliftCode
from retention.uplift.overlap import (
    FEWEST_COMPARABLE,
    comparable,
    effective_size,
    entropy_odds,
    estimated_chances,
    features,
    require_overlap,
)
from retention.uplift.scores import trial_scores
from retention.uplift.trial import Floats, Trial

IMBALANCE = 0.1
"""Standardised mean difference from which an attribute counts as unbalanced (Austin, 2009)."""

MOST_OUTSIDE = 0.1
"""Up to such a share of units without a counterpart the effect is estimated for all of them."""

ENOUGH = 50
"""Effective units of an arm below which its overlap is thin."""


@dataclass(frozen=True)
class Estimate:
    """One adjusted effect and for whom it holds.

    Parameters
    ----------
    population
        For whom, in words.
    difference, standard_error, degrees
        In units of the outcome; degrees of freedom of the error.
    units, effective
        Units compared, and how many of the more thinly represented arm they weigh as (Kish).
    weight
        Weight of each unit of the pair; 0 where it is left out.
    """

    population: str
    difference: float
    standard_error: float
    degrees: float
    units: int
    effective: float
    weight: Floats

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of the 95 % interval."""
        reach = StandardError(self.standard_error, self.degrees).reach
        return self.difference - reach, self.difference + reach


@dataclass(frozen=True)
class ObservationalEffect:
    """Effect of one arm against the control, adjusted for what was recorded.

    Parameters
    ----------
    outcome, arm
        What was compared.
    population
        For whom the effect holds: all customers where nearly all have a counterpart in the other
        group, else those who got the arm.
    difference, standard_error, ci_low, ci_high
        Estimate in units of the outcome.
    estimates
        The effect for each group that it could be estimated for, in units of the outcome.
    outside
        Share of units without a counterpart in the other arm.
    effective
        Effective number of units of the more thinly represented arm after weighting (Kish).
    balance
        One row per attribute: standardised mean difference before and after weighting.
    robustness, robustness_of_interval
        Share of the remaining variance of both treatment and outcome that an unrecorded cause would
        have to explain to bring the estimate, or the nearer end of its interval, to zero (Cinelli &
        Hazlett, JRSS B 2020, eq. 19 and 20).
    e_value
        How many times likelier an unrecorded cause would have to make both treatment and outcome to
        explain the estimate away (VanderWeele & Ding, Annals of Internal Medicine 2017).
    n
        Units compared.
    """

    outcome: str
    arm: str
    population: str
    difference: float
    standard_error: float
    ci_low: float
    ci_high: float
    estimates: pd.DataFrame
    outside: float
    effective: float
    balance: pd.DataFrame
    robustness: float
    robustness_of_interval: float
    e_value: float
    n: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row with the estimate and its diagnostics."""
        values = {k: v for k, v in vars(self).items() if k not in ("balance", "estimates")}
        return pd.DataFrame([values])

    def summary(self) -> str:
        """Word the association, for whom it holds, and its fragility."""
        return (
            f"This is not an experiment: for {self.population}, {self.arm} goes with "
            f"{self.difference:+.4g} in {self.outcome} (95 % interval {self.ci_low:.4g} to "
            f"{self.ci_high:.4g}, n = {self.n:,}) after adjusting for what was recorded; an "
            f"unrecorded cause that explains {percent(self.robustness)} of the rest of both would "
            "undo it."
        )

    def checks(self) -> list[Check]:
        """Return the checks on overlap, balance and sensitivity."""
        worst = float(self.balance["after"].abs().max()) if len(self.balance) else 0.0
        overlaps = self.outside <= MOST_OUTSIDE and self.effective >= ENOUGH
        return [
            Check(UpliftCode.RANDOMISED, Status.WARN, self.summary(),
                  "Run a randomised test before money depends on it."),
            _check(UpliftCode.OVERLAP, overlaps,
                   f"{percent(self.outside)} of units have no counterpart in the other group; the "
                   f"smaller one weighs as much as {self.effective:,.0f} customers. The effect "
                   f"holds for {self.population}.",
                   "Compare only customers who could have been in either arm."),
            _check(UpliftCode.BALANCE, worst <= IMBALANCE,
                   f"The largest difference left between the arms is {worst:.2f} deviations.",
                   "Record what decided who was contacted, and add it to the attributes."),
            _check(UpliftCode.SENSITIVITY, overlaps and self.robustness_of_interval >= 0.05,
                   f"An unrecorded cause that explains {percent(self.robustness_of_interval)} of "
                   "what is left of both makes the effect unclear"
                   f" (E-value {self.e_value:.2f})"
                   + ("." if overlaps else "; with so little overlap less will do."),
                   "Treat the estimate as undecided."),
        ]  # fmt: skip


def observational_effect(
    trial: Trial, outcome: str, arm: str, *, model: Any = None, folds: int = 5, seed: int = 0
) -> ObservationalEffect:
    """Estimate the effect of an arm that was not drawn by chance, for those who can be compared.

    Chances are estimated by a cross-fitted logistic regression (or ``model``). Where at least nine
    in ten units had a chance of a tenth of either arm, the effect is the mean of doubly robust
    scores over all. Else it is that for those who got the arm: the others are weighted to be like
    them by entropy balancing. Overlap weights (Li, Morgan & Zaslavsky, JASA 2018) and the trimmed
    population stand beside.

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

    Raises
    ------
    EvidenceError
        If fewer than a tenth of those who got the arm have a counterpart, or no weights make the
        others like them.
    """
    pair = replace(trial.against_control(arm), randomised=False)
    chance = estimated_chances(pair, model=model, folds=folds, seed=seed)
    inside = comparable(chance)
    found = [_treated(pair, outcome, chance), _overlap(pair, outcome, chance)]
    if inside.mean() >= FEWEST_COMPARABLE:
        everybody = inside.mean() >= 1 - MOST_OUTSIDE
        found.insert(0, _robust(pair, outcome, chance, inside | everybody, folds, seed))
    known = [estimate for estimate in found if estimate is not None]
    main = known[0] if inside.mean() >= 1 - MOST_OUTSIDE else found[-2]
    if main is None:
        raise EvidenceError(
            f"No weights make the others like those who got {arm}.",
            "Compare with customers who could have been in either group, or run a randomised test.",
        )
    return _result(pair, outcome, main, known, float(1 - inside.mean()))


def _result(
    pair: Trial, outcome: str, main: Estimate, known: Sequence[Estimate], outside: float
) -> ObservationalEffect:
    """Return the result with its diagnostics."""
    low, high = main.interval
    z = main.difference / main.standard_error if main.standard_error > 0 else 0.0
    degrees = max(main.units - pair.covariates.shape[1] - 2, 1)
    rows = [
        (e.population, e.difference, e.standard_error, *e.interval, e.units, e.effective)
        for e in known
    ]
    names = ["population", "difference", "standard_error", "ci_low", "ci_high", "n", "effective"]
    return ObservationalEffect(
        outcome, pair.arms[1], main.population, main.difference, main.standard_error, low, high,
        pd.DataFrame(rows, columns=names), outside, main.effective,
        balance_table(pair, main.weight), robustness_value(z, degrees),
        robustness_value(max(abs(z) - 1.96, 0.0), degrees),
        e_value(main.difference / max(float(pair.outcome(outcome).std()), 1e-300)), main.units,
    )  # fmt: skip


def _robust(
    pair: Trial, outcome: str, chance: Floats, rows: np.ndarray, folds: int, seed: int
) -> Estimate:
    """Return the mean of doubly robust scores of the units that have a counterpart."""
    part = replace(pair, propensity=np.clip(chance, 0.02, 0.98)).take(rows)
    scores, _ = trial_scores(part, outcome, folds=folds, seed=seed)
    effect = scores[:, 1] - scores[:, 0]
    error = mean_error(effect, part.cluster)
    weight = np.zeros(pair.units)
    weight[rows] = 1 / part.propensity[np.arange(part.units), part.arm]
    name = "all customers" if rows.all() else "customers who could have been in either group"
    return Estimate(
        name, float(effect.mean()), error.value, error.degrees, part.units,
        _thinner(pair, weight), weight,
    )  # fmt: skip


def _treated(pair: Trial, outcome: str, chance: Floats) -> Estimate | None:
    """Return the effect on those who got the arm: the others balanced to be like them."""
    treated = (pair.arm == 1) & (chance[:, 1] <= 0.9)
    require_overlap(float(treated.sum() / (pair.arm == 1).sum()))
    X, control = features(pair.covariates), pair.arm == 0
    odds = entropy_odds(X, treated, control)
    if odds is None:
        return None
    own = odds[control] / odds[control].sum()
    weight = np.zeros(pair.units)
    weight[treated], weight[control] = 1 / treated.sum(), own
    values = pair.outcome(outcome)
    design = np.column_stack([np.ones(pair.units), X])
    root = np.sqrt(own)[:, None]
    beta = np.linalg.lstsq(design[control] * root, values[control] * root[:, 0], rcond=None)[0]
    residual = values - design @ beta
    difference = float(weight[treated] @ residual[treated] - weight[control] @ residual[control])
    residual[control] /= _unfitted(design[control] * root)
    whole = bool(treated.sum() == (pair.arm == 1).sum())
    name = f"customers who got {pair.arms[1]}" + ("" if whole else " and have a counterpart")
    return _weighted(pair, name, weight, residual, difference)


def _overlap(pair: Trial, outcome: str, chance: Floats) -> Estimate:
    """Return the effect by overlap weights: the chance of the arm that a unit was not in."""
    weight = np.where(pair.arm == 1, chance[:, 0], chance[:, 1])
    for k in (0, 1):
        weight[pair.arm == k] /= weight[pair.arm == k].sum()
    design = np.column_stack([pair.arm, np.ones(pair.units), features(pair.covariates)])
    root, values = np.sqrt(weight)[:, None], pair.outcome(outcome)
    beta = np.linalg.lstsq(design * root, values * root[:, 0], rcond=None)[0]
    residual = values - design[:, 1:] @ beta[1:]
    for k in (0, 1):
        inside, effect = pair.arm == k, k * float(beta[0])
        own = residual[inside] - effect
        residual[inside] = effect + own / _unfitted(design[inside, 1:] * root[inside])
    name = "customers who are most alike in both groups"
    return _weighted(pair, name, weight, residual, float(beta[0]))


def _unfitted(design: Floats) -> Floats:
    """Return one less each row's leverage: what a fit leaves of its residual (HC3)."""
    base = np.linalg.qr(design)[0]
    return np.maximum(1 - (base**2).sum(axis=1), 0.1)


def _weighted(
    pair: Trial, name: str, weight: Floats, residual: Floats, difference: float
) -> Estimate:
    """Return an estimate from weights that sum to one in each arm and residuals of the outcome."""
    centred = np.where(pair.arm == 1, residual - difference, -residual)
    sums = summed(weight * centred, pair.cluster)
    error = error_of_mean(sums, summed(weight, pair.cluster) / 2)
    size = _thinner(pair, weight)
    return Estimate(
        name, difference, error.value, max(size - 1, 1.0), int((weight > 0).sum()), size, weight
    )


def _thinner(pair: Trial, weight: Floats) -> float:
    """Return the effective size of the arm that is represented more thinly."""
    return min(effective_size(weight[pair.arm == k]) for k in (0, 1))


def placebo_effect(trial: Trial, attribute: str, arm: str, *, seed: int = 0) -> ObservationalEffect:
    """Estimate the "effect" on something known before: what is not zero shows bias.

    Parameters
    ----------
    trial
        The groups that were not drawn by chance.
    attribute
        Placebo outcome, best of all the outcome itself a period earlier; it is not adjusted for.
    arm
        What to compare with the control.
    seed
        Of the cross-fitting.
    """
    values = trial.covariates[attribute]
    known = values.fillna(values.mean()).to_frame(attribute)
    rest = trial.covariates.drop(columns=attribute)
    return observational_effect(
        replace(trial, covariates=rest, outcomes=known), attribute, arm, seed=seed
    )


def robustness_value(statistic: float, degrees: float) -> float:
    """Return the robustness value of a t statistic (Cinelli & Hazlett, 2020, eq. 19).

    Examples
    --------
    >>> round(robustness_value(4.18, 783), 3)
    0.139
    """
    f2 = statistic**2 / degrees
    return float((np.sqrt(f2**2 + 4 * f2) - f2) / 2)


def e_value(standardised: float) -> float:
    """Return the E-value of a difference in standard deviations of the outcome.

    A difference d is taken as the risk ratio exp(0.91 d) (VanderWeele & Ding, 2017, table 2).

    Examples
    --------
    >>> round(e_value(0.42), 1)
    2.3
    """
    ratio = float(np.exp(0.91 * min(abs(standardised), 100.0)))
    return ratio + float(np.sqrt(ratio * (ratio - 1)))


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

"""Average lift of every arm against the control, outcome by outcome, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from retention.quantities import between, quantity
from retention.results import Metric
from retention.uplift.clusters import (
    adjusted,
    error_of_difference,
    t_quantile,
    weighted_mean,
)
from retention.uplift.trial import Floats, Trial

MONEY = ("revenue", "net_margin", "spend")
"""Outcomes that are amounts of money."""


@dataclass(frozen=True)
class ArmEffect:
    """Mean of one outcome in one arm against the control.

    ``unit`` is what the outcome is counted in: ``share`` for one that is yes or no, a currency's
    ISO code for money, empty for plain numbers. ``degrees`` are the degrees of freedom of the
    standard error; few clusters have few.
    """

    outcome: str
    arm: str
    control: str
    n_arm: int
    n_control: int
    mean_arm: float
    mean_control: float
    difference: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float
    unit: str = ""
    degrees: float = np.inf

    @property
    def reach(self) -> float:
        """Number of standard errors that the 95 % interval reaches to either side."""
        return t_quantile(self.degrees)

    @property
    def label(self) -> str:
        """The outcome's name as a reader would write it."""
        return self.outcome.replace("_", " ")

    @property
    def is_clear(self) -> bool:
        """Whether the 95 % interval leaves out zero."""
        return self.ci_low > 0 or self.ci_high < 0


@dataclass(frozen=True)
class AverageLift:
    """Average lifts of an experiment.

    ``to_frame`` gives one row per outcome and arm; ``summary`` words the finding.
    """

    effects: tuple[ArmEffect, ...]
    randomised: bool = True

    def to_frame(self) -> pd.DataFrame:
        """Return one row per outcome and arm."""
        return pd.DataFrame([asdict(effect) for effect in self.effects])

    def written(self) -> pd.DataFrame:
        """Return the same as readers see it: every figure in its unit, the interval in one cell."""
        return pd.DataFrame(
            {
                "outcome": [e.label for e in self.effects],
                "arm": [e.arm for e in self.effects],
                "with it": [quantity(e.mean_arm, e.unit) for e in self.effects],
                "without": [quantity(e.mean_control, e.unit) for e in self.effects],
                "lift": [quantity(e.difference, e.unit, signed=True) for e in self.effects],
                "95 % interval": [between(e.ci_low, e.ci_high, e.unit) for e in self.effects],
                "p_value": [e.p_value for e in self.effects],
                "n with": [e.n_arm for e in self.effects],
                "n without": [e.n_control for e in self.effects],
            }
        )

    def of(self, outcome: str, arm: str) -> ArmEffect:
        """Return the effect of one arm on one outcome; raises KeyError where there is none."""
        for effect in self.effects:
            if (effect.outcome, effect.arm) == (outcome, arm):
                return effect
        raise KeyError((outcome, arm))

    def metrics(self) -> list[Metric]:
        """Return one metric per outcome and arm."""
        return [
            Metric(f"lift.{e.outcome}.{e.arm}", e.difference, e.unit, e.ci_low, e.ci_high,
                   e.n_arm + e.n_control)
            for e in self.effects
        ]  # fmt: skip

    def summary(self) -> str:
        """Word what each arm did on average."""
        parts = [_sentence(effect) for effect in self.effects]
        source = "" if self.randomised else " These groups were not drawn by chance: association."
        return " ".join(parts) + source


def average_lift(trial: Trial, outcomes: Sequence[str], *, currency: str = "") -> AverageLift:
    r"""Estimate the average lift of every arm on every outcome.

    The estimate is the difference of means weighted by the inverse of the known propensity
    (Hájek's ratio estimator), which is the plain difference of means when every unit had the same
    chance; the standard error is that of the ratio,
    :math:`\sqrt{\sum_i w_i^2 (y_i - \bar y)^2} / \sum_i w_i` in each arm (Lunceford & Davidian,
    2004, eq. 19), with clusters the same of their sums, corrected for small samples (see
    :mod:`retention.uplift.clusters`); robust to unequal variances.

    Parameters
    ----------
    trial
        The experiment.
    outcomes
        Names of the outcomes to estimate.
    currency
        ISO 4217 code of the outcomes that are money.

    Returns
    -------
    AverageLift
        In units of each outcome per assigned unit, with 95 % intervals.
    """
    effects = [
        _effect(trial, outcome, position, currency)
        for outcome in outcomes
        for position in range(1, len(trial.arms))
    ]
    return AverageLift(tuple(effects), trial.randomised)


def _effect(trial: Trial, outcome: str, position: int, currency: str) -> ArmEffect:
    """Estimate one arm's lift on one outcome."""
    values = trial.outcome(outcome)
    arm, control = (_arm_mean(trial, values, k) for k in (position, 0))
    difference, error = arm[0] - control[0], error_of_difference(arm, control)
    return ArmEffect(
        outcome=outcome, arm=trial.arms[position], control=trial.arms[0],
        n_arm=int((trial.arm == position).sum()), n_control=int((trial.arm == 0).sum()),
        mean_arm=arm[0], mean_control=control[0], difference=difference,
        standard_error=error.value, ci_low=difference - error.reach,
        ci_high=difference + error.reach, p_value=error.p_value(difference),
        unit=_unit(outcome, values, currency), degrees=error.degrees,
    )  # fmt: skip


def contributions(trial: Trial, outcome: str, position: int) -> Floats:
    """Return what each draw (cluster, or unit) contributes to the error of an arm's lift.

    Their squares add up to its variance, and products with those of another estimate on the same
    draws to the covariance of the two.
    """
    values = trial.outcome(outcome)
    arm, control = (_arm_mean(trial, values, k)[1:] for k in (position, 0))
    return adjusted(*arm) - adjusted(*control)


def _arm_mean(trial: Trial, values: Floats, position: int) -> tuple[float, Floats, Floats]:
    """Return the weighted mean of one arm with the contributions and shares of the draws."""
    weight = np.where(trial.arm == position, 1 / trial.propensity[:, position], 0.0)
    return weighted_mean(values, weight, trial.cluster)


def _unit(outcome: str, values: Floats, currency: str) -> str:
    """Return what an outcome is counted in."""
    if outcome in MONEY:
        return currency
    return "share" if bool(np.isin(values, (0.0, 1.0)).all()) else ""


def _sentence(effect: ArmEffect) -> str:
    """Word one effect."""
    interval = f"95 % interval {between(effect.ci_low, effect.ci_high, effect.unit)}"
    lift = quantity(effect.difference, effect.unit, signed=True)
    if effect.is_clear:
        verb = "raised" if effect.difference > 0 else "lowered"
        means = (quantity(mean, effect.unit) for mean in (effect.mean_arm, effect.mean_control))
        return (
            f"{effect.arm} {verb} {effect.label}: {lift} ({interval}; {' against '.join(means)})."
        )
    return f"Whether {effect.arm} changed {effect.label} is open: {lift} ({interval})."

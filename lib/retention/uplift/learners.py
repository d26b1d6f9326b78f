"""Learners of individual effects, all with one interface: S, T, X, R and DR.

``fit(X, treatment, outcome, propensity)`` then ``predict(X)``, the effect of every arm against the
control, shape (units, arms − 1). Treatments are numbered 0 (control), 1, 2, … and the propensity is
the known probability of every arm, shape (units, arms); without one, the arms' shares are used.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from retention.errors import EvidenceError, InputError
from retention.uplift.models import effect_model, fit_mean, outcome_model, predict_mean
from retention.uplift.scores import cross_fitted_means, robust_scores
from retention.uplift.trial import Floats, Integers, finite, refuse_gaps


class EffectLearner(BaseEstimator, ABC):
    """What all learners share: checking of input, arms and propensities.

    Parameters
    ----------
    model
        Any scikit-learn classifier or regressor of the outcome; None means gradient boosting.
    final_model
        Regressor of the effect, where the learner has a second stage; None means gradient boosting.
    folds
        Folds of the cross-fitted first stage.
    seed
        Seed of the folds.
    """

    def __init__(
        self, model: Any = None, final_model: Any = None, folds: int = 5, seed: int = 0
    ) -> None:
        self.model = model
        self.final_model = final_model
        self.folds = folds
        self.seed = seed

    def fit(
        self,
        X: ArrayLike,
        treatment: ArrayLike,
        outcome: ArrayLike,
        propensity: ArrayLike | None = None,
    ) -> Self:
        """Learn the effects.

        Parameters
        ----------
        X
            Attributes known before the treatment, shape (units, attributes); may hold NaN.
        treatment
            Number of the arm each unit was given, 0 for the control.
        outcome
            What happened.
        propensity
            Known probability of each arm, shape (units, arms); None means the arms' shares.

        Raises
        ------
        InputError
            If the arrays do not fit together.
        EvidenceError
            If an arm is empty.
        """
        matrix = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        arm = _arm_numbers(treatment, len(matrix))
        values = np.asarray(outcome, dtype=np.float64).reshape(-1)
        if len(values) != len(matrix):
            raise InputError("X and the outcome differ in length.", "Give one outcome per unit.")
        finite(values, "outcome")
        self.n_arms_ = int(arm.max()) + 1
        chances = _chances(propensity, arm, self.n_arms_)
        self._learn(matrix, arm, values, chances)
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """Return the predicted effect of every arm against the control, (units, arms − 1)."""
        check_is_fitted(self, "n_arms_")
        matrix = validate_data(
            self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False
        )
        return self._effects(matrix)

    def policy_effects(self, X: ArrayLike) -> Floats:
        """Return the effects by which arms are given, -inf where the learner would not give one."""
        return self.predict(X)

    @abstractmethod
    def _learn(self, X: Floats, arm: Integers, outcome: Floats, propensity: Floats) -> None:
        """Fit on checked arrays."""

    @abstractmethod
    def _effects(self, X: Floats) -> Floats:
        """Predict on a checked array."""


class SLearner(EffectLearner):
    """One model of the outcome with the arm among the attributes."""

    def _learn(self, X: Floats, arm: Integers, outcome: Floats, propensity: Floats) -> None:
        self.model_ = fit_mean(
            outcome_model(outcome, self.model), _with_arm(X, arm, self.n_arms_), outcome
        )

    def _effects(self, X: Floats) -> Floats:
        means = [
            predict_mean(self.model_, _with_arm(X, np.full(len(X), k), self.n_arms_))
            for k in range(self.n_arms_)
        ]
        return np.column_stack(means[1:]) - means[0][:, None]


class TLearner(EffectLearner):
    """One model of the outcome per arm."""

    def _learn(self, X: Floats, arm: Integers, outcome: Floats, propensity: Floats) -> None:
        self.models_ = [
            fit_mean(outcome_model(outcome, self.model), X[arm == k], outcome[arm == k])
            for k in range(self.n_arms_)
        ]

    def _effects(self, X: Floats) -> Floats:
        means = [predict_mean(model, X) for model in self.models_]
        return np.column_stack(means[1:]) - means[0][:, None]


class XLearner(EffectLearner):
    """Imputed effects in either arm, averaged by propensity (Künzel et al., PNAS 2019, eq. 9)."""

    def _learn(self, X: Floats, arm: Integers, outcome: Floats, propensity: Floats) -> None:
        first = [
            fit_mean(outcome_model(outcome, self.model), X[arm == k], outcome[arm == k])
            for k in range(self.n_arms_)
        ]
        self.pairs_ = [self._pair(X, arm, outcome, first, k) for k in range(1, self.n_arms_)]
        share = propensity.mean(axis=0)
        self.weights_ = share[1:] / (share[1:] + share[0])

    def _pair(
        self, X: Floats, arm: Integers, outcome: Floats, first: list[Any], k: int
    ) -> tuple[Any, Any]:
        """Return the effect models learnt from the controls and from arm k."""
        control, treated = arm == 0, arm == k
        from_control = predict_mean(first[k], X[control]) - outcome[control]
        from_treated = outcome[treated] - predict_mean(first[0], X[treated])
        return (
            fit_mean(effect_model(self.final_model), X[control], from_control),
            fit_mean(effect_model(self.final_model), X[treated], from_treated),
        )

    def _effects(self, X: Floats) -> Floats:
        columns = [
            weight * predict_mean(control, X) + (1 - weight) * predict_mean(treated, X)
            for weight, (control, treated) in zip(self.weights_, self.pairs_, strict=True)
        ]
        return np.column_stack(columns)


class RLearner(EffectLearner):
    """Residual on residual, each arm against the control (Nie & Wager, Biometrika 2021, eq. 4)."""

    def _learn(self, X: Floats, arm: Integers, outcome: Floats, propensity: Floats) -> None:
        self.models_ = [self._pair(X, arm, outcome, propensity, k) for k in range(1, self.n_arms_)]

    def _pair(self, X: Floats, arm: Integers, outcome: Floats, propensity: Floats, k: int) -> Any:
        """Fit the effect of arm k on the units of the pair."""
        rows = (arm == 0) | (arm == k)
        chance = propensity[rows, k] / (propensity[rows, k] + propensity[rows, 0])
        mean = cross_fitted_means(
            X[rows], np.zeros(int(rows.sum()), dtype=np.intp), outcome[rows], 1,
            model=self.model, folds=self.folds, seed=self.seed,
        )[:, 0]  # fmt: skip
        surprise = (arm[rows] == k) - chance
        target = (outcome[rows] - mean) / surprise
        return fit_mean(effect_model(self.final_model), X[rows], target, surprise**2)

    def _effects(self, X: Floats) -> Floats:
        return np.column_stack([predict_mean(model, X) for model in self.models_])


class DRLearner(EffectLearner):
    """Regression of the doubly robust effect scores (Kennedy, EJS 2023, algorithm 1).

    After ``fit`` the scores of the training units, shape (units, arms), are in ``scores_``: the
    evaluation of another ranking needs no second cross-fitting.
    """

    def _learn(self, X: Floats, arm: Integers, outcome: Floats, propensity: Floats) -> None:
        means = cross_fitted_means(
            X, arm, outcome, self.n_arms_, model=self.model, folds=self.folds, seed=self.seed
        )
        self.scores_ = robust_scores(arm, outcome, propensity, means)
        self.models_ = [
            fit_mean(effect_model(self.final_model), X, self.scores_[:, k] - self.scores_[:, 0])
            for k in range(1, self.n_arms_)
        ]

    def _effects(self, X: Floats) -> Floats:
        return np.column_stack([predict_mean(model, X) for model in self.models_])


def _arm_numbers(treatment: ArrayLike, units: int) -> Integers:
    """Return the treatment as arm numbers and refuse gaps."""
    raw = np.asarray(treatment)
    if raw.shape != (units,) or not np.issubdtype(raw.dtype, np.number):
        raise InputError(
            "The treatment is not one arm number per unit.", "Number the arms 0 (control), 1, 2 …"
        )
    refuse_gaps(int((~np.isfinite(raw)).sum()), units, "treatment", "missing or infinite")
    arm = raw.astype(np.intp)
    if (arm != raw).any() or (arm < 0).any():
        raise InputError("An arm number is not a whole number.", "Number the arms 0, 1, 2 …")
    if (np.bincount(arm, minlength=2) == 0).any():
        raise EvidenceError(
            "An arm has no units.", "Drop the empty arm and number on without gaps."
        )
    return arm


def _chances(propensity: ArrayLike | None, arm: Integers, arms: int) -> Floats:
    """Return the propensity matrix; without one, the arms' shares."""
    if propensity is None:
        return np.tile(np.bincount(arm, minlength=arms) / len(arm), (len(arm), 1))
    chances = np.asarray(propensity, dtype=np.float64)
    if chances.shape != (len(arm), arms) or not _inside(chances):
        raise InputError(
            f"The propensity is not one probability per unit and arm ({len(arm)} × {arms}).",
            "Give the probability of every arm, each strictly between 0 and 1.",
        )
    return chances


def _inside(chances: Floats) -> bool:
    """Tell whether all are chances strictly between 0 and 1; a missing one is none."""
    return bool(((chances > 0) & (chances < 1)).all())


def _with_arm(X: Floats, arm: Integers, arms: int) -> Floats:
    """Append one 0/1 column per arm apart from the control."""
    return np.column_stack([X, *((arm == k).astype(np.float64) for k in range(1, arms))])

"""Learners: scikit-learn's conventions, several arms, known propensity, kinds of outcome."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.utils.estimator_checks import (
    check_do_not_raise_errors_in_init_or_set_params,
    check_estimator_cloneable,
    check_estimator_repr,
    check_get_params_invariance,
    check_mixin_order,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
    check_valid_tag_types,
)

from retention.errors import EvidenceError, InputError
from retention.uplift.baselines import BestRule, ConstantEffect
from retention.uplift.learners import (
    DRLearner,
    EffectLearner,
    RLearner,
    SLearner,
    TLearner,
    XLearner,
)
from retention.uplift.peer import CausalForest, CausalMLLearner, UpliftForest
from retention.uplift.transformed import ClassTransformation
from retention.uplift.zero_inflated import TwoPartRegressor

OWN = [SLearner, TLearner, XLearner, RLearner, DRLearner, ConstantEffect, BestRule]
ALL = [*OWN, ClassTransformation, CausalMLLearner, UpliftForest, CausalForest]
CONVENTIONS = [
    check_estimator_cloneable, check_get_params_invariance, check_set_params, check_estimator_repr,
    check_no_attributes_set_in_init, check_do_not_raise_errors_in_init_or_set_params,
    check_valid_tag_types, check_mixin_order,
]  # fmt: skip


def experiment(units: int, seed: int, arms: int = 2, binary: bool = False) -> tuple[Any, ...]:
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(units, 3))
    arm = generator.integers(0, arms, units)
    effect = arm * (0.5 + 0.5 * (X[:, 0] > 0))
    mean = 0.3 * X[:, 1] + effect
    if binary:
        outcome = (generator.random(units) < 0.2 + 0.1 * effect).astype(float)
    else:
        outcome = mean + generator.normal(size=units)
    return X, arm, outcome, np.full((units, arms), 1 / arms)


@pytest.mark.parametrize("learner", ALL)
@pytest.mark.parametrize("check", CONVENTIONS)
def test_learner_follows_the_conventions_of_parameters(learner: Any, check: Any) -> None:
    check(learner.__name__, learner())


@pytest.mark.parametrize("learner", ALL)
def test_learner_can_be_made_without_arguments(learner: Any) -> None:
    check_parameters_default_constructible(learner.__name__, learner())


@pytest.mark.parametrize("learner", OWN)
def test_learner_fits_twice_alike_survives_pickling_and_checks_the_columns(learner: Any) -> None:
    X, arm, y, e = experiment(600, 1)
    fitted = learner().set_params(folds=2).fit(X, arm, y, e)
    effect = fitted.predict(X)
    assert effect.shape == (600, 1)
    assert np.array_equal(clone(fitted).fit(X, arm, y, e).predict(X), effect)
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict(X), effect)
    assert fitted.n_features_in_ == 3
    with pytest.raises(ValueError, match="features"):
        fitted.predict(X[:, :2])


@pytest.mark.parametrize("learner", OWN)
def test_unfitted_learner_says_so(learner: Any) -> None:
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        learner().predict(np.zeros((2, 3)))


@pytest.mark.parametrize(
    "learner",
    [m(LinearRegression()) for m in (SLearner, TLearner)]
    + [m(LinearRegression(), LinearRegression()) for m in (XLearner, RLearner, DRLearner)],
    ids=lambda learner: type(learner).__name__,
)
def test_average_prediction_is_the_effect_in_each_of_three_arms(learner: EffectLearner) -> None:
    X, arm, y, e = experiment(6000, 2, arms=3)
    effect = learner.fit(X, arm, y, e).predict(X)
    assert effect.mean(axis=0) == pytest.approx([0.75, 1.5], abs=0.1)


def test_unequal_propensity_does_not_bias_the_weighted_learners() -> None:
    generator = np.random.default_rng(3)
    X = generator.normal(size=(8000, 2))
    chance = np.where(X[:, 0] > 0, 0.8, 0.2)
    arm = (generator.random(8000) < chance).astype(int)
    y = 3.0 * (X[:, 0] > 0) + 0.4 * arm + generator.normal(size=8000)
    e = np.column_stack([1 - chance, chance])
    for learner in (ConstantEffect(), DRLearner(folds=2), RLearner(folds=2)):
        assert learner.fit(X, arm, y, e).predict(X).mean() == pytest.approx(0.4, abs=0.12)


def test_conversion_uses_probabilities_not_labels() -> None:
    X, arm, y, e = experiment(8000, 4, binary=True)
    for learner in (TLearner(LogisticRegression()), ClassTransformation(LogisticRegression())):
        assert learner.fit(X, arm, y, e).predict(X).mean() == pytest.approx(0.075, abs=0.025)


def test_class_transformation_refuses_money() -> None:
    X, arm, y, e = experiment(200, 5)
    for learner in (ClassTransformation(), UpliftForest()):
        with pytest.raises(EvidenceError, match="0/1"):
            learner.fit(X, arm, y, e)


def test_forests_from_causalml_find_the_effect() -> None:
    X, arm, y, e = experiment(2000, 6, binary=True)
    forest = UpliftForest(trees=2, smallest_leaf=100).fit(X, arm, y, e).predict(X[:200])
    assert forest.shape == (200, 1)
    assert forest.mean() == pytest.approx(0.075, abs=0.05)
    X, arm, y, e = experiment(3000, 7)
    causal = CausalForest(trees=10).fit(X, arm, y, e).predict(X)
    assert causal.mean() == pytest.approx(0.75, abs=0.15)
    assert causal[X[:, 0] > 0].mean() > causal[X[:, 0] <= 0].mean() + 0.2


def test_money_that_is_mostly_zero_is_modelled_in_two_parts() -> None:
    generator = np.random.default_rng(8)
    X = generator.normal(size=(20_000, 2))
    buys = generator.random(20_000) < np.where(X[:, 0] > 0, 0.10, 0.02)
    spend = np.where(buys, generator.lognormal(3 + 0.5 * (X[:, 1] > 0), 0.8, 20_000), 0.0)
    model = TwoPartRegressor().fit(X, spend)
    for side in (X[:, 0] > 0, X[:, 0] <= 0, X[:, 1] > 0, X[:, 1] <= 0):
        assert model.predict(X[side]).mean() == pytest.approx(spend[side].mean(), rel=0.12)
    with pytest.raises(EvidenceError, match="zero or more"):
        model.fit(X, spend - 1)


def test_two_part_model_without_any_buyer_predicts_zero() -> None:
    assert TwoPartRegressor().fit(np.zeros((5, 1)), np.zeros(5)).predict([[0.0]]).tolist() == [0.0]


@pytest.mark.parametrize(
    ("treatment", "error", "words"),
    [
        (["a", "b", "a"], InputError, "one arm number"),
        ([0, 1], InputError, "one arm number"),
        ([0, 0.5, 1], InputError, "whole number"),
        ([0, 0, 0], EvidenceError, "no units"),
        ([0, 2, 2], EvidenceError, "no units"),
    ],
)
def test_impossible_treatment_is_refused(treatment: Any, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        TLearner().fit(np.zeros((3, 1)), treatment, [0, 1, 0])


def test_impossible_propensity_is_refused() -> None:
    with pytest.raises(InputError, match="propensity"):
        TLearner().fit(np.zeros((3, 1)), [0, 1, 0], [0, 1, 0], [0.5, 0.5, 0.5])


@pytest.mark.parametrize("learner", [TLearner(), DRLearner(folds=2), SLearner()], ids=repr)
def test_counts_and_money_that_is_mostly_zero_keep_their_average_effect(
    learner: EffectLearner,
) -> None:
    generator = np.random.default_rng(9)
    X = generator.normal(size=(6000, 2))
    arm = generator.integers(0, 2, 6000)
    orders = generator.poisson(0.3 + 0.3 * arm * (X[:, 0] > 0)).astype(float)
    spend = orders * generator.lognormal(1.0, 0.5, 6000)
    for outcome in (orders, spend):
        gap = outcome[arm == 1].mean() - outcome[arm == 0].mean()
        effect = learner.fit(X, arm, outcome, np.full((6000, 2), 0.5)).predict(X)[:, 0]
        assert effect.mean() == pytest.approx(gap, abs=0.25 * gap)
        assert effect[X[:, 0] > 0].mean() > effect[X[:, 0] <= 0].mean() + 0.1


@pytest.mark.parametrize("learner", OWN)
def test_fitting_and_predicting_change_neither_input_nor_settings(learner: Any) -> None:
    X, arm, y, e = experiment(300, 10)
    X[0, 0] = np.nan
    copies = [values.copy() for values in (X, arm, y, e)]
    made = learner().set_params(folds=2)
    settings = made.get_params()
    fitted = made.fit(X, arm, y, e)
    assert fitted is made
    assert made.get_params() == settings
    state = set(vars(made))
    made.predict(X)
    assert set(vars(made)) == state
    for values, copy in zip((X, arm, y, e), copies, strict=True):
        assert np.array_equal(values, copy, equal_nan=True)


@pytest.mark.parametrize("learner", OWN)
def test_columns_under_other_names_are_refused(learner: Any) -> None:
    X, arm, y, e = experiment(300, 11)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    fitted = learner().set_params(folds=2).fit(frame, arm, y, e)
    assert list(fitted.feature_names_in_) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(frame.rename(columns={"a": "z"}))

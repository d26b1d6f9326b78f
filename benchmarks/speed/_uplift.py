"""Uplift work on a million customers, and the bare fits that it cannot do without."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Work = Callable[[], dict[str, float]]

ATTRIBUTES, FOLDS = 20, 5


def _world(units: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return attributes, arm and outcome of a randomised trial."""
    generator = np.random.default_rng(20260701)
    X = generator.normal(size=(units, ATTRIBUTES))
    arm = generator.integers(0, 2, units)
    effect = 0.2 + 0.3 * X[:, 0]
    y = X[:, 1] + arm * effect + generator.normal(size=units)
    return X, arm.astype(np.intp), y


def whole_work(units: int) -> Work:
    """Prepare T- and DR-learner with scores, evaluation and policy."""
    from retention.uplift.evaluation import uplift_at
    from retention.uplift.learners import DRLearner, TLearner
    from retention.uplift.policy import compare_policies, greedy_policy
    from retention.uplift.ranking import rank_quality

    X, arm, y = _world(units)
    chance = np.full((units, 2), 0.5)

    def work() -> dict[str, float]:
        effects = TLearner().fit(X, arm, y, chance).predict(X)
        learner = DRLearner(folds=FOLDS).fit(X, arm, y, chance)
        robust = learner.predict(X)
        scores = learner.scores_
        gain = scores[:, 1] - scores[:, 0]
        quality = rank_quality(robust[:, 0], gain, draws=20)
        uplift_at(robust[:, 0], gain, [0.1, 0.3])
        policies = {"none": np.zeros(units, dtype=np.intp), "dr": greedy_policy(robust, [0, 0.1]),
                    "t": greedy_policy(effects, [0, 0.1])}  # fmt: skip
        value = compare_policies(scores, policies, costs=[0, 0.1], reference="none").of("dr")
        return {"fits": 2.0 * FOLDS + 3, "qini": quality.qini, "gain": value.gain}

    return work


def bare_fits(units: int) -> Work:
    """Prepare the gradient boosting fits and predictions that the same work needs."""
    from retention.uplift.models import effect_model, outcome_model

    X, arm, y = _world(units)

    def work() -> dict[str, float]:
        for k in range(2):
            outcome_model(y).fit(X[arm == k], y[arm == k]).predict(X)
        fold, fits = np.arange(units) % FOLDS, 2
        for number in range(FOLDS):
            for k in range(2):
                rows = (fold != number) & (arm == k)
                outcome_model(y).fit(X[rows], y[rows]).predict(X[fold == number])
                fits += 1
        effect_model().fit(X, y).predict(X)
        return {"fits": fits + 1.0}

    return work


def bootstrap(units: int, replicates: int) -> Work:
    """Prepare the bootstrap of QINI."""
    from retention.uplift.evaluation import bootstrap_qini

    generator = np.random.default_rng(20260701)
    priority = generator.normal(size=units)
    scores = priority + 5 * generator.normal(size=units)

    def work() -> dict[str, float]:
        draws = bootstrap_qini(priority, scores, replicates=replicates)
        return {"replicates": float(len(draws)), "mean": float(draws.mean())}

    return work

"""Rankings by scikit-uplift and econml on given halves. Nothing here imports our library."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

Work = Callable[[], dict[str, float]]

LIGHT = {"n_estimators": 60, "learning_rate": 0.06, "num_leaves": 15, "min_child_samples": 100,
         "verbose": -1, "n_jobs": 1, "random_state": 0}  # fmt: skip


def rankings(folder: str, name: str, splits: int) -> Work:
    """Prepare one peer: for every split read the halves, fit, and write the held-out effects."""
    data = [dict(np.load(f"{folder}/split{i}.npz")) for i in range(splits)]

    def work() -> dict[str, float]:
        for number, half in enumerate(data):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                effect = PEERS[name](half["X"], half["arm"], half["y"], half["held"])
            np.save(f"{folder}/{name}{number}.npy", np.asarray(effect, dtype=float).reshape(-1))
        return {"splits": float(splits)}

    return work


def _solo(X, arm, y, held):
    from lightgbm import LGBMClassifier
    from sklift.models import SoloModel

    return SoloModel(LGBMClassifier(**LIGHT)).fit(X, y, arm).predict(held)


def _two(X, arm, y, held):
    from lightgbm import LGBMClassifier
    from sklift.models import TwoModels

    pair = TwoModels(LGBMClassifier(**LIGHT), LGBMClassifier(**LIGHT), method="vanilla")
    return pair.fit(X, y, arm).predict(held)


def _transformation(X, arm, y, held):
    from lightgbm import LGBMClassifier
    from sklift.models import ClassTransformation

    return ClassTransformation(LGBMClassifier(**LIGHT)).fit(X, y, arm).predict(held)


def _forest(X, arm, y, held):
    from econml.grf import CausalForest

    forest = CausalForest(n_estimators=200, min_samples_leaf=100, random_state=0, n_jobs=1)
    return forest.fit(X, arm, y).predict(held)


def _x(X, arm, y, held):
    from econml.metalearners import XLearner
    from lightgbm import LGBMRegressor
    from sklearn.dummy import DummyClassifier

    learner = XLearner(models=LGBMRegressor(**LIGHT), propensity_model=DummyClassifier())
    return learner.fit(y, arm, X=X).effect(held)


PEERS = {"scikit-uplift S": _solo, "scikit-uplift T": _two,
         "scikit-uplift class transformation": _transformation, "econml causal forest": _forest,
         "econml X": _x}  # fmt: skip

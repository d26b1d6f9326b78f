"""causalml's learners behind our interface, with its measured traps closed.

Used: its meta-learners and its uplift and causal forests. Not used: its AUUC, Qini, RATE, default
propensity and value estimator. The known propensity is always passed; arguments go by keyword;
only regressors are handed in (its regressor learners use a classifier's hard labels); the global
matplotlib style that importing it changes is put back.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
from joblib import parallel_config

from retention.errors import EvidenceError
from retention.uplift.learners import EffectLearner
from retention.uplift.models import effect_model
from retention.uplift.trial import Floats, Integers

MISSING = -1.0
"""Stands for a missing attribute in the forests, which cannot hold NaN."""


def load_quietly(module: str) -> Any:
    """Import a module of causalml (ten seconds the first time), keeping matplotlib's style."""
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        # Its progress bars would like a widget; nobody watches them in a report.
        warnings.filterwarnings("ignore", message="IProgress not found")
        return importlib.import_module(module)


@contextmanager
def one_job() -> Iterator[None]:
    """Run its inner jobs one after the other: they hang in a forked child otherwise.

    scikit-learn's remark that its own ``Parallel`` was not used concerns that package alone.
    """
    with warnings.catch_warnings(), parallel_config(backend="sequential"):
        warnings.filterwarnings("ignore", message=r"`sklearn\.utils\.parallel\.delayed`")
        yield


class CausalMLLearner(EffectLearner):
    """causalml's S, T, X or R meta-learner.

    Parameters
    ----------
    kind
        Which meta-learner.
    model, final_model, folds, seed
        As for the other learners; ``model`` must be a regressor and serves both stages.
    """

    def __init__(
        self, kind: Literal["S", "T", "X", "R"] = "X", model: Any = None, final_model: Any = None,
        folds: int = 5, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(model=model, final_model=final_model, folds=folds, seed=seed)
        self.kind = kind

    def _learn(self, X: Floats, arm: Integers, outcome: Floats, propensity: Floats) -> None:
        meta = load_quietly("causalml.inference.meta")
        self.pairs_ = [
            self._pair(meta, X, arm, outcome, propensity, k) for k in range(1, self.n_arms_)
        ]

    def _pair(
        self, meta: Any, X: Floats, arm: Integers, outcome: Floats, propensity: Floats, k: int
    ) -> tuple[Any, float]:
        """Fit arm k against the control on the pair alone: causalml's propensities are pairwise."""
        rows = (arm == 0) | (arm == k)
        chance = propensity[rows, k] / (propensity[rows, k] + propensity[rows, 0])
        learner = getattr(meta, f"Base{self.kind}Regressor")(
            learner=effect_model(self.model), control_name=0, **self._extra()
        )
        known = {"p": chance} if self.kind in "XR" else {}
        with one_job():
            learner.fit(X=X[rows], treatment=(arm[rows] == k).astype(int), y=outcome[rows], **known)
        return learner, float(chance.mean())

    def _extra(self) -> dict[str, Any]:
        """Return the arguments that only the R-learner takes."""
        return {"n_fold": self.folds, "random_state": self.seed} if self.kind == "R" else {}

    def _effects(self, X: Floats) -> Floats:
        columns = []
        for learner, chance in self.pairs_:
            known = {"p": np.full(len(X), chance)} if self.kind == "X" else {}
            columns.append(np.asarray(learner.predict(X=X, **known)).reshape(len(X)))
        return np.column_stack(columns)


class _Forest(EffectLearner):
    """What causalml's forests share.

    Parameters
    ----------
    trees
        Number of trees.
    max_depth
        Depth of each tree.
    smallest_leaf
        Units that a leaf needs.
    seed
        Seed of the forest.
    """

    def __init__(
        self, trees: int = 50, max_depth: int = 6, smallest_leaf: int = 100, seed: int = 0
    ) -> None:
        super().__init__(seed=seed)
        self.trees = trees
        self.max_depth = max_depth
        self.smallest_leaf = smallest_leaf

    def _options(self) -> dict[str, Any]:
        """Return the settings by causalml's names."""
        return {
            "n_estimators": self.trees, "max_depth": self.max_depth, "n_jobs": 1,
            "min_samples_leaf": self.smallest_leaf, "random_state": self.seed,
        }  # fmt: skip


class UpliftForest(_Forest):
    """causalml's uplift random forest (Rzepakowski & Jaroszewicz 2012), 0/1 outcomes only.

    One tree is its uplift tree. Predicting walks the trees row by row: slow on large data.
    """

    def _learn(self, X: Floats, arm: Integers, outcome: Floats, propensity: Floats) -> None:
        if not np.isin(outcome, (0.0, 1.0)).all():
            raise EvidenceError(
                "An uplift forest learns 0/1 outcomes only (it would turn money into 0/1).",
                "Choose a conversion outcome or another learner.",
            )
        trees = load_quietly("causalml.inference.tree")
        self.forest_ = trees.UpliftRandomForestClassifier(control_name="0", **self._options())
        with one_job():
            self.forest_.fit(
                X=np.nan_to_num(X, nan=MISSING), treatment=arm.astype(str), y=outcome.astype(int)
            )

    def _effects(self, X: Floats) -> Floats:
        with one_job():
            predicted = self.forest_.predict(X=np.nan_to_num(X, nan=MISSING))
        return np.asarray(predicted, dtype=np.float64).reshape(len(X), self.n_arms_ - 1)


class CausalForest(_Forest):
    """causalml's causal random forest (Athey & Imbens 2016 splits), any outcome, arm by arm."""

    def _learn(self, X: Floats, arm: Integers, outcome: Floats, propensity: Floats) -> None:
        trees = load_quietly("causalml.inference.tree")
        self.forests_ = []
        for k in range(1, self.n_arms_):
            rows = (arm == 0) | (arm == k)
            forest = trees.CausalRandomForestRegressor(control_name=0, **self._options())
            with one_job():
                forest.fit(
                    X=np.nan_to_num(X[rows], nan=MISSING),
                    treatment=(arm[rows] == k).astype(int), y=outcome[rows],
                )  # fmt: skip
            self.forests_.append(forest)

    def _effects(self, X: Floats) -> Floats:
        filled = np.nan_to_num(X, nan=MISSING)
        with one_job():
            columns = [np.asarray(f.predict(filled)).reshape(len(X)) for f in self.forests_]
        return np.column_stack(columns)

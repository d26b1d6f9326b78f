"""Fitted boosted trees as plain numbers: they can be stored, read back, predicted and explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retention.churn.panel import Array
from retention.errors import InputError

FIELDS = ("feature_idx", "num_threshold", "missing_go_to_left", "left", "right", "is_leaf", "value")
"""What of scikit-learn's nodes decides where a row goes and what it gets."""


@dataclass(frozen=True)
class Trees:
    """Boosted trees of two classes: the raw score is the baseline plus each tree's leaf value.

    Parameters
    ----------
    baseline
        Raw score before the first tree, log-odds.
    nodes
        One structured array per tree, in scikit-learn's own layout.
    """

    baseline: float
    nodes: tuple[Array, ...]

    @classmethod
    def of(cls, model: Any) -> Trees:
        """Take the trees out of a fitted ``HistGradientBoostingClassifier`` of two classes."""
        baseline = float(np.ravel(model._baseline_prediction)[0])
        return cls(baseline, tuple(predictor.nodes for (predictor,) in model._predictors))

    def probability(self, rows: Array) -> Array:
        """Return the probability of the second class, see :meth:`raw`."""
        from scipy.special import expit

        return np.asarray(expit(self.raw(rows)))

    def raw(self, rows: Array) -> Array:
        """Return the raw score, log-odds of the second class.

        Parameters
        ----------
        rows
            Features, rows x columns, missing as NaN.
        """
        from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
        from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

        bits, no_map = np.zeros((0, 8), dtype=np.uint32), np.zeros(0, dtype=np.uint32)
        raw, x = np.full(len(rows), self.baseline), np.ascontiguousarray(rows, dtype=np.float64)
        for nodes in self.nodes:
            tree = TreePredictor(nodes, bits, bits)
            raw += tree.predict(x, bits, no_map, _openmp_effective_n_threads())
        return raw

    def columns(self) -> dict[str, list[Any]]:
        """Return every tree's nodes one below the other: ``tree`` and the columns of ``FIELDS``."""
        number = np.repeat(np.arange(len(self.nodes)), [len(nodes) for nodes in self.nodes])
        every = np.concatenate(self.nodes)
        return {"tree": number.tolist(), **{name: every[name].tolist() for name in FIELDS}}

    @classmethod
    def from_columns(cls, baseline: float, columns: dict[str, Sequence[Any]]) -> Trees:
        """Build the trees from the answer of :meth:`columns`.

        Raises
        ------
        InputError
            If a node points outside its tree or back: such trees would never end.
        """
        from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

        every = np.zeros(len(columns["tree"]), dtype=PREDICTOR_RECORD_DTYPE)
        for name in FIELDS:
            every[name] = columns[name]
        ends = np.flatnonzero(np.diff(columns["tree"])) + 1
        nodes = tuple(np.split(every, ends))
        if not all(_goes_down(tree) for tree in nodes):
            raise InputError("A stored tree is broken.", "Train and publish the model again.")
        return cls(baseline, nodes)


def _goes_down(nodes: Array) -> bool:
    """Tell whether every step leads to a later node of the same tree."""
    inner = nodes[nodes["is_leaf"] == 0]
    here = np.flatnonzero(nodes["is_leaf"] == 0)
    children = np.stack([inner["left"], inner["right"]]).astype(np.int64)
    return bool(((children > here) & (children < len(nodes))).all() and len(nodes))

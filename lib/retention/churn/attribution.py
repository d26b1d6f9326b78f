"""Shapley values against one typical customer: exact for linear models and for boosted trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from retention.churn.panel import Array
from retention.churn.trees import Trees


@runtime_checkable
class Attributing(Protocol):
    """A fitted candidate that can tell exactly what each feature adds."""

    def effects(self, features: pd.DataFrame, typical: pd.DataFrame) -> pd.DataFrame:
        """Return what each feature adds to the log-odds of churn against a typical customer."""
        ...


def linear_effects(
    moved: Array, coefficients: Array, columns: Sequence[str], flagged: Sequence[int]
) -> pd.DataFrame:
    """Return coefficient times deviation; the flag of a missing value counts for its feature.

    Parameters
    ----------
    moved
        Transformed features of each customer less those of the typical one: rows x (columns +
        flags).
    coefficients
        One per transformed column.
    columns
        Names of the features.
    flagged
        Positions among ``columns`` of those with a flag, in the order of the flags.
    """
    added = moved * coefficients
    effects = added[:, : len(columns)].copy()
    for flag, column in enumerate(flagged):
        effects[:, column] += added[:, len(columns) + flag]
    return pd.DataFrame(effects, columns=list(columns))


@dataclass(frozen=True)
class Leaf:
    """One leaf: its value and, per feature on its path, the nodes to pass and on which side."""

    value: float
    path: dict[int, list[tuple[int, bool]]]


def leaves_of(nodes: Any) -> list[Leaf]:
    """Return the leaves of one tree of scikit-learn's histogram gradient boosting."""
    found: list[Leaf] = []
    waiting: list[tuple[int, dict[int, list[tuple[int, bool]]]]] = [(0, {})]
    while waiting:
        at, path = waiting.pop()
        node = nodes[at]
        if node["is_leaf"]:
            found.append(Leaf(float(node["value"]), path))
            continue
        feature = int(node["feature_idx"])
        for child, is_left in ((node["left"], True), (node["right"], False)):
            longer = {**path, feature: [*path.get(feature, []), (at, is_left)]}
            waiting.append((int(child), longer))
    return found


def tree_effects(
    model: Trees, rows: Array, typical: Array, *, slices: Array | None = None
) -> Array:
    """Return the Shapley value of each feature for the raw score of boosted trees.

    Parameters
    ----------
    model
        Fitted boosted trees.
    rows
        Features, rows x columns.
    typical
        One row: where a feature is absent from a coalition, it takes this value.
    slices
        Values of a further, last feature that is averaged over and not explained.

    Returns
    -------
    numpy.ndarray
        rows x columns; each row sums to its raw score less the typical customer's.

    Notes
    -----
    Baseline Shapley values (Sundararajan and Najmi 2020), which are interventional TreeSHAP
    (Lundberg et al. 2020) with one background row. A leaf is reached by a coalition if each of
    its features comes from whichever side satisfies it: with ``a`` features that only the customer
    satisfies and ``b`` that only the typical one does, each of the first gets
    ``value (a-1)! b! / (a+b)!`` and each of the second ``-value a! (b-1)! / (a+b)!``.
    """
    columns = rows.shape[1]
    answer = np.zeros((columns, len(rows)))
    for nodes in model.nodes:
        mine = {i: _goes_left(node, rows[:, node["feature_idx"]])
                for i, node in enumerate(nodes)
                if not node["is_leaf"] and node["feature_idx"] < columns}  # fmt: skip
        theirs = {i: bool(_goes_left(nodes[i], typical[[nodes[i]["feature_idx"]]])[0])
                  for i in mine}  # fmt: skip
        for leaf in leaves_of(nodes):
            value = leaf.value * _share_of_slices(nodes, leaf.path.pop(columns, []), slices)
            if leaf.path and value:
                _add_leaf(answer, Leaf(value, leaf.path), mine, theirs)
    return answer.T


def _goes_left(node: Any, values: Array) -> Array:
    """Return which values go left at a node; missing ones go where training sent them."""
    left = values <= node["num_threshold"]
    return left | np.isnan(values) if node["missing_go_to_left"] else left


def _share_of_slices(nodes: Any, steps: list[tuple[int, bool]], slices: Array | None) -> float:
    """Return the share of slices that satisfy a leaf's conditions on the last feature."""
    if slices is None or not steps:
        return 1.0
    passed = [_goes_left(nodes[at], slices) == is_left for at, is_left in steps]
    return float(np.all(passed, axis=0).mean())


def _add_leaf(answer: Array, leaf: Leaf, mine: dict[int, Array], theirs: dict[int, bool]) -> None:
    """Add one leaf's share to the features on its path, for the customers it concerns."""
    typical = {feature: all(theirs[at] == is_left for at, is_left in steps)
               for feature, steps in leaf.path.items()}  # fmt: skip
    passed = {feature: np.logical_and.reduce([mine[at] == is_left for at, is_left in steps])
              for feature, steps in leaf.path.items()}  # fmt: skip
    own = [feature for feature, holds in typical.items() if not holds]
    other = [feature for feature, holds in typical.items() if holds]
    here = (np.flatnonzero(np.logical_and.reduce([passed[f] for f in own])) if own
            else np.arange(answer.shape[1]))  # fmt: skip
    if not len(here):
        return
    lost = {feature: ~passed[feature][here] for feature in other}
    a, b = len(own), np.sum(list(lost.values()), axis=0, dtype=int) if other else 0
    gain, loss = _weights(a, len(other))
    for feature in own:
        answer[feature, here] += leaf.value * gain[b]
    for feature in other:
        answer[feature, here] -= leaf.value * loss[b] * lost[feature]


def _weights(own: int, most: int) -> tuple[Array, Array]:
    """Return the Shapley weights of an own and of another's feature, by how many others."""
    counts = range(most + 1)
    gain = [factorial(own - 1) * factorial(b) / factorial(own + b) if own else 0.0 for b in counts]
    loss = [factorial(own) * factorial(b - 1) / factorial(own + b) if b else 0.0 for b in counts]
    return np.array(gain), np.array(loss)

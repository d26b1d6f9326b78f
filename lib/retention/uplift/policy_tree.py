"""A policy that a marketer can read: a tree of at most three questions.

Depth 1 and 2 are exact over the cuts tried (Zhou, Athey & Wager, Operations Research 2023); depth 3
looks for its first question among the ten best of depth 2 and is exact below. All sums come from
joint histograms of the cut attributes, so the search costs one pass over the units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.errors import ParameterError
from retention.uplift.trial import Floats, Integers

CUTS = 8
"""Cuts tried per attribute, at quantiles."""

FIRST_QUESTIONS = 10
"""First questions that depth 3 looks further into."""


@dataclass(frozen=True)
class Node:
    """A question with two answers, or a leaf that names an arm."""

    arm: int
    units: int
    value: float
    attribute: str = ""
    threshold: float = np.nan
    low: Node | None = None
    high: Node | None = None


@dataclass(frozen=True)
class PolicyTree:
    """A readable policy with the sum of net scores it collects on the units it was grown on."""

    root: Node
    arms: tuple[str, ...]
    attributes: tuple[str, ...]

    def assign(self, covariates: pd.DataFrame) -> Integers:
        """Return the arm number of each unit; a missing attribute counts as low."""
        result = np.zeros(len(covariates), dtype=np.intp)
        _assign(self.root, covariates, np.arange(len(covariates)), result)
        return result

    def to_frame(self) -> pd.DataFrame:
        """Return one row per leaf: condition, arm, units, mean net score."""
        rows = [
            (" and ".join(path) or "everyone", self.arms[leaf.arm], leaf.units,
             leaf.value / max(leaf.units, 1))
            for path, leaf in _leaves(self.root, [])
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=["condition", "arm", "n", "mean_net_score"])

    def summary(self) -> str:
        """Write the policy as a list of conditions."""
        return (
            "; ".join(f"{row.condition}: {row.arm}" for row in self.to_frame().itertuples()) + "."
        )


def grow_policy_tree(
    covariates: pd.DataFrame, scores: Floats, arms: Sequence[str], *, costs: Floats | None = None,
    depth: int = 2, smallest_leaf: int = 50,
) -> PolicyTree:  # fmt: skip
    """Grow the tree that collects the largest sum of net scores.

    Parameters
    ----------
    covariates
        Attributes of the units, numbers only.
    scores
        Doubly robust scores, shape (units, arms).
    arms
        Names of the arms.
    costs
        Cost of each arm; None means free.
    depth
        1, 2 or 3 questions from the top to a leaf.
    smallest_leaf
        Units that a leaf needs.

    Raises
    ------
    ParameterError
        If the depth is not 1, 2 or 3.
    """
    if depth not in (1, 2, 3):
        raise ParameterError(f"A tree of depth {depth} is not readable.", "Choose 1, 2 or 3.")
    net = scores - (np.zeros(scores.shape[1]) if costs is None else np.asarray(costs))[None, :]
    cut = _Cuts.of(covariates)
    root = _grow(cut, net, np.arange(len(net)), depth, smallest_leaf)
    return PolicyTree(root, tuple(arms), tuple(map(str, covariates.columns)))


@dataclass(frozen=True)
class _Cuts:
    """Attributes as bin numbers, with the threshold above each bin."""

    names: tuple[str, ...]
    bins: Integers
    thresholds: tuple[Floats, ...]

    @classmethod
    def of(cls, covariates: pd.DataFrame) -> _Cuts:
        """Cut every attribute at its quantiles."""
        matrix = covariates.to_numpy(dtype=np.float64)
        thresholds = []
        for column in matrix.T:
            known = column[~np.isnan(column)]
            if len(known) == 0:
                thresholds.append(known)
                continue
            grid = np.unique(np.quantile(known, np.arange(1, CUTS + 1) / (CUTS + 1)))
            distinct = np.unique(known)
            edges = distinct[:-1] if len(distinct) <= CUTS else grid[grid < known.max()]
            thresholds.append(edges)
        bins = np.column_stack(
            [np.searchsorted(t, np.nan_to_num(c, nan=-np.inf), side="left")
             for t, c in zip(thresholds, matrix.T, strict=True)]
        )  # fmt: skip
        return cls(tuple(map(str, covariates.columns)), bins, tuple(thresholds))


def _grow(cut: _Cuts, net: Floats, rows: Integers, depth: int, smallest: int) -> Node:
    """Return the best tree of the depth on the rows."""
    leaf = _leaf(net[rows])
    if depth == 0 or len(rows) < 2 * smallest:
        return leaf
    questions = _questions(cut, net, rows, min(depth, 2), smallest)
    if depth == 3:
        trees = [_split(cut, net, rows, q, 2, smallest) for q in questions[:FIRST_QUESTIONS]]
    else:
        trees = [_split(cut, net, rows, q, depth - 1, smallest) for q in questions[:1]]
    best = max(trees, key=lambda node: node.value, default=leaf)
    return best if best.value > leaf.value + 1e-9 * abs(leaf.value) else leaf


def _questions(
    cut: _Cuts, net: Floats, rows: Integers, depth: int, smallest: int
) -> list[tuple[int, int]]:
    """Return the (attribute, bin) questions by falling value of the best tree of that depth."""
    found = []
    # Without questions below this one, sums over any one attribute's bins are sums over the units.
    joint = _joint(cut, net, rows, others=1 if depth == 1 else cut.bins.shape[1])
    for j, thresholds in enumerate(cut.thresholds):
        for b in range(len(thresholds)):
            low, high = joint[j, : b + 1].sum(axis=0), joint[j, b + 1 :].sum(axis=0)
            if min(low[0, :, 0].sum(), high[0, :, 0].sum()) < smallest:
                continue
            value = _best(low, depth - 1, smallest) + _best(high, depth - 1, smallest)
            found.append((-value, j, b))
    return [(j, b) for _, j, b in sorted(found)]


def _joint(cut: _Cuts, net: Floats, rows: Integers, others: int) -> Floats:
    """Return counts and score sums by bin of every attribute and bin of the first ``others``.

    Shape (attributes, bins, others, bins, 1 + arms); the first entry of the last axis is the count.
    """
    width, attributes = CUTS + 1, cut.bins.shape[1]
    parts = [np.ones(len(rows)), *net[rows].T]
    bins = np.ascontiguousarray(cut.bins[rows].T)
    out = np.empty((attributes, width, others, width, len(parts)))
    for other in range(others):
        # A pair's table, turned round, is that of the pair turned round.
        for j in range(other, attributes):
            index = bins[j] * width + bins[other]
            for column, part in enumerate(parts):
                sums = np.bincount(index, weights=part, minlength=width * width)
                table = sums.reshape(width, width)
                out[j, :, other, :, column] = table
                if j < others:
                    out[other, :, j, :, column] = table.T
    return out


def _best(table: Floats, depth: int, smallest: int) -> float:
    """Return the value of the best tree of depth 0 or 1 from a table of sums."""
    whole = table[0].sum(axis=0)
    value = float(whole[1:].max())
    if depth == 0:
        return value
    low = np.cumsum(table, axis=1)
    high = whole - low
    split = low[..., 1:].max(axis=-1) + high[..., 1:].max(axis=-1)
    lawful = (low[..., 0] >= smallest) & (high[..., 0] >= smallest)
    return max(value, float(split[lawful].max(initial=-np.inf)))


def _split(
    cut: _Cuts, net: Floats, rows: Integers, question: tuple[int, int], depth: int, smallest: int
) -> Node:
    """Return the node that asks the question, with the best trees of the depth below it."""
    j, b = question
    below = cut.bins[rows, j] <= b
    low = _grow(cut, net, rows[below], depth, smallest)
    high = _grow(cut, net, rows[~below], depth, smallest)
    value = low.value + high.value
    return Node(0, len(rows), value, cut.names[j], float(cut.thresholds[j][b]), low, high)


def _leaf(net: Floats) -> Node:
    """Return the leaf that gives the arm of largest sum."""
    sums = net.sum(axis=0)
    return Node(int(np.argmax(sums)), len(net), float(sums.max()))


def _assign(node: Node, covariates: pd.DataFrame, rows: Integers, result: Integers) -> None:
    """Write each unit's arm into the result."""
    if node.low is None or node.high is None:
        result[rows] = node.arm
        return
    above = covariates[node.attribute].to_numpy()[rows] > node.threshold
    _assign(node.low, covariates, rows[~above], result)
    _assign(node.high, covariates, rows[above], result)


def _leaves(node: Node, path: list[str]) -> list[tuple[list[str], Node]]:
    """Return the leaves with the conditions that lead to them."""
    if node.low is None or node.high is None:
        return [(path, node)]
    edge = f"{node.threshold:.6g}"
    return [
        *_leaves(node.low, [*path, f"{node.attribute} <= {edge}"]),
        *_leaves(node.high, [*path, f"{node.attribute} > {edge}"]),
    ]

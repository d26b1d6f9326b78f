"""Readable policies: exact up to two questions, lawful leaves, plain words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.errors import ParameterError
from retention.uplift.policy_tree import grow_policy_tree


def world(seed: int, units: int = 1500) -> tuple[pd.DataFrame, np.ndarray]:
    generator = np.random.default_rng(seed)
    X = pd.DataFrame(generator.integers(0, 4, size=(units, 3)), columns=["a", "b", "c"])
    scores = generator.normal(size=(units, 3))
    return X.astype(float), scores


def brute(X: np.ndarray, net: np.ndarray, depth: int, smallest: int) -> float:
    """Value of the best tree, every tree tried."""
    best = net.sum(axis=0).max()
    if depth == 0:
        return best
    for j in range(X.shape[1]):
        for t in np.unique(X[:, j])[:-1]:
            low = X[:, j] <= t
            if min(low.sum(), (~low).sum()) >= smallest:
                best = max(
                    best,
                    brute(X[low], net[low], depth - 1, smallest)
                    + brute(X[~low], net[~low], depth - 1, smallest),
                )
    return best


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_tree_is_the_best_of_all_trees(depth: int, seed: int) -> None:
    X, scores = world(seed)
    tree = grow_policy_tree(X, scores, ("none", "email", "gift"), depth=depth, smallest_leaf=40)
    assert tree.root.value == pytest.approx(brute(X.to_numpy(), scores, depth, 40))
    arm = tree.assign(X)
    assert scores[np.arange(len(arm)), arm].sum() == pytest.approx(tree.root.value)
    assert tree.to_frame()["n"].min() >= 40


def test_third_question_never_loses() -> None:
    X, scores = world(4)
    two, three = (
        grow_policy_tree(X, scores, ("none", "email", "gift"), depth=d).root.value for d in (2, 3)
    )
    assert three >= two


def test_policy_is_written_in_plain_conditions() -> None:
    X, scores = world(5)
    scores[:, 1] += np.where(X["a"] > 1, 3, -3)
    tree = grow_policy_tree(X, scores[:, :2], ("none", "email"), depth=1)
    assert tree.summary() == "a <= 1: none; a > 1: email."


def test_cost_turns_contact_off() -> None:
    X, scores = world(6)
    tree = grow_policy_tree(
        X, scores, ("none", "email", "gift"), costs=np.array([0, 9, 9]), depth=2
    )
    assert tree.to_frame()["arm"].tolist() == ["none"]


def test_missing_attribute_counts_as_low() -> None:
    X, scores = world(7)
    scores[:, 1] += np.where(X["a"] > 1, 3, -3)
    tree = grow_policy_tree(X, scores[:, :2], ("none", "email"), depth=1)
    assert tree.assign(pd.DataFrame({"a": [np.nan], "b": [0.0], "c": [0.0]})).tolist() == [0]


def test_deeper_tree_is_refused() -> None:
    X, scores = world(8)
    with pytest.raises(ParameterError, match="depth 4"):
        grow_policy_tree(X, scores, ("none", "email", "gift"), depth=4)

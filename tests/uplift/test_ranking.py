"""TOC, AUTOC and QINI: the definitions, ties, row order and errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.uplift.ranking import areas, rank_quality, ranked, toc_curve


def by_definition(priority: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """QINI and AUTOC written out, ties sharing their mean."""
    n = len(scores)
    shared = np.array([scores[priority == p].mean() for p in priority])
    ordered = shared[np.argsort(-priority, kind="stable")]
    toc = np.cumsum(ordered) / np.arange(1, n + 1) - scores.mean()
    return float(np.mean(np.arange(1, n + 1) / n * toc)), float(toc.mean())


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-9, 9)), min_size=2, max_size=60))
def test_closed_form_equals_the_definition(rows: list[tuple[int, float]]) -> None:
    priority = np.array([p for p, _ in rows], dtype=float)
    scores = np.array([s for _, s in rows])
    assert areas(ranked(priority, scores), None) == pytest.approx(
        by_definition(priority, scores), abs=1e-9
    )


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_row_order_and_ties_change_nothing(seed: int) -> None:
    generator = np.random.default_rng(seed)
    priority, scores = generator.integers(0, 4, 200).astype(float), generator.normal(size=200)
    shuffle = generator.permutation(200)
    one = rank_quality(priority, scores, seed=1, draws=20)
    other = rank_quality(priority[shuffle], scores[shuffle], seed=1, draws=20)
    assert one == other


def test_constant_priority_scores_zero_even_when_rows_are_sorted_by_outcome() -> None:
    quality = rank_quality(np.ones(500), np.sort(np.random.default_rng(0).normal(size=500)))
    assert (quality.qini, quality.autoc, quality.p_value) == (0.0, 0.0, 1.0)


def test_reversed_ranking_has_the_opposite_qini() -> None:
    generator = np.random.default_rng(4)
    scores, priority = generator.normal(size=999), generator.normal(size=999)
    forward, backward = (rank_quality(s * priority, scores, draws=2).qini for s in (1, -1))
    assert forward + backward == pytest.approx(0, abs=5e-3)


def test_half_sample_error_is_the_sampling_error() -> None:
    generator = np.random.default_rng(5)
    draws = []
    for _ in range(300):
        priority = generator.normal(size=600)
        draws.append(areas(ranked(priority, priority + generator.normal(size=600) * 3), None))
    priority = generator.normal(size=600)
    quality = rank_quality(priority, priority + generator.normal(size=600) * 3, draws=400)
    truth = np.std(draws, axis=0)
    assert quality.qini_error == pytest.approx(truth[0], rel=0.2)
    assert quality.autoc_error == pytest.approx(truth[1], rel=0.2)


def test_gain_curve_ends_at_zero_and_its_area_is_qini() -> None:
    generator = np.random.default_rng(6)
    priority = generator.normal(size=1000)
    scores = priority + generator.normal(size=1000)
    curve = toc_curve(priority, scores, points=1000)
    assert curve["gain"].iloc[-1] == pytest.approx(0, abs=1e-12)
    assert curve["gain"].mean() == pytest.approx(areas(ranked(priority, scores), None)[0])

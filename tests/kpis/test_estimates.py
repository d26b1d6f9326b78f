"""Intervals against published values and against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.kpis.estimates import Estimate, count, mean, promoter_score, ratio, share, total


def test_wilson_interval_of_a_published_example():
    found = share(81, 263)  # Newcombe (1998), Statistics in Medicine 17, table I, method 3
    assert (round(found.ci_low, 4), round(found.ci_high, 4)) == (0.2553, 0.3662)


def test_poisson_interval_of_a_published_example():
    found = count(10)  # Garwood (1936), table 1
    assert (round(found.ci_low, 3), round(found.ci_high, 2)) == (4.795, 18.39)
    assert count(0).ci_low == 0.0


@given(st.integers(0, 50), st.integers(1, 50))
def test_shares_stay_within_0_and_1_and_hold_their_value(successes, extra):
    found = share(successes, successes + extra)
    assert 0 <= found.ci_low <= found.value <= found.ci_high <= 1


def test_nobody_there_is_no_figure():
    for found in (share(0, 0), mean(np.array([])), ratio(np.array([1.0]), np.array([0.0]))):
        assert math.isnan(found.value)
        assert found.n == 0


def test_ratio_of_equal_clusters_is_the_mean():
    values = np.array([1.0, 4.0, 2.0, 7.0])
    assert ratio(values, np.ones(4)).value == mean(values).value


def test_ratio_intervals_cover_with_clusters():
    rng = np.random.default_rng(11)
    sizes = rng.poisson(3, (400, 200)) + 1
    level = rng.gamma(4, 0.05, (400, 200)).clip(0, 1)
    hits = rng.binomial(sizes, level)
    truth = 0.2
    inside = [e.ci_low <= truth <= e.ci_high for e in map(ratio, hits, sizes)]
    assert 0.92 <= np.mean(inside) <= 0.98


def test_sums_of_a_poisson_flow_are_covered():
    rng = np.random.default_rng(12)
    sums = [total(rng.gamma(2.0, 10.0, rng.poisson(100))) for _ in range(500)]
    assert 0.92 <= np.mean([e.ci_low <= 2000 <= e.ci_high for e in sums]) <= 0.98


def test_change_combines_both_intervals():
    change = Estimate(5.0, 4.0, 7.0, 10).less(Estimate(3.0, 0.0, 4.0, 20))
    assert change.value == 2.0
    assert change.ci_low == pytest.approx(2 - math.hypot(1, 1))
    assert change.ci_high == pytest.approx(2 + math.hypot(2, 3))


def test_newcombe_interval_of_a_published_difference():
    change = share(56, 70).less(share(48, 80))  # Newcombe (1998), page 876, method 10
    assert (round(change.ci_low, 4), round(change.ci_high, 4)) == (0.0524, 0.3339)


def test_promoters_less_detractors():
    assert promoter_score(np.array([10, 9, 8, 7, 6, 0.0])).value == 0.0
    assert promoter_score(np.array([10.0, 10.0])).value == 100.0

"""The difference of two estimates: published values, arrays, what is missing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from retention.intervals import NORMAL_95, difference


def test_normal_quantile_is_that_of_the_distribution():
    assert math.erf(NORMAL_95 / math.sqrt(2)) == pytest.approx(0.95, abs=1e-15)


def test_each_end_adds_the_facing_ends_of_both():
    gap, low, high = difference((5.0, 4.0, 7.0), (3.0, 0.0, 4.0))
    assert gap == 2.0
    assert low == pytest.approx(2 - math.hypot(1, 1))
    assert high == pytest.approx(2 + math.hypot(2, 3))


def test_exchanged_estimates_mirror_the_difference():
    one, other = (0.8, 0.69, 0.88), (0.6, 0.49, 0.70)
    forth, back = difference(one, other), difference(other, one)
    assert forth == pytest.approx((-back[0], -back[2], -back[1]))


def test_arrays_are_taken_elementwise_and_what_is_missing_stays_missing():
    one = tuple(np.array([value, value]) for value in (5.0, 4.0, 7.0))
    other = tuple(np.array([value, np.nan]) for value in (3.0, 0.0, 4.0))
    found = difference(one, other)
    assert [float(part[0]) for part in found] == list(
        map(float, difference((5.0, 4.0, 7.0), (3.0, 0.0, 4.0)))
    )
    assert all(np.isnan(part[1]) for part in found)

"""Concordance: pairs, ties, censoring, and rows in any order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines.utils import concordance_index

from retention.errors import EvidenceError, InputError
from retention.survival import concordance


def by_hand(risk, time, event, weight, before):
    """Go through all pairs."""
    good = every = 0.0
    for i in np.flatnonzero(event):
        for j in range(len(time)):
            if time[j] > time[i] or (time[j] == time[i] and not event[j]):
                pair = weight[i] * weight[j] / before[i] ** 2
                every += pair
                good += pair * ((risk[i] > risk[j]) + (risk[i] == risk[j]) / 2)
    return good / every if every else None


def censoring_before(time, event, weight):
    """Kaplan-Meier of the censoring times just before each time, departures first at ties."""
    curve = np.ones(len(time))
    for c in np.unique(time[~event]):
        still = weight[(time > c) | ((time == c) & ~event)].sum()
        curve[time > c] *= 1 - weight[(time == c) & ~event].sum() / still
    return curve


row = st.tuples(st.integers(0, 4), st.integers(1, 6), st.booleans(), st.integers(1, 3))


@settings(max_examples=60, deadline=None)
@given(st.lists(row, min_size=2, max_size=25), st.randoms(use_true_random=False))
def test_it_is_the_share_of_all_pairs_in_any_order_of_the_rows(rows, random):
    def of(chosen):
        risk, time, event, count = (np.array(column) for column in zip(*chosen, strict=True))
        return risk.astype(float), time.astype(float), event.astype(bool), count

    risk, time, event, count = of(rows)
    expected = by_hand(risk, time, event, count, censoring_before(time, event, count))
    if expected is None:
        with pytest.raises(EvidenceError):
            concordance(risk, time, event, frequency=count)
        return
    assert concordance(risk, time, event, frequency=count) == pytest.approx(expected)
    random.shuffle(rows)
    risk, time, event, count = of(rows)
    assert concordance(risk, time, event, frequency=count) == pytest.approx(expected)


def test_who_is_censored_when_another_leaves_outlived_it():
    pair = (np.array([5.0, 5.0]), np.array([1, 0]))
    assert concordance(np.array([0.1, 0.9]), *pair) == 0.0
    assert concordance(np.array([0.9, 0.1]), *pair) == 1.0
    assert concordance(np.array([0.5, 0.5]), *pair) == 0.5


def test_without_earlier_censoring_it_is_harrells():
    random = np.random.default_rng(0)
    risk = random.normal(size=2000)
    time = np.ceil(random.exponential(np.exp(-risk) * 3))
    seen, event = np.minimum(time, 3), (time <= 3).astype(int)
    assert concordance(risk, seen, event) == pytest.approx(concordance_index(seen, -risk, event))


def test_a_missing_risk_and_arrays_of_different_length_are_refused():
    with pytest.raises(InputError, match="1 risks are missing"):
        concordance(np.array([np.nan, 1.0]), np.array([1.0, 2.0]), np.array([1, 1]))
    with pytest.raises(InputError, match="length"):
        concordance(np.array([1.0]), np.array([1.0, 2.0]), np.array([1, 1]))

"""Segments that guide nothing are merged; those that guide stay."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.errors import EvidenceError
from retention.results import Status
from retention.segments import guard


def shop(**sizes_and_rates: tuple[int, int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    segments, outcome = [], []
    for name, (customers, bought) in sizes_and_rates.items():
        keys = [f"{name}{i}" for i in range(customers)]
        segments.append(pd.DataFrame({"customer_key": keys, "segment": name}))
        purchases = np.r_[np.ones(bought, int), np.zeros(customers - bought, int)]
        outcome.append(pd.DataFrame({"customer_key": keys, "purchases": purchases}))
    return pd.concat(segments), pd.concat(outcome)


def test_segments_that_behave_differently_stay_apart():
    found = guard(*shop(a=(1000, 500), b=(1000, 200), c=(1000, 50)))
    assert found.merged == {"a": "a", "b": "b", "c": "c"}
    assert "none is merged" in found.summary()


def test_segments_that_behave_alike_are_merged():
    found = guard(*shop(a=(1000, 500), b=(1000, 101), c=(1000, 99)))
    assert found.merged == {"a": "a", "b": "b + c", "c": "b + c"}
    assert "b + c" in found.summary()
    assert found.renamed(pd.Series(["a", "c", "zzz"])).tolist() == ["a", "b + c", "zzz"]


def test_a_small_segment_joins_the_one_most_like_it():
    found = guard(*shop(a=(1000, 500), b=(1000, 100), c=(20, 9)))
    assert found.merged["c"] == "a + c"
    statuses = {str(check.code): check.status for check in found.checks()}
    assert statuses["segment_too_small"] is Status.WARN


def test_a_difference_that_chance_explains_does_not_keep_segments_apart():
    found = guard(*shop(a=(150, 30), b=(150, 24)), min_customers=100)
    assert found.merged["a"] == "a + b"


def test_power_tells_in_which_segment_a_campaign_can_be_tested():
    table = guard(*shop(a=(20_000, 4000), b=(400, 20))).to_frame().set_index("segment")
    assert table.loc["a", "power"] > 0.99
    assert table.loc["b", "power"] < 0.5


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(5, 400), st.floats(0, 1)), min_size=1, max_size=6))
def test_what_is_left_is_large_and_told_apart(cells):
    sizes = {f"s{i}": (n, int(n * rate)) for i, (n, rate) in enumerate(cells)}
    found = guard(*shop(**sizes), min_customers=50, min_difference=0.05)
    left = found.to_frame().groupby("merged_segment")[["customers", "bought"]].sum()
    rates = (left["bought"] / left["customers"]).sort_values().to_numpy()
    if len(left) > 1:
        assert left["customers"].min() >= 50
        assert np.diff(rates).min() >= 0.05 - 1e-9


def test_without_an_outcome_there_is_nothing_to_guard():
    segments, outcome = shop(a=(10, 5))
    with pytest.raises(EvidenceError, match="outcome"):
        guard(segments, outcome.assign(customer_key="nobody"))

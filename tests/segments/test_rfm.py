"""Scores and named groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.errors import EvidenceError, ParameterError
from retention.results import Status
from retention.segments import SCORES, rfm

RULES = ["best: recency_score >= 4 and monetary_score >= 4", "gone: recency_score == 1"]
FIXED = {"recency_cuts": [30, 90], "frequency_cuts": [2, 5], "monetary_cuts": [1000, 5000]}


def customers(recency, orders, value) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_key": [f"c{i:04d}" for i in range(len(recency))],
            "recency_days": recency,
            "order_count": orders,
            "monetary_minor": value,
        }
    )


def many(n: int = 1000) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return customers(rng.integers(1, 400, n), 1 + rng.poisson(1.5, n), rng.integers(100, 90_000, n))


def test_quantiles_of_distinct_values_give_equal_fifths():
    found = rfm(customers(range(1, 101), range(1, 101), range(1, 101)), RULES)
    for score in SCORES:
        assert found.customers[score].value_counts().tolist() == [20] * 5


def test_the_most_recent_score_best_and_the_largest_value_scores_best():
    found = rfm(many(), RULES).customers
    assert found.loc[found["recency_days"].idxmin(), "recency_score"] == 5
    assert found.loc[found["recency_days"].idxmax(), "recency_score"] == 1
    assert found.loc[found["monetary_minor"].idxmax(), "monetary_score"] == 5


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 3), st.integers(0, 5)), min_size=1))
def test_ties_share_their_score_and_order_keeps_the_values(rows):
    found = rfm(customers(*zip(*rows, strict=True)), RULES).customers
    for value, score, sign in (
        ("recency_days", "recency_score", -1),
        ("order_count", "frequency_score", 1),
        ("monetary_minor", "monetary_score", 1),
    ):
        assert len(found[[value, score]].drop_duplicates()) == found[value].nunique()
        by_value = found.groupby(value)[score].first().sort_index(ascending=sign > 0)
        assert by_value.is_monotonic_increasing


def test_the_order_of_the_rows_changes_nothing():
    frame = many()
    shuffled = frame.sample(frac=1, random_state=5)
    pd.testing.assert_frame_equal(rfm(frame, RULES).customers, rfm(shuffled, RULES).customers)


def test_few_distinct_values_are_said_so():
    found = rfm(customers([5] * 200, [1] * 200, range(200)), RULES)
    statuses = {str(check.code): check.status for check in found.checks()}
    assert statuses == {"enough_customers": Status.PASS, "few_distinct_values": Status.WARN}


def test_few_customers_are_said_so():
    assert rfm(customers([1, 2], [1, 2], [1, 2]), RULES).checks()[0].status is Status.WARN


def test_fixed_cut_offs_give_the_better_score_to_a_value_on_them():
    found = rfm(
        customers([1, 30, 31, 91], [5, 2, 1, 4], [5000, 999, 1000, 1]), [], method="fixed", **FIXED
    ).customers
    assert found["recency_score"].tolist() == [3, 3, 2, 1]
    assert found["frequency_score"].tolist() == [3, 2, 1, 2]
    assert found["monetary_score"].tolist() == [3, 1, 2, 1]


def test_fixed_scores_do_not_depend_on_the_other_customers():
    frame = many()
    whole = rfm(frame, RULES, method="fixed", **FIXED).customers.set_index("customer_key")
    part = rfm(frame.iloc[:50], RULES, method="fixed", **FIXED).customers.set_index("customer_key")
    pd.testing.assert_frame_equal(whole.loc[part.index], part)


def test_everyone_has_one_segment_and_the_table_adds_up():
    found = rfm(many(), RULES)
    table = found.to_frame()
    assert set(found.customers["segment"]) == {"best", "gone", "others"}
    assert table["customers"].sum() == 1000
    assert table["share_of_value"].sum() == pytest.approx(1.0)
    assert found.grid().to_numpy().sum() == 1000


def test_the_summary_names_the_most_valuable_segment():
    assert "hold" in rfm(many(), RULES).summary()


def test_nobody_to_segment_is_an_error():
    with pytest.raises(EvidenceError, match="no customer"):
        rfm(many().iloc[:0], RULES)


@pytest.mark.parametrize(
    "change", [{"method": "magic"}, {"method": "fixed"}, {**FIXED, "method": "fixed",
               "recency_cuts": [90, 30]}]
)  # fmt: skip
def test_impossible_cut_offs_are_refused(change):
    with pytest.raises(ParameterError):
        rfm(many(), RULES, **change)


@pytest.mark.parametrize("shuffled", [False, True])
def test_features_stand_beside_the_segment_of_their_customer(shuffled):
    features = many().assign(colour="red", size=lambda f: f["order_count"] * 2)
    found = rfm(features, RULES)
    features = features.sample(frac=1, random_state=3) if shuffled else features
    beside = found.beside(features, ["size", "no feature"])
    assert list(beside) == ["customer_key", "size", "segment"]
    told = features[["customer_key", "size"]].merge(found.customers[["customer_key", "segment"]])
    pd.testing.assert_frame_equal(beside, told)

"""Sufficient statistics: they add up, they equal what the rows say, nulls are never silent."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.abtest import Cell, MetricDefinition, MetricKind, Moments, NullPolicy, Statistics
from retention.abtest.collect import collect
from retention.abtest.statistics import CLUSTER_SIZE
from retention.abtest.unit_values import caps_of
from retention.engine import Engine
from retention.errors import EvidenceError, InputError, ParameterError

ROWS = st.lists(st.tuples(*[st.floats(-1e4, 1e4)] * 2), min_size=1, max_size=30).map(np.array)


@given(ROWS, ROWS)
def test_the_sum_of_statistics_is_the_statistics_of_the_union(first, second):
    added = Moments.of(("y", "x"), first) + Moments.of(("y", "x"), second)
    union = Moments.of(("y", "x"), np.vstack([first, second]))
    assert added.n == union.n
    np.testing.assert_allclose(added.sums, union.sums, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(added.products, union.products, rtol=1e-9, atol=1e-6)


@settings(max_examples=30)
@given(ROWS, ROWS, ROWS)
def test_adding_is_associative_and_commutative(a, b, c):
    a, b, c = (Moments.of(("y", "x"), rows) for rows in (a, b, c))
    np.testing.assert_allclose(((a + b) + c).products, (c + (b + a)).products, rtol=1e-9, atol=1e-6)


@settings(max_examples=30)
@given(ROWS.filter(lambda rows: len(rows) > 1))
def test_mean_and_covariance_equal_numpy(rows):
    moments = Moments.of(("y", "x"), rows)
    np.testing.assert_allclose(moments.mean, rows.mean(axis=0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(moments.covariance, np.cov(rows.T), rtol=1e-6, atol=1e-3)


def test_a_constant_column_has_no_variance_despite_rounding():
    moments = Moments.of(("y",), np.full((1000, 1), 0.1))
    assert moments.covariance[0, 0] == 0


def test_moments_are_frozen():
    moments = Moments.of_counts("y", 3, 10)
    with pytest.raises(ValueError, match="read-only"):
        moments.sums[0] = 5
    with pytest.raises(AttributeError):
        moments.n = 4


def test_moments_of_different_columns_do_not_add_up():
    with pytest.raises(ValueError, match="do not add up"):
        _ = Moments.of_counts("y", 3, 10) + Moments.of_counts("x", 3, 10)


def test_one_unit_has_no_variance():
    with pytest.raises(EvidenceError, match="two units"):
        _ = Moments.of_counts("y", 1, 1).covariance


@pytest.fixture
def units():
    generator = np.random.default_rng(7)
    n = 400
    return pd.DataFrame(
        {
            "arm": np.where(np.arange(n) % 2, "b", "a"),
            "store": np.arange(n) % 37,
            "day": np.arange(n) % 3,
            "country": np.where(np.arange(n) % 5 == 0, "DE", "US"),
            "y": generator.gamma(1, 10, n),
            "visits": generator.integers(1, 9, n),
            "x": generator.normal(5, 2, n),
        }
    )


def collected(units, *metrics, **groups):
    engine = Engine()
    engine.register("units", units)
    return collect(engine, "units", metrics, **groups)


RATIO = MetricDefinition("r", "y", MetricKind.RATIO, denominator="visits", covariates=("x",))


def test_the_query_gives_what_numpy_gives(units):
    found = collected(units, RATIO).of("r", "b")
    rows = units[units["arm"] == "b"][["y", "visits", "x"]].to_numpy(float)
    expected = Moments.of(("y", "visits", "x"), rows)
    assert found.columns == expected.columns
    np.testing.assert_allclose(found.products, expected.products, rtol=1e-12)


def test_segments_and_days_add_up_to_the_whole(units):
    fine = collected(units, RATIO, segment="country", day="day")
    whole = collected(units, RATIO)
    assert fine.segments == ("DE", "US")
    assert fine.days == (0, 1, 2)
    np.testing.assert_allclose(fine.of("r", "a").products, whole.of("r", "a").products, rtol=1e-9)
    assert fine.of("r", "a", "DE", 1).n == len(
        units.query("arm == 'a' and country == 'DE' and day == 1")
    )


def test_statistics_of_two_batches_add_up(units):
    first, second = collected(units[:150], RATIO), collected(units[150:], RATIO)
    both = (first + second).of("r", "b")
    np.testing.assert_allclose(both.products, collected(units, RATIO).of("r", "b").products)


def test_statistics_with_an_arm_in_one_batch_only():
    cell = Cell("m", "a")
    lone = Statistics({cell: Moments.of_counts("y", 2, 5)})
    assert (lone + Statistics()).of("m", "a").n == 5


def test_clusters_are_summed_first(units):
    found = collected(units, MetricDefinition("y", "y"), cluster="store").of("y", "a")
    sums = units[units["arm"] == "a"].groupby("store")["y"].agg(["sum", "size"]).to_numpy(float)
    assert found.columns == ("y", CLUSTER_SIZE)
    assert found.n == len(sums)
    np.testing.assert_allclose(found.products, sums.T @ sums, rtol=1e-12)


def test_a_null_is_an_error_that_names_column_and_count(units):
    units.loc[[3, 5, 8], "x"] = np.nan
    with pytest.raises(InputError, match=r"3 nulls in column 'x'"):
        collected(units, RATIO)
    with pytest.raises(InputError, match=r"3 nulls in column 'x'"):
        collected(units, RATIO, cluster="store")


def test_zero_policy_counts_the_unit(units):
    units.loc[[3, 5], "y"] = np.nan
    metric = MetricDefinition("y", "y", nulls=NullPolicy.ZERO)
    found = collected(units, metric)
    assert found.of("y", "b").n == 200
    assert found.of("y", "b").sums[0] == pytest.approx(units[units["arm"] == "b"]["y"].sum())


def test_drop_policy_leaves_the_unit_out_of_n_too(units):
    units.loc[[3, 5], "y"] = np.nan
    metrics = [
        MetricDefinition("y", "y", nulls=NullPolicy.DROP, covariates=("x",)),
        MetricDefinition("x", "x"),
    ]
    found = collected(units, *metrics)
    assert (found.of("y", "b").n, found.of("x", "b").n) == (198, 200)
    kept = units[(units["arm"] == "b") & units["y"].notna()]
    assert found.of("y", "b").sums[1] == pytest.approx(kept["x"].sum())


def test_drop_policy_in_clusters(units):
    units.loc[units["store"] == 4, "y"] = np.nan
    metric = MetricDefinition("y", "y", nulls=NullPolicy.DROP)
    found = collected(units, metric, cluster="store").of("y", "a")
    kept = units[(units["arm"] == "a") & units["y"].notna()]
    assert found.n == kept["store"].nunique()
    assert found.sums.tolist() == pytest.approx([kept["y"].sum(), len(kept)])


def test_missing_covariates_as_their_own_stratum(units):
    units.loc[[3, 5], "x"] = np.nan
    metric = MetricDefinition("y", "y", covariates=("x",), covariate_nulls=NullPolicy.OWN_STRATUM)
    found = collected(units, metric).of("y", "b")
    assert found.columns == ("y", "x", "x is missing")
    assert found.sums[2] == 2


def test_missing_outcomes_cannot_be_their_own_stratum():
    with pytest.raises(ParameterError, match="strict, zero or drop"):
        MetricDefinition("y", "y", nulls=NullPolicy.OWN_STRATUM)


def test_the_cap_is_pooled_over_the_arms(units):
    units.loc[units["arm"] == "b", "y"] *= 10
    found = collected(units, MetricDefinition("y", "y", winsorise_at=0.9))
    cap = np.quantile(units["y"], 0.9)
    for arm in "ab":
        expected = units[units["arm"] == arm]["y"].clip(upper=cap).sum()
        assert found.of("y", arm).sums[0] == pytest.approx(expected)


def test_a_missing_column_is_named(units):
    with pytest.raises(InputError, match="no column 'spend'"):
        collected(units, MetricDefinition("spend", "spend"))


def test_a_column_name_is_never_read_as_sql(units):
    odd = 'y" FROM units; --'
    found = collected(units.rename(columns={"y": odd}), MetricDefinition("y", odd))
    assert found.of("y", "a").n == 200


def test_an_unknown_arm_is_named(units):
    with pytest.raises(EvidenceError, match="Arm 'c' has no unit"):
        collected(units, RATIO).of("r", "c")


def test_a_cap_is_of_the_values_that_are_analysed():
    # Twenty of a hundred buy; every order is worth 20, one customer has fifty of them.
    orders = np.r_[np.full(19, 1.0), 50.0, np.full(80, np.nan)]
    for money, count in (
        (orders * 20, orders), (orders * 20, np.nan_to_num(orders)),
        (np.nan_to_num(orders) * 20, orders),
    ):  # fmt: skip
        units = pd.DataFrame({"arm": "a", "money": money, "orders": count})
        metric = MetricDefinition(
            "value of an order", "money", kind="ratio", denominator="orders", nulls="zero",
            winsorise_at=0.95,
        )  # fmt: skip
        sums = collected(units, metric).of("value of an order", "a").sums
        assert sums[0] / sums[1] == pytest.approx(20.0)


def test_a_null_that_counts_as_zero_is_among_the_values_that_are_capped():
    known = np.arange(1.0, 101.0)
    for values in (np.r_[known, np.zeros(900)], np.r_[known, np.full(900, np.nan)]):
        metric = MetricDefinition("y", "y", nulls="zero", winsorise_at=0.99)
        units = pd.DataFrame({"arm": "a", "y": values})
        expected = np.minimum(np.nan_to_num(values), np.quantile(np.nan_to_num(values), 0.99))
        assert collected(units, metric).of("y", "a").mean[0] == pytest.approx(expected.mean())
        assert caps_of(units, metric)["y"] == pytest.approx(expected.max())


def test_a_cap_leaves_out_the_units_that_are_dropped():
    units = pd.DataFrame({"arm": "a", "y": [1.0, 2.0, 3.0, 99.0], "x": [1.0, 1.0, 1.0, np.nan]})
    metric = MetricDefinition(
        "y", "y", covariates="x", covariate_nulls="drop", nulls="drop", winsorise_at=0.75
    )
    expected = np.minimum([1, 2, 3], 2.5)
    assert collected(units, metric).of("y", "a").sums[0] == pytest.approx(expected.sum())
    assert caps_of(units, metric)["y"] == pytest.approx(2.5)


@pytest.mark.parametrize("value", [1e200, -1e151])
def test_a_value_that_cannot_be_squared_is_refused_by_column_and_count(value):
    units = pd.DataFrame({"arm": ["a", "b"] * 2, "y": [1.0, 2.0, 3.0, value]})
    with pytest.raises(InputError, match=r"'y'.*holds 1 values"):
        collected(units, MetricDefinition("y", "y"))

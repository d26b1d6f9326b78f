"""Outcomes beyond the mean: rare rates, ratios, clusters, strata, quantiles, times to an event."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention import abtest
from retention.abtest import MetricDefinition, MetricKind, Moments, NullPolicy
from retention.abtest.quantiles import quantile_effect
from retention.abtest.stratification import post_stratified
from retention.abtest.time_to_event import time_to_event_effect
from retention.engine import Engine
from retention.errors import EvidenceError

COUNTS = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS, COUNTS)
def test_score_interval_agrees_with_the_score_test(first, second):
    (x0, n0), (x1, n1) = first, second
    low, high = abtest.score_interval(x0, n0, x1, n1)
    p_value = abtest.score_test(x0, n0, x1, n1)
    assert low <= x1 / n1 - x0 / n0 <= high
    if abs(p_value - 0.05) > 1e-6:
        assert (p_value < 0.05) == (low > 0 or high < 0)


@given(COUNTS, COUNTS)
def test_score_interval_mirrors_when_arms_swap(first, second):
    low, high = abtest.score_interval(*first, *second)
    swapped = abtest.score_interval(*second, *first)
    assert swapped == pytest.approx((-high, -low), abs=1e-8)


def test_score_interval_of_the_published_example():
    # Newcombe (1998), table II, example a, method 10: 56/70 - 48/80.
    low, high = abtest.score_interval(48, 80, 56, 70)
    # Published for Mee's method; Miettinen and Nurminen's factor N/(N - 1) moves the fourth digit.
    assert (low, high) == pytest.approx((0.0533, 0.3377), abs=2e-3)


def test_ratio_metric_equals_the_delta_method_by_hand():
    generator = np.random.default_rng(0)
    orders = generator.poisson(2, (500, 1)) + 1.0
    revenue = orders * generator.gamma(2, 10, (500, 1))
    arm = Moments.of(("revenue", "orders"), np.hstack([revenue, orders]))
    metric = MetricDefinition("aov", "revenue", MetricKind.RATIO, denominator="orders")
    both = abtest.contrast(arm, arm, metric)
    ratio = revenue.sum() / orders.sum()
    linear = (revenue - ratio * orders) / orders.mean()
    assert both.control == pytest.approx(ratio)
    assert both.standard_error == pytest.approx(np.sqrt(2 * linear.var(ddof=1) / 500), rel=1e-9)


def test_cluster_robust_error_equals_the_sandwich_of_cluster_sums():
    generator = np.random.default_rng(1)
    frame = pd.DataFrame({"store": np.repeat(np.arange(60), 10)})
    frame["arm"] = np.where(frame["store"] % 2, "b", "a")
    frame["y"] = generator.normal(0, 1, 600) + generator.normal(0, 2, 60)[frame["store"]]
    engine = Engine()
    engine.register("units", frame)
    metric = MetricDefinition("y", "y")
    found = abtest.collect(engine, "units", [metric], cluster="store")
    both = abtest.contrast(found.of("y", "a"), found.of("y", "b"), metric)
    means = frame.groupby(["arm", "store"])["y"].mean()
    variance = sum(means[arm].var() / 30 for arm in "ab")
    assert both.standard_error == pytest.approx(np.sqrt(variance), rel=1e-9)
    naive = abtest.collect(engine, "units", [metric])
    assert both.standard_error > 2 * abtest.contrast(
        naive.of("y", "a"), naive.of("y", "b"), metric
    ).standard_error  # fmt: skip


def test_cuped_with_two_covariates_equals_regression_with_equal_arms():
    generator = np.random.default_rng(2)
    x = generator.normal(size=(1000, 2))
    y = x @ [2.0, -1.0] + generator.normal(size=1000)
    arm = np.arange(1000) % 2
    y = y + 0.3 * arm
    metric = MetricDefinition("y", "y", covariates=("u", "v"))
    values = np.column_stack([y, x])
    both = abtest.contrast(
        Moments.of(("y", "u", "v"), values[arm == 0]),
        Moments.of(("y", "u", "v"), values[arm == 1]),
        metric,
    )
    design = np.column_stack([np.ones(1000), arm, x])
    fitted = np.linalg.lstsq(design, y, rcond=None)[0]
    assert both.difference == pytest.approx(fitted[1], abs=1e-9)
    assert both.variance_reduction == pytest.approx(5 / 6, abs=0.03)


def test_missing_covariates_as_own_stratum_cost_no_units_and_stay_unbiased():
    generator = np.random.default_rng(3)
    n = 4000
    frame = pd.DataFrame(
        {"arm": np.where(np.arange(n) % 2, "b", "a"), "x": generator.normal(size=n)}
    )
    frame["y"] = 3 * frame["x"] + generator.normal(size=n) + 0.5 * (frame["arm"] == "b")
    frame.loc[frame["x"] > 0.8, "x"] = np.nan
    engine = Engine()
    engine.register("units", frame)
    metric = MetricDefinition("y", "y", covariates=("x",), covariate_nulls=NullPolicy.OWN_STRATUM)
    found = abtest.collect(engine, "units", [metric])
    both = abtest.contrast(found.of("y", "a"), found.of("y", "b"), metric)
    assert both.n_control + both.n_treatment == n
    assert both.difference == pytest.approx(0.5, abs=4 * both.standard_error)
    assert both.variance_reduction > 0.8


def test_post_stratification_removes_what_strata_differ_in():
    generator = np.random.default_rng(4)
    n = 4000
    frame = pd.DataFrame({"arm": np.where(np.arange(n) % 2, "b", "a")})
    frame["kind"] = np.where(generator.random(n) < 0.3, "wholesale", "retail")
    frame["y"] = 20 * (frame["kind"] == "wholesale") + generator.normal(size=n)
    engine = Engine()
    engine.register("units", frame)
    metric = MetricDefinition("y", "y")
    fine = abtest.collect(engine, "units", [metric], segment="kind")
    stratified = post_stratified(fine, metric, "a", "b")
    plain = abtest.contrast(fine.of("y", "a"), fine.of("y", "b"), metric)
    assert stratified.standard_error < plain.standard_error / 5
    assert stratified.difference == pytest.approx(0, abs=4 * stratified.standard_error)


def test_a_stratum_with_one_unit_is_refused():
    frame = pd.DataFrame({"arm": list("aabbbb"), "kind": list("xyxxyy"), "y": range(6)})
    engine = Engine()
    engine.register("units", frame)
    metric = MetricDefinition("y", "y")
    fine = abtest.collect(engine, "units", [metric], segment="kind")
    with pytest.raises(EvidenceError, match="Merge small strata"):
        post_stratified(fine, metric, "a", "b")


def test_quantile_error_is_that_of_the_density_at_the_quantile():
    generator = np.random.default_rng(5)
    a, b = generator.exponential(1, (2, 200_000))
    found = quantile_effect(a, b, 0.5)
    # sqrt(q(1 - q)/n) / f(q), with f(median) = 1/2 of a unit exponential.
    assert found.standard_error == pytest.approx(np.sqrt(2 * 0.25 / 200_000) / 0.5, rel=0.05)


def test_quantile_error_grows_with_clusters():
    generator = np.random.default_rng(6)
    store = np.repeat(np.arange(400), 25)
    a, b = (generator.normal(size=10_000) + generator.normal(size=400)[store] for _ in range(2))
    naive = quantile_effect(a, b, 0.5)
    robust = quantile_effect(a, b, 0.5, control_clusters=store, treatment_clusters=store)
    assert robust.standard_error > 2 * naive.standard_error


def test_quantile_of_too_few_units_is_refused():
    with pytest.raises(EvidenceError, match="too few"):
        quantile_effect(np.arange(20.0), np.arange(20.0), 0.99)


def test_quantile_of_an_empty_arm_is_refused():
    with pytest.raises(EvidenceError, match="no units"):
        quantile_effect(np.zeros(0), np.arange(200.0), 0.5)


def test_quantile_on_a_mass_point_is_refused():
    zeros = np.zeros(100)
    with pytest.raises(EvidenceError, match="share of units"):
        quantile_effect(zeros, zeros, 0.5)


def test_rmst_and_log_rank_of_the_lung_data():
    from lifelines.datasets import load_lung

    lung = load_lung()
    arms = [
        (part["time"].to_numpy(float), part["status"].to_numpy(float))
        for part in (lung[lung["sex"] == 1], lung[lung["sex"] == 2])
    ]
    if arms[0][1].max() > 1:
        arms = [(t, e - 1) for t, e in arms]
    found = time_to_event_effect(*arms, 365)
    assert round(found.difference, 4) == 55.9703
    assert round(found.standard_error, 4) == 14.9581
    assert round(found.log_rank, 5) == 10.32674


def test_rmst_and_log_rank_of_the_rossi_data():
    from lifelines.datasets import load_rossi

    rossi = load_rossi()
    arms = [
        (part["week"].to_numpy(float), part["arrest"].to_numpy(float))
        for part in (rossi[rossi["fin"] == 0], rossi[rossi["fin"] == 1])
    ]
    found = time_to_event_effect(*arms, 52)
    assert (round(found.control, 4), round(found.treatment, 4)) == (44.8333, 46.8750)
    assert round(found.log_rank, 7) == 3.8375696
    assert round(found.log_rank_p_value, 7) == 0.0501161


def test_a_horizon_beyond_the_data_is_refused():
    arm = (np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 0.0]))
    with pytest.raises(EvidenceError, match="observed for 3 only"):
        time_to_event_effect(arm, arm, 10)

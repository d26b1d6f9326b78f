"""Variances and covariances keep their digits where the mean is large against the deviation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from retention.abtest import MetricDefinition, Moments, Statistics, collect, contrast, estimate
from retention.abtest.rerandomisation import redrawn_statistics
from retention.abtest.statistics import CLUSTER_SIZE
from retention.engine import Engine
from retention.errors import EvidenceError

SHIFTS = st.sampled_from([0.0, -3.0, 1e3, -1e6, 1e9, 123_456_789.25])


def two_pass(values: np.ndarray) -> np.ndarray:
    """Sample covariance in extended precision, about the mean."""
    rest = values.astype(np.longdouble) - values.astype(np.longdouble).mean(axis=0)
    return np.asarray((rest.T @ rest) / (len(values) - 1), dtype=float)


def drawn(seed: int, n: int, shift: float) -> np.ndarray:
    generator = np.random.default_rng(seed)
    x = generator.normal(0, 1, n)
    return np.column_stack([x + generator.normal(0, 1, n) + shift, x - 2 * shift])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 40), min_size=2, max_size=5), SHIFTS)
def test_merged_moments_equal_two_passes_at_any_mean(seed, sizes, shift):
    rows = drawn(seed, sum(sizes), shift)
    parts = np.split(rows, np.cumsum(sizes)[:-1])
    merged = Moments.of(("y", "x"), parts[0])
    for part in parts[1:]:
        merged += Moments.of(("y", "x"), part)
    # Against the scale of the deviations: a covariance near zero has no digits of its own.
    scale = np.sqrt(np.outer(*[np.diag(two_pass(rows))] * 2))
    assert np.abs((merged.covariance - two_pass(rows)) / scale).max() < 1e-9
    np.testing.assert_allclose(merged.mean, rows.mean(axis=0), rtol=1e-14, atol=1e-12)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), SHIFTS)
def test_collected_statistics_equal_two_passes_at_any_mean(seed, shift):
    rows = drawn(seed, 300, shift)
    engine = Engine()
    frame = pd.DataFrame(rows, columns=["y", "x"]).assign(arm=np.tile(["a", "b", "b"], 100))
    frame["day"] = np.arange(300) % 7
    engine.register("u", frame)
    found = collect(engine, "u", [MetricDefinition("y", "y", covariates=("x",))], day="day")
    for arm in ("a", "b"):
        own = rows[(frame["arm"] == arm).to_numpy()]
        scale = np.sqrt(np.outer(*[np.diag(two_pass(own))] * 2))
        error = (found.of("y", arm).covariance - two_pass(own)) / scale
        assert np.abs(error).max() < 1e-9


@pytest.mark.parametrize("mean", [1e6, 1e8, 1.7e9])
def test_a_comparison_at_a_large_mean_is_welchs(mean):
    generator = np.random.default_rng(0)
    a, b = generator.normal(mean, 1, 2_000), generator.normal(mean + 0.2, 1, 2_000)
    engine = Engine()
    engine.register("u", pd.DataFrame({"arm": ["a"] * 2_000 + ["b"] * 2_000, "y": np.r_[a, b]}))
    metric = MetricDefinition("y", "y")
    found = collect(engine, "u", [metric])
    read = estimate(found.of("y", "a"), found.of("y", "b"), metric)
    expected = stats.ttest_ind(b, a, equal_var=False)
    error = np.sqrt(a.var(ddof=1) / 2_000 + b.var(ddof=1) / 2_000)
    assert read.standard_error == pytest.approx(error, rel=1e-9)
    assert read.p_value == pytest.approx(expected.pvalue, rel=1e-4)


def test_ratio_and_clusters_at_a_large_mean_have_the_error_of_the_linearised_residuals():
    generator = np.random.default_rng(1)
    n, shift = 4_000, 1e9
    late = np.arange(n) >= n // 2
    frame = pd.DataFrame({
        "arm": np.where(late, "b", "a"), "shop": np.arange(n) // 7 + n * late,
        "y": shift + generator.normal(0, 1, n), "d": 50 + generator.normal(0, 1, n),
    })  # fmt: skip
    engine = Engine()
    engine.register("u", frame)
    ratio = MetricDefinition("r", "y", kind="ratio", denominator="d")
    for cluster in (None, "shop"):
        found = collect(engine, "u", [ratio, MetricDefinition("m", "y")], cluster=cluster)
        for name, below in (("r", "d"), ("m", None)):
            both = contrast(
                found.of(name, "a"), found.of(name, "b"),
                ratio if name == "r" else MetricDefinition("m", "y"),
            )  # fmt: skip
            expected = sum(
                _variance(frame[frame["arm"] == arm], below, cluster) for arm in ("a", "b")
            )
            assert both.standard_error**2 == pytest.approx(expected, rel=1e-9)


def _variance(rows: pd.DataFrame, below: str | None, cluster: str | None) -> float:
    """Sampling variance of a ratio of sums in two passes over its residuals."""
    y = rows["y"].to_numpy(np.longdouble)
    d = np.ones(len(rows), np.longdouble) if below is None else rows[below].to_numpy(np.longdouble)
    ratio = y.sum() / d.sum()
    residual = (y - ratio * d) / d.mean()
    if cluster is not None:
        residual = pd.Series(residual.astype(float)).groupby(rows[cluster].to_numpy()).sum()
        count = len(residual)
        return float(count / (count - 1) * (residual**2).sum() / len(rows) ** 2)
    return float(residual.var(ddof=1) / len(rows))


def test_sums_of_clusters_have_no_origin_per_unit():
    rows = np.random.default_rng(5).integers(1, 9, (40, 2)).astype(float)
    found = Moments.of(("y", CLUSTER_SIZE), rows)
    np.testing.assert_allclose(found.sums, rows.sum(axis=0))
    np.testing.assert_allclose(found.products, rows.T @ rows)


def test_a_day_can_be_added_to_statistics_of_another_origin():
    rows = drawn(3, 200, 1e9)
    metric = MetricDefinition("y", "y", covariates=("x",))
    parts = []
    for part in (rows[:50], rows[50:]):
        engine = Engine()
        engine.register("u", pd.DataFrame(part, columns=["y", "x"]).assign(arm="a"))
        parts.append(collect(engine, "u", [metric]))
    added: Statistics = parts[0] + parts[1]
    np.testing.assert_allclose(added.of("y", "a").covariance, two_pass(rows), rtol=1e-9)


def test_a_constant_at_a_large_mean_is_said_not_to_vary():
    engine = Engine()
    engine.register("u", pd.DataFrame({"arm": ["a", "b"] * 50, "y": 1.1e9}))
    metric = MetricDefinition("y", "y")
    found = collect(engine, "u", [metric])
    with pytest.raises(EvidenceError, match="does not vary"):
        contrast(found.of("y", "a"), found.of("y", "b"), metric)


def test_whole_numbers_are_summed_without_rounding():
    engine = Engine()
    days = np.random.default_rng(2).integers(700, 703, 1_000)
    engine.register("u", pd.DataFrame({"arm": "a", "y": days}))
    assert collect(engine, "u", [MetricDefinition("y", "y")]).of("y", "a").sums[0] == days.sum()


def test_redrawn_assignments_do_not_depend_on_where_zero_lies():
    values = np.random.default_rng(4).exponential(1, 500)
    plain, _ = redrawn_statistics(values, 0.3, 99, np.random.default_rng(0))
    moved, _ = redrawn_statistics(values + 1e8, 0.3, 99, np.random.default_rng(0))
    np.testing.assert_allclose(moved, plain, rtol=1e-5, atol=1e-6)

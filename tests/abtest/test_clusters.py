"""Clusters are what was drawn: checks count them, and few of them are allowed for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import linalg

from retention.abtest import Experiment, MetricDefinition, collect, contrast, evaluate, trust
from retention.abtest.clusters import (
    cluster_check,
    cluster_counts,
    cluster_values,
    satterthwaite,
)
from retention.abtest.collect import unit_sums
from retention.abtest.experiment import EXAMPLE
from retention.abtest.sample_ratio import sample_ratio
from retention.engine import Engine
from retention.results import Status

PLAN = Experiment.from_text(EXAMPLE + "cluster: shop\n")


def shops(seed, count=200, mean=20, spread=0.6):
    """Customers of shops of log-normal size, drawn by shop; nothing was done."""
    generator = np.random.default_rng(seed)
    size = np.maximum(generator.lognormal(np.log(mean), spread, count).astype(int), 1)
    shop = np.repeat(np.arange(count), size)
    arm = generator.permutation(np.arange(count) % 2)[shop]
    town = generator.normal(size=(count, 2))
    return pd.DataFrame({
        "unit_key": np.arange(len(shop)).astype(str), "arm": np.where(arm, "email", "control"),
        "shop": shop, "town": town[shop, 0], "income": town[shop, 1],
        "revenue": 20 + generator.normal(0, 5, len(shop)) + generator.normal(0, 1, count)[shop],
    })  # fmt: skip


def bell_mccaffrey(y, cluster):
    """CR2 variance and degrees of freedom of a mean, by the matrices of the definition."""
    n, x = len(y), np.ones((len(y), 1))
    hat = np.eye(n) - x @ x.T / n
    residual = hat @ y
    columns, parts = [], []
    for name in np.unique(cluster):
        at = np.flatnonzero(cluster == name)
        adjust = np.real(linalg.inv(linalg.sqrtm(hat[np.ix_(at, at)])))
        parts.append((x[at].T @ adjust @ residual[at]) / n)
        columns.append(hat[:, at] @ adjust @ x[at, 0] / n)
    spread = np.stack(columns)
    found = []
    same = np.equal.outer(cluster, cluster).astype(float)
    for working in (np.eye(n), same):
        own = spread @ working @ spread.T
        found.append(np.trace(own) ** 2 / np.sum(own**2))
    return float(np.sum(np.square(parts))), min(found)


def test_the_error_is_cr2_by_the_matrices_of_its_definition():
    frame = shops(1, count=8, mean=6)
    for arm in ("control", "email"):
        rows = frame[frame["arm"] == arm]
        engine = Engine()
        engine.register("u", rows)
        metric = MetricDefinition("y", "revenue")
        found = cluster_values(unit_sums(engine, "u", metric, "shop"), metric)
        variance, degrees = bell_mccaffrey(rows["revenue"].to_numpy(), rows["shop"].to_numpy())
        assert found.of_mean[0, 0] == pytest.approx(variance, rel=1e-9)
        assert found.degrees == pytest.approx(degrees, rel=1e-9)
        assert found.values[0] == pytest.approx(rows["revenue"].mean())


def test_clusters_of_one_size_have_students_degrees_of_freedom():
    assert satterthwaite(np.full(7, 1 / 7)) == pytest.approx(6)
    assert satterthwaite(np.array([0.7, 0.1, 0.1, 0.1])) < 2


def test_clusters_of_one_unit_are_welchs_test():
    frame = shops(2, count=60, mean=1, spread=0.01).drop_duplicates("shop")
    plain = Experiment.from_text(EXAMPLE)
    a, b = (evaluate(Engine(), frame, p).leading for p in (PLAN, plain))
    assert a.standard_error == pytest.approx(b.standard_error, rel=1e-9)
    assert a.p_value == pytest.approx(b.p_value, rel=1e-6)


def test_many_clusters_have_the_plain_error_of_their_sums():
    frame = shops(3, count=900)
    found = evaluate(Engine(), frame, PLAN).leading
    engine = Engine()
    engine.register("u", frame)
    metric = PLAN.primary
    sums = collect(engine, "u", [metric], cluster="shop")
    both = contrast(sums.of(metric.name, "control"), sums.of(metric.name, "email"), metric)
    assert found.method == "Welch's t, clusters, CR2"
    assert found.standard_error == pytest.approx(both.standard_error, rel=0.01)


def test_sound_trials_of_shops_are_seldom_called_invalid():
    failed = 0
    for seed in range(60):
        frame = shops(seed, count=80)
        split = sample_ratio(cluster_counts(frame, "shop", ["control", "email"]))
        balanced = trust.balance(frame, ["town", "income"], "control", "email", cluster="shop")
        failed += split.mismatch or balanced.check().status is Status.FAIL
    assert failed <= 1


def test_the_checks_of_a_trial_of_shops_count_shops():
    found = evaluate(Engine(), shops(0), PLAN, covariates=["town", "income"], segment="shop")
    assert sum(found.split.counts.values()) == 200
    assert not [c for c in found.checks if c.status is Status.FAIL]
    (check,) = [c for c in found.checks if c.code == "abtest.clusters"]
    assert check.detail == "Every shop lies in one arm: control 100, email 100."


def test_a_shop_in_two_arms_and_a_customer_without_a_shop_fail():
    frame = shops(0, count=40)
    crossed = frame.assign(arm=np.where(frame.index == 0, "email", frame["arm"]))
    if crossed.groupby("shop")["arm"].nunique().max() == 1:
        crossed.loc[0, "arm"] = "control"
    assert cluster_check(crossed, "shop", ["control", "email"]).status is Status.FAIL
    lost = frame.assign(shop=frame["shop"].astype("Float64").mask(frame.index == 1))
    assert cluster_check(lost, "shop", ["control", "email"]).status is Status.FAIL


def test_few_clusters_are_said_to_be_few():
    check = cluster_check(shops(0, count=20), "shop", ["control", "email"])
    assert check.status is Status.WARN
    assert "few" in check.action


def test_outcomes_missing_by_shop_are_no_alarm_where_shops_were_drawn():
    frame = shops(5, count=40)
    closed = frame["shop"].isin([0, 1, 2, 3])
    gaps = frame.assign(revenue=frame["revenue"].mask(closed))
    terms = {"cluster": "shop", "control": "control"}
    assert trust.missing_outcomes(gaps, ["revenue"], **terms).status is Status.WARN
    lost = frame.assign(revenue=frame["revenue"].mask(frame["arm"] == "email"))
    lost.loc[lost.index[lost["arm"] == "email"][:1], "revenue"] = 1.0
    assert trust.missing_outcomes(lost, ["revenue"], **terms).status is Status.FAIL


def test_an_imbalance_without_spread_within_the_arms_fails():
    frame = pd.DataFrame({"arm": ["a"] * 50 + ["b"] * 50, "x": [0.0] * 50 + [1.0] * 50})
    assert trust.balance(frame, ["x"], "a", "b").check().status is Status.FAIL


@pytest.mark.parametrize("n", [12, 40, 400])
def test_an_imbalance_of_more_than_two_deviations_fails(n):
    generator = np.random.default_rng(n)
    frame = pd.DataFrame(generator.normal(size=(2 * n, 3)), columns=["x", "y", "z"])
    frame = frame.assign(arm=np.repeat(["a", "b"], n), x=frame["x"] + 2.4 * (frame.index >= n))
    assert trust.balance(frame, ["x", "y", "z"], "a", "b").check().status is Status.FAIL


def test_balance_keeps_its_level_in_small_arms():
    generator, alarms, repetitions = np.random.default_rng(0), 0, 150
    for _ in range(repetitions):
        frame = pd.DataFrame(generator.normal(size=(24, 4)), columns=list("wxyz"))
        frame["arm"] = np.tile(["a", "b"], 12)
        alarms += trust.balance(frame, list("wxyz"), "a", "b").p_value < 0.05
    assert alarms / repetitions == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / repetitions))


@pytest.mark.parametrize(
    ("p_value", "status"), [(0.0005, Status.FAIL), (1 / 116, Status.WARN), (0.02, Status.PASS)]
)
def test_a_split_has_shades(p_value, status):
    from scipy import stats

    n = 100_000
    off = np.sqrt(stats.chi2.isf(p_value, 1) * n / 4)
    found = sample_ratio({"a": round(n / 2 + off), "b": round(n / 2 - off)})
    assert found.check().status is status
    if status is Status.WARN:
        assert "unusual, 1 in 11" in found.summary()
        assert "Check the logging" in found.check().action

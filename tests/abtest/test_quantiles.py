"""Quantiles: intervals of order statistics that hold for counts as for continuous values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from retention.abtest import Experiment, evaluate
from retention.abtest.experiment import EXAMPLE
from retention.abtest.quantiles import _binomial_quantile, quantile_effect
from retention.engine import Engine
from retention.errors import EvidenceError

COUNTS = {
    "poisson at a jump of its distribution": lambda g, n: g.poisson(2.67, n),
    "orders, mostly none": lambda g, n: g.poisson(0.8, n),
    "ratings": lambda g, n: g.choice([1, 2, 3, 4, 5], n, p=[0.05, 0.1, 0.2, 0.35, 0.3]),
    "prices that end on 9": lambda g, n: np.round(g.gamma(3, 12, n) / 10) * 10 + 9,
}


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("level", [0.5, 0.8])
def test_a_quantile_of_counts_keeps_its_level(name, level):
    generator, alarms, repetitions = np.random.default_rng(0), 0, 150
    for _ in range(repetitions):
        a, b = (COUNTS[name](generator, 1_000).astype(float) for _ in range(2))
        try:
            found = quantile_effect(a, b, level)
        except EvidenceError:
            continue
        assert (found.p_value < 0.05) == (found.ci_low > 0 or found.ci_high < 0)
        alarms += found.p_value < 0.05
    assert alarms / repetitions < 0.05 + 3 * np.sqrt(0.05 * 0.95 / repetitions)


def test_a_quantile_of_continuous_values_has_the_level_and_the_power_of_the_normal_test():
    generator, alarms, found = np.random.default_rng(1), 0, 0
    repetitions, n = 200, 400
    error = np.sqrt(2 * 0.25 / n) / stats.norm.pdf(0)
    for _ in range(repetitions):
        a, b = generator.normal(0, 1, (2, n))
        alarms += quantile_effect(a, b, 0.5).p_value < 0.05
        found += quantile_effect(a, b + 2.8 * error, 0.5).p_value < 0.05
    assert alarms / repetitions == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / repetitions))
    assert found / repetitions == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize("n", [6, 50, 3_000])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_ranks_are_the_binomial_quantiles_of_scipy(n, share):
    for level in (1e-9, 0.0125, 0.025, 0.5):
        assert _binomial_quantile(level, n, share) == stats.binom.ppf(level, n, share)


def test_an_arms_interval_is_that_of_its_order_statistics():
    # n = 100, median: ranks 40 and 61 enclose it with 95 % (Conover 1999, table A3).
    a = np.arange(1.0, 101.0)
    found = quantile_effect(a, a + 1000, 0.5)
    assert found.control_error == pytest.approx((61 - 50.5) / 1.959964, rel=1e-6)
    assert found.difference == 1000


def test_one_cluster_in_an_arm_is_too_little_evidence():
    values = np.random.default_rng(0).normal(size=200)
    with pytest.raises(EvidenceError, match="one cluster"):
        quantile_effect(
            values, values + 1, 0.5, control_clusters=np.zeros(200),
            treatment_clusters=np.arange(200),
        )  # fmt: skip


def test_a_median_of_its_own_in_each_arm_is_a_difference_with_an_error():
    found = quantile_effect(np.full(500, 3.0), np.full(500, 4.0), 0.5)
    assert (found.difference, found.ci_low, found.ci_high) == (1, 1, 1)
    assert found.p_value < 1e-10
    assert found.standard_error > 0


def test_values_that_nearly_all_are_equal_are_refused_with_a_way_out():
    values = np.r_[np.zeros(900), np.ones(100)]
    with pytest.raises(EvidenceError, match="most units share") as error:
        quantile_effect(values, values, 0.5)
    assert "proportion" in str(error.value)


def test_an_always_valid_quantile_of_tied_values_is_refused_by_name():
    text = EXAMPLE.replace("role: primary", "kind: quantile, quantile: 0.5, role: primary")
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({
        "unit_key": np.arange(2_000).astype(str), "arm": np.tile(["control", "email"], 1_000),
        "revenue": generator.poisson(2.67, 2_000).astype(float),
    })  # fmt: skip
    assert evaluate(Engine(), frame, Experiment.from_text(text)).leading.readable
    valid = Experiment.from_text(text + "analysis: always_valid\ntuned_at: 2000\n")
    with pytest.raises(EvidenceError, match="tied values"):
        evaluate(Engine(), frame, valid)
    frame["revenue"] += generator.uniform(0, 1, 2_000)
    assert "confidence sequence" in evaluate(Engine(), frame, valid).leading.method

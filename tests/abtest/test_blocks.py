"""Arms compared within blocks: days, pairs, periods; single units or aggregates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from retention.abtest import Experiment, evaluate
from retention.abtest.blocks import blocked_contrast
from retention.abtest.estimates import t_interval
from retention.abtest.experiment import EXAMPLE
from retention.engine import Engine
from retention.errors import EvidenceError, ParameterError

PAIRED = Experiment.from_text(EXAMPLE + "block: day\n")
DAILY = Experiment.from_text(EXAMPLE + "block: day\ncount: visitors\n")


def daily(seed=0, days=28, effect=0.0, visitors=None):
    """One row per day and arm: revenue of the day, shared shocks and the arms' own noise."""
    generator = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), 2)
    arm = np.tile(["control", "email"], days)
    sizes = np.full(2 * days, 500) if visitors is None else visitors(generator, 2 * days)
    level = 10 + np.repeat(generator.normal(0, 2, days), 2) + effect * (arm == "email")
    revenue = sizes * (level + generator.normal(0, 0.5, 2 * days))
    return pd.DataFrame({"day": day, "arm": arm, "visitors": sizes, "revenue": revenue})


def test_one_row_per_day_and_arm_is_the_paired_t_test():
    frame = daily(effect=0.3)
    found = evaluate(Engine(), frame, PAIRED).leading
    wide = frame.pivot_table(index="day", columns="arm", values="revenue")
    expected = stats.ttest_rel(wide["email"], wide["control"])
    interval = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.ci_low, found.ci_high) == pytest.approx((interval.low, interval.high))
    assert found.method == "paired by 28 blocks of day"


def test_daily_aggregates_give_the_value_of_a_visitor():
    frame = daily(effect=0.5, visitors=lambda g, n: g.poisson(500, n))
    found = evaluate(Engine(), frame, DAILY)
    control = frame[frame["arm"] == "control"]
    assert found.leading.control_value == pytest.approx(
        control["revenue"].sum() / control["visitors"].sum()
    )
    assert found.leading.significant
    assert sum(found.split.counts.values()) == frame["visitors"].sum()


def test_the_interval_of_a_ratio_over_days_is_that_of_the_jackknife():
    frame = daily(3, days=60, visitors=lambda g, n: g.integers(200, 900, n))
    found = evaluate(Engine(), frame, DAILY).leading
    left_out = []
    for day in range(60):
        sums = frame[frame["day"] != day].groupby("arm")[["revenue", "visitors"]].sum()
        values = sums["revenue"] / sums["visitors"]
        left_out.append(values["email"] - values["control"])
    error = np.sqrt(59 / 60 * np.sum((np.array(left_out) - np.mean(left_out)) ** 2))
    assert found.standard_error == pytest.approx(error, rel=0.03)


def test_days_shared_by_the_arms_keep_the_level_and_sharpen_the_test():
    alarms, repetitions = 0, 200
    for seed in range(repetitions):
        both = blocked_contrast(daily(seed, days=14), PAIRED.primary, ("control", "email"), "day")
        alarms += t_interval(both, 0.05, "")[2] < 0.05
    assert alarms / repetitions == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / repetitions))


def test_a_day_that_lacks_an_arm_is_left_out_and_said():
    frame = daily(effect=0.3)
    found = evaluate(Engine(), frame.drop(frame.index[[0]]), PAIRED)
    assert "27 blocks" in found.leading.method
    (check,) = [c for c in found.checks if c.code == "abtest.blocks"]
    assert "1 lack one" in check.detail


def test_too_few_days_and_impossible_plans_are_refused():
    with pytest.raises(EvidenceError, match="3 are needed"):
        evaluate(Engine(), daily(days=2), PAIRED)
    for line in ("block: day\ncluster: shop\n", "count: visitors\n", "block: d\nsegments: [x]\n"):
        with pytest.raises(ParameterError):
            Experiment.from_text(EXAMPLE + line)

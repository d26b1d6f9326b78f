"""A declared metric decides its estimator; analysis, clusters and segments follow the plan."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.abtest import Decision, Experiment, evaluate
from retention.abtest.estimators import is_futile, look_plan
from retention.abtest.quantiles import quantile_effect
from retention.abtest.rerandomisation import difference_skewness
from retention.abtest.time_to_event import time_to_event_effect
from retention.engine import Engine
from retention.errors import InputError, ParameterError

HEAD = """
name: reminder
hypothesis: A reminder brings customers back.
owner: marketing
unit: customer
control: control
arms: {control: 1, email: 1}
starts: 2026-03-02
ends: 2026-03-30
horizon_days: 28
"""
REVENUE = "  - {name: revenue, column: revenue, unit: USD, role: primary}\n"


def plan(metrics: str = REVENUE, more: str = "") -> Experiment:
    return Experiment.from_text(f"{HEAD}metrics:\n{metrics}{more}")


def secondary(text: str) -> str:
    return f"{REVENUE}  - {{name: m, {text}}}\n"


@pytest.fixture(scope="module")
def units() -> pd.DataFrame:
    generator, n = np.random.default_rng(3), 3_000
    arm = np.where(np.arange(n) % 2, "email", "control")
    treated = arm == "email"
    kind = generator.choice(["a", "b"], n, p=[0.7, 0.3])
    house = np.arange(n) // 2 // 5 * 2 + np.arange(n) % 2
    level = np.where(kind == "b", 40.0, 10.0)
    waited = generator.exponential(np.where(treated, 15.0, 25.0))
    return pd.DataFrame({
        "unit_key": [f"u{i}" for i in range(n)], "arm": arm, "kind": kind, "house": house,
        "revenue": level + generator.gamma(2.0, 5.0, n) + 1.0 * treated,
        "orders": 1.0 + generator.poisson(1.0, n), "before": level + generator.normal(0, 1, n),
        "waited": np.minimum(waited, 28.0), "ordered": (waited < 28.0).astype(int),
    })  # fmt: skip


def found(units, metrics=REVENUE, more="", **terms):
    return evaluate(Engine(), units, plan(metrics, more), **terms)


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("column: revenue", "Welch's t"),
        ("column: ordered, kind: proportion", "score test"),
        ("column: revenue, kind: ratio, denominator: orders", "delta method"),
        ("column: revenue, kind: winsorised, winsorise_at: 0.99", "under the cap at 99.0 %"),
        ("column: revenue, kind: quantile, quantile: 0.5", "quantile 50 %, Woodruff"),
        ("column: waited, kind: time_to_event, event: ordered, horizon: 28", "restricted mean"),
        ("column: revenue, strata: kind", "post-stratified by kind"),
        ("column: revenue, covariates: [before]", "CUPED on before"),
    ],
)
def test_the_kind_decides_the_estimator(units, text, method):
    estimate = found(units, secondary(text)).of("m", "email")
    assert method in estimate.method
    assert estimate.ci_low < estimate.difference < estimate.ci_high
    assert estimate.relative.ci_low < estimate.relative.lift < estimate.relative.ci_high


def test_a_declared_quantile_and_time_are_those_of_their_own_functions(units):
    a, b = (units[units["arm"] == arm] for arm in ("control", "email"))
    median = found(units, secondary("column: revenue, kind: quantile, quantile: 0.5"))
    own = quantile_effect(a["revenue"].to_numpy(), b["revenue"].to_numpy(), 0.5)
    assert median.of("m", "email").ci_low == pytest.approx(own.ci_low)
    text = "column: waited, kind: time_to_event, event: ordered, horizon: 28"
    times = found(units, secondary(text)).of("m", "email")
    arms = [(x["waited"].to_numpy(), x["ordered"].to_numpy(float)) for x in (a, b)]
    own_time = time_to_event_effect(arms[0], arms[1], 28.0)
    assert times.difference == pytest.approx(own_time.difference)
    assert f"log-rank p = {own_time.log_rank_p_value:.3g}" in times.method


def test_strata_take_out_what_the_strata_explain(units):
    result = found(units, secondary("column: revenue, strata: kind"))
    plain, within = result.leading, result.of("m", "email")
    assert within.standard_error < 0.7 * plain.standard_error


def test_missing_strata_are_refused_or_their_own_stratum(units):
    gaps = units.assign(kind=units["kind"].where(units.index % 9 > 0))
    with pytest.raises(InputError, match="334 nulls in column 'kind'"):
        found(gaps, secondary("column: revenue, strata: kind"))
    text = "column: revenue, strata: kind, covariate_nulls: missing-is-own-stratum"
    assert found(gaps, secondary(text)).of("m", "email").n_control == 1_500


def test_clusters_widen_the_interval_of_units_that_are_alike(units):
    shock = np.random.default_rng(0).normal(0, 10, units["house"].max() + 1)
    alike = units.assign(revenue=units["revenue"] + shock[units["house"]])
    single, clustered = found(alike).leading, found(alike, more="cluster: house\n").leading
    assert clustered.standard_error > 1.3 * single.standard_error
    assert clustered.n_control == units.loc[units["arm"] == "control", "house"].nunique()
    assert "clusters" in clustered.method


def test_declared_segments_are_tested_for_difference_first(units):
    moved = units.assign(
        revenue=units["revenue"] + 4.0 * ((units["kind"] == "b") & (units["arm"] == "email"))
    )
    result = found(moved, more="segments: [kind]\n")
    assert result.segments[0].differ
    assert "2 groups of kind" in result.segments_summary()
    assert result.segments_table()["segment"].tolist() == ["a", "b"]
    codes = [str(c.code) for c in result.checks]
    assert "abtest.sample_ratio_by_segment" in codes
    assert "not shown to differ" in found(units, more="segments: [orders]\n").segments_summary()


def test_an_outcome_cannot_be_a_segment(units):
    frame = units.copy()
    frame.attrs = {"outcomes": ["orders"]}
    with pytest.raises(InputError, match="no column known before the start"):
        found(frame, more="segments: [orders]\n")


SEQUENTIAL = "analysis: group_sequential\nlooks: 3\nfutility_power: 0.8\n"


def test_a_harmful_arm_stops_for_futility_and_a_promising_one_runs_on(units):
    worse = units.assign(revenue=units["revenue"] - 1.35 * (units["arm"] == "email"))
    stopped = found(worse, more=SEQUENTIAL, looks_taken=2)
    assert stopped.best.decision is Decision.DONT_SHIP
    assert "futility" in stopped.summary()
    better = units.assign(revenue=units["revenue"] - 0.4 * (units["arm"] == "email"))
    assert found(better, more=SEQUENTIAL, looks_taken=1).best.decision is Decision.KEEP_RUNNING


UNEQUAL = "analysis: group_sequential\ninformation: [0.1, 0.33, 1]\n"


def test_declared_information_decides_the_level_of_each_look(units):
    declared = plan(more=UNEQUAL)
    assert declared.looks == 3
    assert look_plan(declared).bounds == pytest.approx([6.9913, 3.7308, 1.9605], abs=1.5e-4)
    levels = [found(units, more=UNEQUAL, looks_taken=k).leading.alpha for k in (1, 2, 3)]
    assert levels == look_plan(declared).to_frame()["nominal_p_value"].tolist()
    shown = declared.to_frame().set_index("what").loc["analysis", "declared"]
    assert "looks at 10 %, 33 %, 100 % of the units" in shown.replace("\u202f", " ")
    assert declared.digest() != plan(more="analysis: group_sequential\nlooks: 3\n").digest()


@pytest.mark.parametrize(
    "more",
    [
        "information: [0.5, 1]\n",
        "analysis: group_sequential\nlooks: 3\ninformation: [0.5, 1]\n",
        "analysis: group_sequential\ninformation: [0.8, 0.5, 1]\n",
        "analysis: group_sequential\ninformation: [0, 0.5, 1]\n",
        "analysis: group_sequential\ninformation: [0.5, 0.9]\n",
    ],
)
def test_information_that_is_no_plan_of_looks_is_refused(more):
    with pytest.raises(ParameterError, match="shares") as refused:
        plan(more=more)
    assert refused.value.column == "information"


def test_the_futility_bound_is_the_plans(units):
    declared = plan(more=SEQUENTIAL)
    primary = found(units, more=SEQUENTIAL, looks_taken=2).leading
    z = primary.difference / primary.standard_error
    assert is_futile(declared, primary, 2) == (z < look_plan(declared).futility[1])
    assert not is_futile(declared, primary, 3)


def test_every_kind_can_be_read_at_any_time(units):
    more = "analysis: always_valid\ntuned_at: 3000\n"
    text = secondary("column: revenue, kind: quantile, quantile: 0.5")
    fixed, valid = found(units, text).of("m", "email"), found(units, text, more).of("m", "email")
    assert valid.ci_high - valid.ci_low > fixed.ci_high - fixed.ci_low
    assert valid.relative.ci_high > fixed.relative.ci_high
    assert "confidence sequence, quantile" in valid.method


def skewed(n_control: int, n_treatment: int, seed: int) -> pd.DataFrame:
    generator, n = np.random.default_rng(seed), n_control + n_treatment
    value = np.where(generator.random(n) < 0.05, generator.lognormal(3, 1, n), 0.0)
    arm = np.where(np.arange(n) < n_control, "control", "email")
    return pd.DataFrame({"unit_key": np.arange(n), "arm": arm, "revenue": value})


def test_a_mean_too_skewed_for_unequal_arms_is_redrawn():
    uneven = HEAD.replace("control: 1", "control: 9")
    declared = Experiment.from_text(f"{uneven}metrics:\n{REVENUE}")
    frame = skewed(9_000, 1_000, 0)
    one, other = (evaluate(Engine(), frame, declared, seed=5).leading for _ in range(2))
    assert "redrawn assignments" in one.method
    assert (one.ci_low, one.p_value) == (other.ci_low, other.p_value)
    assert evaluate(Engine(), skewed(5_000, 5_000, 0), plan()).leading.method == "Welch's t"


def test_equal_arms_cancel_the_skewness():
    values = skewed(500, 500, 1)["revenue"].to_numpy()
    assert difference_skewness(values, 500, 500) == 0.0
    assert difference_skewness(values, 900, 100) == difference_skewness(values, 100, 900) > 0.1


@pytest.mark.parametrize(
    ("metrics", "more", "message"),
    [
        (secondary("column: x, kind: quantile"), "", "quantile without quantile"),
        (secondary("column: x, kind: time_to_event, event: e"), "", "without horizon"),
        (secondary("column: x, kind: winsorised"), "", "winsorised without winsorise_at"),
        (secondary("column: x, event: e"), "", "mean with event"),
        (secondary("column: x, kind: quantile, quantile: 0.5, strata: s"), "", "cannot use"),
        (secondary("column: x, strata: s"), "cluster: house\n", "cannot be read in clusters"),
        (REVENUE, "futility_power: 0.8\n", "no planned looks"),
        (REVENUE + REVENUE.replace("primary", "secondary"), "", "two metrics of one name"),
    ],
)
def test_what_cannot_be_estimated_is_refused_when_declared(metrics, more, message):
    with pytest.raises(ParameterError, match=message):
        plan(metrics, more)

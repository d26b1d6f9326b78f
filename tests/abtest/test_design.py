"""Sizes, power and rehearsals agree with each other and with simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention import abtest
from retention.abtest import Design, MetricDefinition, MetricKind
from retention.abtest.design import optimal_share, sequential_inflation
from retention.engine import Engine
from retention.errors import EvidenceError, ParameterError


@given(
    st.floats(0.1, 100), st.floats(0.1, 100), st.floats(0.05, 0.9), st.integers(1, 5),
    st.floats(0.01, 10),
)  # fmt: skip
def test_size_power_and_detectable_effect_are_one_equation(v0, v1, share, arms, effect):
    design = Design(v0, v1, share_control=share, share_treatment=1 - share, comparisons=arms)
    units = abtest.required_units(design, effect)
    assert abtest.power_at(design, effect, units) == pytest.approx(0.8, abs=1e-6)
    assert abtest.detectable_effect(design, units) == pytest.approx(effect, rel=1e-6)


def test_equal_shares_are_best_for_equal_variances_and_neyman_for_others():
    assert optimal_share(Design(1, 1)) == 0.5
    best = optimal_share(Design(4, 1))
    sizes = {
        s: abtest.required_units(Design(4, 1, share_control=s, share_treatment=1 - s), 0.1)
        for s in (0.5, best, 0.8)
    }
    assert sizes[best] == min(sizes.values())


def test_clusters_multiply_by_the_design_effect():
    plain, clustered = Design(1, 1), Design(1, 1, cluster_size=20, intraclass_correlation=0.1)
    ratio = abtest.required_units(clustered, 0.1) / abtest.required_units(plain, 0.1)
    assert ratio == pytest.approx(1 + 19 * 0.1)


def test_non_inferiority_needs_the_margin_to_be_shown():
    design = Design(1, 1, margin=0.1)
    assert abtest.required_units(design, 0.0) == pytest.approx(
        abtest.required_units(Design(1, 1), 0.1)
    )
    with pytest.raises(ParameterError, match="No number of units"):
        abtest.required_units(design, -0.1)


def test_looking_early_costs_units_and_pocock_costs_more():
    looked = [sequential_inflation(Design(1, 1, looks=5, spending=s)) for s in abtest_spendings()]
    assert looked[0] == pytest.approx(1.028, abs=0.005)
    assert looked[1] == pytest.approx(1.226, abs=0.02)


def abtest_spendings():
    return ["obrien_fleming", "pocock"]


def test_an_early_look_costs_less_than_a_late_one():
    terms = {"looks": 2, "spending": "pocock"}
    early, late = (
        sequential_inflation(Design(1, 1, information=(t, 1.0), **terms)) for t in (0.1, 0.9)
    )
    assert 1 < early < sequential_inflation(Design(1, 1, **terms))
    assert 1 < late < sequential_inflation(Design(1, 1, **terms))
    with pytest.raises(ParameterError, match="cannot be taken"):
        Design(1, 1, looks=3, information=(0.5, 1.0))


def test_more_arms_need_more_units_each():
    one, three = abtest.equal_arms(0.5, 1), abtest.equal_arms(0.25, 3)
    assert three.level == pytest.approx(0.05 / 3)
    assert abtest.required_units(three, 0.1) > abtest.required_units(one, 0.1)


@pytest.mark.parametrize(
    "terms",
    [{"share_control": 0.0}, {"share_control": 0.9}, {"alpha": 0}, {"power": 1.0},
     {"variance_control": 0.0}],
)  # fmt: skip
def test_impossible_designs_are_refused(terms):
    with pytest.raises(ParameterError):
        Design(**{"variance_control": 1.0, "variance_treatment": 1.0} | terms)


def test_impossible_rates_are_refused():
    with pytest.raises(ParameterError, match="cannot move"):
        abtest.proportion_design(0.98, 0.05)


def test_duration_is_enrolment_plus_the_outcome_window():
    assert abtest.duration_days(1000, 30, 28) == 62
    with pytest.raises(ParameterError):
        abtest.duration_days(1000, 0)


@pytest.fixture
def past():
    generator = np.random.default_rng(0)
    before = generator.gamma(1, 10, 3_000)
    spend = np.where(generator.random(3_000) < 0.3, before + generator.gamma(1, 5, 3_000), 0.0)
    return pd.DataFrame({"before": before, "revenue": spend, "bought": (spend > 0).astype(int)})


METRICS = [
    MetricDefinition("rate", "bought", MetricKind.PROPORTION, unit="share"),
    MetricDefinition("revenue", "revenue", unit="USD", covariates=("before",)),
]


def test_the_baseline_is_what_the_past_says(past):
    base = abtest.baseline(Engine(), past, METRICS[1])
    assert base.value == pytest.approx(past["revenue"].mean())
    assert base.variance == pytest.approx(past["revenue"].var())
    correlation = past[["revenue", "before"]].corr().iloc[0, 1]
    assert base.variance_reduction == pytest.approx(correlation**2)


def test_a_baseline_that_does_not_vary_is_refused(past):
    with pytest.raises(EvidenceError, match="does not vary"):
        abtest.baseline(Engine(), past.assign(revenue=1.0, before=1.0), METRICS[1])


def test_a_plan_says_what_suffices_and_what_does_not(past):
    bases = [abtest.baseline(Engine(), past, m) for m in METRICS]
    terms = abtest.equal_arms(0.5, 1)
    few = abtest.plan_sizes(bases, terms, relative_effect=0.05, units_available=500)
    many = abtest.plan_sizes(bases, terms, relative_effect=0.05, units_available=500_000)
    assert "do not suffice" in few.summary()
    assert few.check().status == "warn"
    assert "suffice to show a lift of 5 %" in many.summary()
    assert many.check().status == "pass"
    assert len(few.table) == 3
    curve = abtest.curve_of(bases[1], terms, units=3_000).curve
    assert curve.groupby("units")["power"].last().min() > 0.75
    assert curve.groupby("units")["power"].first().max() == pytest.approx(0.025, abs=1e-6)


def test_the_rehearsal_keeps_the_level_and_finds_the_power_that_theory_gives(past):
    found = abtest.rehearse(Engine(), past, METRICS[1], relative_effect=0.3, draws=400, seed=1)
    assert found.false_positive_low <= 0.05 <= found.false_positive_high
    base = abtest.baseline(Engine(), past, METRICS[1])
    design = Design(base.residual_variance, 1.3**2 * base.residual_variance)
    theory = abtest.power_at(design, 0.3 * base.value, len(past))
    assert found.power == pytest.approx(theory, abs=0.08)
    again = abtest.rehearse(Engine(), past, METRICS[1], relative_effect=0.3, draws=400, seed=1)
    assert (again.p_values == found.p_values).all()


def test_rehearsals_of_rates_see_more_the_larger_the_effect(past):
    terms = abtest.equal_arms(0.5, 1)
    small, large = (
        abtest.rehearse_all(
            Engine(), past, METRICS[:1], terms, relative_effect=e, draws=200, seed=2
        )[0].power
        for e in (0.02, 0.3)
    )
    assert small < 0.3 < 0.9 < large


def test_sequential_plans_refuse_looks_out_of_order():
    with pytest.raises(ParameterError, match="rising"):
        abtest.sequential_plan([0.5, 0.4, 1.0])
    with pytest.raises(ParameterError, match="spending"):
        abtest.sequential_plan([0.5, 1.0], spending="linear")


def test_sequential_plans_spend_by_information_not_by_look():
    plan = abtest.sequential_plan([0.3, 0.9, 1.0])
    assert np.diff(plan.spent).min() > 0
    assert plan.bounds[0] > plan.bounds[-1]
    assert "3 looks" in plan.summary()


def test_futility_bounds_rise_and_meet_no_efficacy_bound():
    plan = abtest.sequential_plan([0.25, 0.5, 0.75, 1.0], power=0.9)
    assert (np.diff(plan.futility) > 0).all()
    assert (plan.futility <= plan.bounds).all()


def test_a_split_off_plan_is_seen_while_it_runs():
    generator = np.random.default_rng(3)
    good = generator.multinomial(50, [0.5, 0.5], 100).cumsum(axis=0)
    bad = generator.multinomial(50, [0.58, 0.42], 100).cumsum(axis=0)
    even = np.array([1.0, 1.0])
    assert abtest.sequential_sample_ratio(good, even).check().status == "pass"
    found = abtest.sequential_sample_ratio(bad, even)
    assert found.check().status == "fail"
    assert found.first_alarm is not None


def test_an_unlisted_arm_or_no_units_are_refused():
    with pytest.raises(ParameterError, match="plan names"):
        abtest.sample_ratio({"a": 1, "b": 2}, {"a": 1.0})
    with pytest.raises(EvidenceError, match="two arms"):
        abtest.sample_ratio({"a": 0, "b": 0})


def test_an_informative_prior_pulls_towards_itself():
    flat = abtest.posterior(0.1, 0.05)
    firm = abtest.posterior(0.1, 0.05, abtest.NormalPrior(0.0, 0.05**2))
    assert firm.mean == pytest.approx(flat.mean / 2)
    assert firm.chance_to_win < flat.chance_to_win
    assert flat.loss_if_control - flat.loss_if_treatment == pytest.approx(0.1)


def test_an_always_valid_p_value_agrees_with_its_interval():
    a, b = (abtest.Moments.of_sums("y", n, s, q) for n, s, q in
            ((3407, 1396.87, 52377.9767), (3461, 2422.7, 134698.29)))  # fmt: skip
    both = abtest.contrast(a, b, MetricDefinition("y", "y"))
    found = abtest.always_valid(both, 5_000)
    assert (found.p_value < 0.05) == (found.ci_low > 0 or found.ci_high < 0)
    level = abtest.always_valid(both, 5_000, alpha=0.5)
    assert level.ci_high - level.ci_low < found.ci_high - found.ci_low

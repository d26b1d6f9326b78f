"""From units to verdict: the rule decides, failed checks overrule, bad input is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.abtest import AbtestCode, Decision, Experiment, evaluate
from retention.abtest.trust import mixed_currencies
from retention.engine import Engine
from retention.errors import EvidenceError, InputError
from retention.results import Check, Status

TEXT = """
name: reminder
hypothesis: A reminder brings customers back.
owner: marketing
unit: customer
control: control
arms: {control: 1, email: 1}
starts: 2026-03-02
ends: 2026-03-30
horizon_days: 28
metrics:
  - {name: revenue, column: revenue, unit: USD, role: primary}
  - {name: orders, column: orders, unit: orders, role: guardrail, non_inferiority_margin: 0.05}
rule: {units_to_treat: 10000}
"""
PLAN = Experiment.from_text(TEXT)


def units(lift=1.0, orders=1.0, n=4_000, seed=0):
    generator = np.random.default_rng(seed)
    arm = np.where(np.arange(n) % 2, "email", "control")
    treated = arm == "email"
    return pd.DataFrame(
        {
            "unit_key": [f"u{i}" for i in range(n)],
            "arm": arm,
            "revenue": generator.gamma(2, 5, n) + lift * treated,
            "orders": generator.poisson(np.where(treated, 10 * orders, 10)).astype(float),
            "age": generator.normal(40, 10, n),
        }
    )


def judged(frame, plan=PLAN, **terms):
    return evaluate(Engine(), frame, plan, **terms)


def test_a_gain_with_a_clear_guardrail_ships_with_money_and_certainty():
    found = judged(units())
    assert found.best.decision is Decision.SHIP
    assert "worth USD" in found.summary()
    assert "chance to win 100 %" in found.summary()


def test_nothing_shown_is_not_shipped():
    assert judged(units(lift=0.0)).best.decision is Decision.DONT_SHIP


def test_nothing_shown_before_the_planned_units_keeps_running():
    plan = Experiment.from_text(TEXT.replace("rule: {", "rule: {planned_units: 9000, "))
    assert judged(units(lift=0.0), plan).best.decision is Decision.KEEP_RUNNING


def test_a_harmed_guardrail_refuses():
    found = judged(units(orders=0.85))
    assert found.best.decision is Decision.DONT_SHIP
    assert "it harms orders" in found.summary()
    assert "broken" in found.guardrails[0].summary()


def test_an_unsettled_guardrail_is_not_shipped():
    found = judged(units(orders=0.955))
    assert not found.guardrails[0].cleared
    assert found.best.decision is Decision.DONT_SHIP
    assert "not shown to be unharmed" in found.summary()


def test_a_failed_check_makes_the_verdict_invalid():
    frame = units()
    found = judged(frame.drop(frame.index[frame["arm"] == "email"][:400]))
    assert found.best.decision is Decision.INVALID
    assert found.summary().startswith("Invalid")
    assert "must not be read" in found.summary()


def test_a_check_made_elsewhere_counts_too():
    check = Check(AbtestCode.PLAN_CHANGED, Status.FAIL, "The plan was changed.", "Don't.")
    assert judged(units(), extra_checks=[check]).best.decision is Decision.INVALID


def test_a_minimum_effect_raises_the_bar():
    plan = Experiment.from_text(TEXT.replace("rule: {", "rule: {minimum_effect: 2.0, "))
    assert judged(units(lift=1.0), plan).best.decision is Decision.DONT_SHIP


def test_lower_can_be_better():
    text = TEXT.replace("unit: USD, role", "unit: USD, higher_is_better: false, role")
    plan = Experiment.from_text(text)
    assert judged(units(lift=-1.0), plan).best.decision is Decision.SHIP
    assert judged(units(lift=1.0), plan).best.decision is Decision.DONT_SHIP


def test_peeking_at_a_fixed_test_is_invalid_but_not_at_an_always_valid_one():
    assert judged(units(), looks_taken=5).best.decision is Decision.INVALID
    valid = Experiment.from_text(TEXT + "analysis: always_valid\ntuned_at: 4000\n")
    found = judged(units(lift=2.0), valid, looks_taken=5)
    assert found.best.decision is Decision.SHIP
    assert found.leading.method == "confidence sequence"
    assert found.leading.ci_low < judged(units(lift=2.0)).leading.ci_low


def test_group_sequential_looks_use_the_level_of_the_look():
    plan = Experiment.from_text(TEXT + "analysis: group_sequential\nlooks: 5\n")
    early, last = (judged(units(), plan, looks_taken=k).leading for k in (1, 5))
    assert early.alpha < 1e-5
    assert last.alpha == pytest.approx(0.0422, abs=1e-3)
    assert early.ci_low < last.ci_low


def test_several_arms_are_corrected_together():
    plan = Experiment.from_text(TEXT.replace("email: 1}", "email: 1, gift: 1}"))
    frame = pd.concat([units(0.3), units(0.3, seed=1).query("arm == 'email'").assign(
        arm="gift", unit_key=lambda f: f["unit_key"] + "g")])  # fmt: skip
    found = judged(frame, plan)
    assert found.of("revenue", "gift").adjusted_p_value >= found.of("revenue", "gift").p_value
    assert len(found.verdicts) == 2


def test_tables_and_metrics_have_a_row_for_every_estimate():
    found = judged(units())
    assert len(found.to_frame()) == len(found.table()) == len(found.metrics()) == 2
    assert found.metrics()[0].ci_low < found.metrics()[0].value < found.metrics()[0].ci_high


def codes(found, status):
    return {c.code for c in found.checks if c.status is status}


def test_a_unit_in_two_arms_fails():
    frame = units()
    frame.loc[0, "unit_key"] = frame.loc[1, "unit_key"]
    assert AbtestCode.DUPLICATED_UNITS in codes(judged(frame), Status.FAIL)


def test_arms_that_differed_before_the_start_fail():
    frame = units()
    frame["age"] += 5.0 * (frame["arm"] == "email")
    assert AbtestCode.BALANCE in codes(judged(frame, covariates=["age"]), Status.FAIL)
    assert AbtestCode.BALANCE in codes(judged(units(), covariates=["age"]), Status.PASS)


def test_outcomes_missing_in_one_arm_fail():
    plan = Experiment.from_text(TEXT.replace("unit: USD, role", "unit: USD, nulls: drop, role"))
    frame = units()
    lost = (frame["arm"] == "email") & (frame["age"] > 45)
    frame.loc[lost, "revenue"] = np.nan
    assert AbtestCode.MISSING_OUTCOMES in codes(judged(frame, plan), Status.FAIL)


def test_a_split_off_plan_in_one_segment_fails():
    frame = units(n=8_000)
    frame["country"] = np.where(frame["age"] > 55, "DE", "US")
    lost = frame.index[(frame["country"] == "DE") & (frame["arm"] == "email")][::2]
    found = judged(frame.drop(lost), segment="country")
    assert AbtestCode.SAMPLE_RATIO_BY_SEGMENT in codes(found, Status.FAIL)


def log(**changes):
    frame = pd.DataFrame({"arm": ["control", "email"] * 50, "assigned_epoch_s": 1_000_000.0})
    frame["exposed_epoch_s"] = np.where(frame["arm"] == "email", 1_000_100.0, np.nan)
    return frame.assign(**changes)


def test_assignment_after_exposure_fails():
    found = judged(units(), assignments=log(assigned_epoch_s=2_000_000.0))
    assert AbtestCode.ASSIGNED_AFTER_EXPOSURE in codes(found, Status.FAIL)


def test_future_dates_fail():
    found = judged(units(), assignments=log(), as_of="1970-01-05")
    assert AbtestCode.FUTURE_DATES in codes(found, Status.FAIL)
    assert AbtestCode.FUTURE_DATES in codes(
        judged(units(), assignments=log(), as_of="2026-07-01"), Status.PASS
    )


def test_an_exposed_control_fails():
    found = judged(units(), assignments=log(exposed_epoch_s=1_000_100.0))
    assert AbtestCode.CROSSOVER in codes(found, Status.FAIL)


def test_units_that_were_never_reached_are_told():
    frame = log()
    frame.loc[frame.index[:60], "exposed_epoch_s"] = np.nan
    assert AbtestCode.EXPOSURE in codes(judged(units(), assignments=frame), Status.WARN)


def test_mixed_currencies_fail():
    assert mixed_currencies(["USD", "EUR", "USD"]).status is Status.FAIL
    assert mixed_currencies(["USD", "USD"]).status is Status.PASS


def test_one_arm_is_refused():
    with pytest.raises(EvidenceError, match="Arms without a unit: email"):
        judged(units().query("arm == 'control'"))


def test_an_arm_that_the_plan_does_not_have_is_refused():
    frame = units()
    frame.loc[:9, "arm"] = "phone"
    with pytest.raises(EvidenceError, match="phone"):
        judged(frame)


def test_a_primary_that_does_not_vary_says_so_and_its_guardrail_is_read():
    found = judged(units().assign(revenue=5.0))
    assert "does not vary" in found.summary()
    assert found.guardrails[0].estimate.readable


def test_nulls_in_a_metric_are_refused_by_default():
    frame = units()
    frame.loc[:4, "revenue"] = np.nan
    with pytest.raises(InputError, match="5 nulls in column 'revenue'"):
        judged(frame)

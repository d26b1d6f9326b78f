"""Switchback, difference-in-differences, synthetic control: truth recovered, labels kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from retention.abtest.quasi_experiment import LABEL, difference_in_differences
from retention.abtest.switchback import cut_carry_over, switchback_effect, switchback_schedule
from retention.abtest.synthetic_control import synthetic_control
from retention.errors import EvidenceError, InputError, ParameterError
from retention.results import Status


def periods(effect, count=60, seed=0):
    generator = np.random.default_rng(seed)
    treated = switchback_schedule(count, seed)
    season = 10 + 3 * np.sin(np.arange(count) / 4)
    exposure = generator.integers(80, 120, count).astype(float)
    rate = season + effect * treated + generator.normal(0, 0.5, count)
    return pd.DataFrame({"treated": treated, "total": rate * exposure, "exposure": exposure})


def test_switchback_recovers_the_effect_through_a_season():
    found = switchback_effect(periods(1.0))
    assert found.ci_low < 1.0 < found.ci_high
    assert found.p_value < 0.001


def test_the_schedule_is_balanced_in_every_pair_and_reproducible():
    schedule = switchback_schedule(40, 5)
    assert (schedule.reshape(-1, 2).sum(axis=1) == 1).all()
    assert (schedule == switchback_schedule(40, 5)).all()


def test_an_unpaired_switchback_is_refused():
    with pytest.raises(EvidenceError, match="three pairs"):
        switchback_effect(periods(0.0).assign(treated=[1.0, 1.0, 0.0, 0.0] * 15))
    with pytest.raises(ParameterError):
        switchback_schedule(2, 0)


def test_the_start_of_a_period_is_cut_off():
    events = pd.DataFrame({"epoch_s": [100, 1900, 3700, 5400, 7300], "value": [1.0, 2, 4, 8, 16]})
    found = cut_carry_over(events, 3600, 600, 0)
    assert found["total"].tolist() == [2.0, 8.0]
    assert found["exposure"].tolist() == [pytest.approx(3000 / 3600)] * 2


def panel(effect, drift=0.0, seed=0, units=60, length=12, start=8):
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame({"unit_key": np.repeat([f"s{i:02d}" for i in range(units)], length)})
    frame["period"] = np.tile(np.arange(length), units)
    frame["treated"] = np.repeat((np.arange(units) < units // 3).astype(int), length)
    level = np.repeat(generator.normal(50, 10, units), length)
    shared = 2.0 * frame["period"]
    gain = effect * frame["treated"] * (frame["period"] >= start)
    drift = drift * frame["treated"] * frame["period"]
    return frame.assign(value=level + shared + gain + drift + generator.normal(size=len(frame)))


def test_difference_in_differences_takes_out_what_all_share():
    found = [difference_in_differences(panel(3.0, seed=seed), 8) for seed in range(30)]
    assert np.mean([f.effect for f in found]) == pytest.approx(3.0, abs=0.1)
    assert sum(f.ci_low < 3.0 < f.ci_high for f in found) >= 25
    assert min(f.before_after for f in found) > 10
    assert sum(f.parallel for f in found) >= 25
    assert next(f for f in found if f.parallel).check().status is Status.WARN


def test_with_one_lead_the_trend_test_is_welchs():
    generator = np.random.default_rng(11)
    spread = np.where(np.arange(30) < 9, 4.0, 1.0)
    values = generator.normal(10, 1, (30, 3)) * spread[:, None]
    panel = pd.DataFrame({
        "unit_key": np.repeat(np.arange(30), 3), "period": np.tile(np.arange(3), 30),
        "treated": np.repeat((np.arange(30) < 9).astype(int), 3), "value": values.ravel(),
    })  # fmt: skip
    found = difference_in_differences(panel, 2)
    lead = values[:, 0] - values[:, 1]
    welch = stats.ttest_ind(lead[:9], lead[9:], equal_var=False)
    assert found.trends_p_value == pytest.approx(welch.pvalue)


def test_the_label_is_part_of_the_sentence():
    found = difference_in_differences(panel(3.0), 8)
    assert found.summary().startswith(LABEL)
    assert "drawn at random" in found.summary()


def test_trends_that_drifted_apart_make_it_unreadable():
    found = difference_in_differences(panel(3.0, drift=1.0), 8)
    assert not found.parallel
    assert found.check().status is Status.FAIL
    assert "not readable" in found.summary()


def test_panels_with_gaps_or_changing_groups_are_refused():
    frame = panel(0.0)
    with pytest.raises(InputError, match="missing"):
        difference_in_differences(frame.drop(index=3), 8)
    with pytest.raises(InputError, match="change group"):
        difference_in_differences(frame.assign(treated=(frame["period"] > 8).astype(int)), 8)
    with pytest.raises(EvidenceError, match="periods lie before"):
        difference_in_differences(frame, 1)


def donors(effect, seed=0, others=25, length=30, start=20):
    generator = np.random.default_rng(seed)
    factors = generator.normal(size=(length, 3)).cumsum(axis=0)
    loads = generator.uniform(0, 1, (3, others + 1))
    loads[:, 0] = loads[:, 1:5].mean(axis=1)
    values = 50 + factors @ loads + generator.normal(0, 0.2, (length, others + 1))
    values[start:, 0] += effect
    names = ["treated", *[f"other {i:02d}" for i in range(others)]]
    wide = pd.DataFrame(values, columns=names).rename_axis("period").reset_index()
    return wide.melt("period", var_name="unit_key", value_name="value")


def test_synthetic_control_recovers_the_effect():
    found = synthetic_control(donors(3.0), "treated", 20)
    assert found.effect == pytest.approx(3.0, abs=0.4)
    assert found.ci_low < 3.0 < found.ci_high
    assert found.p_value == pytest.approx(1 / 26)
    assert found.weights["weight"].sum() == pytest.approx(1.0, abs=1e-3)
    assert found.summary().startswith(LABEL)


def test_synthetic_control_without_an_effect_is_not_extreme():
    found = [synthetic_control(donors(0.0, seed=seed), "treated", 20) for seed in range(12)]
    assert np.mean([f.p_value for f in found]) > 0.25
    assert np.mean([f.effect for f in found]) == pytest.approx(0.0, abs=0.3)


def test_too_few_others_are_refused():
    with pytest.raises(EvidenceError, match="too few"):
        synthetic_control(donors(0.0, others=4), "treated", 20)
    with pytest.raises(InputError, match="lacks"):
        synthetic_control(donors(0.0), "nobody", 20)

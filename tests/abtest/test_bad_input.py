"""What must not pass in silence: each a clear error or a failed check that makes it invalid."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.abtest import Decision, Experiment, evaluate
from retention.abtest.experiment import EXAMPLE
from retention.engine import Engine
from retention.errors import EvidenceError, InputError
from retention.features.dates import DAY_S, epoch_of

PLAN = Experiment.from_text(EXAMPLE)
N = 2_000


@pytest.fixture
def units() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    return pd.DataFrame({
        "unit_key": [f"u{i}" for i in range(N)],
        "arm": np.where(np.arange(N) % 2, "email", "control"),
        "revenue": generator.gamma(2.0, 5.0, N),
    })  # fmt: skip


@pytest.fixture
def log(units) -> pd.DataFrame:
    assigned = epoch_of("2026-03-02") + (np.arange(N) // 200) * DAY_S
    exposed = pd.Series(assigned + 60, dtype="float").where(units["arm"] == "email")
    return units[["unit_key", "arm"]].assign(assigned_epoch_s=assigned, exposed_epoch_s=exposed)


def judged(units, **terms):
    return evaluate(Engine(), units, PLAN, **terms)


def invalid(result, code: str) -> None:
    failed = [str(c.code) for c in result.checks if str(c.status) == "fail"]
    assert failed == [code]
    assert result.best.decision is Decision.INVALID
    assert next(c for c in result.checks if str(c.code) == code).action


def test_clean_input_passes(units, log):
    result = judged(units, assignments=log, as_of="2026-07-01", currencies=["USD"])
    assert not [c for c in result.checks if str(c.status) == "fail"]
    assert "abtest.sample_ratio_sequential" in [str(c.code) for c in result.checks]


def test_one_arm(units):
    with pytest.raises(EvidenceError, match="Arms without a unit: email"):
        judged(units[units["arm"] == "control"])


def test_an_empty_arm(units):
    three = Experiment.from_text(EXAMPLE.replace("email: 0.5", "email: 0.5, post: 0.5"))
    with pytest.raises(EvidenceError, match="post"):
        evaluate(Engine(), units, three)


def test_zero_variance(units):
    with pytest.raises(EvidenceError, match="does not vary"):
        judged(units.assign(revenue=5.0))


def test_nulls_without_a_policy_name_column_and_count(units):
    units.loc[:6, "revenue"] = np.nan
    with pytest.raises(InputError, match="7 nulls in column 'revenue'"):
        judged(units)


def test_assignment_after_exposure(units, log):
    log.loc[1, "exposed_epoch_s"] = log.loc[1, "assigned_epoch_s"] - 1
    invalid(judged(units, assignments=log), "abtest.assigned_after_exposure")


def test_a_unit_in_two_arms(units):
    twice = pd.concat([units, units.iloc[[0]].assign(arm="email")], ignore_index=True)
    invalid(judged(twice), "abtest.duplicated_units")


def test_mixed_currencies(units):
    invalid(judged(units, currencies=["EUR", "USD"]), "abtest.mixed_currencies")


def test_future_dates(units, log):
    invalid(judged(units, assignments=log, as_of="2026-03-05"), "abtest.future_dates")


def test_a_split_that_went_off_plan_for_a_while(units, log):
    late = log["assigned_epoch_s"].where(log["arm"] == "control", epoch_of("2026-03-12"))
    moved = log.assign(assigned_epoch_s=late, exposed_epoch_s=np.nan)
    invalid(judged(units, assignments=moved), "abtest.sample_ratio_sequential")

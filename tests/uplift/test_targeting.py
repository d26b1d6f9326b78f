"""What a budget buys of the recommendation, and the policies of habit."""

from __future__ import annotations

import numpy as np
import pytest

from retention.uplift.habits import habit_policies
from retention.uplift.learners import TLearner
from retention.uplift.study import costs_in_outcome, study_targeting
from retention.uplift.targeting import budget_curve, recommendation_counts, targeting_table
from retention.uplift.trial import Trial


def test_larger_budget_never_brings_less(strong_trial: Trial) -> None:
    from sklearn.linear_model import LinearRegression

    study = study_targeting(
        strong_trial, "sales", candidates={"t_linear": TLearner(LinearRegression())}, splits=2,
        costs=costs_in_outcome(strong_trial.arms, 0.05, 0.5), model=LinearRegression(), seed=1,
    )  # fmt: skip
    curve = budget_curve(study, strong_trial, worth=0.5)
    assert curve.table["profit"].is_monotonic_increasing
    table = targeting_table(study, strong_trial)
    whole = curve.table.iloc[-1]
    assert whole["contacts"] == (table["recommended_arm"] == "email").sum()
    assert whole["profit"] == pytest.approx(0.5 * table["expected_profit"].sum())
    assert whole["spend"] == pytest.approx(0.05 * whole["contacts"])
    assert "expected to bring a profit" in curve.summary(50.0)


def test_budget_of_a_policy_that_sends_nothing_is_nothing(flat_trial: Trial) -> None:
    study = study_targeting(flat_trial, "sales", candidates={}, costs=[0.0, 9.0], splits=2)
    curve = budget_curve(study, flat_trial, worth=1.0)
    assert curve.table["contacts"].max() == 0
    assert "nobody is contacted" in curve.summary(100.0)
    counts = recommendation_counts(targeting_table(study, flat_trial))
    assert counts == "Recommended among 4,000 customers: none for 4,000."


def test_unpriced_outcome_counts_contacts(flat_trial: Trial) -> None:
    study = study_targeting(flat_trial, "sales", candidates={}, splits=2)
    curve = budget_curve(study, flat_trial, worth=0.0)
    assert curve.table["budget"].iloc[-1] == pytest.approx(4000)
    assert curve.table["contacts"].iloc[-1] == 4000


def test_response_model_is_among_the_policies(flat_trial: Trial) -> None:
    study = study_targeting(flat_trial, "sales", candidates={}, splits=2)
    assert study.policies.of("email to the likely half").contacted == pytest.approx(0.5, abs=0.05)


def test_habit_needs_recency_and_money(flat_trial: Trial) -> None:
    assert habit_policies(flat_trial) == {}


@pytest.mark.realdata
def test_habit_on_hillstrom_reaches_the_recent_high_spenders(hillstrom: Trial) -> None:
    policy = habit_policies(hillstrom)["mens_email to recent high spenders"]
    assert 0.2 < np.mean(policy > 0) < 0.5

"""What a budget buys of the recommendation, and the policies of habit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from retention.uplift.allocation import Limits
from retention.uplift.habits import habit_policies
from retention.uplift.learners import TLearner
from retention.uplift.study import TargetingStudy, costs_in_outcome, study_targeting
from retention.uplift.targeting import People, own_people, plan_campaign
from retention.uplift.trial import Trial, encode_as


@pytest.fixture(scope="module")
def study(strong_trial: Trial) -> TargetingStudy:
    from sklearn.linear_model import LinearRegression

    return study_targeting(
        strong_trial, "sales", candidates={"t_linear": TLearner(LinearRegression())}, splits=2,
        costs=costs_in_outcome(strong_trial.arms, {"email": 0.05}, 0.5), model=LinearRegression(),
        seed=1, tree_depth=2,
    )  # fmt: skip


@pytest.fixture(scope="module")
def alike(flat_trial: Trial) -> TargetingStudy:
    from sklearn.linear_model import LinearRegression

    return study_targeting(flat_trial, "sales", candidates={}, splits=2, model=LinearRegression())


def test_larger_budget_never_brings_less(study: TargetingStudy, strong_trial: Trial) -> None:
    plan = plan_campaign(study, own_people(strong_trial), worth=0.5, currency="USD")
    assert plan.curve["profit"].is_monotonic_increasing
    whole = plan.curve.iloc[-1]
    assert whole["contacts"] == (plan.table["recommended_arm"] == "email").sum()
    assert whole["profit"] == pytest.approx(plan.table["expected_profit"].sum())
    assert whole["spend"] == pytest.approx(0.05 * whole["contacts"])
    assert "expected to bring" in plan.budget_summary(0)
    assert plan.last_customer == pytest.approx(
        plan.table.loc[plan.table["recommended_arm"] == "email", "expected_profit"].min()
    )


def test_limits_consent_and_hold_out_are_kept(study: TargetingStudy, strong_trial: Trial) -> None:
    own = own_people(strong_trial)
    consenting = np.arange(strong_trial.units) % 2 == 0
    people = People(own.customer_key, own.covariates, consenting, "customers")
    plan = plan_campaign(
        study, people, worth=0.5, currency="USD", limits=Limits(budget=25.0), hold_out=0.2, seed=1
    )
    table = plan.table
    assert plan.allocation.contacts == 500
    assert table["is_hold_out"].sum() == 100
    assert plan.sent == 400
    assert not (table["recommended_arm"] == "email")[~table["may_be_contacted"]].any()
    assert table["is_hold_out"][table["recommended_arm"] == "none"].sum() == 0
    assert "400 are sent it and 100 (20.0 % of those chosen) are held out" in plan.summary()
    assert "One more unit of the limit would bring" in plan.budget_summary(25.0)
    fewer = plan_campaign(study, people, worth=0.5, limits=Limits(25.0, 300, 50)).allocation
    assert fewer.contacts == 300


def test_measured_profit_holds_the_truth(study: TargetingStudy, strong_trial: Trial) -> None:
    plan = plan_campaign(study, own_people(strong_trial), worth=0.5, currency="USD")
    x = strong_trial.covariates["x0"].to_numpy()
    sent = (plan.table["recommended_arm"] == "email").to_numpy()
    truth = float((0.5 * (0.1 + 0.8 * x[sent]) - 0.05).sum())
    assert plan.measured_low < truth < plan.measured_high
    assert plan.metrics()[0].name == "next_campaign_profit"


def test_other_customers_are_scored_in_the_columns_of_the_trial(
    study: TargetingStudy, strong_trial: Trial
) -> None:
    covariates = strong_trial.covariates.iloc[:3].assign(other=1)[["other", "x3", "x2", "x1", "x0"]]
    people = People(
        np.array(["c", "a", "b"], dtype=object),
        encode_as(covariates, list(strong_trial.covariates.columns)),
        np.ones(3, dtype=bool), "customers",
    )  # fmt: skip
    table = plan_campaign(study, people, worth=0.5).table
    assert table["customer_key"].tolist() == ["a", "b", "c"]
    expected = study.predict(strong_trial.covariates.iloc[[1, 2, 0]])[:, 0]
    assert table["effect_email"].to_numpy() == pytest.approx(expected)


def test_readable_tree_is_valued_beside_the_others(study: TargetingStudy) -> None:
    assert study.tree is not None
    assert "x0" in study.tree.summary()
    assert study.policies.of("policy tree").gain_low > 0


def test_every_tenth_and_top_share_is_shown(study: TargetingStudy) -> None:
    deciles = study.deciles()
    assert len(deciles) == 10
    assert deciles["measured"].iloc[-1] > deciles["measured"].iloc[0]
    assert study.top_shares()["share"].tolist() == [0.1, 0.2, 0.3, 0.5]
    assert "can be ranked" in study.by_arm[0].held_out.summary()


def test_budget_of_a_policy_that_sends_nothing_is_nothing(flat_trial: Trial) -> None:
    from sklearn.linear_model import LinearRegression

    study = study_targeting(
        flat_trial, "sales", candidates={}, costs=[0.0, 9.0], splits=2, model=LinearRegression()
    )
    plan = plan_campaign(study, own_people(flat_trial), worth=1.0)
    assert plan.curve["contacts"].max() == 0
    assert "nobody is contacted" in plan.budget_summary(100.0)
    assert plan.summary() == "Nobody of 4,000 customers of the experiment is contacted."
    assert plan.counts()["customers"].tolist() == [4000]


def test_unpriced_outcome_counts_contacts(alike: TargetingStudy, flat_trial: Trial) -> None:
    plan = plan_campaign(alike, own_people(flat_trial), worth=0.0)
    assert plan.curve["budget"].iloc[-1] == pytest.approx(4000)
    assert plan.curve["contacts"].iloc[-1] == 4000
    some = plan_campaign(alike, own_people(flat_trial), worth=0.0, limits=Limits(budget=100.0))
    assert some.allocation.contacts == 100
    assert some.allocation.spend == 100


def test_response_model_is_among_the_policies(alike: TargetingStudy) -> None:
    assert alike.policies.of("email to the likely half").contacted == pytest.approx(0.5, abs=0.05)


def test_habit_needs_recency_and_money(flat_trial: Trial) -> None:
    assert habit_policies(flat_trial) == {}


@pytest.mark.realdata
def test_habit_on_hillstrom_reaches_the_recent_high_spenders(hillstrom: Trial) -> None:
    policy = habit_policies(hillstrom)["mens_email to recent high spenders"](hillstrom.covariates)
    assert 0.2 < np.mean(policy > 0) < 0.5


def test_the_plan_by_segment_adds_up_to_the_plan(
    study: TargetingStudy, strong_trial: Trial
) -> None:
    plan = plan_campaign(study, own_people(strong_trial), worth=0.5, currency="USD", hold_out=0.1)
    labels = pd.Series(np.where(np.arange(strong_trial.units) % 3 == 0, "loyal", "new"))
    labels.iloc[0] = None
    counts = plan.by_segment(labels)
    assert set(counts["segment"]) == {"loyal", "new", "without a segment"}
    assert counts["customers"].sum() == strong_trial.units
    assert counts["sent"].sum() == plan.sent > 0
    assert counts["held_out"].sum() == plan.table["is_hold_out"].sum() > 0
    assert counts["expected_profit"].sum() == pytest.approx(plan.table["expected_profit"].sum())
    assert counts["sent"].is_monotonic_decreasing
    assert plan.segment_summary(labels, 10).startswith(
        f"Most messages go to {counts['segment'][0]}"
    )


def test_a_plan_that_sends_nothing_names_no_segment(
    study: TargetingStudy, strong_trial: Trial
) -> None:
    own = own_people(strong_trial)
    nobody = People(
        own.customer_key, own.covariates, np.zeros(len(own.eligible), bool), "customers"
    )
    plan = plan_campaign(study, nobody, worth=0.5, currency="USD")
    labels = pd.Series("all", index=plan.table.index)
    assert plan.by_segment(labels)["sent"].sum() == 0
    assert plan.segment_summary(labels, 10).startswith("No segment is written to")


def test_the_plan_can_be_audited_as_actions_that_fall_on_people(
    study: TargetingStudy, strong_trial: Trial
) -> None:
    people = replace(
        own_people(strong_trial), eligible=np.arange(strong_trial.units) % 3 > 0,
        steps=(("known", strong_trial.units), ("may be contacted", 5)),
    )  # fmt: skip
    plan = plan_campaign(study, people, worth=1.0)
    actions, reach = plan.actions(), plan.reach()
    assert actions["customer_key"].tolist() == plan.table["customer_key"].tolist()
    assert actions["segment"].tolist() == plan.table["recommended_arm"].tolist()
    allowed = reach["segment"] == "may be contacted"
    assert allowed.tolist() == plan.table["may_be_contacted"].tolist()
    assert people.to_frame()["left_out"].tolist() == [0, strong_trial.units - 5]

"""The recommendation: target where effects differ, treat alike where not, hold if none pays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from retention.errors import ParameterError
from retention.uplift.candidates import named_candidates
from retention.uplift.study import TargetingStudy, study_targeting
from retention.uplift.targeting import own_people, plan_campaign
from retention.uplift.trial import Trial
from retention.uplift.verdict import Action


@pytest.fixture(scope="module")
def strong_study(strong_trial: Trial) -> TargetingStudy:
    return study_targeting(
        strong_trial,
        "sales",
        candidates=named_candidates(["t_linear"]),
        splits=3,
        seed=3,
        model=LinearRegression(),
        replicates=12,
    )


def test_areas_are_shown_with_the_interval_of_learning_anew(strong_study: TargetingStudy) -> None:
    table = strong_study.areas().set_index("measure")
    # QINI of an effect 0.8 x that is ranked rightly, x standard normal; AUUC adds half of 0.1.
    qini = 0.8 / (2 * np.sqrt(np.pi))
    for measure in ("QINI", "QINI, learnt anew on halves"):
        assert table.loc[measure, "ci_low"] < qini < table.loc[measure, "ci_high"]
    held = strong_study.by_arm[0].held_out
    average = held.auuc - held.quality.qini
    assert average == pytest.approx(0.05, abs=0.06)
    assert np.isnan(table.loc["AUUC", "ci_low"])
    assert "Learnt anew on 12 random halves" in held.pipeline_summary()
    assert "better than chance" in held.pipeline_summary()


def test_strong_heterogeneity_ends_in_targeting(strong_study: TargetingStudy) -> None:
    assert strong_study.verdict.action is Action.TARGET
    gain = strong_study.policies.of("targeted")
    # E max(0, 0.1 + 0.8 x) - 0.1 for x standard normal
    assert gain.gain_low < 0.272 < gain.gain_high


def test_targeting_leaves_sleeping_dogs_alone(
    strong_study: TargetingStudy, strong_trial: Trial
) -> None:
    table = plan_campaign(strong_study, own_people(strong_trial), worth=1.0).table
    harmed = strong_trial.covariates["x0"].to_numpy() < -0.6
    helped = strong_trial.covariates["x0"].to_numpy() > 0.4
    contacted = (table["recommended_arm"] == "email").to_numpy()
    assert contacted[harmed].mean() < 0.1
    assert contacted[helped].mean() > 0.9
    assert table["customer_key"].is_monotonic_increasing


def test_equal_effects_end_in_sending_to_all(flat_trial: Trial) -> None:
    study = study_targeting(
        flat_trial,
        "sales",
        candidates=named_candidates(["t_linear"]),
        splits=3,
        seed=3,
        model=LinearRegression(),
    )
    assert (study.verdict.action, study.verdict.arm) == (Action.SEND_TO_ALL, "email")
    assert "Send email to everyone" in study.summary()


def test_what_is_not_asked_for_is_not_learnt_anew(flat_trial: Trial) -> None:
    study = study_targeting(flat_trial, "sales", candidates={}, splits=2, model=LinearRegression())
    assert study.areas()["measure"].tolist() == ["QINI", "AUTOC", "AUUC"]
    assert "was not learnt anew" in study.by_arm[0].held_out.pipeline_summary()


def test_cost_above_the_effect_ends_in_not_sending(flat_trial: Trial) -> None:
    study = study_targeting(
        flat_trial,
        "sales",
        candidates={},
        costs=[0.0, 5.0],
        splits=2,
        seed=3,
        model=LinearRegression(),
    )
    assert study.verdict.action is Action.DO_NOT_SEND
    plan = plan_campaign(study, own_people(flat_trial), worth=1.0)
    assert set(plan.table["recommended_arm"]) == {"none"}


def test_unknown_candidate_is_refused() -> None:
    with pytest.raises(ParameterError, match="no uplift candidate 'magic'"):
        named_candidates(["magic"])


@pytest.mark.realdata
@pytest.mark.slow
def test_hillstrom_ends_in_mens_email_to_everyone(hillstrom: Trial) -> None:
    study = study_targeting(
        hillstrom, "visit", candidates=named_candidates(["t_logistic"]), splits=5, seed=20260701
    )
    assert (study.verdict.action, study.verdict.arm) == (Action.SEND_TO_ALL, "mens_email")
    womens = next(arm for arm in study.by_arm if arm.arm == "womens_email")
    assert womens.ranking == "womens == 1"
    assert womens.differs
    assert "best ranking for womens_email is womens == 1" in womens.summary()


@pytest.mark.realdata
def test_best_rule_of_hillstrom_is_womens(hillstrom: Trial) -> None:
    from retention.uplift.baselines import BestRule

    pair = hillstrom.against_control("womens_email")
    rule = BestRule().fit(pair.covariates, pair.arm, pair.outcome("visit"), pair.propensity)
    assert str(rule.rules_[0]) == "womens == 1"
    assert rule.rules_[0].inside == pytest.approx(0.0731, abs=0.003)
    assert rule.rules_[0].outside == pytest.approx(0.0111, abs=0.003)


def test_candidates_from_causalml_give_finite_effects_and_leave_matplotlib_alone(
    strong_trial: Trial,
) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    part = strong_trial.take(np.arange(1500))
    learner = named_candidates(["causalml_x"])["causalml_x"]
    effect = learner.fit(part.covariates, part.arm, part.outcome("sales"), part.propensity).predict(
        part.covariates
    )
    assert effect.shape == (1500, 1)
    assert np.corrcoef(effect[:, 0], part.covariates["x0"])[0, 1] > 0.5
    assert dict(mpl.rcParams) == before
    assert isinstance(part.covariates, pd.DataFrame)

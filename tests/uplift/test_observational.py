"""Data without chance: adjusted, diagnosed, and never called an experiment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from retention.errors import EvidenceError
from retention.results import Status
from retention.uplift.codes import UpliftCode
from retention.uplift.comparability import adjusted, comparability
from retention.uplift.effects import average_lift
from retention.uplift.observational import (
    e_value,
    observational_effect,
    placebo_effect,
    robustness_value,
)
from retention.uplift.overlap import entropy_odds, features
from retention.uplift.study import study_targeting
from retention.uplift.trial import Trial, trial_from_frame


def confounded(strength: float, seed: int = 1, units: int = 4000) -> Trial:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=units)
    treated = generator.random(units) < 1 / (1 + np.exp(-strength * x))
    frame = pd.DataFrame({
        "unit_key": np.arange(units).astype(str), "arm": np.where(treated, "email", "none"),
        "x": x, "z": generator.normal(size=units),
        "sales": 2 * x + 0.5 * treated + generator.normal(size=units),
    })  # fmt: skip
    return trial_from_frame(
        frame, control="none", outcomes=["sales"], covariates=["x", "z"], randomised=False
    )


def test_recorded_confounding_is_removed_and_reported() -> None:
    effect = observational_effect(confounded(1.0), "sales", "email")
    assert effect.ci_low < 0.5 < effect.ci_high
    before, after = effect.balance.set_index("attribute").loc["x"]
    assert before > 0.7
    assert abs(after) < 0.1
    assert effect.summary().startswith("This is not an experiment")


def test_estimated_propensities_remove_the_confounding_of_every_estimate() -> None:
    trial = confounded(1.0)
    naive = average_lift(trial, ["sales"]).effects[0]
    weighted = average_lift(adjusted(trial), ["sales"]).effects[0]
    assert naive.ci_low > 1.5
    assert abs(weighted.difference - 0.5) < 0.35
    assert "association" in average_lift(adjusted(trial), ["sales"]).summary()


def test_groups_without_chance_are_never_called_an_experiment() -> None:
    trial = adjusted(confounded(1.0))
    found = comparability(trial, "sales")
    assert not found.randomised
    assert "This is not an experiment" in found.summary()
    assert {c.code for c in found.checks()} >= {UpliftCode.OVERLAP, UpliftCode.SENSITIVITY}
    study = study_targeting(
        trial, "sales", candidates={}, splits=2, model=LinearRegression(), seed=1
    )
    assert study.summary().startswith("This is not an experiment")
    assert study.status() is Status.WARN


def test_arms_drawn_by_chance_are_alike_and_others_are_found_out() -> None:
    trial = confounded(0.0)
    assert adjusted(replace(trial, randomised=True)).randomised
    drawn = comparability(replace(trial, randomised=True), "sales")
    assert "no more than chance explains" in drawn.summary()
    assert drawn.checks()[0].status is Status.PASS
    bent = comparability(replace(confounded(1.0), randomised=True), "sales")
    assert bent.checks()[0].status is Status.FAIL
    assert not bent.is_valid
    assert bent.to_frame()["attribute"].iloc[0] == "x"


def test_missing_overlap_is_a_warning() -> None:
    effect = observational_effect(confounded(5.0), "sales", "email")
    status = {check.code: check.status for check in effect.checks()}
    assert status[UpliftCode.OVERLAP] is Status.WARN
    assert status[UpliftCode.RANDOMISED] is Status.WARN


def test_robustness_value_is_the_published_one() -> None:
    """Darfur example of Cinelli & Hazlett: t = 4.18 with 783 degrees of freedom, RV = 13.9 %."""
    assert robustness_value(4.18, 783) == pytest.approx(0.139, abs=5e-4)


@pytest.fixture(scope="module")
def training() -> Trial:
    """Trainees of the NSW experiment with people of the CPS instead of its control group.

    Dehejia & Wahba (1999): 185 and 15,992 men, earnings in whole dollars; the experiment itself
    gives 1,794 (standard error 671).
    """
    frame = pd.read_csv(Path(__file__).with_name("nsw_cps.csv.gz"))
    frame["unit_key"] = [f"{i:06d}" for i in range(len(frame))]
    frame["arm"] = np.where(frame.pop("treat") == 1, "training", "none")
    return trial_from_frame(frame, control="none", outcomes=["re78"], randomised=False)


def test_training_programme_is_judged_as_its_experiment_judged_it(training: Trial) -> None:
    naive = average_lift(training, ["re78"]).effects[0]
    assert naive.ci_high < -6000
    effect = observational_effect(training, "re78", "training")
    assert effect.ci_low < 1794 < effect.ci_high
    assert effect.difference > 500
    assert effect.population.startswith("customers who got training")
    assert (effect.estimates["ci_high"] > 1794).all()
    assert effect.balance["after"].abs().max() < 0.01
    status = {check.code: check.status for check in effect.checks()}
    assert status[UpliftCode.OVERLAP] is Status.WARN
    assert status[UpliftCode.SENSITIVITY] is Status.WARN
    assert f"for {effect.population}" in effect.summary()


def test_a_trial_without_overlap_is_cut_down_to_who_can_be_compared(training: Trial) -> None:
    kept = adjusted(training, seed=1)
    assert 300 < kept.units < 2000
    assert (kept.arm == 1).sum() > 150
    lift = average_lift(kept, ["re78"]).effects[0]
    assert lift.ci_low < 1794 < lift.ci_high


def test_earnings_known_before_show_what_is_not_recorded(training: Trial) -> None:
    placebo = placebo_effect(training, "re75", "training")
    assert placebo.outcome == "re75"
    assert "re75" not in placebo.balance["attribute"].tolist()
    sound = placebo_effect(confounded(1.0), "z", "email")
    assert sound.ci_low < 0 < sound.ci_high


def test_groups_that_have_nobody_in_common_are_refused() -> None:
    generator = np.random.default_rng(1)
    treated = np.arange(3000) % 3 == 0
    frame = pd.DataFrame({
        "unit_key": np.arange(3000), "arm": np.where(treated, "email", "none"),
        "x": generator.random(3000) + 4 * treated, "sales": generator.normal(size=3000),
    })  # fmt: skip
    trial = trial_from_frame(frame, control="none", outcomes=["sales"], randomised=False)
    with pytest.raises(EvidenceError, match="have a counterpart"):
        observational_effect(trial, "sales", "email")
    with pytest.raises(EvidenceError, match="have a counterpart"):
        adjusted(trial)


def test_few_treated_with_heavy_tails_and_zeros_are_covered() -> None:
    """120 treated of 4,120 who earn little, log-normal money with zeros; the effect is 300.

    60 worlds: three Monte-Carlo errors below 95 % are 52. (140 worlds: 132.)
    """
    covered = 0
    for seed in range(60):
        generator = np.random.default_rng([5, seed])
        treated = np.arange(4120) < 120
        skill = generator.normal(size=4120) - 1.2 * treated
        before = np.exp(6 + 0.8 * skill + 0.5 * generator.normal(size=4120))
        before *= generator.random(4120) > np.where(treated, 0.5, 0.15)
        after = 300 + 0.6 * before + 200 * generator.exponential(size=4120) + 300 * treated
        frame = pd.DataFrame({
            "unit_key": np.arange(4120), "arm": np.where(treated, "email", "none"),
            "before": before, "sales": after,
        })  # fmt: skip
        trial = trial_from_frame(frame, control="none", outcomes=["sales"], randomised=False)
        effect = observational_effect(trial, "sales", "email", seed=seed)
        covered += effect.ci_low < 300 < effect.ci_high
    assert covered >= 52


def test_balanced_units_have_the_moments_of_the_group() -> None:
    trial = confounded(1.0)
    X, treated = features(trial.covariates), trial.arm == 1
    odds = entropy_odds(X, treated, ~treated)
    assert odds is not None
    assert odds[~treated].sum() == pytest.approx(treated.sum())
    weighted = np.average(X[~treated], axis=0, weights=odds[~treated])
    assert weighted == pytest.approx(X[treated].mean(axis=0), abs=1e-3)
    shifted = np.where(treated[:, None], X + 50, X)
    assert entropy_odds(shifted, treated, ~treated) is None


def test_e_value_is_that_of_the_risk_ratio() -> None:
    """VanderWeele & Ding: a risk ratio of 3.9 has an E-value of 7.26; ln 3.9 / 0.91 = 1.4956."""
    assert e_value(np.log(3.9) / 0.91) == pytest.approx(7.26, abs=0.005)
    assert e_value(0.0) == 1.0

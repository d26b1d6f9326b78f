"""Data without chance: adjusted, diagnosed, and never called an experiment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from retention.results import Status
from retention.uplift.codes import UpliftCode
from retention.uplift.comparability import adjusted, comparability
from retention.uplift.effects import average_lift
from retention.uplift.observational import observational_effect, robustness_value
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

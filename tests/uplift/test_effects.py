"""Average lifts: the published table, and weighting by propensity."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.errors import EvidenceError, InputError
from retention.uplift.effects import average_lift
from retention.uplift.trial import Trial, trial_from_frame

PUBLISHED = [
    ("visit", "mens_email", 0.182757, 0.076590, 0.003386),
    ("visit", "womens_email", 0.151400, 0.045233, 0.003234),
    ("conversion", "mens_email", 0.012531, 0.006805, 0.000921),
    ("conversion", "womens_email", 0.008837, 0.003111, 0.000823),
    ("spend", "mens_email", 1.422617, 0.769827, 0.145247),
    ("spend", "womens_email", 1.077202, 0.424412, 0.130333),
]


@pytest.mark.realdata
@pytest.mark.parametrize(("outcome", "arm", "mean", "lift", "error"), PUBLISHED)
def test_hillstrom_lift_is_the_published_one(
    hillstrom: Trial, outcome: str, arm: str, mean: float, lift: float, error: float
) -> None:
    effect = average_lift(hillstrom, [outcome]).of(outcome, arm)
    assert effect.mean_arm == pytest.approx(mean, abs=1e-6)
    assert effect.difference == pytest.approx(lift, abs=1e-6)
    assert effect.standard_error == pytest.approx(error, abs=1e-6)
    assert effect.is_clear


def test_lift_with_stratified_propensity_is_unconfounded() -> None:
    generator = np.random.default_rng(3)
    stratum = generator.integers(0, 2, 20_000)
    chance = np.where(stratum == 1, 0.8, 0.2)
    treated = generator.random(20_000) < chance
    frame = pd.DataFrame({
        "unit_key": np.arange(20_000).astype(str),
        "arm": np.where(treated, "email", "none"),
        "propensity": np.where(treated, chance, 1 - chance),
        "stratum": stratum.astype(str),
        "sales": 2.0 * stratum + 0.5 * treated + generator.normal(size=20_000),
    })  # fmt: skip
    trial = trial_from_frame(frame, control="none", outcomes=["sales"])
    effect = average_lift(trial, ["sales"]).effects[0]
    assert effect.ci_low < 0.5 < effect.ci_high
    assert effect.standard_error < 0.05


def test_row_order_changes_nothing(strong_trial: Trial) -> None:
    from retention.uplift.trial import DESIGN_COLUMNS

    frame = strong_trial.covariates.assign(
        unit_key=strong_trial.unit_key,
        arm=np.array(strong_trial.arms, dtype=object)[strong_trial.arm],
        sales=strong_trial.outcome("sales"),
    )
    assert "unit_key" in DESIGN_COLUMNS
    one = trial_from_frame(frame, control="none", outcomes=["sales"])
    other = trial_from_frame(
        frame.sample(frac=1, random_state=5), control="none", outcomes=["sales"]
    )
    assert average_lift(one, ["sales"]).to_frame().equals(average_lift(other, ["sales"]).to_frame())


def test_experiment_without_control_is_refused() -> None:
    frame = pd.DataFrame({"unit_key": ["a", "b"], "arm": ["email", "gift"], "sales": [1, 2]})
    with pytest.raises(EvidenceError, match="nothing to compare"):
        trial_from_frame(frame, control="none", outcomes=["sales"])


def test_unit_assigned_twice_is_refused() -> None:
    frame = pd.DataFrame({"unit_key": ["a", "a"], "arm": ["none", "email"], "sales": [1, 2]})
    with pytest.raises(InputError, match="assigned twice"):
        trial_from_frame(frame, control="none", outcomes=["sales"])


def test_each_unit_may_have_a_known_chance_of_its_own() -> None:
    generator, units = np.random.default_rng(5), 20_000
    x = generator.random(units)
    chance = 0.1 + 0.8 * x
    treated = generator.random(units) < chance
    frame = pd.DataFrame({
        "unit_key": [f"{i:06d}" for i in range(units)], "arm": np.where(treated, "email", "none"),
        "propensity": np.where(treated, chance, 1 - chance), "x": x,
        "sales": 5 * x + 1.0 * treated + generator.normal(size=units),
    })  # fmt: skip
    trial = trial_from_frame(frame, control="none", outcomes=["sales"])
    assert trial.propensity[:, 1] == pytest.approx(chance)
    assert trial.propensity.sum(axis=1) == pytest.approx(1.0)
    effect = average_lift(trial, ["sales"]).effects[0]
    assert effect.ci_low < 1.0 < effect.ci_high
    naive = frame.loc[treated, "sales"].mean() - frame.loc[~treated, "sales"].mean()
    assert naive > 2.0
    with pytest.raises(InputError, match="Chances of an arm"):
        trial_from_frame(
            frame.assign(propensity=frame["propensity"].where(frame.index > 0, 1.0)),
            control="none", outcomes=["sales"],
        )  # fmt: skip


def test_what_an_own_chance_leaves_is_shared_as_in_the_stratum() -> None:
    frame = pd.DataFrame({
        "unit_key": list("abcdef"), "arm": ["none", "x", "y"] * 2,
        "propensity": [0.5, 0.2, 0.3, 0.4, 0.3, 0.3], "sales": range(6),
    })  # fmt: skip
    trial = trial_from_frame(frame, control="none", outcomes=["sales"])
    # In the stratum the means are 0.45, 0.25 and 0.3.
    assert trial.propensity[0] == pytest.approx([0.5, 0.5 * 0.25 / 0.55, 0.5 * 0.3 / 0.55])
    assert trial.propensity[1] == pytest.approx([0.8 * 0.45 / 0.75, 0.2, 0.8 * 0.3 / 0.75])

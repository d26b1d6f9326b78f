"""Missing outcomes leave out what they must and no more; without covariates the lift remains."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention import uplift


def frame_of(units: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({
        "unit_key": [f"u{n:04d}" for n in range(units)], "arm": rng.choice(["A", "B"], units),
        "spent": rng.exponential(3, units), "stars": rng.normal(4, 1, units),
    })  # fmt: skip
    frame.attrs = {"covariates": [], "outcomes": ["spent", "stars"]}
    return frame


def test_a_missing_outcome_takes_units_only_where_the_analysis_rests_on_it():
    frame = frame_of()
    frame.loc[:9, "spent"] = np.nan
    frame.loc[50:99, "stars"] = np.nan
    kept = uplift.without_gaps(frame, ["spent"])
    assert len(kept) == 390
    assert kept.attrs["outcomes"] == ["spent"]
    assert "10 of 400 units without spent" in kept.attrs["left_out"]
    assert "stars, which 50 of 400 units lack" in kept.attrs["left_out"]


def test_a_frame_without_gaps_stays_as_it_is():
    kept = uplift.without_gaps(frame_of(), ["spent"])
    pd.testing.assert_frame_equal(kept, frame_of())
    assert kept.attrs["left_out"] == ""


def test_without_covariates_the_lift_is_read_and_nobody_is_told_apart():
    frame = frame_of()
    trial = uplift.trial_from_frame(frame, control="A")
    (lift,) = uplift.average_lift(trial, ["spent"]).metrics()
    means = frame.groupby("arm")["spent"].mean()
    assert lift.value == pytest.approx(means["B"] - means["A"])
    assert uplift.comparability(trial, "spent").to_frame().empty
    (known,) = trial.covariates
    assert trial.covariates[known].eq(0).all()

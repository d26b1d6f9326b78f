"""Regressions and quantiles where customers can end in several ways; length of follow-up."""

import numpy as np
import pandas as pd
import pytest

from retention.errors import EvidenceError, ParameterError
from retention.survival import (
    cumulative_incidence,
    fit_cause_specific,
    fit_cox,
    fit_fine_gray,
    median_follow_up,
)


@pytest.fixture(scope="module")
def drawn():
    random = np.random.default_rng(3)
    x, z = random.normal(size=400), random.integers(0, 2, 400)
    left = random.exponential(30 * np.exp(-0.5 * x))
    erased = random.exponential(50 * np.exp(0.3 * z))
    until = random.uniform(5, 80, 400)
    first = np.minimum(left, erased)
    cause = np.where(left <= erased, "left", "erased").astype(object)
    return pd.DataFrame({"duration": np.ceil(np.minimum(first, until)), "x": x, "z": z,
                         "cause": np.where(first <= until, cause, None)})  # fmt: skip


def test_fine_and_grays_regression_equals_that_of_r(drawn):
    """R survival 3.5-3: coxph on finegray() episodes, ties="breslow", cluster=id."""
    table = fit_fine_gray(drawn, ["x", "z"], of="left").to_frame()
    assert table["coefficient"].to_numpy() == pytest.approx([0.5245005942, 0.1880946671], abs=1e-8)
    assert table["standard_error"].to_numpy() == pytest.approx(
        [0.08488102216, 0.13820875854], abs=1e-8
    )


def test_without_other_ends_it_is_a_cox_regression():
    random = np.random.default_rng(1)
    x = random.normal(size=300)
    time, until = random.exponential(20 * np.exp(-0.7 * x)), random.uniform(5, 60, 300)
    data = pd.DataFrame({"x": x, "duration": np.minimum(time, until), "event": (time <= until) * 1})
    data["cause"] = np.where(data["event"] == 1, "left", None)
    cox = fit_cox(data.assign(own=np.arange(300)), ["x"], cluster="own").to_frame()
    table = fit_fine_gray(data, ["x"], of="left").to_frame()
    assert table["coefficient"].to_numpy() == pytest.approx(cox["coefficient"], abs=1e-6)
    assert table["standard_error"].to_numpy() == pytest.approx(cox["standard_error"], rel=1e-4)


def test_cause_specific_regression_is_cox_with_other_ends_censored(drawn):
    ours = fit_cause_specific(drawn, ["x", "z"], of="left").to_frame()
    theirs = fit_cox(drawn.assign(event=drawn["cause"].eq("left").astype(int)), ["x", "z"])
    pd.testing.assert_frame_equal(ours, theirs.to_frame())


def test_the_predicted_incidence_lies_near_the_observed(drawn):
    model = fit_fine_gray(drawn, ["x", "z"], of="left")
    predicted = model.incidence(drawn, [20, 40]).mean(axis=0)
    observed = [
        cumulative_incidence(drawn).at(t).set_index("cause").loc["left", "incidence"]
        for t in (20, 40)
    ]
    assert predicted == pytest.approx(observed, abs=0.03)
    assert "subdistribution" in model.summary()


def test_an_end_that_never_came_is_refused_with_those_that_did(drawn):
    with pytest.raises(EvidenceError, match="erased, left"):
        fit_fine_gray(drawn, ["x"], of="moved")


def test_quantiles_of_incidence_are_where_curve_and_limits_reach_the_share(drawn):
    found = cumulative_incidence(drawn)
    row = found.quantiles(0.25).set_index("cause").loc["left"]
    curve = found.frame[found.frame["cause"] == "left"].set_index("time")
    assert row["ci_low"] <= row["quantile"] <= row["ci_high"]
    assert curve.loc[row["quantile"], "incidence"] >= 0.25
    assert curve.loc[: row["quantile"] - 1, "incidence"].max() < 0.25
    assert curve.loc[row["ci_high"], "ci_low"] >= 0.25
    assert found.quantiles(0.99)["quantile"].isna().all()
    with pytest.raises(ParameterError):
        found.quantiles(1.0)


def test_median_follow_up_equals_that_of_r(drawn):
    """R survival 3.5-3: survfit with the censoring as event, conf.type = "log-log"."""
    row = median_follow_up(drawn.assign(event=drawn["cause"].notna().astype(int))).iloc[0]
    assert row[["median", "ci_low", "ci_high"]].tolist() == [40, 30, 56]

"""Repeat purchases of a cohort week by week, predicted against actual."""

import numpy as np
import pandas as pd
import pytest

from retention.errors import InputError
from retention.value import (
    GeometricDropout,
    GeometricDropoutCovariates,
    ParetoDropout,
    Tracking,
    compress,
    fit_purchases,
    track,
)
from retention.value.simulate import simulate_geometric


def test_advice_on_tracking_follows_from_both_errors():
    weeks = {"week": [1, 2], "actual_cumulative": [0, 0], "predicted_cumulative": [0, 0]}
    table = pd.DataFrame(weeks | {"is_holdout": [True, True]})
    steady = Tracking(table.assign(actual=[100, 100], predicted=[101, 101]), "BG/NBD")
    assert steady.advice().startswith("Budget a whole period with the model; single weeks may")
    high = Tracking(table.assign(actual=[50, 150], predicted=[125, 125]), "BG/NBD")
    assert high.advice().startswith("Correct a curve of a whole period by -20.0 %")
    assert "same week of last year" in high.advice()
    assert "because" not in high.summary()
    assert "drawn" not in high.summary()
    some = Tracking(high.table, "BG/NBD", share=0.2)
    assert "repeat purchases of a drawn 20.0 % of the customers;" in some.summary()


def test_tracking_convolves_acquisitions_with_the_expected_curve(simulated):
    fit = fit_purchases(GeometricDropout(), compress(simulated, unit_days=7))
    daily = pd.DataFrame(
        {"day": [100, 103, 127], "first_purchases": [5, 2, 0], "repeat_purchases": [0, 1, 4]}
    )
    found = track(fit, daily, compress(simulated), calibration_end="1970-04-25")  # day 114
    table = found.to_frame()
    by_hand = 5 * fit.expected_purchases(6.0)[0] + 2 * fit.expected_purchases(3.0)[0]
    assert table["predicted"][0] == pytest.approx(by_hand)
    assert table["actual_cumulative"].tolist() == [1, 1, 1, 5]
    assert table["is_holdout"].tolist() == [False, False, True, True]
    assert found.holdout_error == pytest.approx(table["predicted"][2:].sum() / 4 - 1)
    assert "2 held-out weeks" in found.summary()


def test_less_than_a_week_cannot_be_tracked(simulated):
    fit = fit_purchases(GeometricDropout(), compress(simulated))
    daily = pd.DataFrame({"day": [1, 3], "first_purchases": [1, 0], "repeat_purchases": [0, 1]})
    with pytest.raises(InputError, match="less than a week"):
        track(fit, daily, compress(simulated), calibration_end="1970-01-03")


@pytest.fixture(scope="module")
def newsletter():
    """Return histories in days of MBG/NBD customers, of whom readers buy much faster."""
    random = np.random.default_rng(3)
    tenure = random.integers(30, 500, 6_000).astype(float)
    # Readers came late: their share differs from one day of acquisition to the next.
    reads = (random.random(6_000) < np.where(tenure < 250, 0.6, 0.1)).astype(float)
    alpha = 90.0 * np.exp(-1.2 * (reads - reads.mean()))
    frame = simulate_geometric(
        np.array([0.7, alpha, 0.8, 2.5], dtype=object), tenure, seed=5, coin_at_start=True
    )
    return frame.assign(reads=reads - reads.mean())


def cohort_of(frame, end_day):
    """Return its acquisitions by day; all repeat purchases are booked on the last day."""
    came = np.bincount((end_day - 1 - frame["tenure"]).astype(int), minlength=end_day)
    again = np.zeros(end_day)
    again[-1] = frame["frequency"].sum()
    table = {"day": np.arange(end_day), "first_purchases": came, "repeat_purchases": again}
    return pd.DataFrame(table)[int(np.flatnonzero(came)[0]) :]


@pytest.mark.parametrize(
    "model", [GeometricDropoutCovariates(coin_at_start=True), ParetoDropout("with covariates")]
)
def test_tracking_with_covariates_is_the_sum_of_the_customers_own_curves(newsletter, model):
    few = newsletter.iloc[::20]
    summary = compress(few.round(0), covariates=("reads",))
    fit = fit_purchases(model, summary)
    daily = cohort_of(few.round(0), 497 + 28)
    table = track(fit, daily, summary, calibration_end="1971-06-10").to_frame()
    weeks = len(table) * 7 - 1
    first_day = int(daily["day"].iloc[0])
    at = summary.expand(summary.covariates[:, 0])
    came = 497 + 28 - 1 - few["tenure"].round(0).to_numpy() - first_day
    by_hand = sum(
        fit.expected_by_covariates(np.array([weeks - day]), np.array([[z]]))[0, 0]
        for day, z in zip(came, at, strict=True)
        if day <= weeks
    )
    assert table["predicted_cumulative"].iloc[-1] == pytest.approx(by_hand)


def test_the_curve_of_zero_covariates_is_the_models_own(newsletter):
    summary = compress(newsletter.iloc[::20].round(0), covariates=("reads",))
    days = np.array([0.0, 30, 400])
    for model in (GeometricDropoutCovariates(), GeometricDropoutCovariates(True), ParetoDropout()):
        fit = fit_purchases(model, summary)
        of_zero = fit.expected_by_covariates(days, np.zeros((1, 1)))[0]
        assert of_zero == pytest.approx(fit.expected_purchases(days))


def test_tracking_a_model_with_covariates_is_not_biased(newsletter):
    frame = newsletter.round(0)
    summary = compress(frame, covariates=("reads",))
    fit = fit_purchases(GeometricDropoutCovariates(coin_at_start=True), summary)
    daily = cohort_of(frame, 504)
    found = track(fit, daily, summary, calibration_end="1971-05-20").to_frame()
    actual = frame["frequency"].sum()
    chance = 3 * np.sqrt(len(frame)) * frame["frequency"].std()
    assert abs(found["predicted_cumulative"].iloc[-1] - actual) < chance
    # The curve of the average covariates, which took its place once, misses by far more.
    came = daily["first_purchases"].to_numpy(float)
    average = np.convolve(came, fit.expected_purchases(np.arange(len(came), dtype=float)))
    assert abs(average[len(came) - 1] - actual) > 2 * chance


def test_tracking_by_weeks_mixes_the_kinds_of_each_week(newsletter):
    frame = newsletter.iloc[::20].round(0)
    weekly = frame.assign(tenure=frame["tenure"] // 7, recency=frame["recency"] // 7)
    by_day, by_week = compress(frame, covariates=("reads",)), compress(
        weekly, unit_days=7, covariates=("reads",)
    )  # fmt: skip
    daily = cohort_of(frame, 504)
    totals = [
        track(fit_purchases(GeometricDropoutCovariates(True), s), daily, s,
              calibration_end="1971-05-20").to_frame()["predicted_cumulative"].iloc[-1]
        for s in (by_day, by_week)
    ]  # fmt: skip
    assert totals[1] == pytest.approx(totals[0], rel=0.05)


def test_tracking_a_model_with_covariates_needs_them(newsletter):
    summary = compress(newsletter.iloc[::20].round(0), covariates=("reads",))
    fit = fit_purchases(GeometricDropoutCovariates(), summary)
    daily = cohort_of(newsletter.iloc[::20].round(0), 504)
    with pytest.raises(InputError, match="without the customers' covariates"):
        track(fit, daily, summary.without_covariates(), calibration_end="1971-05-20")

"""Classic data sets, against the digits that R's survival prints."""

import lifelines.datasets as datasets
import numpy as np
import pandas as pd
import pytest

from retention.survival import (
    Distribution,
    brier_scores,
    count_events,
    fit_accelerated,
    fit_cox,
    kaplan_meier,
    log_rank,
    proportional_hazards_test,
    restricted_mean,
)

ROSSI = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]


@pytest.fixture(scope="module")
def rossi():
    return datasets.load_rossi().rename(columns={"week": "duration", "arrest": "event"})


@pytest.fixture(scope="module")
def rossi_cox(rossi):
    return fit_cox(rossi, ROSSI)


@pytest.fixture(scope="module")
def lung():
    data = datasets.load_lung().rename(columns={"time": "duration", "status": "event"})
    return data[["duration", "event", "age", "sex"]].assign(event=data["event"].astype(int))


def test_cox_on_rossi_has_the_printed_coefficients_and_errors(rossi_cox):
    table = rossi_cox.to_frame().set_index("covariate")
    assert table["coefficient"].to_numpy() == pytest.approx(
        [-0.379422, -0.057438, 0.313900, -0.149796, -0.433704, -0.084871, 0.091497], abs=1e-6
    )
    assert table["standard_error"].to_numpy() == pytest.approx(
        [0.191379, 0.021999, 0.307993, 0.212224, 0.381868, 0.195757, 0.028649], abs=2e-6
    )
    assert rossi_cox.log_likelihood == pytest.approx(-658.74766, abs=1e-5)
    assert rossi_cox.concordance == pytest.approx(0.640329, abs=5e-6)
    assert rossi_cox.likelihood_ratio == pytest.approx(33.26595, abs=1e-5)


def test_proportional_hazards_score_test_on_rossi(rossi, rossi_cox):
    test = proportional_hazards_test(rossi_cox, rossi)
    assert test.frame["statistic"].to_numpy() == pytest.approx(
        [0.06243, 5.97398, 2.06827, 4.22460, 1.01102, 0.01838, 0.52058, 17.69442], abs=1e-5
    )
    assert test.frame["p_value"].iloc[-1] == pytest.approx(0.01343, abs=1e-5)
    assert test.failing == ["age", "wexp"]


def test_weibull_on_rossi(rossi):
    model = fit_accelerated(rossi, ROSSI)
    assert model.coefficients["coefficient"].to_numpy() == pytest.approx(
        [3.990135, 0.272163, 0.040714, -0.224802, 0.106557, 0.311273, 0.058827, -0.065817], abs=2e-5
    )
    assert model.scale == pytest.approx(0.712405, abs=1e-5)
    assert model.log_likelihood == pytest.approx(-679.91656, abs=1e-5)


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [(Distribution.LOG_NORMAL, -683.23463), (Distribution.LOG_LOGISTIC, -679.93841)],
)
def test_other_distributions_on_rossi(rossi, distribution, expected):
    model = fit_accelerated(rossi, ROSSI, distribution=distribution)
    assert model.log_likelihood == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("distribution", list(Distribution))
def test_an_accelerated_fit_does_not_depend_on_the_unit_of_time(rossi, distribution):
    weeks = fit_accelerated(rossi, ["fin", "prio"], distribution=distribution)
    unit = 7 * 86_400_000.0
    milliseconds = rossi.assign(duration=rossi["duration"] * unit)
    same = fit_accelerated(milliseconds, ["fin", "prio"], distribution=distribution)
    moved = weeks.coefficients["coefficient"] + np.array([np.log(unit), 0.0, 0.0])
    assert same.coefficients["coefficient"].to_numpy() == pytest.approx(moved, abs=1e-6)
    assert same.scale == pytest.approx(weeks.scale, abs=1e-7)
    events = rossi["event"].sum()
    assert same.log_likelihood == pytest.approx(weeks.log_likelihood - events * np.log(unit))
    assert same.aic == pytest.approx(weeks.aic + 2 * events * np.log(unit))
    there, here = same.survival(milliseconds, [20 * unit]), weeks.survival(rossi, [20])
    assert there == pytest.approx(here, abs=1e-7)


def test_kaplan_meier_on_rossi(rossi):
    at = kaplan_meier(count_events(rossi)).at([20, 52])
    assert at["survival"].to_numpy() == pytest.approx([0.907407, 0.736111], abs=1e-6)
    assert at[["ci_low", "ci_high"]].iloc[1].to_numpy() == pytest.approx(
        [0.691860, 0.775063], abs=1e-6
    )


def test_restricted_mean_on_rossi(rossi):
    every = restricted_mean(count_events(rossi), horizon=52).means
    assert every["mean"][0] == pytest.approx(45.854167, abs=1e-6)
    assert every["standard_error"][0] == pytest.approx(0.608509, abs=1e-6)
    by_aid = restricted_mean(count_events(rossi, group="fin"), horizon=52).means
    assert by_aid["mean"].to_numpy() == pytest.approx([44.8333, 46.8750], abs=5e-5)


def test_log_rank_on_rossi(rossi):
    test = log_rank(count_events(rossi, group="fin"))
    assert test.statistic == pytest.approx(3.8375696, abs=1e-7)
    assert test.p_value == pytest.approx(0.0501161, abs=1e-7)


def test_lung_by_sex(lung):
    every = restricted_mean(count_events(lung), horizon=365).means
    assert every["mean"][0] == pytest.approx(263.22187, abs=1e-5)
    assert every["standard_error"][0] == pytest.approx(7.79886, abs=1e-5)
    by_sex = count_events(lung, group="sex")
    difference = restricted_mean(by_sex, horizon=365).differences.iloc[0]
    assert difference["difference"] == pytest.approx(55.9703, abs=5e-5)
    assert difference["standard_error"] == pytest.approx(14.9581, abs=5e-5)
    assert log_rank(by_sex).statistic == pytest.approx(10.32674, abs=1e-5)


def test_lung_brier(lung):
    model = fit_cox(lung, ["age", "sex"])
    times = [180, 365, 547]
    scores = brier_scores(
        model.survival(lung, times), lung["duration"], lung["event"], times, just_before=False
    )
    assert scores.frame["brier"].to_numpy() == pytest.approx(
        [0.191655, 0.236217, 0.188364], abs=1e-6
    )


def test_kaplan_meier_equals_lifelines_by_group():
    from lifelines import KaplanMeierFitter

    random = np.random.default_rng(1)
    data = pd.DataFrame(
        {
            "duration": random.integers(1, 200, 5000),
            "event": random.integers(0, 2, 5000),
            "g": random.integers(0, 5, 5000),
        }
    )
    curves = kaplan_meier(count_events(data, group="g"))
    for group, part in data.groupby("g"):
        fitted = KaplanMeierFitter().fit(part["duration"], part["event"]).survival_function_
        ours = curves.frame[curves.frame["group"] == str(group)]
        theirs = fitted.loc[ours["time"], "KM_estimate"].to_numpy()
        assert np.abs(ours["survival"].to_numpy() - theirs).max() < 1e-10

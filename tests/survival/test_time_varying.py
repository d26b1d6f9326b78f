import lifelines.datasets as datasets
import numpy as np
import pandas as pd
import pytest

from retention.errors import InputError
from retention.survival import (
    fit_cox,
    fit_time_varying_cox,
    proportional_hazards_test,
    remedied_cox,
    split_at,
)

ROSSI = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]


@pytest.fixture(scope="module")
def rossi():
    return datasets.load_rossi().rename(columns={"week": "duration", "arrest": "event"})


def test_heart_transplants_have_the_printed_coefficients():
    heart = datasets.load_stanford_heart_transplants()
    model = fit_time_varying_cox(heart, ["age", "year", "surgery", "transplant"], customer="id")
    assert model.coefficients["coefficient"].to_numpy() == pytest.approx(
        [0.0271666, -0.1463463, -0.6372099, -0.0102508], abs=5e-8
    )
    assert model.log_likelihood == pytest.approx(-290.56562, abs=1e-5)


def test_episodes_give_the_same_coefficients_as_late_entry():
    heart = datasets.load_stanford_heart_transplants()
    names = ["age", "year", "surgery", "transplant"]
    episodes = fit_time_varying_cox(heart, names, customer="id")
    entries = fit_cox(heart, names, duration="stop", event="event", entry="start")
    assert episodes.coefficients["coefficient"].to_numpy() == pytest.approx(
        entries.coefficients["coefficient"].to_numpy(), abs=1e-4
    )


@pytest.mark.parametrize(
    ("start", "stop", "problem"), [([0, 5], [5, 5], "no later"), ([0, 4], [5, 9], "overlap")]
)
def test_impossible_episodes_are_refused(start, stop, problem):
    frame = pd.DataFrame(
        {"customer_key": ["a", "a"], "start": start, "stop": stop, "event": [0, 1], "x": [1.0, 2.0]}
    )
    with pytest.raises(InputError, match=problem):
        fit_time_varying_cox(frame, ["x"])


def test_splitting_the_follow_up_changes_no_coefficient(rossi):
    whole = fit_cox(rossi, ROSSI)
    halves = fit_cox(split_at(rossi, 26), ROSSI, entry="entry")
    assert halves.coefficients["coefficient"].to_numpy() == pytest.approx(
        whole.coefficients["coefficient"].to_numpy(), abs=1e-6
    )


def test_the_score_test_does_not_change_when_the_follow_up_is_split(rossi):
    whole = proportional_hazards_test(fit_cox(rossi, ROSSI), rossi)
    rows = split_at(rossi, 26)
    halves = proportional_hazards_test(fit_cox(rows, ROSSI, entry="entry"), rows)
    assert halves.frame["statistic"].to_numpy() == pytest.approx(
        whole.frame["statistic"].to_numpy(), rel=1e-5
    )


def test_the_remedy_stratifies_few_values_and_splits_many(rossi):
    model = fit_cox(rossi, ROSSI)
    remedy = remedied_cox(model, rossi, proportional_hazards_test(model, rossi))
    assert remedy.stratified == ("wexp",)
    assert remedy.split == ("age",)
    assert {"age_early", "age_late"} <= set(remedy.model.covariates)
    assert "wexp" not in remedy.model.covariates
    assert remedy.test.frame.iloc[-1]["p_value"] > 0.05
    assert "no longer change over time" in remedy.summary()


def test_stratified_score_test_adds_the_strata(rossi):
    model = fit_cox(rossi, ["age", "prio"], strata=["fin"])
    test = proportional_hazards_test(model, rossi)
    assert len(test.residuals) == int(rossi["event"].sum())
    assert np.isfinite(test.frame["statistic"]).all()


def test_an_effect_that_fades_is_found():
    random = np.random.default_rng(4)
    n = 4000
    x = random.integers(0, 2, n)
    early = random.exponential(10 / np.exp(1.0 * x))
    time = np.where(early < 5, early, 5 + random.exponential(10, n))
    data = pd.DataFrame(
        {"duration": np.minimum(time, 30), "event": (time < 30).astype(int), "x": x}
    )
    model = fit_cox(data, ["x"])
    test = proportional_hazards_test(model, data)
    assert test.failing == ["x"]
    assert test.check().status == "warn"

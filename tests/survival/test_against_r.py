"""The same cases through R's survival, where it is installed (`make test-r` installs it)."""

import shutil
import subprocess

import lifelines.datasets as datasets
import numpy as np
import pandas as pd
import pytest

from retention.survival import (
    Distribution,
    Weighting,
    count_events,
    cumulative_incidence,
    fit_accelerated,
    fit_cox,
    fit_time_varying_cox,
    interval_curve,
    kaplan_meier,
    log_rank,
    nelson_aalen,
    proportional_hazards_test,
    restricted_mean,
)

pytestmark = pytest.mark.slow

ROSSI = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]
SCRIPT = """
suppressMessages(library(survival)); options(digits = 12)
d <- read.csv("rossi.csv"); names(d)[1:2] <- c("week", "arrest")
fit <- coxph(Surv(week, arrest) ~ fin + age + race + wexp + mar + paro + prio, d)
cat("cox", coef(fit), "\\n")
cat("cox_se", sqrt(diag(vcov(fit))), "\\n")
cat("cox_fit", fit$loglik[2], concordance(fit)$concordance, "\\n")
cat("zph", cox.zph(fit)$table[, 1], "\\n")
cat("zph_p", cox.zph(fit)$table[, 3], "\\n")
cat("strata", cox.zph(coxph(Surv(week, arrest) ~ age + prio + strata(fin), d))$table[, 1], "\\n")
km <- summary(survfit(Surv(week, arrest) ~ 1, d, conf.type = "log-log"), times = c(20, 52))
cat("km", km$surv, km$lower, km$upper, "\\n")
late <- summary(survfit(Surv(entry, week, arrest) ~ 1, d, conf.type = "log-log"), times = c(20, 52))
cat("late", late$surv, late$lower, late$upper, "\\n")
cat("rank", survdiff(Surv(week, arrest) ~ fin, d)$chisq, "\\n")
cat("peto", survdiff(Surv(week, arrest) ~ fin, d, rho = 1)$chisq, "\\n")
cat("many", survdiff(Surv(week, arrest) ~ prio_band, d)$chisq, "\\n")
mean52 <- summary(survfit(Surv(week, arrest) ~ fin, d), rmean = 52)$table
cat("mean", mean52[, "rmean"], mean52[, "se(rmean)"], "\\n")
cat("hazard", summary(survfit(Surv(week, arrest) ~ 1, d), times = c(20, 52))$cumhaz, "\\n")
for (dist in c("weibull", "lognormal", "loglogistic")) {
  aft <- survreg(Surv(week, arrest) ~ fin + age + race + wexp + mar + paro + prio, d, dist = dist)
  cat(dist, coef(aft), aft$scale, aft$loglik[2], "\\n")
}
d$cause <- factor(ifelse(d$arrest == 0, 0, ifelse(d$age > 22, 1, 2)))
aj <- summary(survfit(Surv(week, cause) ~ 1, d), times = 52)
cat("aj", aj$pstate[2:3], aj$std.err[2:3], "\\n")
i <- read.csv("intervals.csv"); i$right[i$right > 1e8] <- NA
turnbull <- survfit(Surv(left, right, type = "interval2") ~ 1, i)
cat("turnbull", summary(turnbull, times = c(10, 20, 30) + 0.001, extend = TRUE)$surv, "\\n")
h <- read.csv("heart.csv")
cat("heart", coef(coxph(Surv(start, stop, event) ~ age + year + surgery + transplant, h)), "\\n")
"""


def with_entry(frame):
    return frame.assign(entry=np.where(frame["week"] > 10, frame["prio"] % 10, 0),
                        prio_band=np.minimum(frame["prio"], 4))  # fmt: skip


@pytest.fixture(scope="module")
def intervals():
    """Departures looked for every fifth week, at a phase of each customer's own."""
    random = np.random.default_rng(5)
    time, phase = random.exponential(25, 120), random.integers(1, 6, 120)
    left = np.where(time < phase, 0, phase + 5 * np.floor((time - phase) / 5))
    right = np.where(time < phase, phase, left + 5)
    return pd.DataFrame({"left": left, "right": np.where(right > 40, np.inf, right)})


@pytest.fixture(scope="module")
def answers(tmp_path_factory, intervals):
    if shutil.which("Rscript") is None:
        pytest.skip("no Rscript here; `make test-r` installs it")
    folder = tmp_path_factory.mktemp("r")
    with_entry(datasets.load_rossi()).to_csv(folder / "rossi.csv", index=False)
    datasets.load_stanford_heart_transplants().to_csv(folder / "heart.csv", index=False)
    intervals.replace(np.inf, 1e9).to_csv(folder / "intervals.csv", index=False)
    done = subprocess.run(
        ["Rscript", "-e", SCRIPT], cwd=folder, capture_output=True, text=True, check=False
    )
    if "there is no package called" in done.stderr:
        pytest.skip("R has no survival package here; `make test-r` installs it")
    assert done.returncode == 0, done.stderr
    lines = (line.split() for line in done.stdout.splitlines() if line)
    return {name: np.array([float(value) for value in values]) for name, *values in lines}


@pytest.fixture(scope="module")
def rossi():
    frame = with_entry(datasets.load_rossi())
    return frame.rename(columns={"week": "duration", "arrest": "event"})


def test_cox_equals_r(answers, rossi):
    model = fit_cox(rossi, ROSSI)
    assert model.coefficients["coefficient"].to_numpy() == pytest.approx(answers["cox"], abs=1e-6)
    errors = model.coefficients["standard_error"].to_numpy()
    assert errors == pytest.approx(answers["cox_se"], abs=1e-6)
    assert [model.log_likelihood, model.concordance] == pytest.approx(answers["cox_fit"], abs=1e-5)


def test_the_proportional_hazards_test_equals_cox_zph(answers, rossi):
    test = proportional_hazards_test(fit_cox(rossi, ROSSI), rossi)
    assert test.frame["statistic"].to_numpy() == pytest.approx(answers["zph"], abs=1e-5)
    assert test.frame["p_value"].to_numpy() == pytest.approx(answers["zph_p"], abs=1e-6)
    stratified = fit_cox(rossi, ["age", "prio"], strata=["fin"])
    test = proportional_hazards_test(stratified, rossi)
    assert test.frame["statistic"].to_numpy() == pytest.approx(answers["strata"], rel=1e-3)


def test_curves_and_log_log_bands_equal_r_with_and_without_late_entry(answers, rossi):
    columns = ["survival", "ci_low", "ci_high"]
    at = kaplan_meier(count_events(rossi)).at([20, 52])[columns]
    assert at.to_numpy().T.ravel() == pytest.approx(answers["km"], abs=1e-9)
    late = kaplan_meier(count_events(rossi, entry="entry")).at([20, 52])[columns]
    assert late.to_numpy().T.ravel() == pytest.approx(answers["late"], abs=1e-9)
    hazard = nelson_aalen(count_events(rossi)).frame
    at = hazard[hazard["time"].isin([20, 52])]["hazard"]
    assert at.to_numpy() == pytest.approx(answers["hazard"], abs=1e-9)


def test_log_rank_tests_equal_r_for_two_and_for_many_groups(answers, rossi):
    by_aid = count_events(rossi, group="fin")
    assert log_rank(by_aid).statistic == pytest.approx(answers["rank"][0], abs=1e-9)
    many = log_rank(count_events(rossi, group="prio_band"))
    assert many.statistic == pytest.approx(answers["many"][0], abs=1e-8)
    # R weighs by S(t-) where Peto and Peto's own estimate is S~(t): close, not equal.
    peto = log_rank(by_aid, weighting=Weighting.PETO_PETO).statistic
    assert peto == pytest.approx(answers["peto"][0], rel=0.01)


def test_restricted_means_and_their_errors_equal_r(answers, rossi):
    means = restricted_mean(count_events(rossi, group="fin"), horizon=52).means
    ours = means[["mean", "standard_error"]].to_numpy().T.ravel()
    assert ours == pytest.approx(answers["mean"], abs=1e-6)


@pytest.mark.parametrize(
    ("distribution", "name"),
    [
        (Distribution.WEIBULL, "weibull"),
        (Distribution.LOG_NORMAL, "lognormal"),
        (Distribution.LOG_LOGISTIC, "loglogistic"),
    ],
)
def test_accelerated_times_equal_survreg(answers, rossi, distribution, name):
    model = fit_accelerated(rossi, ROSSI, distribution=distribution)
    ours = [*model.coefficients["coefficient"], model.scale, model.log_likelihood]
    assert ours == pytest.approx(answers[name], abs=2e-4)


def test_cumulative_incidence_equals_r(answers, rossi):
    cause = np.where(rossi["event"] == 0, None, np.where(rossi["age"] > 22, "a", "b"))
    found = cumulative_incidence(rossi.assign(cause=cause)).at(52)
    ours = found[["incidence", "standard_error"]].to_numpy().T.ravel()
    assert ours[:2] == pytest.approx(answers["aj"][:2], abs=1e-9)
    assert ours[2:] == pytest.approx(answers["aj"][2:], rel=5e-3)


def test_turnbulls_curve_equals_r(answers, intervals):
    curve = interval_curve(intervals, draws=2).frame
    ours = [curve.loc[curve["right"] <= time, "survival"].min() for time in (10, 20, 30)]
    assert ours == pytest.approx(answers["turnbull"], abs=2e-3)


def test_time_varying_cox_equals_r(answers):
    heart = datasets.load_stanford_heart_transplants()
    model = fit_time_varying_cox(heart, ["age", "year", "surgery", "transplant"], customer="id")
    ours = model.coefficients["coefficient"].to_numpy()
    assert ours == pytest.approx(answers["heart"], abs=1e-6)

"""The same cases through R's survival, where it is installed (Debian: r-cran-survival)."""

import shutil
import subprocess

import lifelines.datasets as datasets
import numpy as np
import pytest

from retention.survival import (
    count_events,
    cumulative_incidence,
    fit_cox,
    kaplan_meier,
    log_rank,
    proportional_hazards_test,
)

pytestmark = pytest.mark.slow

SCRIPT = """
library(survival); options(digits = 12)
d <- read.csv("rossi.csv"); names(d)[1:2] <- c("week", "arrest")
fit <- coxph(Surv(week, arrest) ~ fin + age + race + wexp + mar + paro + prio, d)
cat("cox", coef(fit), "\\n")
cat("zph", cox.zph(fit)$table[, 1], "\\n")
cat("strata", cox.zph(coxph(Surv(week, arrest) ~ age + prio + strata(fin), d))$table[, 1], "\\n")
km <- summary(survfit(Surv(week, arrest) ~ 1, d, conf.type = "log-log"), times = c(20, 52))
cat("km", km$surv, km$lower, km$upper, "\\n")
cat("rank", survdiff(Surv(week, arrest) ~ fin, d)$chisq, "\\n")
d$cause <- factor(ifelse(d$arrest == 0, 0, ifelse(d$age > 22, 1, 2)))
aj <- summary(survfit(Surv(week, cause) ~ 1, d), times = 52)
cat("aj", aj$pstate[2:3], aj$std.err[2:3], "\\n")
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    if shutil.which("Rscript") is None:
        pytest.skip("no Rscript here; install r-cran-survival to compare with R")
    folder = tmp_path_factory.mktemp("r")
    datasets.load_rossi().to_csv(folder / "rossi.csv", index=False)
    done = subprocess.run(
        ["Rscript", "-e", SCRIPT], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"R has no survival package: {done.stderr.strip().splitlines()[-1]}")
    lines = (line.split() for line in done.stdout.splitlines() if line)
    return {name: np.array([float(value) for value in values]) for name, *values in lines}


@pytest.fixture(scope="module")
def rossi():
    return datasets.load_rossi().rename(columns={"week": "duration", "arrest": "event"})


def test_cox_and_proportional_hazards_equal_r(answers, rossi):
    model = fit_cox(rossi, ["fin", "age", "race", "wexp", "mar", "paro", "prio"])
    assert model.coefficients["coefficient"].to_numpy() == pytest.approx(answers["cox"], abs=1e-6)
    test = proportional_hazards_test(model, rossi)
    assert test.frame["statistic"].to_numpy() == pytest.approx(answers["zph"], abs=1e-5)
    stratified = fit_cox(rossi, ["age", "prio"], strata=["fin"])
    test = proportional_hazards_test(stratified, rossi)
    assert test.frame["statistic"].to_numpy() == pytest.approx(answers["strata"], rel=1e-3)


def test_curves_and_tests_equal_r(answers, rossi):
    at = kaplan_meier(count_events(rossi)).at([20, 52])[["survival", "ci_low", "ci_high"]]
    assert at.to_numpy().T.ravel() == pytest.approx(answers["km"], abs=1e-9)
    rank = log_rank(count_events(rossi, group="fin"))
    assert rank.statistic == pytest.approx(answers["rank"][0], abs=1e-9)
    cause = np.where(rossi["event"] == 0, None, np.where(rossi["age"] > 22, "a", "b"))
    found = cumulative_incidence(rossi.assign(cause=cause)).at(52)
    ours = found[["incidence", "standard_error"]].to_numpy().T.ravel()
    assert ours == pytest.approx(answers["aj"], rel=5e-3)

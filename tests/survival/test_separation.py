"""Covariates that separate who left from who stayed: likelihood ratios, limits, Firth."""

import lifelines.datasets as datasets
import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from retention.errors import ParameterError
from retention.survival import fit_cox, fit_time_varying_cox


def one_group_stays(n=200, stays=20, seed=1):
    """Return customers of whom a group of VIPs never leaves."""
    random = np.random.default_rng(seed)
    vip = (np.arange(n) < stays).astype(int)
    return pd.DataFrame({"duration": random.integers(1, 100, n), "event": 1 - vip, "vip": vip,
                         "age": random.normal(size=n)})  # fmt: skip


def log_partial_likelihood(beta, frame, names):
    """Efron's partial likelihood and its information, departure by departure."""
    x, time = frame[names].to_numpy(float), frame["duration"].to_numpy()
    left = frame["event"].to_numpy() == 1
    value, information, risk = 0.0, np.zeros((len(names),) * 2), np.exp(x @ beta)
    for t in np.unique(time[left]):
        dead, at_risk = left & (time == t), time >= t
        for k in range(dead.sum()):
            w = risk * at_risk - k / dead.sum() * risk * dead
            mean = w @ x / w.sum()
            information += (x * w[:, None]).T @ x / w.sum() - np.outer(mean, mean)
            value -= np.log(w.sum())
        value += (x[dead] @ beta).sum()
    return value, information


@pytest.mark.parametrize("sign", [1, -1])
def test_a_group_that_never_leaves_has_ratio_zero_a_limit_and_a_test(sign):
    frame = one_group_stays().assign(vip=lambda f: sign * f["vip"])
    model = fit_cox(frame, ["vip"])
    row = model.to_frame().iloc[0]
    assert row["hazard_ratio"] == (0.0 if sign > 0 else np.inf)
    inner = row["ci_high"] if sign > 0 else 1 / row["ci_low"]
    nested = log_partial_likelihood(np.array([0.0]), frame, ["vip"])[0]
    best = log_partial_likelihood(np.array([-30.0 * sign]), frame, ["vip"])[0]
    at_limit = log_partial_likelihood(np.array([sign * np.log(inner)]), frame, ["vip"])[0]
    assert row["p_value"] == pytest.approx(stats.chi2.sf(2 * (best - nested), 1), rel=1e-4)
    assert 2 * (best - at_limit) == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-4)
    assert "separates" in model.summary()
    assert "No covariate clearly" not in model.summary()
    assert np.isfinite(model.log_risk(frame)).all()


def test_where_nothing_separates_nothing_is_warned_of_and_both_tests_agree():
    rossi = datasets.load_rossi().rename(columns={"week": "duration", "arrest": "event"})
    table = fit_cox(rossi, ["fin", "age", "prio"])
    assert table.warnings == ()
    frame = table.to_frame()
    assert frame["likelihood_ratio_p"].to_numpy() == pytest.approx(frame["p_value"], abs=0.02)
    without = fit_cox(rossi, ["age", "prio"])
    ratio = 2 * (table.log_likelihood - without.log_likelihood)
    assert frame["likelihood_ratio_p"].iloc[0] == pytest.approx(stats.chi2.sf(ratio, 1), rel=1e-5)


def test_with_strata_and_late_entry_the_likelihood_is_lifelines():
    random = np.random.default_rng(4)
    entry = random.integers(0, 5, 200)
    frame = pd.DataFrame({"x": random.normal(size=200), "z": random.normal(size=200)}).assign(
        entry=entry,
        duration=entry + random.integers(1, 15, 200),
        event=random.integers(0, 2, 200),
        s=random.integers(0, 3, 200),
    )
    both = fit_cox(frame, ["x", "z"], entry="entry", strata=["s"])
    one = fit_cox(frame, ["z"], entry="entry", strata=["s"])
    ratio = 2 * (both.log_likelihood - one.log_likelihood)
    p_value = both.to_frame()["likelihood_ratio_p"].iloc[0]
    assert p_value == pytest.approx(stats.chi2.sf(ratio, 1), rel=1e-5)


@pytest.mark.parametrize(
    "frame", [one_group_stays(60, 10), one_group_stays(60, 10).assign(event=1)]
)
def test_firths_estimate_maximises_the_penalised_likelihood(frame):
    names = ["vip", "age"]

    def loss(beta):
        value, information = log_partial_likelihood(beta, frame, names)
        return -value - np.linalg.slogdet(information)[1] / 2

    options = {"xatol": 1e-8, "fatol": 1e-11}
    found = optimize.minimize(loss, np.zeros(2), method="Nelder-Mead", options=options)
    model = fit_cox(frame, names, penalty="firth")
    table = model.to_frame()
    assert table["coefficient"].to_numpy() == pytest.approx(found.x, abs=1e-4)
    assert model.log_likelihood == pytest.approx(-found.fun, abs=1e-6)
    information = log_partial_likelihood(found.x, frame, names)[1]
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    assert table["standard_error"].to_numpy() == pytest.approx(errors, rel=1e-3)
    assert np.isfinite(table["hazard_ratio"]).all()
    assert (table["ci_low"] < table["hazard_ratio"]).all()
    assert (table["hazard_ratio"] < table["ci_high"]).all()


def test_firths_fit_predicts_and_refuses_what_it_does_not_know():
    frame = one_group_stays()
    model = fit_cox(frame, ["vip", "age"], penalty="firth")
    survival = model.survival(frame, [10, 50, 90])
    assert ((survival >= 0) & (survival <= 1)).all()
    assert (np.diff(survival, axis=1) <= 0).all()
    assert "VIP" not in model.summary()
    with pytest.raises(ParameterError, match="weights"):
        fit_cox(frame.assign(w=1.0), ["vip"], penalty="firth", weight="w")
    with pytest.raises(ParameterError, match="ridge, firth"):
        fit_cox(frame, ["vip"], penalty="lasso")


def test_episodes_with_a_covariate_that_separates_say_so():
    frame = one_group_stays(80, 15).assign(start=0, customer_key=np.arange(80))
    model = fit_time_varying_cox(frame, ["vip"], stop="duration")
    assert model.to_frame()["hazard_ratio"].iloc[0] == 0
    assert "separates" in model.summary()

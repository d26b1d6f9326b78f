"""Logistic regression: statsmodels where there is a peak, Firth's estimate where there is none."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize

from retention.churn.logistic import fit_logistic, logistic_line


def firth_by_search(x, y):
    """Maximise the penalised likelihood directly: a second way to the same estimate."""

    def loss(beta):
        eta = x @ beta
        p = 1 / (1 + np.exp(-eta))
        log_likelihood = np.sum(y * eta - np.logaddexp(0, eta))
        return -log_likelihood - np.linalg.slogdet((x * (p * (1 - p))[:, None]).T @ x)[1] / 2

    options = {"xatol": 1e-9, "fatol": 1e-13, "maxiter": 20_000}
    return optimize.minimize(loss, np.zeros(x.shape[1]), method="Nelder-Mead", options=options).x


def drawn(n, seed=0):
    random = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), random.normal(size=n), random.integers(0, 2, n)])
    y = (random.random(n) < 1 / (1 + np.exp(-x @ np.array([-0.5, 1.0, 0.7])))).astype(float)
    return x, y


def test_without_separation_it_is_statsmodels():
    x, y = drawn(300)
    beta, error, converged = fit_logistic(x, y)
    theirs = sm.Logit(y, x).fit(disp=0)
    assert converged
    assert beta == pytest.approx(theirs.params, abs=1e-6)
    assert error == pytest.approx(theirs.bse, abs=1e-6)


def test_firths_estimate_maximises_the_penalised_likelihood():
    x, y = drawn(40, seed=3)
    assert fit_logistic(x, y, firth=True)[0] == pytest.approx(firth_by_search(x, y), abs=1e-5)
    separated = (x[:, 1] > 0).astype(float)
    assert not fit_logistic(x, separated)[2]
    beta, error, converged = fit_logistic(x, separated, firth=True)
    assert converged
    assert beta == pytest.approx(firth_by_search(x, separated), abs=1e-4)
    assert np.isfinite(error).all()


def test_a_two_by_two_table_with_an_empty_cell_has_a_half_added_to_each():
    """Firth's logistic regression of a saturated table (Heinze and Schemper 2002)."""
    x = np.column_stack([np.ones(30), np.r_[np.zeros(20), np.ones(10)]])
    y = np.r_[np.ones(8), np.zeros(12), np.zeros(10)]
    beta = fit_logistic(x, y, firth=True)[0]
    expected = np.log(0.5 / 10.5) - np.log(8.5 / 12.5)
    assert beta[1] == pytest.approx(expected, abs=1e-6)


def test_the_calibration_line_of_separated_scores_is_finite():
    intercept_and_slope, error = logistic_line(
        np.r_[np.zeros(6), np.ones(6)], np.arange(12.0) - 5.5
    )
    assert 0 < intercept_and_slope[1] < 20
    assert np.isfinite(error).all()

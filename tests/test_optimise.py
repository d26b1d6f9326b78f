"""Maximum likelihood: convergence is a matter of gradient and curvature, not of a line search."""

import numpy as np
import pytest
from scipy.optimize import minimize

from retention.optimise import maximise, newton_finished


def log_likelihood_of_normal(data):
    """Mean log-likelihood and gradient in (mean, log sd)."""

    def objective(point):
        z = (data - point[0]) / np.exp(point[1])
        value = float(np.mean(-0.5 * z**2 - point[1]))
        return value, np.array([np.mean(z) / np.exp(point[1]), np.mean(z**2 - 1)])

    return objective


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_fit_whose_gradient_is_nil_has_converged_whatever_the_unit(scale):
    data = np.random.default_rng(0).normal(3, 2, 500) * scale
    best = maximise(log_likelihood_of_normal(data), [np.zeros(2)], bound=np.inf)
    assert best.converged
    assert best.point[0] == pytest.approx(data.mean(), rel=1e-6)
    assert np.exp(best.point[1]) == pytest.approx(data.std(), rel=1e-6)


def test_the_minimiser_converges_where_a_line_search_loses_precision():
    """The value is rounded to 1e-9, so that no step can be seen to improve it near the optimum."""

    def rough(point):
        value = round(float(np.sum((point - 1) ** 4 + (point - 1) ** 2)), 9)
        return value, 4 * (point - 1) ** 3 + 2 * (point - 1)

    start = np.full(3, 5.0)
    own = minimize(rough, start, jac=True, method=newton_finished)
    assert own.success
    assert own.x == pytest.approx(np.ones(3), abs=1e-6)


def test_a_likelihood_without_a_peak_has_not_converged():
    rising = maximise(lambda p: (float(p[0]), np.array([1.0])), [np.zeros(1)], bound=np.inf)
    assert not rising.converged

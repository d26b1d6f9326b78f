"""CDNOW's 1/10 sample: the figures that the literature prints."""

import numpy as np
import pandas as pd
import pytest

from retention.value import GeometricDropout, ParetoDropout, compress, fit_purchases, fit_spend

pytestmark = pytest.mark.realdata

BGNBD = GeometricDropout()
MBGNBD = GeometricDropout(coin_at_start=True)
CUSTOMER_ONE = pd.DataFrame({"frequency": [2], "recency": [30.43], "tenure": [38.86]})


@pytest.fixture(scope="module")
def bgnbd(cdnow):
    return fit_purchases(BGNBD, cdnow)


@pytest.fixture(scope="module")
def pareto(cdnow):
    return fit_purchases(ParetoDropout(), cdnow)


def test_the_sample_is_the_one_of_the_literature(cdnow_frame):
    assert len(cdnow_frame) == 2357
    assert cdnow_frame["frequency"].sum() == 2457
    assert (cdnow_frame["frequency"] > 0).sum() == 946


def test_bgnbd_parameters_and_log_likelihood(bgnbd):
    assert bgnbd.converged
    assert bgnbd.parameters == pytest.approx([0.2425945, 4.4136019, 0.7929199, 2.4258881], rel=1e-5)
    assert bgnbd.log_likelihood == pytest.approx(-9582.429, abs=5e-4)


def test_bgnbd_expectations_of_a_new_customer(bgnbd):
    expected = bgnbd.expected_purchases(7 * np.array([0.1429, 1, 3, 31.857, 32, 78]))
    assert expected == pytest.approx([0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.858], abs=5e-5)


def test_bgnbd_predicts_the_first_customer(bgnbd):
    one = compress(CUSTOMER_ONE, unit_days=7)
    assert bgnbd.expected_future(one, 39 * 7)[0] == pytest.approx(1.226, abs=5e-4)
    assert bgnbd.probability_alive(one)[0] == pytest.approx(0.72661, abs=5e-6)


def test_pareto_nbd_parameters_errors_and_log_likelihood(pareto):
    # The published optimum is printed as r .553, alpha 10.578, s .606, beta 11.669; other
    # optimisers stop up to .03 % away on the same flat top.
    assert pareto.converged
    assert pareto.parameters == pytest.approx([0.553, 10.578, 0.606, 11.669], abs=5e-4)
    assert pareto.parameters == pytest.approx([0.55315, 10.57633, 0.60625, 11.67150], rel=5e-4)
    assert pareto.standard_errors == pytest.approx([0.04763, 0.84272, 0.18726, 6.21054], rel=1e-3)
    assert pareto.log_likelihood == pytest.approx(-9594.976, abs=5e-4)


def test_pareto_nbd_predicts_a_frequent_customer():
    one = compress(
        pd.DataFrame({"frequency": [26], "recency": [30.86], "tenure": [31]}), unit_days=7
    )
    parameters = np.array([0.5534, 10.5802, 0.6061, 11.6562])
    model = ParetoDropout()
    alive = model.probability_alive(parameters, one)[0]
    assert alive == pytest.approx(0.9979, abs=5e-5)
    future = alive * model.expected_if_alive(parameters, one, 52)[0]
    assert future == pytest.approx(25.46, abs=0.006)


def test_mbgnbd_parameters_and_log_likelihood(cdnow):
    fit = fit_purchases(MBGNBD, cdnow)
    assert fit.converged
    assert fit.parameters == pytest.approx([0.52484, 6.1831, 0.89136, 1.61400], abs=5e-5)
    assert fit.log_likelihood == pytest.approx(-9582.136, abs=5e-4)


def test_gamma_gamma_parameters_log_likelihood_and_first_ten_customers(cdnow_frame, cdnow_orders):
    x = cdnow_frame["frequency"].to_numpy(dtype=float)
    z = cdnow_frame["monetary_value"].to_numpy(dtype=float)
    fit = fit_spend(x, z)
    assert fit.converged
    assert fit.customers == 946
    assert fit.parameters == pytest.approx([6.25, 3.74, 15.44], abs=5e-3)
    assert fit.log_likelihood == pytest.approx(-4055.9177, abs=1e-4)
    # The sample numbers its customers by the date of their first purchase, then by id.
    first = cdnow_orders.groupby("customer_key")["ordered_at"].min()
    order = np.lexsort([first.index, first.to_numpy()])[:10]
    expected = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert fit.expected_value(x, z)[order] == pytest.approx(expected, abs=0.1)

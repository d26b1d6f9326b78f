import warnings

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import hyp2f1

from retention.errors import EvidenceError
from retention.value.special import expected_geometric_purchases, log_positive_2f1


def by_integration(r, alpha, a, b, t):
    """Average (1 - exp(-v p t)) / p over both priors; the rate integrates in closed form."""

    def inside(p):
        return (1 - (alpha / (alpha + p * t)) ** r) / p * stats.beta.pdf(p, a, b)

    return quad(inside, 0, 1, epsabs=1e-14, epsrel=1e-12, limit=400)[0]


@pytest.mark.parametrize(
    ("r", "alpha", "a", "b", "t"),
    [
        (0.243, 4.414, 0.793, 2.426, 52.0),
        (1.0, 2.0, 3.0, 4.0, 1.0),
        (5.0, 3.0, 1.5, 1.0, 30.0),  # a + b - 1 - r below zero: an alternating start
        (40.0, 100.0, 2.0, 3.0, 60.0),  # below the limit: the positive series
        (25.3, 42.0, 1.79, 27.4, 39.0),  # a customer with 25 repeat purchases
    ],
)
def test_expected_purchases_equal_the_integral(r, alpha, a, b, t):
    found = expected_geometric_purchases(*map(np.array, (r, alpha, a, b, t)))
    assert float(found) == pytest.approx(by_integration(r, alpha, a, b, t), rel=1e-8)


@pytest.mark.parametrize("distance", [0.0, 1e-12, 1e-9, 1e-6, -1e-6, 1e-3])
def test_nothing_happens_at_the_pole_of_the_textbook_formula(distance):
    r, alpha, b, t = 0.6, 5.0, 2.0, 40.0
    found = expected_geometric_purchases(*map(np.array, (r, alpha, 1.0 + distance, b, t)))
    assert float(found) == pytest.approx(by_integration(r, alpha, 1.0 + distance, b, t), rel=1e-9)


def test_hundreds_of_purchases_do_not_overflow():
    found = expected_geometric_purchases(*map(np.array, (600.0, 700.0, 1.2, 900.0, 365.0)))
    assert float(found) == pytest.approx(by_integration(600.0, 700.0, 1.2, 900.0, 365.0), rel=1e-7)


def test_the_logarithm_of_the_hypergeometric_function_matches_scipy():
    a, b, c = np.array([0.5, 3.0, 20.0]), np.array([1.0, 2.5, 10.0]), np.array([2.0, 4.0, 25.0])
    z = np.array([0.1, 0.7, 0.9])
    assert log_positive_2f1(a, b, c, z) == pytest.approx(np.log(hyp2f1(a, b, c, z)), rel=1e-12)


def test_a_horizon_out_of_proportion_is_refused_with_words():
    with pytest.raises(EvidenceError, match="horizon"):
        expected_geometric_purchases(*map(np.array, (0.5, 1e-6, 0.8, 2.0, 1e6)))


@pytest.mark.parametrize(
    ("r", "a", "b", "t"),
    [(50.0, 0.3, 0.4, 20.0), (200.0, 0.2, 0.1, 50.0), (1.0, 900.0, 30.0, 100.0),
     (2.0, 400.0, 900.0, 30.0), (3_000.0, 0.02, 0.05, 31.0), (0.6, 1_400.0, 26_000.0, 900.0)],
)  # fmt: skip
def test_expected_purchases_hold_where_the_data_leave_parameters_open(r, a, b, t):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = expected_geometric_purchases(r, 3.0, a, b, t)
    dropout = np.random.default_rng(1).beta(a, b, 400_000)
    lost = -np.expm1(-r * np.log1p(dropout * t / 3.0))
    drawn = np.divide(lost, dropout, out=np.full(len(dropout), r * t / 3.0), where=dropout > 1e-12)
    error = drawn.std() / np.sqrt(len(drawn))
    assert float(found) == pytest.approx(drawn.mean(), abs=5 * error + 1e-9)


def test_the_formulas_of_expected_purchases_meet_where_one_hands_over_to_the_other():
    below, above = (float(expected_geometric_purchases(40.0, 3.0, 0.3, 0.7 + d, 9.0))
                    for d in (-1e-7, 1e-7))  # fmt: skip
    assert below == pytest.approx(above, rel=1e-6)
    short, long = (float(expected_geometric_purchases(0.5, 3.0, 301.0, 40.0, 3 * np.expm1(x / 300)))
                   for x in (499.999, 500.001))  # fmt: skip
    assert short == pytest.approx(long, rel=1e-5)

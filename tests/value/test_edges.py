"""Spending and purchases at their edges: one price for all, thousands of orders."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate

from retention.value import (
    GeometricDropout,
    ParetoDropout,
    ValueTerms,
    compress,
    fit_purchases,
    fit_spend,
    labels_of,
    predicted_range,
)

PARETO = np.array([0.5534, 10.5802, 0.6061, 11.6562])
BG = np.array([0.2426, 4.4136, 0.7929, 2.4259])
MANY = [(221, 103.42857, 103.57143), (161, 94.71429, 98.0), (204, 98.57143, 99.42857),
        (2000, 150.0, 156.0), (20000, 300.0, 300.0), (0, 0.0, 3650.0)]  # fmt: skip


def alive_by_quadrature(x, recency, tenure):
    """P(alive) of Pareto/NBD as one over one plus the odds of having left, in logarithms."""
    r, alpha, s, beta = PARETO
    at_end = -(r + x) * np.log(alpha + tenure) - s * np.log(beta + tenure)

    def density(y):
        log = np.log(s) - (r + x) * np.log(alpha + y) - (s + 1) * np.log(beta + y)
        return np.exp(log - at_end)

    if tenure <= recency:
        return 1.0
    return 1 / (1 + integrate.quad(density, recency, tenure, limit=500, epsabs=0, epsrel=1e-12)[0])


@pytest.mark.parametrize("row", MANY)
def test_thousands_of_purchases_neither_overflow_nor_lose_digits(row):
    summary = compress(pd.DataFrame([row], columns=["frequency", "recency", "tenure"]))
    alive = ParetoDropout().probability_alive(PARETO, summary)[0]
    assert alive == pytest.approx(alive_by_quadrature(*row), rel=1e-9)
    for model, parameters in ((ParetoDropout(), PARETO), (GeometricDropout(), BG)):
        chance = model.probability_alive(parameters, summary)[0]
        later = model.expected_if_alive(parameters, summary, 52.0)[0]
        assert 0 <= chance <= 1
        assert np.isfinite(later)
        assert later >= 0


@pytest.mark.parametrize("values", [np.full(500, 20.0), np.r_[np.full(499, 20.0), 20.01]])
def test_where_all_orders_cost_the_same_that_is_what_an_order_is_worth(values):
    purchases = np.random.default_rng(1).integers(1, 5, 500).astype(float)
    fit = fit_spend(purchases, values, currency="EUR")
    assert fit.converged
    worth = fit.expected_value(np.array([0.0, 1.0, 3.0]), np.array([0.0, 20.0, 20.0]))
    assert worth == pytest.approx(20.0, abs=0.005)
    assert "EUR 20.00" in fit.summary()
    assert "hardly differ" in fit.summary()


def test_one_wholesale_order_does_not_keep_the_search_from_its_peak():
    random = np.random.default_rng(0)
    values = np.r_[20 + random.normal(0, 3, 499), 1e7]
    fit = fit_spend(random.integers(1, 5, 500).astype(float), values)
    assert fit.converged
    assert fit.expected_value(np.array([3.0]), np.array([20.0]))[0] == pytest.approx(20, rel=0.05)


def test_without_segments_the_predicted_range_has_one_line():
    random = np.random.default_rng(0)
    rate, tenure = random.gamma(1, 0.02, 400), random.integers(200, 700, 400)
    bought = random.poisson(rate * tenure)
    frame = pd.DataFrame({
        "customer_key": [f"c{i:03}" for i in range(400)], "frequency": bought, "tenure": tenure,
        "recency": np.where(bought > 0, np.floor(tenure * random.beta(3, 1, 400)), 0),
        "monetary_value": np.where(bought > 0, random.gamma(6, 7, 400), np.nan)})  # fmt: skip
    summary = compress(frame)
    purchases = fit_purchases(GeometricDropout(coin_at_start=True), summary)
    spend = fit_spend(frame["frequency"].to_numpy(float), frame["monetary_value"].to_numpy())
    groups = labels_of(frame, None, "segment")
    terms = ValueTerms(365, 0.5, 0.1, "USD")
    found = predicted_range(frame, summary, purchases, spend, terms, groups=groups, draws=100)
    assert found.to_frame()["group"].tolist() == ["all customers"]

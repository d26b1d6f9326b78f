"""Published and recomputed numbers, to their printed digits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats

from retention import abtest
from retention.abtest import MetricDefinition, Moments

Y = MetricDefinition("y", "y")
A = Moments.of_sums("y", 3407, 1396.87, 52377.9767)
B = Moments.of_sums("y", 3461, 2422.7, 134698.29)


def test_sample_ratio_of_two_published_splits():
    small = abtest.sample_ratio({"a": 53, "b": 47})
    assert small.chi_square == pytest.approx(0.36, abs=1e-12)
    assert round(small.p_value, 10) == 0.5485062355
    assert round(abtest.exact_p_value(53, 47), 10) == 0.6172994136
    large = abtest.sample_ratio({"a": 9463, "b": 7681})
    assert round(large.chi_square, 6) == 185.226552
    assert f"{large.p_value:.4e}" == "3.5022e-42"


def test_welch_difference_and_its_interval():
    found = abtest.estimate(A, B, Y)
    assert round(found.difference, 10) == 0.29
    assert (round(found.ci_low, 5), round(found.ci_high, 5)) == (0.04538, 0.53462)
    assert round(found.p_value, 5) == 0.02016
    assert round(found.relative.lift, 5) == 0.70732


@pytest.mark.parametrize(
    ("method", "low", "high"),
    [("log", 0.10515, 1.63758), ("fieller", 0.09406, 1.70869), ("delta", -0.03526, 1.44989)],
)
def test_relative_intervals(method, low, high):
    relative = abtest.estimate(A, B, Y, relative_method=method).relative
    assert (round(relative.ci_low, 5), round(relative.ci_high, 5)) == (low, high)


def test_the_delta_methods_own_p_value_contradicts_the_absolute_test():
    def lower_end(level):
        return abtest.estimate(A, B, Y, alpha=level, relative_method="delta").relative.ci_low

    # The level at which the interval just reaches zero is the p-value.
    p_value = optimize.brentq(lower_end, 0.001, 0.5)
    assert round(p_value, 5) == 0.06191
    assert abtest.estimate(A, B, Y).p_value < 0.05 < p_value


def test_log_and_fieller_agree_with_the_absolute_test_where_delta_does_not():
    found = {m: abtest.estimate(A, B, Y, relative_method=m) for m in ("log", "fieller", "delta")}
    assert all(e.significant for e in found.values())
    assert found["log"].relative.ci_low > 0
    assert found["fieller"].relative.ci_low > 0
    assert found["delta"].relative.ci_low < 0


def test_cuped_coefficient():
    values = np.column_stack([[2.0, 1, 5, 3], [0.3, 0.5, 0.9, 22]])
    arm = Moments.of(("post", "pre"), values)
    both = abtest.contrast(arm, arm, MetricDefinition("post", "post", covariates=("pre",)))
    assert round(float(both.coefficients[0]), 5) == 0.01864


def test_asymptotic_confidence_sequence_on_the_relative_lift():
    both = abtest.contrast(Moments.of_sums("y", 3000, 1396.87, 52377.9767), B, Y)
    a, b, cov = both.control, both.treatment, both.covariance
    error = math.sqrt(cov[1, 1] / a**2 + b**2 * cov[0, 0] / a**4)
    half = abtest.sequence_half_width(error, 3000 + 3461, 1000)
    lift = b / a - 1
    assert round(lift, 5) == 0.50336
    assert (round(lift - half, 5), round(lift + half, 5)) == (-0.55844, 1.56516)


def test_normal_mixture_boundary():
    rho = abtest.mixture_rho(100.0)
    assert round(rho, 5) == 12.60056
    assert round(abtest.mixture_boundary(100.0, rho), 5) == 30.35209


def test_group_sequential_bounds_at_five_equal_looks():
    plan = abtest.sequential_plan([0.2, 0.4, 0.6, 0.8, 1.0])
    assert plan.bounds.round(4).tolist() == [4.8769, 3.3570, 2.6803, 2.2898, 2.0310]
    assert plan.spent[-1] == pytest.approx(0.05, abs=1e-12)
    assert round(float(abtest.constant_bounds(5, shape=-0.5)[-1]), 4) == 2.0401
    assert round(float(abtest.constant_bounds(5)[0]), 4) == 2.4132


def test_lan_demets_bounds_at_unequal_looks_are_those_of_ldbounds():
    plan = abtest.sequential_plan([0.10, 0.33, 1.0])
    # Printed with four digits, of which the last is off by one where its grid is coarse.
    assert plan.bounds == pytest.approx([6.9913, 3.7308, 1.9605], abs=1.5e-4)
    assert plan.spent == pytest.approx([2.7227e-12, 1.9097e-04, 5.0000e-02], rel=2e-4)


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
def test_bounds_at_unequal_looks_spend_what_a_multivariate_normal_says(spending):
    fractions = np.array([0.5, 0.8, 1.0])
    plan = abtest.sequential_plan(fractions.tolist(), spending=spending)
    early, late = np.minimum.outer(fractions, fractions), np.maximum.outer(fractions, fractions)
    correlation = np.sqrt(early / late)
    for k in (1, 2, 3):
        law = stats.multivariate_normal(np.zeros(k), correlation[:k, :k], seed=1)
        inside = law.cdf(plan.bounds[:k], lower_limit=-plan.bounds[:k])
        assert 1 - inside == pytest.approx(plan.spent[k - 1], abs=2e-5)


def test_group_sequential_spending_is_not_the_two_sided_function_of_the_same_name():
    spent = abtest.sequential_plan([0.2, 0.4, 0.6, 0.8, 1.0]).spent
    other = np.array([1.1726e-5, 0.0019419, 0.0113964, 0.0284296, 0.05])
    assert np.all(spent[:-1] < other[:-1])


def test_bayesian_read_out_of_two_rates_under_the_flat_prior():
    variance = 0.49 * 0.51 / 100
    error = math.sqrt(variance / 0.49**2 + variance * 0.51**2 / 0.49**4)
    found = abtest.posterior(0.51 / 0.49 - 1, error)
    assert round(found.mean, 5) == 0.04082
    assert (round(found.ci_low, 5), round(found.ci_high, 5)) == (-0.24779, 0.32943)
    assert round(found.chance_to_win, 5) == 0.60918
    assert (round(found.loss_if_control, 4), round(found.loss_if_treatment, 5)) == (0.0814, 0.04058)


def test_beta_binomial_chance_agrees_with_simulation():
    # .962782 is in circulation for this example; quadrature and simulation both give .962082.
    generator = np.random.default_rng(1)
    draws = generator.beta(501, 510, 1_000_000) > generator.beta(43, 63, 1_000_000)
    found = abtest.beta_binomial_chance(42, 104, 500, 1009)
    assert round(found, 6) == 0.962082
    assert found == pytest.approx(draws.mean(), abs=4 * math.sqrt(0.036 / 1_000_000))


def test_benjamini_hochberg():
    adjusted = abtest.adjust([0.005, 0.06, 0.007, 0.04, 0.01, 0.03], "benjamini-hochberg")
    assert adjusted.round(10).tolist() == [0.02, 0.06, 0.02, 0.048, 0.02, 0.045]


def test_units_required_for_a_mean_and_for_a_rate():
    assert round(abtest.required_units(abtest.Design(100, 100, power=0.85), 0.3)) == 39_904
    rate = abtest.proportion_design(0.20, 0.05, null_variance="baseline")
    assert round(abtest.required_units(rate, 0.05) / 2, 1) == 1030.2

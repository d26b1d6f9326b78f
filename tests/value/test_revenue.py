"""The hold-out in money."""

import numpy as np
import pytest

from retention.errors import InputError
from retention.results import Status
from retention.value import compare_revenue


def compared(predicted, actual, **options):
    return compare_revenue(predicted, actual, forecast="MBG/NBD", currency="USD", **options)


def test_fifths_go_by_predicted_revenue_and_add_up():
    predicted = np.arange(1.0, 101)
    found = compared(predicted, predicted[::-1]).to_frame()
    assert found["customers"].tolist() == [100, 20, 20, 20, 20, 20]
    assert found["predicted"][1] == predicted[-20:].sum()
    assert found["actual"][1] == predicted[:20].sum()
    assert found["actual"][1:].sum() == found["actual"][0]
    assert found["error"][1] == pytest.approx(predicted[-20:].sum() / predicted[:20].sum() - 1)


def test_the_interval_holds_the_expected_revenue_as_often_as_it_says():
    random = np.random.default_rng(1)
    inside = 0
    for seed in range(150):
        actual = random.gamma(0.5, 20.0, 200)
        table = compared(np.full(200, 10.0), actual, resamples=150, seed=seed).to_frame()
        inside += table["actual_ci_low"][0] <= 2000 <= table["actual_ci_high"][0]
    # A percentile interval of a skewed sum is a little short: .93 here rather than .95.
    assert 0.87 < inside / 150 < 0.99


def test_the_check_looks_at_the_total_and_at_the_most_valuable_fifth():
    predicted = np.repeat([100.0, 50, 20, 10, 5], 40)
    assert compared(predicted, predicted * 1.1).check().status is Status.PASS
    actual = predicted.copy()
    actual[:40] *= 0.5
    actual[40:] *= 1.5
    check = compared(predicted, actual).check()
    assert check.status is Status.WARN
    assert "values of most valuable fifth as too high" in check.action
    assert "+100.0 %" in check.detail


def test_the_same_seed_gives_the_same_intervals():
    actual = np.random.default_rng(2).gamma(1, 10, 60)
    one, other = compared(actual, actual, seed=3), compared(actual, actual, seed=3)
    assert one.to_frame().equals(other.to_frame())


def test_a_hold_out_without_revenue_has_no_relative_error():
    found = compared(np.ones(10), np.zeros(10))
    assert np.isnan(found.to_frame()["error"]).all()
    assert found.check().status is Status.WARN


def test_revenue_of_other_customers_is_refused():
    with pytest.raises(InputError, match="same customers"):
        compared(np.ones(5), np.ones(6))

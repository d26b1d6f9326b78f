"""What may really be booked: drawn futures against the expected values and against their truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.errors import ParameterError
from retention.value import (
    GeometricDropout,
    ParetoDropout,
    ValueTerms,
    compress,
    fit_purchases,
    fit_spend,
    lifetime_values,
    predicted_range,
)
from retention.value.predictive import _Around
from retention.value.simulate import simulate_geometric, simulate_pareto, simulate_spend

TERMS = ValueTerms(365, 0.5, 0.1, "USD")
TENURE = np.floor(np.random.default_rng(1).uniform(100, 700, 1500))
WORLDS = {
    "BG/NBD": (GeometricDropout(), [0.8, 60.0, 0.9, 2.5]),
    "MBG/NBD": (GeometricDropout(coin_at_start=True), [0.8, 60.0, 0.9, 2.5]),
    "Pareto/NBD": (ParetoDropout(), [0.8, 60.0, 0.9, 300.0]),
}


def world(name: str):
    model, truth = WORLDS[name]
    if isinstance(model, GeometricDropout):
        coin = model.coin_at_start
        frame = simulate_geometric(np.array(truth), TENURE, seed=3, coin_at_start=coin).round(0)
    else:
        frame = simulate_pareto(np.array(truth), TENURE, seed=3).round(0)
    drawn = simulate_spend(np.array([6.0, 4.0, 15.0]), frame["frequency"].to_numpy(), seed=2)
    frame["monetary_value"] = drawn["monetary_value"]
    summary = compress(frame)
    spend = fit_spend(frame["frequency"].to_numpy(), frame["monetary_value"].to_numpy())
    return frame, summary, fit_purchases(model, summary), spend


@pytest.mark.parametrize("name", list(WORLDS))
def test_futures_agree_with_the_expected_value_and_are_wider_than_its_interval(name):
    parts = world(name)
    values = lifetime_values(*parts, TERMS)
    found = predicted_range(*parts, TERMS, draws=150, seed=1).to_frame().iloc[0]
    assert found["mean"] == pytest.approx(values.total, rel=0.03)
    assert found["purchases"] == pytest.approx(
        values.customers["expected_purchases"].sum(), rel=0.03
    )
    low, high = values.interval()
    assert found["predicted_high"] - found["predicted_low"] > high - low
    assert found["predicted_low"] < values.total < found["predicted_high"]


def test_groups_are_drawn_in_the_same_futures_and_wider_for_their_size():
    parts = world("BG/NBD")
    groups = pd.Series(np.where(np.arange(1500) < 100, "few", "many"))
    found = predicted_range(*parts, TERMS, groups=groups, draws=120, seed=1)
    table = found.to_frame().set_index("group")
    assert table.loc[["few", "many"], "mean"].sum() == pytest.approx(
        table.loc["all customers", "mean"]
    )
    spread = (table["predicted_high"] - table["predicted_low"]) / table["mean"]
    assert spread["few"] > 2 * spread["many"]
    assert "predictive interval" in found.summary()


def test_futures_of_those_who_sent_back_more_than_they_bought_are_no_losses():
    frame, summary, fit, spend = world("BG/NBD")
    returned = frame.assign(monetary_value=np.where(frame["frequency"] > 0, -150.0, np.nan))
    found = predicted_range(returned, summary, fit, spend, TERMS, draws=100, seed=1).to_frame()
    assert (found["predicted_low"] > 0).all()
    assert lifetime_values(returned, summary, fit, spend, TERMS).customers[
        "lifetime_value"
    ].min() >= 0  # fmt: skip


def test_the_seed_decides_the_futures_and_a_factor_scales_them():
    parts = world("BG/NBD")
    first, second = (predicted_range(*parts, TERMS, draws=100, seed=4) for _ in range(2))
    pd.testing.assert_frame_equal(first.to_frame(), second.to_frame())
    doubled = predicted_range(*parts, TERMS, draws=100, seed=4, factor=np.full(1500, 2.0))
    assert doubled.to_frame()["mean"][0] == pytest.approx(2 * first.to_frame()["mean"][0])


def test_too_few_draws_are_refused():
    with pytest.raises(ParameterError, match="tails"):
        predicted_range(*world("BG/NBD"), TERMS, draws=99)


def test_futures_in_which_the_likelihood_has_fallen_to_nothing_are_not_drawn():
    # Hardly anyone is seen to leave, so that the law of the dropout parameters reaches far.
    frame = simulate_geometric(
        np.array([0.8, 60.0, 0.1, 30.0]), np.floor(np.linspace(150, 700, 1500)), seed=6,
        coin_at_start=True,
    ).round(0)  # fmt: skip
    drawn = simulate_spend(np.array([6.0, 4.0, 15.0]), frame["frequency"].to_numpy(), seed=2)
    frame["monetary_value"] = drawn["monetary_value"]
    summary = compress(frame)
    fit = fit_purchases(GeometricDropout(coin_at_start=True), summary)
    spend = fit_spend(frame["frequency"].to_numpy(), frame["monetary_value"].to_numpy())
    assert np.nanmax(fit.working_errors) > 1
    expected = summary.weight @ fit.expected_future(summary, TERMS.horizon_days)
    found = predicted_range(frame, summary, fit, spend, TERMS, draws=120, seed=1).to_frame()
    assert 0.95 * expected < found["purchases_low"][0] < expected


def test_what_a_sample_taught_is_drawn_as_widely_as_the_sample_leaves_open():
    frame, summary, _, spend = world("BG/NBD")
    lesson = summary.of_at_most(len(frame) // 5)
    fit = fit_purchases(GeometricDropout(), lesson)
    random = np.random.default_rng(2)
    around = _Around(fit, lesson)
    drawn = np.std([around.draw(random) for _ in range(300)], axis=0)
    np.testing.assert_allclose(drawn, np.sqrt(np.diag(fit.covariance)), rtol=0.35)
    told = predicted_range(frame, summary, fit, spend, TERMS, lesson=lesson, draws=100, seed=1)
    assert told.to_frame().loc[0, "customers"] == len(frame)

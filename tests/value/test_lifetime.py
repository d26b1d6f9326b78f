"""Lifetime values, their intervals, groups, concentration and protection."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.errors import EvidenceError, InputError, ParameterError
from retention.results import Status
from retention.value import (
    GeometricDropout,
    ParetoDropout,
    ValueTerms,
    acquisition_cohorts,
    beside,
    beside_advice,
    chance_lost,
    compress,
    concentration,
    fit_purchases,
    fit_spend,
    follow_forecast,
    labels_of,
    lifetime_values,
    protect,
    value_by,
)
from retention.value.lifetime import discounted_purchases
from retention.value.simulate import simulate_spend

TERMS = ValueTerms(horizon_days=365, margin=0.5, annual_discount_rate=0.1, currency="USD")


@pytest.fixture(scope="module")
def base(simulated):
    frame = simulated.round(0)
    spend = simulate_spend(np.array([6.0, 4.0, 15.0]), frame["frequency"].to_numpy(), seed=2)
    frame["monetary_value"] = spend["monetary_value"]
    summary = compress(frame, unit_days=7)
    purchases = fit_purchases(GeometricDropout(), summary)
    orders = fit_spend(frame["frequency"].to_numpy(), frame["monetary_value"].to_numpy())
    return frame, summary, purchases, orders


@pytest.fixture(scope="module")
def values(base):
    return lifetime_values(*base, TERMS)


def test_discounting_equals_a_sum_over_single_days(base):
    _, summary, purchases, _ = base
    small = summary.every(40)
    until = np.array([purchases.expected_future(small, day) for day in np.arange(0.0, 366.0)])
    middle = np.exp(-TERMS.daily * (np.arange(365) + 0.5))
    by_day = (np.diff(until, axis=0) * middle[:, None]).sum(axis=0)
    found = discounted_purchases(purchases, purchases.parameters, small, TERMS)
    assert found == pytest.approx(by_day, rel=1e-6)


def test_without_a_discount_rate_every_purchase_counts_in_full(base, values):
    table = lifetime_values(*base, ValueTerms(365, 0.5, 0.0, "USD")).customers
    expected = 0.5 * table["expected_order_value"] * table["expected_purchases"]
    assert table["lifetime_value"].to_numpy() == pytest.approx(expected.to_numpy())
    assert (values.customers["lifetime_value"] < table["lifetime_value"]).all()
    assert (values.customers["lifetime_value"] > table["lifetime_value"] / 1.1).all()


def test_slopes_are_the_changes_of_value_with_the_parameters(base, values):
    frame, summary, purchases, orders = base
    step = np.array([0.0, 1e-3, 0.0, 0.0])
    moved = replace(purchases, parameters=purchases.at(purchases.working + step))
    changed = lifetime_values(frame, summary, moved, orders, TERMS).total - values.total
    assert changed == pytest.approx(values.slopes.sum(axis=0)[1] * 1e-3, rel=0.01)
    moved_orders = replace(orders, parameters=orders.parameters * np.exp([0, 0, 1e-3]))
    changed = lifetime_values(frame, summary, purchases, moved_orders, TERMS).total - values.total
    assert changed == pytest.approx(values.slopes.sum(axis=0)[6] * 1e-3, rel=0.01)


def test_the_interval_holds_the_total_of_all_and_of_a_part(values):
    low, high = values.interval()
    assert low < values.total < high
    few = np.arange(len(values.customers)) < 50
    part = values.customers["lifetime_value"][few].sum()
    few_low, few_high = values.interval(few)
    assert few_low < part < few_high
    assert "95 % interval" in values.summary()


def test_groups_add_up_to_the_whole(values):
    labels = pd.Series(np.arange(len(values.customers)) % 3).map({0: "a", 1: "b"})
    groups = value_by(values, labels, by="segment")
    table = groups.to_frame()
    assert set(table["group"]) == {"a", "b", "unassigned"}
    assert table["total_value"].sum() == pytest.approx(values.total)
    assert table["share_of_value"].sum() == pytest.approx(1)
    assert table["total_value"].is_monotonic_decreasing
    assert (table["mean_ci_low"] < table["mean_value"]).all()
    assert repr(table["group"][0]) in groups.summary()


def test_a_group_too_small_is_not_named(values):
    labels = pd.Series(["one"] * 3 + ["rest"] * (len(values.customers) - 3))
    assert "'one'" not in value_by(values, labels, by="segment", minimum=10).summary()
    small = value_by(values, labels, by="segment", minimum=10**6)
    assert "none is described" in small.summary()


def test_groups_of_another_length_are_refused(values):
    with pytest.raises(InputError, match="one group per customer"):
        value_by(values, pd.Series(["a"]), by="segment")


def test_cohorts_are_quarters_of_the_first_purchase():
    frame = pd.DataFrame({"tenure": [0, 91, 12]})
    days = acquisition_cohorts(frame, "2026-07-01", unit_days=1)
    assert days.tolist() == ["2026-Q2", "2026-Q1", "2026-Q2"]
    weeks = acquisition_cohorts(frame, "2026-07-01", unit_days=7)
    assert weeks.tolist() == ["2026-Q2", "2024-Q4", "2026-Q2"]


def test_labels_come_in_the_order_of_the_frame_and_may_be_missing():
    frame = pd.DataFrame({"customer_key": ["c", "a", "b"]}, index=[5, 6, 7])
    table = pd.DataFrame({"customer_key": ["a", "b"], "segment": ["loyal", "lost"]})
    labels = labels_of(frame, table, "segment")
    assert labels.isna().tolist() == [True, False, False]
    assert labels.index.tolist() == [5, 6, 7]
    assert labels_of(frame, None, "segment").tolist() == ["all customers"] * 3


@settings(max_examples=30, deadline=None)
@given(worth=st.lists(st.floats(0.01, 1e6), min_size=2, max_size=60), factor=st.floats(0.1, 1000))
def test_concentration_ignores_the_currency_and_stays_within_bounds(worth, factor):
    one, other = concentration(np.array(worth)), concentration(np.array(worth) * factor)
    assert one.gini == pytest.approx(other.gini, abs=1e-9)
    assert -1e-9 <= one.gini <= 1
    assert (np.diff(one.value) >= -1e-12).all()


def test_concentration_of_one_rich_customer():
    spread = concentration(np.array([0.0] * 9 + [10.0]))
    assert spread.top_share == 1
    assert spread.gini == pytest.approx(0.9)
    with pytest.raises(InputError, match="zero or more"):
        concentration(np.array([-1.0, 2.0]))


@pytest.mark.parametrize("model", [GeometricDropout(coin_at_start=True), ParetoDropout()])
def test_silence_counts_against_the_customers_own_rhythm(base, model):
    fit = fit_purchases(model, base[1])
    rows = pd.DataFrame(
        # Just bought; silent for ten weeks after buying every week; and after buying every twenty.
        {"frequency": [40, 40, 2], "recency": [40.0, 40, 40], "tenure": [40.0, 50, 50]}
    )
    summary = compress(rows, unit_days=7)
    just, frequent, rare = summary.expand(chance_lost(fit, summary))
    assert just == pytest.approx(0, abs=1e-9)
    assert frequent > 0.9
    assert rare < 0.5


def test_protection_names_valuable_customers_who_are_overdue(base, values):
    _, summary, purchases, _ = base
    lost = summary.expand(chance_lost(purchases, summary))
    found = protect(values, lost)
    table = found.to_frame().set_index("group")
    assert table["customers"].sum() == len(lost)
    assert table["lifetime_value"].sum() == pytest.approx(values.total)
    assert table["share_of_value"].sum() == pytest.approx(1)
    assert len(table) == 3
    worth = values.customers["lifetime_value"]
    assert (worth[found.members] >= worth.quantile(0.8)).all()
    assert (lost[found.members] >= 0.3).all()
    assert 0 < found.members.sum() < 0.5 * table["customers"].iloc[:2].sum()
    assert found.customers["value_at_risk"].to_numpy() == pytest.approx(worth * lost)
    assert "Reach them first, in the order of their value at risk" in found.summary()


def test_protection_says_when_there_is_nobody_or_too_few_to_speak_of(values):
    nobody = protect(values, np.zeros(len(values.customers)))
    assert nobody.summary().startswith("No customers belong to the most valuable 20 %")
    lost = np.zeros(len(values.customers))
    lost[values.customers["lifetime_value"].to_numpy().argmax()] = 0.9
    assert protect(values, lost).summary(10).startswith("Fewer than 10 customers")
    with pytest.raises(ParameterError, match="between 0 and 1"):
        protect(values, lost, top_share=20)


def test_following_another_forecast_scales_value_by_its_purchases(values):
    modelled = values.customers["expected_purchases"].to_numpy()
    doubled = follow_forecast(values, "Gradient boosting", 2 * modelled, modelled)
    assert doubled.total == pytest.approx(2 * values.total)
    assert doubled.model.startswith("Gradient boosting, carried")
    assert doubled.interval()[1] == pytest.approx(2 * values.interval()[1])
    assert follow_forecast(values, "BG/NBD", 2 * modelled, modelled) is values


def test_order_values_without_a_mean_give_no_lifetime_value(base):
    frame, summary, purchases, orders = base
    wild = replace(orders, parameters=np.array([6.0, 0.9, 15.0]))
    assert wild.convergence_check().status is Status.FAIL
    with pytest.raises(EvidenceError, match="q <= 1"):
        lifetime_values(frame, summary, purchases, wild, TERMS)


@pytest.mark.parametrize("wrong", [(0, 0.5, 0.1), (365, 0, 0.1), (365, 1.5, 0.1), (365, 0.5, -1)])
def test_impossible_terms_are_refused(wrong):
    with pytest.raises(ParameterError, match="positive horizon"):
        ValueTerms(*wrong, "USD")


def test_a_horizon_beyond_what_was_observed_is_a_warning():
    assert TERMS.horizon_check(400).status is Status.PASS
    assert TERMS.horizon_check(200).status is Status.WARN


def test_dependence_of_value_on_frequency_is_found():
    random = np.random.default_rng(4)
    x = 1.0 + random.poisson(3, 3000)
    z = random.gamma(5, 4, 3000)
    assert fit_spend(x, z).independence_check().status is Status.PASS
    assert fit_spend(x, z * x).independence_check().status is Status.FAIL


def test_pareto_values_take_the_same_road(base):
    frame, summary, _, orders = base
    fit = fit_purchases(ParetoDropout(), summary)
    other = lifetime_values(frame, summary, fit, orders, TERMS)
    assert other.model == "Pareto/NBD"
    assert other.interval()[0] < other.total < other.interval()[1]


def test_a_purchase_is_worth_money_of_a_currency(base):
    frame = base[0]
    x, z = (frame[c].to_numpy(float) for c in ("frequency", "monetary_value"))
    assert "is worth EUR " in fit_spend(x, z, currency="EUR").summary()
    assert "is worth " in fit_spend(x, z).summary()
    assert "  " not in fit_spend(x, z).summary()


def test_advice_on_groups_follows_from_their_intervals(values):
    worth = values.customers["lifetime_value"]
    rich = pd.Series(np.where(worth > worth.median(), "rich", "poor"))
    groups = value_by(values, rich, by="segment")
    floor = groups.to_frame().set_index("group")["mean_ci_low"]
    assert f"of 'rich' may cost up to USD {floor['rich']:,.2f}" in groups.advice()
    alike = replace(groups, table=groups.table.assign(mean_ci_low=1.0, mean_ci_high=999.0))
    assert alike.advice() == "The intervals overlap: treat every segment alike."
    assert "fewer and larger" in replace(groups, minimum=10**6).advice()


def test_advice_on_changes_names_the_group_that_lost_most(values):
    worth = values.customers["lifetime_value"]
    rich = pd.Series(np.where(worth > worth.median(), "rich", "poor"))
    now = value_by(values, rich, by="segment")
    scaled = {c: now.table[c] * 2 for c in ("mean_value", "mean_ci_low", "mean_ci_high")}
    before = replace(now, table=now.table.assign(**scaled))
    assert "for 'rich'" in beside_advice(beside(now, before, values))
    assert "gone well with 'rich'" in beside_advice(beside(before, now, values))
    assert beside_advice(beside(now, now, values)).startswith("Nothing calls")
    assert "earlier date" in beside_advice(beside(now, None, values))


def test_advice_on_concentration_follows_from_the_top_fifth():
    assert "no waste" in concentration(np.ones(100)).advice()
    assert "0.0 % of the value" in concentration(np.array([0.0] * 9 + [10.0])).advice()

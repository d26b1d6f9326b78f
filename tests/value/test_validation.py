"""The split in time, forecasts, conditional expectations, gate and verdict."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from retention.errors import EvidenceError, InputError
from retention.results import Status
from retention.value import (
    Gate,
    ValueCheck,
    ValueTerms,
    ValueVerdict,
    baseline_forecasts,
    coming_baseline,
    compare_forecasts,
    compare_revenue,
    compress,
    concentration,
    conditional_expectations,
    daily_purchases,
    evidence_gate,
    fit_family,
    fit_spend,
    learn_from,
    lifetime_values,
    margin_of,
    predicted_range,
    reporting_currency,
    split_holdout,
    track,
)
from retention.value.forecasts import BOOSTING, LAST_PERIOD, MEAN

END = "2026-01-01"


@pytest.fixture
def tiny(engine_of, orders_of):
    days = pd.to_datetime(
        ["2025-01-05", "2025-05-01", "2025-08-01", "2025-11-01", "2025-09-15", "2025-12-20",
         "2025-12-24"]
    )  # fmt: skip
    return engine_of(orders_of(list("aaaabcc"), days, [10, 20, 30, 40, 50, 60, 70]))


@pytest.fixture(scope="session")
def shop(engine_of, orders_of):
    """Return an engine with orders of 1,500 customers who buy at own rates and then stop."""
    random = np.random.default_rng(7)
    count = 1500
    first = random.integers(0, 500, count)
    rate, life = random.gamma(1.0, 1 / 60, count), random.exponential(400, count)
    active = np.minimum(life, 725 - first)
    number = random.poisson(rate * active)
    keys = np.concatenate([np.arange(count), np.repeat(np.arange(count), number)])
    later = np.repeat(first, number) + random.random(number.sum()) * np.repeat(active, number)
    at = np.concatenate([first, later]).astype(int)
    stamps = pd.Timestamp("2024-01-02") + pd.to_timedelta(at, unit="D")
    value = random.gamma(5, 8, len(keys)) + 1
    return engine_of(orders_of([f"c{k:05d}" for k in keys], stamps, value))


def test_the_split_counts_what_happened_on_each_side(tiny):
    split = split_holdout(tiny, END, 90)
    assert split.calibration["customer_key"].tolist() == ["a", "b"]
    assert split.calibration["frequency"].tolist() == [2, 0]
    assert split.actual.tolist() == [1, 0]
    assert split.calibration_end == "2025-10-03"
    # In the 90 days before: a bought on August 1, b for the first time on September 15.
    assert split.lesson.last_period.tolist() == [1, 1]
    assert split.lesson.past_actual.tolist() == [1]


def test_the_future_does_not_reach_the_lesson(shop, engine_of):
    before = learn_from(shop, "2025-06-01", 90)
    orders = shop.sql("SELECT * FROM orders").frame()
    cut = engine_of(orders[orders["ordered_at"] < pd.Timestamp("2025-06-01")])
    after = learn_from(cut, "2025-06-01", 90)
    pd.testing.assert_frame_equal(before.features, after.features)
    pd.testing.assert_frame_equal(before.past_features, after.past_features)
    assert (before.past_actual == after.past_actual).all()
    assert (before.last_period == after.last_period).all()


def test_revenue_of_the_hold_out_is_what_came_in_then(tiny):
    split = split_holdout(tiny, END, 90)
    assert split.revenue.tolist() == [40, 0]  # c was acquired later; first purchases do not count


def test_an_empty_past_is_too_little_evidence(tiny):
    with pytest.raises(EvidenceError, match="Nobody had bought"):
        split_holdout(tiny, "2025-02-01", 90)


def test_days_and_currency_are_read_from_the_orders(tiny):
    daily = daily_purchases(tiny, END, "2025-10-03")
    assert daily["first_purchases"].sum() == 2
    assert daily["repeat_purchases"].sum() == 3  # c was acquired later and does not count
    assert reporting_currency(tiny) == "USD"


def test_baselines_learn_from_the_period_before_only(shop):
    split = split_holdout(shop, END, 180)
    found = baseline_forecasts(split.lesson, seed=1)
    assert set(found) == {LAST_PERIOD, MEAN, BOOSTING}
    assert (found[MEAN] == split.lesson.past_actual.mean()).all()
    again = baseline_forecasts(split.lesson, seed=1, only=BOOSTING)
    assert list(again) == [BOOSTING]
    assert (again[BOOSTING] == found[BOOSTING]).all()
    assert baseline_forecasts(split.lesson, seed=1, only="BG/NBD") == {}


def test_the_coming_period_is_looked_at_only_where_a_baseline_has_won(shop):
    terms = {"as_of": END, "horizon_days": 180, "unit_days": 1, "seed": 1}
    lesson = learn_from(shop, END, 180)
    found = coming_baseline(shop, BOOSTING, **terms)
    assert (found[BOOSTING] == baseline_forecasts(lesson, seed=1)[BOOSTING]).all()
    assert coming_baseline(None, "BG/NBD", **terms) == {}


def test_a_hold_out_of_drawn_customers_is_that_of_all_for_them_and_says_so(shop):
    whole, some = split_holdout(shop, END, 180), split_holdout(shop, END, 180, most_customers=500)
    assert 0 < some.share < 1
    place = whole.calibration["customer_key"].isin(some.calibration["customer_key"]).to_numpy()
    assert len(some.actual) == place.sum() > 0
    assert (some.actual == whole.actual[place]).all()
    assert (some.revenue == whole.revenue[place]).all()
    assert some.daily["first_purchases"].sum() == len(some.calibration)
    told = {"preferred": MEAN, "horizon_days": 180, "share": some.share}
    found = compare_forecasts(some.actual, baseline_forecasts(some.lesson, seed=1), **told)
    assert f"a drawn {100 * some.share:.1f} % of the customers" in found.summary()
    assert "a drawn" in found.checks()[0].detail


def test_a_feature_that_said_nothing_in_the_past_does_not_stop_the_regression(shop):
    lesson = split_holdout(shop, END, 180).lesson
    silent = lesson.past_features.assign(sessions_90d=np.nan)
    lesson = replace(lesson, past_features=silent, features=lesson.features.assign(sessions_90d=3))
    assert np.isfinite(baseline_forecasts(lesson, seed=1)[BOOSTING]).all()


def test_purchase_models_beat_the_naive_forecasts_where_their_story_is_true(shop):
    split = split_holdout(shop, END, 180)
    past = compress(split.calibration)
    forecasts = fit_family(past).forecasts(past, 180) | baseline_forecasts(split.lesson, seed=1)
    found = compare_forecasts(split.actual, forecasts, preferred="Pareto/NBD", horizon_days=180)
    rmse = found.to_frame().set_index("forecast")["rmse"]
    assert rmse["Pareto/NBD"] < rmse[LAST_PERIOD]
    assert rmse["Pareto/NBD"] < rmse[MEAN]
    assert found.used == "Pareto/NBD"
    assert abs(found.line("Pareto/NBD")["total_error"]) < 0.2
    assert [check.status for check in found.checks()] == [Status.PASS, Status.PASS]


def test_a_forecast_that_is_better_by_more_than_chance_is_used_and_the_reason_said():
    random = np.random.default_rng(0)
    actual = random.poisson(2.0, 800).astype(float)
    level = np.full(800, 2.0)
    better = {"model": level, MEAN: actual + random.normal(0, 0.1, 800)}
    found = compare_forecasts(actual, better, preferred="model", horizon_days=90)
    assert found.used == MEAN
    assert "smaller than that of model" in found.summary()
    assert found.checks()[1].status is Status.WARN
    worse = {"model": level, MEAN: level + random.normal(0, 0.1, 800)}
    assert compare_forecasts(actual, worse, preferred="model", horizon_days=90).used == "model"


def test_forecasts_of_another_length_are_refused():
    with pytest.raises(InputError, match="one prediction"):
        compare_forecasts(np.zeros(3), {"m": np.zeros(2)}, preferred="m", horizon_days=9)


def test_conditional_expectations_average_within_each_frequency():
    x = np.array([0.0, 0, 1, 1, 9, 12])
    actual = np.array([0.0, 1, 1, 3, 5, 7])
    found = conditional_expectations(x, actual, {"m": actual, "off": actual + 99})
    table = found.to_frame()
    assert table["frequency"].tolist() == ["0", "1", "7+"]
    assert table["actual"].tolist() == [0.5, 2, 6]
    assert table["customers"].tolist() == [2, 2, 2]
    assert (found.covered("m"), found.covered("off")) == (3, 0)
    assert "m in 3, off in 0" in found.summary()


def test_advice_on_frequencies_corrects_the_group_where_most_purchases_are_amiss():
    x = np.repeat([0.0, 1, 2], 100)
    actual = np.tile([0.0, 2.0], 150)
    right, wrong = np.ones(300), np.where(x == 1, 2.0, 1.0)
    found = conditional_expectations(x, actual, {"right": right, "wrong": wrong})
    assert found.advice("right") == "Budget customers of every frequency with right as it is."
    assert "the 100 customers with 1 repeat" in found.advice("wrong")
    assert "expected 100.0 % more than came" in found.advice("wrong")
    assert "multiply what it expects of them by 0.50" in found.advice("wrong")
    assert found.advice("wrong", minimum=101).startswith("Budget customers")
    assert found.advice("Mean for everyone").startswith("Mean for everyone is not shown")


def histories(customers, tenure=400, silence=5):
    x = np.arange(customers) % 4
    last = float(tenure - silence)
    return pd.DataFrame(
        {"frequency": x, "recency": np.where(x > 0, last, 0.0), "tenure": float(tenure)}
    )


def test_the_gate_lets_enough_evidence_pass():
    found = evidence_gate(histories(3_000), unit_days=1)
    assert found.enough
    assert found.summary().startswith("There is enough")
    assert set(found.to_frame()["status"]) == {"pass"}


def test_a_small_base_may_be_valued_but_its_intervals_are_warned_of():
    found = evidence_gate(histories(600), unit_days=1)
    assert found.enough
    (warned,) = [check for check in found.checks if check.status is not Status.PASS]
    assert (warned.code, warned.status) == ("value.large_base", Status.WARN)
    assert warned.action == "Widen the intervals of totals by about a third."


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (histories(499), "value.enough_buyers"),
        (histories(600, tenure=100), "value.enough_history"),
        (histories(600, silence=31), "value.recent_orders"),
        (histories(600).assign(frequency=0, recency=0.0), "value.repeat_buyers"),
    ],
)
def test_the_gate_names_what_is_missing(frame, code):
    found = evidence_gate(frame, unit_days=1)
    assert not found.enough
    assert code in [str(check.code) for check in found.checks if check.status is Status.FAIL]
    assert "Too little evidence" in found.summary()


def test_the_gate_counts_in_days_whatever_the_unit():
    weeks = histories(600)
    weeks[["recency", "tenure"]] /= 7
    assert evidence_gate(weeks, unit_days=7).enough
    assert not evidence_gate(weeks, unit_days=1).enough
    assert evidence_gate(weeks, unit_days=1, gate=Gate(history_days=50)).enough


def test_the_verdict_carries_every_figure_and_says_when_evidence_is_thin(shop):
    split = split_holdout(shop, END, 180)
    frame = learn_from(shop, END, 180).summary
    summary, past = compress(frame), compress(split.calibration)
    family, past_family = fit_family(summary, ("bg_nbd",)), fit_family(past, ("bg_nbd",))
    spend = fit_spend(frame["frequency"].to_numpy(float), frame["monetary_value"].to_numpy(float))
    terms = ValueTerms(365, 0.5, 0.1, "USD")
    values = lifetime_values(frame, summary, family["bg_nbd"], spend, terms)
    forecasts = past_family.forecasts(past, 180)
    comparison = compare_forecasts(split.actual, forecasts, preferred="BG/NBD", horizon_days=180)
    daily = split.daily
    pd.testing.assert_frame_equal(daily, daily_purchases(shop, END, split.calibration_end))
    tracking = track(past_family["bg_nbd"], daily, past, calibration_end=split.calibration_end)
    spread = concentration(values.customers["lifetime_value"].to_numpy())
    chosen = past_family.choose("auto", family, split.actual, forecasts)
    assert chosen == "bg_nbd"
    reality = predicted_range(frame, summary, family["bg_nbd"], spend, terms, draws=100)
    revenue = compare_revenue(forecasts["BG/NBD"], split.revenue, forecast="BG/NBD", currency="USD")
    margin = margin_of(shop, END, given=0.5)
    rest = (
        family, chosen, spend, values, comparison, tracking, spread, reality, revenue, margin
    )  # fmt: skip
    verdict = ValueVerdict(evidence_gate(frame, unit_days=1), *rest)
    named = {metric.name: metric for metric in verdict.metrics()}
    assert named["lifetime_value_total"].unit == "USD"
    assert named["lifetime_value_total"].ci_low < named["lifetime_value_total"].value
    assert named["customers"].value == len(frame)
    assert named["lifetime_value_total"].ci_high < named["value_that_may_be_booked"].ci_high
    assert named["margin_used"].value == 0.5
    assert set(verdict.parameters()["model"]) == {"BG/NBD", "Gamma-Gamma"}
    assert named["holdout_revenue_error"].ci_low < named["holdout_revenue_error"].value
    assert named["expected_purchases"].ci_low < named["expected_purchases"].value
    assert len({check.code for check in verdict.checks(700)}) == len(ValueCheck)
    assert "USD" in verdict.summary()
    thin = ValueVerdict(evidence_gate(frame.head(50), unit_days=1), *rest)
    assert thin.summary().startswith("Too little evidence")

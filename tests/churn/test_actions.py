import numpy as np
import pandas as pd
import pytest

from retention.churn import (
    LabelledDate,
    LogisticModel,
    RecencyRule,
    ValueIfKept,
    backtest,
    explain,
    leak_check,
    rank_by_stake,
    return_probability,
    window_sensitivity,
)
from retention.errors import EvidenceError, InputError, ParameterError
from retention.reports.figures.churn import return_probability_figure
from retention.results import Status
from retention.survival import (
    competing_ends,
    count_events,
    landmark_spells,
    purchase_gaps,
    retention_spells,
    second_purchase_spells,
    spell_counts,
)


def with_feature(date, name, values):
    return LabelledDate(
        date.as_of,
        date.horizon_days,
        date.features.assign(**{name: values}),
        date.churned,
        date.days_to_purchase,
        date.revenue_minor,
    )


def test_a_planted_leak_is_caught(panels):
    planted = [with_feature(d, "days_until_next_order", d.days_to_purchase) for d in panels]
    assert leak_check(panels).status is Status.PASS
    check = leak_check(planted, backtest(planted, [RecencyRule(), LogisticModel()], seed=1))
    assert check.status is Status.FAIL
    assert "days_until_next_order" in check.detail
    assert "logistic_regression" in check.detail


def test_a_noisy_leak_is_caught_through_the_model(panels):
    random = np.random.default_rng(3)
    noisy = [with_feature(d, "hint", d.churned + random.normal(0, 0.4, len(d))) for d in panels]
    assert leak_check(noisy).status is Status.FAIL


def test_reasons_of_a_logistic_model_are_its_coefficients_times_the_deviation(panels):
    model = LogisticModel().fit(panels[-2:], seed=1)
    features = panels[-1].features
    reasons = explain(model, features)
    j = model.scaler.names.index("recency_days")
    z = model.scaler.transform(features)[:, j]
    usual = model.scaler.transform(features.assign(recency_days=features["recency_days"].median()))[
        :, j
    ]
    expected = model.coefficients[j] * (z - usual)
    ours = reasons.effects[:, reasons.features.index("recency_days")]
    assert ours == pytest.approx(expected, abs=1e-6)


def test_reasons_are_told_in_words(panels):
    model = LogisticModel().fit(panels[-2:], seed=1)
    features = panels[-1].features
    reasons = explain(model, features)
    silent = int(features["recency_days"].to_numpy().argmax())
    assert (
        f"silent for {features['recency_days'][silent]} days against a usual"
        in (reasons.texts[silent])
    )


def test_ranking_is_by_stake_not_by_risk():
    ranking = rank_by_stake(np.array(["a", "b"]), np.array([0.9, 0.3]), np.array([100.0, 900.0]))
    assert ranking.frame["customer_key"].tolist() == ["b", "a"]
    assert "not known" in ranking.summary()


def test_a_missing_value_is_refused_in_the_ranking():
    with pytest.raises(InputError, match="missing"):
        rank_by_stake(np.array(["a"]), np.array([np.nan]), np.array([1.0]))


def test_value_if_kept_averages_to_the_revenue_of_those_who_came_back(panels):
    date = panels[-1]
    back = date.churned == 0
    value = ValueIfKept.of(date).of_customers(date.features)[back]
    assert value.mean() == pytest.approx(date.revenue_minor[back].mean(), rel=0.02)


def test_spells_of_a_hand_made_history(make_shop):
    extra = pd.DataFrame(
        {
            "order_key": ["x1", "x2", "x3"],
            "customer_key": "zz",
            "ordered_epoch_s": [
                int(pd.Timestamp(day, tz="UTC").timestamp())
                for day in ("2024-02-01", "2024-03-02", "2025-03-02")
            ],
            "status": "paid",
            "currency": "USD",
            "gross_minor": 1000,
            "discount_minor": [100, 0, 0],
            "refunded_minor": 0,
            "net_minor": 1000,
        }
    )
    engine = make_shop(customers=50, extra=extra)
    spell = retention_spells(engine, "2026-06-01", 90).set_index("customer_key").loc["zz"]
    assert (spell["duration"], spell["event"], spell["cohort"]) == (30 + 90, 1, "2024 Q1")
    assert spell["started_with_discount"] == 1
    early = retention_spells(engine, "2024-04-01", 90).set_index("customer_key").loc["zz"]
    assert (early["duration"], early["event"]) == (60, 0)
    second = second_purchase_spells(engine, "2026-06-01").set_index("customer_key").loc["zz"]
    assert (second["duration"], second["event"]) == (30, 1)


def test_return_probability_of_memoryless_gaps_is_flat():
    random = np.random.default_rng(5)
    gaps = pd.DataFrame({"duration": random.geometric(0.02, 40_000), "event": 1, "weight": 1})
    result = return_probability(gaps, horizon_days=30, longest_days=100)
    expected = 1 - 0.98**30
    assert result.curve["return_probability"].to_numpy() == pytest.approx(expected, abs=0.04)


def test_a_chance_that_only_rises_with_silence_gives_no_knee_but_the_horizon():
    """Gaps spread evenly over 120 days: the chance within H days is H / (120 - silence)."""
    gaps = pd.DataFrame({"duration": np.arange(1, 121), "event": 1, "weight": 1000})
    result = return_probability(gaps, horizon_days=20, longest_days=60)
    chance = result.curve["return_probability"].to_numpy()
    assert chance == pytest.approx(20 / (120 - np.arange(61)), abs=1e-9)
    assert result.knee_days is None
    assert result.window_days == 20
    assert "20 days are taken instead" in result.summary()
    return_probability_figure(result)


def test_return_probability_needs_a_repeat_purchase():
    gaps = pd.DataFrame({"duration": [10, 20], "event": 0, "weight": 5})
    with pytest.raises(EvidenceError, match="bought twice"):
        return_probability(gaps, horizon_days=30)


def test_open_gaps_lower_the_return_probability(shop):
    gaps = purchase_gaps(shop, "2026-06-01")
    every = return_probability(gaps, horizon_days=90, longest_days=200).curve
    closed = return_probability(gaps[gaps["event"] == 1], horizon_days=90, longest_days=200).curve
    assert (every["return_probability"] < closed["return_probability"]).all()


def test_counts_for_several_windows_are_those_of_the_spells(make_shop):
    engine = make_shop(customers=200)
    counted = spell_counts(engine, "2026-06-01", [30, 90])
    assert list(counted) == [30, 90]
    for window, counts in counted.items():
        spells = retention_spells(engine, "2026-06-01", window)
        expected = spells.groupby(["duration", "event"]).size().rename("weight").reset_index()
        pd.testing.assert_frame_equal(counts, expected, check_dtype=False)
    whole = {w: retention_spells(engine, "2026-06-01", w) for w in counted}
    pd.testing.assert_frame_equal(
        window_sensitivity(counted, at_days=[100]), window_sensitivity(whole, at_days=[100])
    )
    with pytest.raises(ParameterError, match="empty"):
        spell_counts(engine, "2026-06-01", [0])


def test_unsubscribing_ends_the_time_before_silence_does(make_shop):
    engine = make_shop(customers=200)
    spells = retention_spells(engine, "2026-06-01", 90)
    assert competing_ends(engine, "2026-06-01", 90)["cause"].dropna().unique() == ["fell silent"]
    key = spells.loc[spells["duration"] > 30, "customer_key"].iloc[0]
    first = engine.sql(
        "SELECT min(ordered_epoch_s) AS s FROM orders WHERE customer_key = $key", key=key
    ).frame()["s"][0]
    engine.register(
        "touches",
        pd.DataFrame(
            {
                "customer_key": [key, key],
                "kind": ["unsubscribed", "sent"],
                "touched_epoch_s": [first + 20 * 86_400, first],
            }
        ),
    )
    ends = competing_ends(engine, "2026-06-01", 90).set_index("customer_key")
    assert ends.loc[key, ["cause", "duration"]].tolist() == ["unsubscribed", 20]
    assert (ends["cause"] == "unsubscribed").sum() == 1


def test_late_entry_from_a_landmark_leaves_out_who_had_left(shop):
    later = landmark_spells(shop, "2025-06-01", "2026-06-01", 90)
    assert (later["entry"] < later["duration"]).all()
    before = retention_spells(shop, "2025-06-01", 90).set_index("customer_key")
    assert (before.loc[later["customer_key"], "event"] == 0).all()
    counts = count_events(later, entry="entry")
    assert counts.frame["at_risk"].max() < len(later) + 1


def test_every_number_of_the_feature_table_is_told_in_words():
    from retention.churn.panel import NOT_FOR_MODELS
    from retention.churn.reasons import WORDINGS
    from retention.features import FEATURES

    told = {feature.name for feature in FEATURES} - NOT_FOR_MODELS - {"first_order_at"}
    assert told <= set(WORDINGS), told - set(WORDINGS)

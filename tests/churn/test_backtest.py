import numpy as np
import pandas as pd
import pytest

from retention.churn import (
    RecencyRule,
    backtest,
    default_candidates,
    labelled_date,
    labelled_dates,
    matured,
    rolling_dates,
)
from retention.errors import EvidenceError


@pytest.fixture(scope="module")
def result(panels):
    return backtest(panels, default_candidates(), seed=1)


def test_four_dates_are_predicted_by_models_trained_before_them(panels, result):
    assert len(result.dates) == 4
    for date in result.dates:
        train = matured(panels, date)
        assert train
        assert all(panel.matured_on <= date for panel in train)


def test_every_candidate_ranks_better_than_chance_and_below_the_leak_guard(result):
    assert result.comparison["auc"].between(0.6, 0.9).all()


def test_the_chosen_candidate_is_within_one_standard_error_of_the_best(result):
    chosen = result.comparison.set_index("candidate").loc[result.chosen]
    assert chosen["excess"] <= chosen["standard_error"]


def test_no_feature_looks_past_the_as_of_date(make_shop, panels):
    future = pd.DataFrame(
        {
            "order_key": ["late"],
            "customer_key": ["c000001"],
            "shop_id": "s",
            "ordered_at": pd.Timestamp("2026-05-31"),
            "ordered_epoch_s": int(pd.Timestamp("2026-05-31", tz="UTC").timestamp()),
            "status": "paid",
            "currency": "USD",
            "gross_minor": 999_999,
            "discount_minor": 0,
            "shipping_minor": 0,
            "tax_minor": 0,
            "refunded_minor": 0,
            "net_minor": 999_999,
        }
    )
    again = labelled_date(make_shop(extra=future), panels[-1].as_of, 60, 365)
    pd.testing.assert_frame_equal(again.features, panels[-1].features)


def test_a_horizon_that_is_not_over_is_refused(shop):
    with pytest.raises(EvidenceError, match="are not over"):
        labelled_date(shop, "2026-05-20", 90)


def test_rolling_dates_leave_room_for_training():
    dates = rolling_dates("2026-07-01", 90, dates=4, step_days=30)
    assert dates[-1] == "2026-04-02"
    assert len(dates) == 7


def test_the_same_input_gives_the_same_predictions(panels, result):
    again = backtest(panels, default_candidates(), seed=1)
    pd.testing.assert_frame_equal(again.predictions, result.predictions)


def test_recalibration_brings_the_mean_into_line(result):
    rows = result.predictions[result.predictions["as_of"] == result.dates[-1]]
    corrected = result.recalibration().apply(rows[result.chosen].to_numpy())
    assert np.mean(corrected) == pytest.approx(rows["churned"].mean(), abs=1e-6)


def test_thirty_customers_give_an_honest_answer(make_shop):
    engine = make_shop(customers=30, seed=5)
    dates = [
        labelled_date(engine, date, 90)
        for date in rolling_dates("2026-05-01", 90, dates=4, step_days=90)
    ]
    answer = backtest(dates, default_candidates(), seed=1)
    assert answer.chosen in set(answer.comparison["candidate"])
    assert "weibull_times" in answer.dropped
    assert "Left out: weibull times" in answer.summary()


def test_a_backtest_on_drawn_customers_says_so_and_finds_what_one_on_all_finds(shop, panels):
    dates = labelled_dates(shop, [p.as_of for p in panels], 90, 365, most_customers=1_500)
    assert all(
        0 < len(drawn) < 0.7 * len(whole) for drawn, whole in zip(dates, panels, strict=True)
    )
    told = [backtest(d, [RecencyRule()], test_dates=2) for d in (dates, panels)]
    assert "predictions of a drawn 50.0 % of the customers, " in told[0].summary()
    assert "of the customers" not in told[1].summary()
    drawn, whole = (float(t.comparison["auc"].iloc[0]) for t in told)
    assert drawn == pytest.approx(whole, abs=0.05)
    assert set(told[0].predictions["customer_key"]) < set(told[1].predictions["customer_key"])

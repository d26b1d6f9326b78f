"""The UK gift shop as a sanity check: figures published in the project's vectors."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from retention.churn import (
    backtest,
    candidates_named,
    labelled_date,
    labelled_dates,
    leak_check,
    rolling_dates,
    score_probabilities,
)
from retention.engine import Engine
from retention.results import Status
from retention.survival import purchase_gaps

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def gift_shop(real_data):
    lines = pd.read_csv(
        real_data / "online_retail.csv.gz", dtype={"InvoiceNo": str}, parse_dates=["InvoiceDate"]
    )
    kept = lines[
        lines["CustomerID"].notna()
        & ~lines["InvoiceNo"].str.startswith("C")
        & (lines["Quantity"] > 0)
        & (lines["UnitPrice"] > 0)
    ]
    kept = kept.assign(pence=(kept["Quantity"] * kept["UnitPrice"] * 100).round())
    orders = (
        kept.groupby("InvoiceNo", sort=True)
        .agg(
            customer=("CustomerID", "first"),
            ordered_at=("InvoiceDate", "min"),
            gross_minor=("pence", "sum"),
        )
        .reset_index()
    )
    epoch = orders["ordered_at"].astype("datetime64[s]").astype("int64")
    engine = Engine(threads=1)
    engine.register(
        "orders",
        pd.DataFrame(
            {
                "order_key": orders["InvoiceNo"],
                "shop_id": "uk",
                "currency": "GBP",
                "status": "paid",
                "customer_key": orders["customer"].astype(int).astype(str),
                "ordered_at": orders["ordered_at"],
                "ordered_epoch_s": epoch,
                "gross_minor": orders["gross_minor"].astype("int64"),
                "discount_minor": 0,
                "refunded_minor": 0,
                "is_gift": pd.array([None] * len(orders), dtype="boolean"),
                "delivered_late": pd.array([None] * len(orders), dtype="boolean"),
            }
        ),
    )
    return engine


def test_gaps_between_purchases(gift_shop):
    gaps = purchase_gaps(gift_shop, "2011-12-10").query("event == 1")
    days = np.repeat(gaps["duration"], gaps["weight"])
    assert np.quantile(days, [0.5, 0.75, 0.9]) == pytest.approx([28, 58, 110], abs=2)


def test_ninety_days_from_the_first_of_september(gift_shop):
    date = labelled_date(gift_shop, "2011-09-01", 90)
    assert len(date) == pytest.approx(3317, abs=10)
    assert date.churned.mean() == pytest.approx(0.438, abs=0.005)
    half = np.random.default_rng(1).random(len(date)) < 0.5
    expected = {
        "recency_rule": 0.684,
        "purchase_model": 0.731,
        "logistic_regression": 0.739,
        "gradient_boosting": 0.738,
    }
    for candidate in candidates_named(list(expected)):
        held = np.zeros(len(date))
        for side in (half, ~half):
            held[~side] = candidate.fit([date.rows(side)], seed=1).probability(
                date.rows(~side).features
            )
        assert roc_auc_score(date.churned, held) == pytest.approx(
            expected[candidate.name], abs=0.025
        )
        if candidate.name == "logistic_regression":
            scores = score_probabilities(date.churned, held)
            assert scores["brier"] == pytest.approx(0.206, abs=0.008)
            assert scores["lift_top_decile"] == pytest.approx(1.58, abs=0.25)


def test_a_strict_backtest_finds_no_leak_and_the_chosen_is_as_good_as_any(gift_shop):
    origins = rolling_dates("2011-12-10", 60, dates=4, step_days=30)
    dates = labelled_dates(gift_shop, origins, 60)
    result = backtest(
        dates,
        candidates_named(
            ["purchase_model", "logistic_regression", "cox_regression", "gradient_boosting"]
        ),
        seed=1,
    )
    assert leak_check(dates, result).status is Status.PASS
    chosen = result.comparison.set_index("candidate").loc[result.chosen]
    assert chosen["excess"] <= chosen["standard_error"]
    print(result.comparison.round(4).to_string())

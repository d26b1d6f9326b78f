"""Profit and returns of an arm, with the calculation shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.campaign.accounting import account, ratio_interval
from retention.campaign.costs import CampaignCost, chosen_outcome, ledger, net_of_gifts
from retention.engine import Engine
from retention.errors import InputError, ParameterError
from retention.uplift.effects import average_lift
from retention.uplift.trial import Trial, trial_from_frame

UNITS = 2000
COSTS = {"email": CampaignCost(per_contact=0.1, fixed=100.0)}


def simple(spread: float = 0.0) -> tuple[Trial, pd.DataFrame]:
    """The e-mail adds 3 of sales, gives 1 of it back as discount and costs 1 of goods a head."""
    treated = np.arange(UNITS) % 2 == 1
    noise = spread * np.random.default_rng(4).normal(size=UNITS)
    frame = pd.DataFrame({
        "unit_key": [f"{i:05d}" for i in range(UNITS)], "arm": np.where(treated, "email", "none"),
        "revenue": 5 + 2 * treated + noise,
    })  # fmt: skip
    trial = trial_from_frame(frame, control="none", outcomes=["revenue"], covariates=[])
    books = pd.DataFrame({
        "revenue": trial.outcome("revenue"), "goods": 2 + 1.0 * treated + 0.3 * noise,
        "discount": 1.0 * treated, "gifts": 0.0,
    })  # fmt: skip
    return trial, books


def test_both_returns_are_gain_less_cost_over_cost() -> None:
    trial, books = simple()
    result = account(trial, books, campaign="spring", costs=COSTS, currency="USD")
    arm = result.arms[0]
    assert arm.incremental_revenue == pytest.approx(2000)
    assert arm.profit == pytest.approx(2000 - 1000 - 200)
    assert (arm.gain, arm.cost) == pytest.approx((3000, 1000 + 1000 + 200))
    assert arm.return_on_investment == pytest.approx((3000 - 2200) / 2200)
    assert (arm.marketing_gain, arm.marketing_cost) == pytest.approx((2000, 1200))
    assert arm.return_on_marketing_investment == pytest.approx((2000 - 1200) / 1200)
    assert arm.margin_share == pytest.approx(0.5)
    assert "ROI = (USD 3,000.00 gain − USD 2,200.00 cost) / USD 2,200.00 cost = 36 %" in (
        result.summary()
    )
    assert "ROMI = (USD 2,000.00 gain − USD 1,200.00 cost) / USD 1,200.00 cost = 67 %" in (
        result.summary()
    )


def test_statement_runs_from_sales_to_profit() -> None:
    trial, books = simple()
    lines = account(trial, books, campaign="spring", costs=COSTS, currency="USD").statement()
    figures = lines.set_index("line")["email"].str.replace(",", "").astype(float)
    assert figures["profit"] == pytest.approx(
        figures["sales beyond the hold-out's, before discounts"]
        - figures["less discounts and gifts"]
        - figures["less cost of goods"]
        - figures["less messages and set-up"]
    )


def test_intervals_are_those_of_the_bootstrap() -> None:
    trial, books = simple(spread=8.0)
    arm = account(trial, books, campaign="s", costs=COSTS, currency="USD").arms[0]
    generator, draws = np.random.default_rng(1), []
    part = trial.arm == 1
    for _ in range(400):
        mean = [
            books.iloc[generator.choice(np.flatnonzero(rows), rows.sum())].mean()
            for rows in (part, ~part)
        ]
        gap = part.sum() * (mean[0] - mean[1])
        profit = gap["revenue"] - gap["goods"] - 200
        draws.append((profit, profit / (gap["discount"] + gap["goods"] + 200)))
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    assert arm.profit_low == pytest.approx(low[0], abs=120)
    assert arm.profit_high == pytest.approx(high[0], abs=120)
    assert arm.return_low == pytest.approx(low[1], abs=0.08)
    assert arm.return_high == pytest.approx(high[1], abs=0.08)


def test_return_on_a_cost_that_may_be_nothing_has_no_interval() -> None:
    assert ratio_interval(1.0, 1.0, np.diag([1.0, 1.0])) == (None, None)
    low, high = ratio_interval(10.0, 5.0, np.array([[1.0, 0.0], [0.0, 0.01]]))
    assert low is not None
    assert high is not None
    assert low < 2.0 < high


def test_free_campaign_has_no_return() -> None:
    trial, books = simple()
    free = books.assign(goods=0.0, discount=0.0)
    result = account(trial, free, campaign="s", costs={"email": CampaignCost(0.0)}, currency="USD")
    assert result.arms[0].return_on_investment is None
    assert result.arms[0].return_on_marketing_investment is None
    assert "no return" in result.summary()


def test_ledger_takes_discounts_from_the_orders(shop: Engine, spring: Trial) -> None:
    books = ledger(
        shop, spring, "spring", outcome="revenue", margin_share=0.4, redemption_cost=3.0,
        horizon_days=28,
    )  # fmt: skip
    assert books["goods"].sum() == pytest.approx(0.6 * spring.outcome("revenue").sum())
    assert books["discount"].sum() == 0
    assert books["gifts"].sum() == 0
    given = shop.sql("SELECT *, 0 AS x FROM orders").frame().drop(columns="x")
    engine = Engine(threads=1)
    engine.register("assignments", shop.sql("SELECT * FROM assignments").frame())
    engine.register("orders", given.assign(discount_minor=500))
    books = ledger(
        engine, spring, "spring", outcome="revenue", margin_share=0.4, redemption_cost=3.0,
        horizon_days=28,
    )  # fmt: skip
    bought = int(spring.outcome("orders").sum())
    assert books["discount"].sum() == pytest.approx(5.0 * bought)
    assert books["gifts"].sum() == pytest.approx(3.0 * bought)
    costly = net_of_gifts(spring, "revenue", books, worth=0.5)
    gap = average_lift(spring, ["revenue"]).effects[0].mean_arm - (
        average_lift(costly, ["revenue"]).effects[0].mean_arm
    )
    assert gap == pytest.approx(books["gifts"][spring.arm == 1].mean() / 0.5)


def test_net_margin_is_the_money_outcome_where_it_is_known() -> None:
    trial, books = simple()
    assert chosen_outcome(trial, "auto", 0.45, 0.0) == ("revenue", 0.45)
    frame = trial.outcomes.assign(
        net_margin=books["revenue"] - books["goods"], visits=1.0, unit_key=trial.unit_key,
        arm=np.where(trial.arm == 1, "email", "none"),
    )  # fmt: skip
    rich = trial_from_frame(
        frame, control="none", outcomes=["revenue", "net_margin", "visits"], covariates=[]
    )
    assert chosen_outcome(rich, "auto", 0.45, 0.0) == ("net_margin", 1.0)
    assert chosen_outcome(rich, "visits", 0.45, 0.2) == ("visits", 0.2)
    with pytest.raises(InputError, match="no outcome 'fame'"):
        chosen_outcome(rich, "fame", 0.45, 0.0)
    known = ledger(
        Engine(threads=1), rich, "x", outcome="net_margin", margin_share=0.45,
        redemption_cost=0.0, horizon_days=28,
    )  # fmt: skip
    assert known["goods"].to_numpy() == pytest.approx(books["goods"].to_numpy())


def test_impossible_margin_is_refused(shop: Engine, spring: Trial) -> None:
    with pytest.raises(ParameterError, match="margin"):
        ledger(
            shop, spring, "spring", outcome="revenue", margin_share=1.4, redemption_cost=0.0,
            horizon_days=28,
        )  # fmt: skip

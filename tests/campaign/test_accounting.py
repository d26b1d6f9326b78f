"""Profit and return of an arm, with the calculation shown."""

from __future__ import annotations

import pytest

from retention.campaign.accounting import CampaignCost, account
from retention.errors import ParameterError
from retention.uplift.effects import ArmEffect, AverageLift

LIFT = AverageLift((
    ArmEffect("revenue", "email", "none", 1000, 1000, 3.0, 2.0, 1.0, 0.25, 0.51, 1.49, 0.0001),
))  # fmt: skip
COSTS = {"email": CampaignCost(per_contact=0.1, fixed=100.0)}


def test_return_is_gain_less_cost_over_cost() -> None:
    books = account(
        LIFT, campaign="spring", outcome="revenue", costs=COSTS, margin_share=0.5, currency="USD"
    )
    arm = books.arms[0]
    assert (arm.incremental_revenue, arm.gain, arm.cost, arm.profit) == (1000, 500, 200, 300)
    assert arm.return_on_investment == pytest.approx(1.5)
    assert arm.profit_low == pytest.approx(300 - 1.959964 * 250 * 0.5, abs=1e-3)
    assert "(USD 500.00 gain − USD 200.00 cost) / USD 200.00 cost = 150 %" in books.summary()


def test_free_campaign_has_no_return() -> None:
    books = account(
        LIFT, campaign="spring", outcome="revenue", costs={"email": CampaignCost(0.0)},
        margin_share=1.0, currency="USD",
    )  # fmt: skip
    assert books.arms[0].return_on_investment is None
    assert "no return" in books.summary()


def test_impossible_margin_is_refused() -> None:
    with pytest.raises(ParameterError, match="margin"):
        account(
            LIFT, campaign="spring", outcome="revenue", costs=COSTS, margin_share=1.4,
            currency="USD",
        )  # fmt: skip

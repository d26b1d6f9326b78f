"""Over weeks, by group, by past contacts, beside another campaign, and against guardrails."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.campaign.costs import CampaignCost, recorded_costs
from retention.campaign.engagement import engagement_by_time
from retention.campaign.groups import fatigue, lift_by_group, overlap
from retention.campaign.guardrails import Guardrail, guardrail_units, judge_guardrails
from retention.campaign.timeline import effect_over_weeks
from retention.engine import Engine
from retention.errors import ParameterError
from retention.results import Status
from retention.uplift.effects import average_lift
from retention.uplift.trial import Trial


def test_sales_that_were_only_pulled_forward_are_found(shop: Engine, spring: Trial) -> None:
    course = effect_over_weeks(
        shop, spring, "spring", weeks=6, early_weeks=4, minor_per_major=100, currency="USD"
    )
    table = course.to_frame().set_index("week")
    assert table.loc[0, "ci_low"] > 0
    assert table.loc[4, "ci_high"] < 0
    assert table.loc[5, "cumulative"] == pytest.approx(table["effect"].sum())
    assert "only pulled forward" in course.summary()
    assert course.checks()[0].status is Status.WARN


def test_weeks_add_up_to_the_average_lift(shop: Engine, spring: Trial) -> None:
    course = effect_over_weeks(
        shop, spring, "spring", weeks=4, early_weeks=2, minor_per_major=100, currency="USD"
    )
    total = average_lift(spring, ["revenue"]).effects[0].difference
    assert course.to_frame()["cumulative"].iloc[-1] == pytest.approx(total)


def test_too_few_weeks_are_refused(shop: Engine, spring: Trial) -> None:
    with pytest.raises(ParameterError, match="leave nothing"):
        effect_over_weeks(
            shop, spring, "spring", weeks=4, early_weeks=4, minor_per_major=100, currency="USD"
        )


def test_groups_add_up_and_small_ones_are_left_out(spring: Trial) -> None:
    group = pd.Series(
        np.where(
            np.arange(spring.units) < 20, "tiny", np.where(np.arange(spring.units) % 3, "a", "b")
        ),
        index=spring.unit_key,
    )
    lift = lift_by_group(spring, "revenue", group, what="segment")
    assert lift.to_frame()["group"].tolist() == ["a", "b"]
    assert lift.left_out == ("tiny",)
    assert "not shown to differ by segment" in lift.summary()
    assert "tiny" in lift.summary()


def test_tired_customers_suggest_a_cap(shop: Engine, spring: Trial) -> None:
    tired = fatigue(shop, spring, "spring", "purchased", days=30)
    assert tired.cap == 4
    assert tired.check().status is Status.WARN
    assert "association" in tired.summary()
    rested = fatigue(shop, spring, "spring", "purchased", days=7)
    assert rested.cap is None


def test_unrelated_campaign_shows_no_interaction(shop: Engine, spring: Trial) -> None:
    other = overlap(
        shop, spring, "spring", "purchased", other_key="winter", other_control="none",
        window_days=60,
    )  # fmt: skip
    assert len(other.to_frame()) == 1
    assert other.to_frame()["n"].iloc[0] == 4000
    assert "No interaction with winter" in other.summary()


def test_campaign_outside_the_window_does_not_overlap(shop: Engine, spring: Trial) -> None:
    other = overlap(
        shop, spring, "spring", "purchased", other_key="winter", other_control="none",
        window_days=10,
    )  # fmt: skip
    assert other.to_frame().empty
    assert "Too few" in other.summary()


def test_no_complaint_yet_does_not_show_that_none_will_come(spring: Trial) -> None:
    units = pd.DataFrame({"unit_key": spring.unit_key, "complained": 0.0})
    rail = Guardrail("complaints", "complained", "", False, 0.0005)
    (found,) = judge_guardrails(spring, units, [rail]).results
    assert found.verdict == "open"
    assert found.ci_low < 0 < found.ci_high
    wide = Guardrail("complaints", "complained", "", False, 0.01)
    assert judge_guardrails(spring, units, [wide]).results[0].verdict == "held"
    often = units.assign(complained=(spring.arm == 1) * (np.arange(spring.units) % 20 == 0) * 1.0)
    assert judge_guardrails(spring, often, [wide]).results[0].verdict == "broken"


def test_guardrails_break_hold_or_stay_open(shop: Engine, spring: Trial) -> None:
    units = guardrail_units(shop, spring, "spring", horizon_days=28)
    report = judge_guardrails(spring, units)
    verdict = {r.guardrail: r.verdict for r in report.results}
    assert verdict["unsubscribes"] == "broken"
    assert verdict["conversion"] == "held"
    assert verdict["revenue per customer"] == "held"
    assert verdict["average order value"] == "shown only"
    assert not any("average order value" in check.detail for check in report.checks())
    assert "cart recovery" not in verdict
    assert any(check.status is Status.FAIL for check in report.checks())
    assert "unsubscribes (email) broke" in report.summary()


def test_ratio_of_totals_has_the_delta_method_error(spring: Trial) -> None:
    generator = np.random.default_rng(1)
    units = pd.DataFrame({"unit_key": spring.unit_key, "bottom": generator.poisson(2, 4000)})
    units["top"] = units["bottom"] * 5 + generator.normal(size=4000) * units["bottom"]
    result = judge_guardrails(
        spring, units, [Guardrail("ratio", "top", "bottom", True, 0.5)]
    ).results[0]
    draws = []
    for _ in range(300):
        pick = generator.integers(0, 4000, 4000)
        part, arm = units.iloc[pick], spring.arm[pick]
        sums = part.groupby(arm)[["top", "bottom"]].sum()
        ratio = sums["top"] / sums["bottom"]
        draws.append(ratio[1] - ratio[0])
    half = (result.ci_high - result.ci_low) / 2
    assert half == pytest.approx(1.96 * np.std(draws), rel=0.15)


def test_negative_margin_is_refused(spring: Trial) -> None:
    units = pd.DataFrame({"unit_key": spring.unit_key, "x": 0.0})
    with pytest.raises(ParameterError, match="negative"):
        judge_guardrails(spring, units, [Guardrail("x", "x", "", True, -1)])


def test_recorded_costs_are_shared_by_contact_and_by_arm(shop: Engine) -> None:
    fallback = CampaignCost(1.0)
    costs = recorded_costs(shop, "spring", {"email": 1500, "gift": 500}, otherwise=fallback)
    assert costs["email"] == CampaignCost(per_contact=0.02, fixed=50.0)
    assert sum(costs[a].total(n) for a, n in (("email", 1500), ("gift", 500))) == 140
    unknown = recorded_costs(shop, "summer", {"email": 10}, otherwise=fallback)
    assert unknown == {"email": fallback}


def test_send_time_is_called_an_association(shop: Engine) -> None:
    engagement = engagement_by_time(shop)
    assert (
        engagement.to_frame()["sent"].sum()
        == shop.sql("SELECT count(*) AS n FROM touches WHERE kind = 'sent'").frame()["n"].iloc[0]
    )
    assert "nothing to compare" in engagement.summary()

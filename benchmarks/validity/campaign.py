"""Campaign accounting against known truth: profit, guardrails, past contacts, budgets, releases."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks.record import Entry, at_most, near
from retention.campaign.accounting import account
from retention.campaign.costs import CampaignCost
from retention.campaign.groups import lift_by_group
from retention.campaign.guardrails import Guardrail, judge_guardrails
from retention.campaign.release import Release, Signals, Stage, advance
from retention.uplift.trial import Trial, trial_from_frame

SIMULATIONS = 1000
UNITS = 2000
TRUE_LIFT = 1.5
CONTACT, DISCOUNT = 1.0, 0.1
"""Cost of a contact, and share of the sales given as discount."""
NULL = "simulated shop, orders Poisson, order value log-normal, no effect"


def cases() -> Iterator[Entry]:
    """Yield coverage of profit and false alarms of every verdict."""
    rows = pd.DataFrame([_one(seed) for seed in range(SIMULATIONS)])
    yield near(
        "campaign", "profit of an arm: coverage of the 95 % interval", 0.95,
        float(rows["profit_covered"].mean()), 0.02, SIMULATIONS,
        "revenue mostly zero and log-normal, true lift 1.50 per customer",
    )  # fmt: skip
    yield near(
        "campaign", "profit of an arm: mean error, per customer", 0.0,
        float(rows["profit_error"].mean()), float(3 * rows["profit_error"].sem()), SIMULATIONS,
        "revenue mostly zero and log-normal, true lift 1.50 per customer",
    )  # fmt: skip
    yield near(
        "campaign", "return on marketing investment: coverage of the 95 % interval", 0.95,
        float(rows["return_covered"].mean()), 0.02, SIMULATIONS,
        "the same; discounts of a tenth of the sales, so that what was spent is uncertain, too",
    )  # fmt: skip
    for name, case in (
        ("per_customer", "guardrail on revenue per customer: broken where nothing changed, share"),
        ("order_value", "guardrail on order value: broken where nothing changed, share"),
        ("groups", "effect differs between groups where it does not, share at nominal 5 %"),
    ):
        yield at_most("campaign", case, 0.06, float(rows[name].mean()), SIMULATIONS, NULL)
    yield near(
        "campaign", "guardrail on complaints, 1 and 3 in 1,000: interval's coverage", 0.95,
        float(rows["rare_covered"].mean()), 0.025, SIMULATIONS,
        f"{UNITS:,} customers in two arms; Miettinen & Nurminen 1985",
    )  # fmt: skip
    yield at_most(
        "campaign", "release paused at the accepted complaint rate, share per step", 0.06,
        float(rows["paused"].mean()), SIMULATIONS, "4,000 messages, complaints at .1 % exactly",
    )  # fmt: skip


def _world(seed: int, lift: float) -> Trial:
    """Return a trial with orders and revenue; the lift is the same for all who buy."""
    generator = np.random.default_rng([20260702, seed])
    arm = generator.integers(0, 2, UNITS)
    orders = generator.poisson(0.3, UNITS)
    value = generator.lognormal(3.4, 0.6, UNITS) * orders
    extra = generator.random(UNITS) < 0.05
    revenue = value + arm * extra * lift / 0.05
    frame = pd.DataFrame({
        "unit_key": np.arange(UNITS), "arm": np.where(arm == 1, "email", "none"),
        "propensity": 0.5, "orders": orders + 0.0, "revenue": revenue,
        "tier": generator.integers(0, 4, UNITS),
    })  # fmt: skip
    frame["unit_key"] = frame["unit_key"].astype(str).str.zfill(6)
    return trial_from_frame(
        frame, control="none", outcomes=["orders", "revenue"], covariates=["tier"]
    )


def _one(seed: int) -> dict[str, object]:
    """Return every verdict on one world with a lift and on one without."""
    moved, still = _world(seed, TRUE_LIFT), _world(seed + SIMULATIONS, 0.0)
    revenue = moved.outcome("revenue")
    rows = pd.DataFrame({
        "revenue": revenue, "goods": 0.5 * revenue, "discount": DISCOUNT * revenue, "gifts": 0.0,
    })  # fmt: skip
    costs = {"email": CampaignCost(CONTACT)}
    books = account(moved, rows, campaign="c", costs=costs, currency="USD").arms[0]
    gained, laid_out = 0.5 * TRUE_LIFT - CONTACT, DISCOUNT * TRUE_LIFT + CONTACT
    truth = books.contacts * gained
    low, high = books.marketing_return_low, books.marketing_return_high
    units = still.outcomes.assign(unit_key=still.unit_key)
    rails = [Guardrail("order value", "revenue", "orders", True, 1.0),
             Guardrail("revenue per customer", "revenue", "", True, 1.0)]  # fmt: skip
    verdicts = [r.verdict for r in judge_guardrails(still, units, rails).results]
    rare = np.random.default_rng([20260705, seed]).random(UNITS) < 0.001 + 0.002 * still.arm
    upset = Guardrail("complaints", "complained", "", False, 0.001)
    told = judge_guardrails(still, units.assign(complained=rare * 1.0), [upset]).results[0]
    tiers = pd.Series(
        still.covariates["tier"].astype(int).astype(str).to_numpy(), index=still.unit_key
    )
    complaints = int(np.random.default_rng(seed).binomial(4000, 0.001))
    release = advance(Release("new", "old"), Signals(4000, complaints, 0))
    return {
        "profit_covered": books.profit_low <= truth <= books.profit_high,
        "profit_error": (books.profit - truth) / books.contacts,
        "return_covered": low is None or high is None or low <= gained / laid_out <= high,
        "rare_covered": told.ci_low <= 0.002 <= told.ci_high,
        "order_value": verdicts[0] == "broken",
        "per_customer": verdicts[1] == "broken",
        "groups": lift_by_group(still, "revenue", tiers, what="tier").difference_p("email") < 0.05,
        "paused": release.stage is Stage.PAUSED,
    }

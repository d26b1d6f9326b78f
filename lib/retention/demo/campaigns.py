"""Two campaigns with a randomised hold-out, and what they truly change.

An arm adds a purchase with an own probability, or, for customers whom a discount offends, removes
purchases they would have made. A crowded inbox weakens every message. Both potential outcomes of
each customer are thereby known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from retention.demo.calendar import DAY_S
from retention.demo.people import Flags, Floats, Integers, People
from retention.demo.purchases import Purchases, seasonal_days

HORIZON_DAYS = 28
FATIGUE_FACTOR = 0.55
"""What is left of a message's effect for those who get mail every week."""


@dataclass(frozen=True)
class Arm:
    """One arm: its share, its lift in the chance of an extra purchase by persona, its code."""

    name: str
    share: float
    lift: tuple[float, float, float]
    offends: float = 0.0
    left_factor: float = 0.2
    code: str = ""


@dataclass(frozen=True)
class Campaign:
    """One experiment: when it was assigned, who was eligible, its arms (the first is control)."""

    key: str
    assigned_s: int
    minimum_recency_days: int
    arms: tuple[Arm, ...]


CAMPAIGNS: tuple[Campaign, ...] = (
    Campaign(
        "spring_discount", int(datetime(2026, 3, 2, 14, tzinfo=UTC).timestamp()), 0,
        (
            Arm("control", 0.34, (0.0, 0.0, 0.0)),
            Arm("email_reminder", 0.33, (0.045, 0.025, 0.035)),
            Arm("email_discount", 0.33, (0.030, 0.115, 0.090), offends=0.6, code="SPRING15"),
        ),
    ),
    Campaign(
        "winback_gift", int(datetime(2026, 5, 4, 14, tzinfo=UTC).timestamp()), 90,
        (
            Arm("control", 0.5, (0.0, 0.0, 0.0)),
            Arm("email_gift", 0.5, (0.060, 0.025, 0.055), left_factor=0.6, code="GIFT4U"),
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """One campaign as it was run: one entry per eligible customer in every array.

    ``baseline`` is the true chance of a purchase within the horizon without a message,
    ``lifts`` the true change of that chance under each arm, shape (customers, arms).
    """

    campaign: Campaign
    customer: Integers
    arm: Integers
    baseline: Floats
    lifts: Floats


@dataclass(frozen=True)
class Orders:
    """One entry per order after the campaigns; ``code`` indexes ``CODES``, 0 is none."""

    customer: Integers
    at_s: Integers
    is_late: Flags
    code: Integers


CODES: tuple[str, ...] = ("", "SPRING15", "GIFT4U", "WELCOME10", "THANKS10", "HOLIDAY20")


def run_campaigns(
    people: People, purchases: Purchases, unsubscribed_s: Integers, random: np.random.Generator
) -> tuple[Orders, list[Trial]]:
    """Assign the arms, change the purchases accordingly, and keep what is true."""
    orders = Orders(
        purchases.customer, purchases.at_s, purchases.is_late,
        np.zeros(len(purchases.customer), dtype=np.int64),
    )  # fmt: skip
    trials = []
    for campaign in CAMPAIGNS:
        trial = _assign(campaign, people, orders, purchases.left_s, unsubscribed_s, random)
        orders = _apply(trial, people, orders, random)
        trials.append(trial)
    return orders, trials


def _assign(
    campaign: Campaign,
    people: People,
    orders: Orders,
    left_s: Integers,
    unsubscribed_s: Integers,
    random: np.random.Generator,
) -> Trial:
    """Draw the arm of every eligible customer and work out its true effect."""  # fmt: skip
    before = orders.at_s < campaign.assigned_s
    last_s = np.full(len(people), -1, dtype=np.int64)
    np.maximum.at(last_s, orders.customer[before], orders.at_s[before])
    recency = (campaign.assigned_s - last_s) / DAY_S
    reachable = people.has_email & people.consents & (last_s >= 0)
    reachable &= (unsubscribed_s < 0) | (unsubscribed_s > campaign.assigned_s)
    customer = np.flatnonzero(reachable & (recency >= campaign.minimum_recency_days))
    shares = np.array([arm.share for arm in campaign.arms])
    arm = random.choice(len(shares), size=len(customer), p=shares / shares.sum())
    has_left = (left_s[customer] >= 0) & (left_s[customer] < campaign.assigned_s)
    window = seasonal_days(people, campaign.assigned_s, HORIZON_DAYS)[customer]
    baseline = np.where(has_left, 0.0, -np.expm1(-people.rate_day[customer] * window))
    lifts = np.column_stack(
        [_lift(kind, people, customer, baseline, has_left) for kind in campaign.arms]
    )
    return Trial(campaign, customer, arm, baseline, lifts)


def _lift(
    arm: Arm, people: People, customer: Integers, baseline: Floats, has_left: Flags
) -> Floats:
    """Return the true change in the chance of a purchase within the horizon."""
    gain = np.array(arm.lift)[people.persona[customer]]
    if arm.code:
        gain = gain * (0.4 + 2.0 * people.discount[customer])
    gain = gain * np.where(people.frequent_mail[customer], FATIGUE_FACTOR, 1.0)
    gain = (
        gain * np.where(has_left, arm.left_factor, 1.0) * (0.5 + 1.25 * people.engagement[customer])
    )
    lift = (1.0 - baseline) * np.minimum(gain, 0.9)
    return np.where(
        people.sleeping_dog[customer] & (arm.offends > 0), -arm.offends * baseline, lift
    )


def _apply(trial: Trial, people: People, orders: Orders, random: np.random.Generator) -> Orders:
    """Remove the purchases that were spoilt, add the ones that were won, hand out the codes."""
    campaign, rows = trial.campaign, np.arange(len(trial.customer))
    lift = trial.lifts[rows, trial.arm]
    loss = np.zeros(len(people))
    spoilt = lift < 0
    loss[trial.customer[spoilt]] = -lift[spoilt] / trial.baseline[spoilt]
    inside = (orders.at_s >= campaign.assigned_s) & (
        orders.at_s < campaign.assigned_s + HORIZON_DAYS * DAY_S
    )
    # One draw per customer, so that the whole window is spoilt or none of it: that makes the
    # chance of any purchase fall by exactly the stated share.
    spoilt_customer = random.random(len(people)) < loss
    keep = ~(inside & spoilt_customer[orders.customer])
    code = _codes(trial, people, orders, inside, random)
    gain = np.where(lift > 0, lift / np.maximum(1.0 - trial.baseline, 1e-9), 0.0)
    won = random.random(len(rows)) < gain
    extra_s = campaign.assigned_s + _response_delay_s(int(won.sum()), random)
    arm_code = np.array([CODES.index(arm.code) for arm in campaign.arms])[trial.arm[won]]
    customer = np.concatenate([orders.customer[keep], trial.customer[won]])
    at_s = np.concatenate([orders.at_s[keep], extra_s])
    late = np.concatenate([orders.is_late[keep], np.zeros(int(won.sum()), dtype=bool)])
    codes = np.concatenate([code[keep], arm_code])
    order = np.lexsort((customer, at_s))
    return Orders(customer[order], at_s[order], late[order], codes[order])


def _codes(
    trial: Trial, people: People, orders: Orders, inside: Flags, random: np.random.Generator
) -> Integers:
    """Let treated customers who would have bought anyway use the code as well."""
    of_customer = np.zeros(len(people), dtype=np.int64)
    of_customer[trial.customer] = np.array([CODES.index(arm.code) for arm in trial.campaign.arms])[
        trial.arm
    ]
    offered = of_customer[orders.customer]
    takes = random.random(len(offered)) < 0.35 + 0.6 * people.discount[orders.customer]
    return np.where(inside & (offered > 0) & takes, offered, orders.code)


def _response_delay_s(count: int, random: np.random.Generator) -> Integers:
    """Draw seconds from message to purchase: most answer within days, all within the horizon."""
    days = HORIZON_DAYS * random.beta(0.8, 2.4, count)
    return np.maximum((days * DAY_S).astype(np.int64), 600)

"""The shop's loyalty programme: who joins, what they earn and redeem, and who leaves it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from retention.demo.baskets import PAID, Baskets
from retention.demo.calendar import DAY_S, END_S, START_S, day_of
from retention.demo.people import Flags, Integers, People

BEGAN = date(2025, 3, 1)
JOIN, EARN, REDEEM, LEAVE = range(4)
EVENT_NAMES = ("Loyalty Join", "Loyalty Earn", "Loyalty Redeem", "Loyalty Leave")
CHANCES = (0.45, 0.30, 0.12)
"""Chance to join by persona, in the order of `retention.demo.personas.PERSONAS`."""

REDEEMS = 0.25
"""Chance that an order is partly paid with the points of the order before it."""

LEAVES = 0.06
"""Share of members who leave the programme, some weeks after their last order."""


@dataclass(frozen=True)
class Loyalty:
    """One entry per event of the programme in order of time; ``points`` is 0 where none move."""

    customer: Integers
    at_s: Integers
    kind: Integers
    points: Integers


def draw_loyalty(people: People, baskets: Baskets, random: np.random.Generator) -> Loyalty:
    """Draw the events of the programme; a member joins at the first own-shop order after it began.

    One point per unit of currency is earned with each paid order; an order redeems the
    points of the member's order before it or none, so that no balance falls below zero.
    """
    member = people.has_email & people.consents & (random.random(len(people)) < _joins(people))
    order = _orders_of(member, baskets)
    customer, at_s = baskets.orders.customer[order], baskets.orders.at_s[order]
    earned = baskets.total[order] // 100
    first = np.append(True, customer[1:] != customer[:-1])
    before = np.where(first, 0, np.roll(earned, 1))
    redeems = (before > 0) & (random.random(len(order)) < REDEEMS)
    last = np.append(customer[1:] != customer[:-1], True)
    gone_s = at_s + ((20 + random.exponential(60.0, len(order))) * DAY_S).astype(np.int64)
    leaves = last & (random.random(len(order)) < LEAVES) & (gone_s < END_S)
    none = np.zeros_like(earned)
    parts = [
        (first, JOIN, at_s + 60, none), (np.ones_like(first), EARN, at_s + 90, earned),
        (redeems, REDEEM, at_s + 30, before), (leaves, LEAVE, gone_s, none),
    ]  # fmt: skip
    return _in_order(customer, parts)


def _joins(people: People) -> np.ndarray:
    """Return each customer's chance to join: collectors like it, gift givers hardly."""
    return np.array(CHANCES)[people.persona]


def _orders_of(member: Flags, baskets: Baskets) -> Integers:
    """Return the members' paid orders in the own shop since the programme began, by customer."""
    began_s = START_S + day_of(BEGAN) * DAY_S
    counts = member[baskets.orders.customer] & ~baskets.is_etsy & (baskets.state == PAID)
    chosen = np.flatnonzero(counts & (baskets.orders.at_s >= began_s))
    return chosen[np.lexsort((baskets.orders.at_s[chosen], baskets.orders.customer[chosen]))]


def _in_order(customer: Integers, parts: list[tuple[Flags, int, Integers, Integers]]) -> Loyalty:
    """Lay the events out in order of time; what fell after the history is dropped."""
    who = np.concatenate([customer[taken] for taken, _, _, _ in parts])
    kind = np.concatenate([np.full(int(taken.sum()), name) for taken, name, _, _ in parts])
    at_s = np.concatenate([when[taken] for taken, _, when, _ in parts])
    points = np.concatenate([moved[taken] for taken, _, _, moved in parts])
    order = np.lexsort((kind, who, at_s))
    order = order[at_s[order] < END_S]
    return Loyalty(who[order], at_s[order], kind[order], points[order])

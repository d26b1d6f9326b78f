"""Customers who move to the marketplace, and which accounts the shop knows to be one person."""

from __future__ import annotations

import numpy as np

from retention.demo.calendar import DAY_S, DAYS, START_S
from retention.demo.people import ON_BOTH, Flags, Integers, People

MOVERS = 0.5
"""Share of those with accounts on both platforms who end up buying on Etsy alone."""

KNOWN = 0.85
"""Share of the pairs of accounts that the shop has on its list."""


def draw_moves(people: People, random: np.random.Generator) -> Integers:
    """Return from when on each customer buys on Etsy alone (UTC seconds), -1 for never.

    The first purchase is in the own shop; the move follows at any time after it.
    """
    count = len(people)
    moves = (people.channel == ON_BOTH) & (random.random(count) < MOVERS)
    days = people.first_day + 1 + random.random(count) * np.maximum(DAYS - people.first_day, 1)
    return np.where(moves, START_S + (days * DAY_S).astype(np.int64), -1)


def draw_known_pairs(people: People, random: np.random.Generator) -> Flags:
    """Return of which customers the shop knows both accounts."""
    pair = (people.channel == ON_BOTH) & people.has_email & ~people.is_guest
    return pair & (random.random(len(people)) < KNOWN)

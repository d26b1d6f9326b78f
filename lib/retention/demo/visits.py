"""Visits to the web shop: those that end in an order, and those that do not.

Those who have left come ever more rarely, and their visits end at the exit more often.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retention.demo.baskets import Baskets
from retention.demo.calendar import DAY_S, END_S, START_S, TRACKED_FROM, day_of
from retention.demo.people import ON_ETSY, Flags, Integers, People
from retention.demo.purchases import Purchases
from retention.demo.touches import FADING_DAYS
from retention.demo.vocabulary import CATEGORIES, PRODUCTS_PER_CATEGORY

VIEWED, ADDED, CHECKOUT, COMPLETED, EXIT = range(5)
EVENT_NAMES = (
    "Product Viewed", "Product Added", "Checkout Started", "Order Completed", "Exit Intent Shown",
)  # fmt: skip


@dataclass(frozen=True)
class Visits:
    """One entry per web event in order of time; ``order`` is -1 where there is none."""

    customer: Integers
    session: Integers
    at_s: Integers
    event: Integers
    product: Integers
    order: Integers


@dataclass(frozen=True)
class Step:
    """One step that some visits take: which, how long after the start, with which product."""

    taken: Flags
    event: int
    delay_s: int
    product: Integers


def draw_visits(
    people: People, purchases: Purchases, baskets: Baskets, random: np.random.Generator
) -> Visits:
    """Draw all web events since the tracker was installed."""
    tracked_s = START_S + day_of(TRACKED_FROM) * DAY_S
    bought = np.flatnonzero(~baskets.is_etsy & (baskets.orders.at_s >= tracked_s))
    browsing, starts = _browsing(people, purchases, tracked_s, random)
    customer = np.concatenate([baskets.orders.customer[bought], browsing])
    order = np.concatenate([bought, np.full(len(browsing), -1)])
    start = np.concatenate([baskets.orders.at_s[bought] - 900, starts])
    left = purchases.left_s[customer]
    gone = (left >= 0) & (start > left)
    first_line = np.searchsorted(baskets.line_order, np.maximum(order, 0))
    wanted = _viewed(people, customer, random)
    wanted = np.where(order >= 0, baskets.line_product[first_line], wanted)
    steps = _steps(order >= 0, gone, wanted, _viewed(people, customer, random), random)
    return _gather(steps, customer, start, order)


def _steps(
    buys: Flags, gone: Flags, wanted: Integers, glanced: Integers, random: np.random.Generator
) -> list[Step]:
    """Draw which steps each visit takes: look around, look closer, basket, checkout, exit."""
    count = len(buys)
    added = buys | (random.random(count) < np.where(gone, 0.34, 0.22))
    checkout = buys | (added & (random.random(count) < 0.35))
    exits = ~buys & (random.random(count) < np.where(gone, 0.55, 0.15))
    around = random.random(count) < 0.45
    return [
        Step(around, VIEWED, 0, glanced), Step(np.ones(count, dtype=bool), VIEWED, 120, wanted),
        Step(added, ADDED, 300, wanted), Step(checkout, CHECKOUT, 600, wanted),
        Step(buys, COMPLETED, 900, wanted), Step(exits, EXIT, 700, wanted),
    ]  # fmt: skip


def _browsing(
    people: People, purchases: Purchases, tracked_s: int, random: np.random.Generator
) -> tuple[Integers, Integers]:
    """Draw visits that do not end in an order: constant while buying, fading after leaving."""
    per_day = (1.2 + 2.0 * people.rate_day * 365) / 365 * (people.channel != ON_ETSY)
    first_s = START_S + (people.first_day * DAY_S).astype(np.int64)
    left = purchases.left_s
    begin = np.maximum(first_s, tracked_s)
    alive_until = np.where(left >= 0, np.maximum(left, begin), END_S)
    alive_days = np.maximum(alive_until - begin, 0) / DAY_S
    alive = np.repeat(np.arange(len(people)), random.poisson(per_day * alive_days))
    alive_s = begin[alive] + (random.random(len(alive)) * alive_days[alive] * DAY_S).astype(
        np.int64
    )
    reach = np.where(left >= 0, np.maximum(END_S - left, 0), 0) / DAY_S
    mean = per_day * FADING_DAYS * -np.expm1(-reach / FADING_DAYS)
    gone = np.repeat(np.arange(len(people)), random.poisson(mean))
    whole = -np.expm1(-reach[gone] / FADING_DAYS)
    since = -FADING_DAYS * np.log1p(-random.random(len(gone)) * whole)
    gone_s = left[gone] + (since * DAY_S).astype(np.int64)
    seen = gone_s >= tracked_s
    return np.concatenate([alive, gone[seen]]), np.concatenate([alive_s, gone_s[seen]])


def _viewed(people: People, customer: Integers, random: np.random.Generator) -> Integers:
    """Draw the product looked at: mostly of the favourite category."""
    other = random.integers(0, len(CATEGORIES), len(customer))
    category = np.where(random.random(len(customer)) < 0.6, people.favourite[customer], other)
    return category * PRODUCTS_PER_CATEGORY + random.integers(
        0, PRODUCTS_PER_CATEGORY, len(customer)
    )


def _gather(steps: list[Step], customer: Integers, start: Integers, order: Integers) -> Visits:
    """Lay the steps of every visit out as events in order of time."""
    rows = np.concatenate([np.flatnonzero(step.taken) for step in steps])
    event = np.concatenate([np.full(int(step.taken.sum()), step.event) for step in steps])
    at_s = np.concatenate([start[step.taken] + step.delay_s for step in steps])
    product = np.concatenate([step.product[step.taken] for step in steps])
    sequence = np.lexsort((event, rows, at_s))
    sequence = sequence[at_s[sequence] < END_S]
    rows, event = rows[sequence], event[sequence]
    order_of = np.where(event == COMPLETED, order[rows], -1)
    return Visits(customer[rows], rows, at_s[sequence], event, product[sequence], order_of)

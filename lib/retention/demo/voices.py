"""What customers say: survey answers and help-desk tickets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retention.demo.baskets import Baskets
from retention.demo.calendar import DAY_S, END_S, START_S
from retention.demo.people import Integers, People
from retention.demo.purchases import Purchases
from retention.demo.visits import EXIT, Visits
from retention.demo.vocabulary import CATEGORIES

SURVEYS = ("nps", "post_purchase", "exit_intent", "preference_centre")
REASONS = (
    "", "gift_for_someone", "for_myself", "special_occasion", "too_expensive", "shipping_cost",
    "just_looking", "found_elsewhere", "delivery_time",
    *(f"prefers_{name.lower().replace(' ', '_')}" for _, name, _, _ in CATEGORIES),
)  # fmt: skip
COMMENTS = (
    "", "Beautiful work, thank you!", "Arrived late for the birthday", "Lovely packaging",
    "A bit pricey, but unique", "=SUM(love)", "Would buy again, \"truly\" handmade",
    "Trop cher, dommage",
)  # fmt: skip
TICKET_REASONS = ("late_delivery", "damaged", "return_request", "custom_order", "invoice")
SUBJECTS = (
    "Where is my order?", "Item arrived broken", "I would like to return this",
    "Can you engrave initials?", "Need an invoice",
)  # fmt: skip


@dataclass(frozen=True)
class Answers:
    """One entry per survey answer; ``score`` and ``order`` are -1 where there is none."""

    customer: Integers
    at_s: Integers
    survey: Integers
    score: Integers
    reason: Integers
    comment: Integers
    order: Integers


@dataclass(frozen=True)
class Tickets:
    """One entry per help-desk ticket; ``satisfaction`` is -1 where not rated."""

    customer: Integers
    opened_s: Integers
    replied_s: Integers
    solved_s: Integers
    reason: Integers
    satisfaction: Integers
    order: Integers


def draw_answers(
    people: People,
    purchases: Purchases,
    baskets: Baskets,
    visits: Visits,
    random: np.random.Generator,
) -> Answers:
    """Draw the answers to the three surveys, and the choices made in the preference centre."""
    mail = people.has_email[baskets.orders.customer] & ~baskets.is_etsy
    parts = [
        _nps(purchases, baskets, np.flatnonzero(mail & (random.random(len(mail)) < 0.08)), random),
        _post_purchase(baskets, np.flatnonzero(mail & (random.random(len(mail)) < 0.10)), random),
        _exit(visits, people, random),
        _preferences(people, random),
    ]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    keep = np.flatnonzero(columns[1] < END_S)
    order = keep[np.lexsort((columns[0][keep], columns[1][keep]))]
    return Answers(*(column[order] for column in columns))


def _nps(
    purchases: Purchases, baskets: Baskets, chosen: Integers, random: np.random.Generator
) -> tuple[Integers, ...]:
    """Draw net promoter scores three weeks after an order; those who have left score lower."""
    customer = baskets.orders.customer[chosen]
    left = purchases.left_s[customer]
    gone = (left >= 0) & (left <= baskets.orders.at_s[chosen])
    mean = 8.7 - 1.6 * gone - 1.8 * baskets.orders.is_late[chosen]
    score = np.clip(np.rint(mean + 1.6 * random.standard_normal(len(chosen))), 0, 10)
    at_s = baskets.orders.at_s[chosen] + 21 * DAY_S + random.integers(0, DAY_S, len(chosen))
    none = np.zeros(len(chosen), dtype=np.int64)
    comment = random.choice(len(COMMENTS), size=len(chosen), p=_comment_shares())
    return customer, at_s, none, score.astype(np.int64), none, comment, chosen


def _post_purchase(
    baskets: Baskets, chosen: Integers, random: np.random.Generator
) -> tuple[Integers, ...]:
    """Draw the reason for buying, asked on the thank-you page."""
    reason = np.where(
        baskets.is_gift[chosen], 1, random.choice([2, 3], len(chosen), p=[0.85, 0.15])
    )
    none = np.zeros(len(chosen), dtype=np.int64)
    comment = random.choice(len(COMMENTS), size=len(chosen), p=_comment_shares())
    at_s = baskets.orders.at_s[chosen] + random.integers(30, 600, len(chosen))
    return baskets.orders.customer[chosen], at_s, none + 1, none - 1, reason, comment, chosen


def _exit(visits: Visits, people: People, random: np.random.Generator) -> tuple[Integers, ...]:
    """Draw the reasons given in the exit-intent pop-up."""
    shown = np.flatnonzero(visits.event == EXIT)
    chosen = shown[random.random(len(shown)) < 0.12]
    none = np.zeros(len(chosen), dtype=np.int64)
    reason = random.choice([4, 5, 6, 7, 8], size=len(chosen), p=[0.3, 0.25, 0.2, 0.15, 0.1])
    known = people.has_email[visits.customer[chosen]] & (random.random(len(chosen)) < 0.5)
    customer = np.where(known, visits.customer[chosen], -1)
    return customer, visits.at_s[chosen] + 20, none + 2, none - 1, reason, none, none - 1


def _preferences(people: People, random: np.random.Generator) -> tuple[Integers, ...]:
    """Draw what some subscribers say they like best: four in five name what they buy most."""
    asked = people.has_email & people.consents & (random.random(len(people)) < 0.15)
    chosen = np.flatnonzero(asked)
    other = random.integers(0, len(CATEGORIES), len(chosen))
    liked = np.where(random.random(len(chosen)) < 0.8, people.favourite[chosen], other)
    first = REASONS.index("delivery_time") + 1
    at_s = START_S + ((people.first_day[chosen] + 1 + random.exponential(30.0, len(chosen)))
                      * DAY_S).astype(np.int64)  # fmt: skip
    none = np.zeros(len(chosen), dtype=np.int64)
    return chosen, at_s, none + 3, none - 1, first + liked, none, none - 1


def _comment_shares() -> list[float]:
    """Return how often each comment is made; most leave none."""
    return [0.7, 0.1, 0.05, 0.06, 0.05, 0.001, 0.029, 0.01]


def draw_tickets(people: People, baskets: Baskets, random: np.random.Generator) -> Tickets:
    """Draw tickets: half of the late deliveries, and a few of the others."""
    count = len(baskets.orders.customer)
    late = baskets.orders.is_late & (random.random(count) < 0.5)
    other = ~late & (random.random(count) < 0.035)
    mail = people.has_email[baskets.orders.customer] & ~baskets.is_etsy
    chosen = np.flatnonzero((late | other) & mail)
    reason = np.where(
        late[chosen], 0, random.choice([1, 2, 3, 4], len(chosen), p=[0.25, 0.3, 0.3, 0.15])
    )
    wait_days = np.where(reason == 0, 9.0, 4.0) + random.exponential(2.0, len(chosen))
    opened = baskets.orders.at_s[chosen] + (wait_days * DAY_S).astype(np.int64)
    replied = opened + random.exponential(9 * 3600, len(chosen)).astype(np.int64) + 300
    solved = replied + random.exponential(30 * 3600, len(chosen)).astype(np.int64) + 600
    rated = random.random(len(chosen)) < 0.3
    good = random.random(len(chosen)) < np.where(reason == 0, 0.55, 0.85)
    tickets = Tickets(
        baskets.orders.customer[chosen], opened, replied, solved, reason,
        np.where(rated, good.astype(np.int64), -1), chosen,
    )  # fmt: skip
    keep = np.flatnonzero(opened < END_S)
    order = keep[np.lexsort((chosen[keep], opened[keep]))]
    return Tickets(*(getattr(tickets, name)[order] for name in tickets.__dataclass_fields__))

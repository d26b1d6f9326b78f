"""Everything that happened in the simulated shop, drawn before anything is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retention.demo.baskets import Baskets, fill_baskets
from retention.demo.campaigns import Trial, run_campaigns
from retention.demo.dirt import Dirt, draw_dirt
from retention.demo.loyalty import Loyalty, draw_loyalty
from retention.demo.moves import draw_known_pairs, draw_moves
from retention.demo.people import Flags, Integers, People, draw_people
from retention.demo.purchases import Purchases, draw_purchases
from retention.demo.touches import Touches, draw_touches, draw_unsubscribes
from retention.demo.visits import Visits, draw_visits
from retention.demo.voices import Answers, Tickets, draw_answers, draw_tickets


@dataclass(frozen=True)
class World:
    """The shop's people and all they did.

    ``unsubscribed_s``, ``moved_s`` and ``known_pair`` have one entry per customer: when they
    unsubscribed, from when on they bought on Etsy alone (-1 for never), and whether the shop knows
    both their accounts.
    """

    people: People
    purchases: Purchases
    unsubscribed_s: Integers
    trials: list[Trial]
    baskets: Baskets
    dirt: Dirt
    touches: Touches
    visits: Visits
    answers: Answers
    tickets: Tickets
    moved_s: Integers
    known_pair: Flags
    loyalty: Loyalty


def draw_world(customers: int, seed: int, activity: float) -> World:
    """Draw the shop; every part has a random stream of its own (the twelfth is the old scores')."""
    seeds = np.random.SeedSequence(seed).spawn(14)
    streams = iter([np.random.default_rng(s) for s in seeds[:10]])
    of_moves, of_loyalty = np.random.default_rng(seeds[12]), np.random.default_rng(seeds[13])
    people = draw_people(customers, activity, next(streams))
    purchases = draw_purchases(people, next(streams))
    unsubscribed_s = draw_unsubscribes(people, purchases, next(streams))
    orders, trials = run_campaigns(people, purchases, unsubscribed_s, next(streams))
    moved_s = draw_moves(people, of_moves)
    baskets = fill_baskets(people, orders, moved_s, next(streams))
    dirt = draw_dirt(baskets, next(streams))
    touches = draw_touches(people, purchases, trials, unsubscribed_s, next(streams))
    visits = draw_visits(people, purchases, baskets, next(streams))
    answers = draw_answers(people, purchases, baskets, visits, next(streams))
    tickets = draw_tickets(people, baskets, next(streams))
    return World(
        people, purchases, unsubscribed_s, trials, baskets, dirt, touches, visits, answers, tickets,
        moved_s, draw_known_pairs(people, of_moves), draw_loyalty(people, baskets, of_loyalty),
    )  # fmt: skip

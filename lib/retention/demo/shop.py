"""The simulated shop as a whole: draw it, write its exports and, apart from them, its truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retention.demo.baskets import fill_baskets
from retention.demo.campaigns import run_campaigns
from retention.demo.dirt import draw_dirt
from retention.demo.exports.behaviour import write_answers, write_tickets, write_web_events
from retention.demo.exports.etsy import write_etsy
from retention.demo.exports.ledger import write_assignments, write_consents, write_costs
from retention.demo.exports.messages import write_events, write_profiles
from retention.demo.exports.shopify import write_customers, write_orders
from retention.demo.identities import identities
from retention.demo.people import draw_people
from retention.demo.purchases import draw_purchases
from retention.demo.touches import draw_touches, draw_unsubscribes
from retention.demo.truth import write_truth
from retention.demo.visits import draw_visits
from retention.demo.voices import draw_answers, draw_tickets
from retention.demo.writing import Writer, connect
from retention.errors import ParameterError


@dataclass(frozen=True)
class DemoSummary:
    """What was written.

    Parameters
    ----------
    folder
        Where the exports are.
    customers, orders, order_lines
        Size of the simulated shop.
    rows
        Rows of each export file, or group of files.
    """

    folder: Path
    customers: int
    orders: int
    order_lines: int
    rows: dict[str, int]

    def summary(self) -> str:
        """Return the size of the shop in one sentence."""
        return (
            f"A simulated shop with {self.customers:,} customers, {self.orders:,} orders and "
            f"{self.order_lines:,} order lines is in {self.folder}."
        )


def write_shop(
    folder: Path, customers: int = 20_000, seed: int = 20260701, activity: float = 1.0
) -> DemoSummary:
    """Write the native exports of a simulated handmade-goods shop, and its truth apart.

    Parameters
    ----------
    folder
        Where to write; the truth goes to its sub-folder ``truth``, which no notebook reads.
    customers
        Number of people who bought at least once between 2024-01-01 and 2026-06-30.
    seed
        Seed of every random draw; the same seed gives the same bytes.
    activity
        Multiplies every purchase rate, and so the number of orders per customer.

    Raises
    ------
    ParameterError
        If the shop would have too few customers to show anything, or no activity.

    Examples
    --------
    >>> import tempfile
    >>> write_shop(Path(tempfile.mkdtemp()), customers=500).customers
    500
    """
    _check(customers, activity)
    streams = iter([np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(10)])
    people = draw_people(customers, activity, next(streams))
    purchases = draw_purchases(people, next(streams))
    unsubscribed_s = draw_unsubscribes(people, purchases, next(streams))
    orders, trials = run_campaigns(people, purchases, unsubscribed_s, next(streams))
    baskets = fill_baskets(people, orders, next(streams))
    with connect() as connection:
        writer = Writer(folder, connection)
        names = identities(people, connection)
        dirt = draw_dirt(baskets, next(streams))
        rows = {"shopify/orders": write_orders(writer, people, names, baskets, dirt)}
        rows["shopify/customers"] = write_customers(writer, people, names, baskets)
        rows["etsy"] = write_etsy(writer, people, names, baskets)
        touches = draw_touches(people, purchases, trials, unsubscribed_s, next(streams))
        rows["klaviyo/events"] = write_events(writer, names, touches)
        rows["klaviyo/profiles"] = write_profiles(writer, people, names, unsubscribed_s)
        visits = draw_visits(people, purchases, baskets, next(streams))
        rows["web/events"] = write_web_events(writer, people, names, baskets, visits)
        answers = draw_answers(people, purchases, baskets, visits, next(streams))
        rows["surveys/answers"] = write_answers(writer, names, baskets, answers)
        tickets = draw_tickets(people, baskets, next(streams))
        rows["tickets/tickets"] = write_tickets(writer, names, baskets, tickets)
        rows["consents/consents"] = write_consents(writer, people, names, unsubscribed_s)
        rows["campaigns/assignments"] = write_assignments(writer, people, names, trials)
        rows["costs/costs"] = write_costs(writer, baskets, trials)
        write_truth(writer, people, names, purchases, baskets, trials, unsubscribed_s, dirt)
    return DemoSummary(folder, customers, len(orders.customer), len(baskets.line_order), rows)


def _check(customers: int, activity: float) -> None:
    """Refuse a shop that could show nothing."""
    if customers < 100:
        raise ParameterError(
            f"A shop of {customers} customers shows nothing.", "Ask for at least 100.",
            column="customers",
        )  # fmt: skip
    if not 0 < activity <= 100:
        raise ParameterError(
            f"An activity of {activity} is impossible.", "Give a factor above 0, up to 100.",
            column="activity",
        )  # fmt: skip

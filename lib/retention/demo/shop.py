"""The simulated shop as a whole: draw it, write its exports and, apart from them, its truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from retention.demo.exports.behaviour import (
    write_answers,
    write_loyalty,
    write_tickets,
    write_web_events,
)
from retention.demo.exports.etsy import write_etsy
from retention.demo.exports.ledger import (
    write_assignments,
    write_consents,
    write_costs,
    write_links,
)
from retention.demo.exports.legacy import write_legacy
from retention.demo.exports.legacy_scores import write_legacy_scores
from retention.demo.exports.messages import write_events, write_profiles
from retention.demo.exports.shopify import write_customers, write_orders
from retention.demo.identities import identities
from retention.demo.truth import write_truth
from retention.demo.world import World, draw_world
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
        How many times as often customers buy; the time they stay is left as it is. With 3.6 there
        are about ten order lines per customer.

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
    world = draw_world(customers, seed, activity)
    with connect() as connection:
        rows = _write(Writer(folder, connection), world, seed)
    orders, lines = len(world.baskets.orders.customer), len(world.baskets.line_order)
    return DemoSummary(folder, customers, orders, lines, rows)


def _write(writer: Writer, world: World, seed: int) -> dict[str, int]:
    """Write every export, then the truth; return the rows of each export."""
    people, baskets, unsubscribed_s = world.people, world.baskets, world.unsubscribed_s
    names = identities(people, writer.connection)
    rows = {
        "shopify/orders": write_orders(writer, people, names, baskets, world.dirt),
        "shopify/customers": write_customers(writer, people, names, baskets),
        "etsy": write_etsy(writer, names, baskets),
        "klaviyo/events": write_events(writer, names, world.touches),
        "klaviyo/profiles": write_profiles(writer, people, names, unsubscribed_s),
        "web/events": write_web_events(writer, people, names, baskets, world.visits),
        "loyalty/events": write_loyalty(writer, names, world.loyalty),
        "surveys/answers": write_answers(writer, names, baskets, world.answers),
        "tickets/tickets": write_tickets(writer, names, baskets, world.tickets),
        "consents/consents": write_consents(writer, people, names, unsubscribed_s),
        "campaigns/assignments": write_assignments(writer, names, world.trials),
        "costs/costs": write_costs(writer, baskets, world.trials),
        "links/links": write_links(writer, names, world.known_pair),
        "legacy/woocommerce_orders": write_legacy(writer, world, names, seed),
        "legacy_crm/scores": write_legacy_scores(writer, world, names, seed),
    }
    write_truth(writer, world, names)
    return rows


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

"""The shop's old system: WooCommerce orders of the first half-year, with planted differences.

The shop moved from WooCommerce to Shopify at the end of that half-year. The old export should hold
what Shopify's holds; where it does not, the truth says so (``truth/migration.parquet``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from retention.demo.baskets import (
    CANCELLED,
    PAID,
    PART_REFUNDED,
    PENDING,
    REFUNDED,
    Baskets,
    catalogue,
)
from retention.demo.calendar import DAY_S
from retention.demo.dirt import NOT_BAD
from retention.demo.exports.shopify import order_numbers
from retention.demo.headers import WOOCOMMERCE_ORDERS
from retention.demo.people import Integers
from retention.demo.world import World
from retention.demo.writing import Writer, lookup, money, stamp, words

MIGRATION_FROM, MIGRATION_TO = "2024-01-01", "2024-07-01"
STATUS = {
    PAID: "completed",
    PENDING: "pending",
    CANCELLED: "cancelled",
    REFUNDED: "refunded",
    PART_REFUNDED: "completed",
}
PLANTED = {
    "missing_in_new": 12,
    "only_in_new": 10,
    "doubled_in_legacy": 6,
    "identifier_changed": 8,
    "shipping": 9,
    "discount": 5,
    "customer": 7,
}
"""How many orders differ in which way; in a tiny shop fewer, a twentieth of the orders each."""

OTHER_NUMBERS = {"missing_in_new": 900_001, "doubled_in_legacy": 800_001}
CHANGED_NUMBER = 700_001
SHIPPING_ADDED, DISCOUNT_ADDED = 100, 200  # cents


@dataclass(frozen=True)
class Legacy:
    """The rows of the old export: the order of the shop that each entry tells, and the changes.

    ``kind`` is the position in :data:`PLANTED` of what was done to the entry, -1 for nothing.
    """

    order: Integers
    number: Integers
    kind: Integers


def write_legacy(writer: Writer, world: World, names: pa.Table, seed: int) -> int:
    """Write legacy/woocommerce_orders.csv and its truth; return the rows of the export."""
    random = np.random.default_rng(np.random.SeedSequence(seed).spawn(11)[10])
    chosen = _plant(world, random)
    legacy = _entries(world.baskets, chosen)
    writer.parquet("truth/migration.parquet", _truth(world, chosen, legacy))
    rows = _rows(world, names, legacy)
    return writer.csv("legacy/woocommerce_orders.csv", WOOCOMMERCE_ORDERS, _COLUMNS, rows)


def _period(baskets: Baskets) -> Integers:
    """Return the Shopify orders of the half-year."""
    first, end = (
        int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
        for day in (MIGRATION_FROM, MIGRATION_TO)
    )
    at_s = baskets.orders.at_s
    return np.flatnonzero(~baskets.is_etsy & (at_s >= first) & (at_s < end))


def _spoilt(world: World) -> Integers:
    """Return the orders of which Shopify's own export spoils a row."""
    bad = world.dirt.line[world.dirt.bad != NOT_BAD]
    return np.unique(world.baskets.line_order[bad])


def _plant(world: World, random: np.random.Generator) -> dict[str, Integers]:
    """Choose the orders that are to differ; each is the buyer's only one of the half-year."""
    baskets, period = world.baskets, _period(world.baskets)
    buyer = baskets.orders.customer[period]
    once = np.bincount(buyer, minlength=len(world.people))[buyer] == 1
    known = world.people.has_email[buyer] & (world.dirt.spelling[period] != 3)
    whole = (baskets.refunded[period] == 0) & ~np.isin(period, _spoilt(world))
    free = period[once & known & whole]
    drawn = random.permutation(free)
    most = max(1, len(free) // 20)
    sizes = [min(count, most) for count in PLANTED.values()]
    parts = np.split(drawn[: sum(sizes)], np.cumsum(sizes)[:-1])
    return {name: np.sort(part) for name, part in zip(PLANTED, parts, strict=True)}


def _entries(baskets: Baskets, chosen: dict[str, Integers]) -> Legacy:
    """Return what the old export lists: the half-year's orders with the changes made."""
    kept = np.setdiff1d(_period(baskets), chosen["only_in_new"])
    number, kind = order_numbers(baskets)[kept], np.full(len(kept), -1)
    for position, name in enumerate(PLANTED):
        if name not in OTHER_NUMBERS:
            kind[np.isin(kept, chosen[name])] = position
    changed = np.isin(kept, chosen["identifier_changed"])
    number[changed] = CHANGED_NUMBER + np.arange(changed.sum())
    parts = [(kept, number, kind)]
    for name, first in OTHER_NUMBERS.items():
        part = chosen[name]
        parts.append((part, first + np.arange(len(part)),
                      np.full(len(part), list(PLANTED).index(name))))  # fmt: skip
    order, number, kind = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    place = np.argsort(number, kind="stable")
    return Legacy(order[place], number[place], kind[place])


def _rows(world: World, names: pa.Table, legacy: Legacy) -> pa.Table:
    """Return one row per line of each entry."""
    baskets, goods = world.baskets, catalogue()
    first = np.searchsorted(baskets.line_order, legacy.order)
    count = np.searchsorted(baskets.line_order, legacy.order, side="right") - first
    entry = np.repeat(np.arange(len(legacy.order)), count)
    number_in = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    line, order, kind = first[entry] + number_in, legacy.order[entry], legacy.kind[entry]
    person = baskets.orders.customer[order]
    return pa.table(
        {
            "number": legacy.number[entry], "item": number_in + 1,
            "at_s": _times(baskets.orders.at_s[order], kind),
            "status": words([STATUS[state] for state in range(5)], baskets.state[order]),
            "is_renamed": kind == _position("customer"),
            "is_unsigned": world.dirt.spelling[order] == 3,
            "is_guest": world.people.is_guest[person], "customer": person,
            "discount": baskets.discount[order] + (kind == _position("discount")) * DISCOUNT_ADDED,
            "shipping": baskets.shipping[order] + (kind == _position("shipping")) * SHIPPING_ADDED,
            "tax": baskets.tax[order], "refunded": baskets.refunded[order],
            "total": baskets.total[order],
            "sku": words(goods.sku, baskets.line_product[line]),
            "product": words(goods.name, baskets.line_product[line]),
            "quantity": baskets.line_quantity[line], "price": baskets.line_price[line],
            **{name: lookup(names, name, person)
               for name in ("email", "phone", "first_name", "last_name", "zip", "country")},
        }
    )  # fmt: skip


def _times(at_s: Integers, kind: Integers) -> Integers:
    """Return when each entry was placed; invented ones three days off, within the half-year."""
    away = np.where(at_s < at_s.min() + 10 * DAY_S, 3 * DAY_S, -3 * DAY_S)
    return at_s + np.where(kind == _position("missing_in_new"), away, 0)


def _truth(world: World, chosen: dict[str, Integers], legacy: Legacy) -> pa.Table:
    """Return one row per planted difference, and the orders that Shopify's own dirt spoils."""
    mine = order_numbers(world.baskets)
    spoilt = np.intersect1d(_period(world.baskets), _spoilt(world))
    kinds = [*(np.full(len(part), n) for n, part in enumerate(chosen.values())),
             np.full(len(spoilt), len(chosen))]  # fmt: skip
    kind, order = np.concatenate(kinds), np.concatenate([*chosen.values(), spoilt])
    told = np.full(len(order), -1)
    for position in range(len(chosen)):
        entries = legacy.order[legacy.kind == position], legacy.number[legacy.kind == position]
        if len(entries[0]):
            told[kind == position] = _values_of(entries, order[kind == position])
    return pa.table(
        {
            "kind": words([*chosen, "spoilt_in_new"], kind),
            "new_number": pa.array(mine[order], mask=kind == _position("missing_in_new")),
            "legacy_number": pa.array(told, mask=told < 0),
            "customer": world.baskets.orders.customer[order],
        }
    )


def _values_of(pairs: tuple[Integers, Integers], keys: Integers) -> Integers:
    """Return the value of each key, from arrays of unique keys and their values."""
    place = np.argsort(pairs[0], kind="stable")
    return np.asarray(pairs[1][place][np.searchsorted(pairs[0][place], keys)])


def _position(name: str) -> int:
    """Return the position of a kind of change."""
    return list(PLANTED).index(name)


_EMAIL = "CASE WHEN is_unsigned THEN NULL WHEN is_renamed THEN 'old.' || email ELSE email END"

_COLUMNS = {
    "Order Number": "number",
    "Order Status": "status",
    "Order Date": stamp("at_s"),
    "Order Currency": "'USD'",
    "Email (Billing)": _EMAIL,
    "Phone (Billing)": "CASE WHEN email IS NULL THEN phone END",
    "First Name (Billing)": "first_name",
    "Last Name (Billing)": "last_name",
    "Postcode (Billing)": "zip",
    "Country Code (Billing)": "country",
    "Cart Discount Amount": money("discount"),
    "Order Shipping Amount": money("shipping"),
    "Order Total Tax Amount": money("tax"),
    "Order Refund Amount": money("refunded"),
    "Order Total Amount": money("total"),
    "SKU": "sku",
    "Item #": "item",
    "Item Name": "product",
    "Quantity": "quantity",
    "Item Cost": money("price"),
}

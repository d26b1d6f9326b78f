"""What is in each order: lines, prices, discounts, taxes, gifts, refunds; all money in cents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from retention.demo.campaigns import CODES, Orders
from retention.demo.people import ON_BOTH, ON_ETSY, Flags, Floats, Integers, People
from retention.demo.personas import PERSONAS
from retention.demo.vocabulary import (
    CATEGORIES,
    FINISHES,
    MADE_TO_ORDER,
    PIECES,
    PLACES,
    PRODUCTS_PER_CATEGORY,
)

PAID, PENDING, CANCELLED, REFUNDED, PART_REFUNDED = range(5)
FREE_SHIPPING_FROM = 7_500
SHIPPING = 595
QUANTITIES = ((1, 2, 3, 4), (0.88, 0.08, 0.02, 0.02))
FAVOURITE_SHARE = 0.55
PRICE_SHIFT, PRICE_SPREAD = -0.3, 0.8
"""How far below the budget, and how widely around it, the products of a line lie."""
CODE_PERCENT = {"SPRING15": 15, "WELCOME10": 10, "THANKS10": 10, "HOLIDAY20": 20}
CODE_AMOUNT = {"GIFT4U": 800}
TAX_PER_MILLE = {"US": 70, "CA": 130, "GB": 200, "DE": 190, "AU": 100}


@dataclass(frozen=True)
class Catalogue:
    """One entry per product, ordered by category and price."""

    sku: list[str]
    name: list[str]
    price: Integers
    cost: Integers


@dataclass(frozen=True)
class Baskets:
    """Orders with their money (one entry per order) and lines (``line_*``, one per line).

    ``line_order`` is the position of the line's order.
    """

    orders: Orders
    is_etsy: Flags
    is_gift: Flags
    state: Integers
    gross: Integers
    discount: Integers
    shipping: Integers
    tax: Integers
    total: Integers
    refunded: Integers
    line_order: Integers
    line_product: Integers
    line_quantity: Integers
    line_price: Integers
    code: Integers

    @property
    def line_number(self) -> Integers:
        """Position of each line within its order, from 0."""
        first = np.searchsorted(self.line_order, self.line_order)
        return np.arange(len(self.line_order)) - first


def catalogue() -> Catalogue:
    """Return the products: twenty per category at rising prices."""
    sku, name, price = [], [], []
    for prefix, _, low, high in CATEGORIES:
        steps = np.geomspace(low, high, PRODUCTS_PER_CATEGORY)
        for index, value in enumerate(steps):
            piece = PIECES[prefix][index * len(PIECES[prefix]) // PRODUCTS_PER_CATEGORY]
            made = prefix in MADE_TO_ORDER and index % 4 == 3
            sku.append(f"{prefix}-{index + 1:04d}" + ("-MTO" if made else ""))
            name.append(f"{FINISHES[index % len(FINISHES)]} {piece}")
            price.append(int(round(value / 50) * 50))
    amounts = np.array(price, dtype=np.int64)
    return Catalogue(sku, name, amounts, (amounts * 38) // 100)


def fill_baskets(
    people: People, orders: Orders, moved_s: Integers, random: np.random.Generator
) -> Baskets:
    """Draw the lines of every order and work out its money.

    Who has moved to Etsy (``moved_s``, see `retention.demo.moves`) buys there alone from then on.
    """
    buyer, count = orders.customer, len(orders.customer)
    is_etsy = _on_etsy(people, orders, moved_s, random)
    extra = np.array([p.extra_lines for p in PERSONAS])[people.persona[buyer]]
    line_order = np.repeat(np.arange(count), 1 + np.minimum(random.poisson(extra), 8))
    product = _products(people, buyer[line_order], random)
    quantity = random.choice(QUANTITIES[0], size=len(line_order), p=QUANTITIES[1])
    price = catalogue().price[product]
    gross = np.bincount(line_order, quantity * price, count).astype(np.int64)
    code = _everyday_codes(people, orders, random)
    discount = _discounts(code, gross)
    shipping = np.where(gross - discount >= FREE_SHIPPING_FROM, 0, SHIPPING)
    rates = np.array([TAX_PER_MILLE[place[3]] for place in PLACES])[people.place[buyer]]
    tax = (gross - discount) * rates // 1000
    total = gross - discount + shipping + tax
    state, refunded = _states(total, orders.is_late, random)
    is_gift = random.random(count) < people.gift[buyer]
    return Baskets(
        orders, is_etsy, is_gift, state, gross, discount, shipping, tax, total, refunded,
        line_order, product, quantity, price, code,
    )  # fmt: skip


def _on_etsy(
    people: People, orders: Orders, moved_s: Integers, random: np.random.Generator
) -> Flags:
    """Draw where each order is placed; a campaign's code is for the own shop."""
    channel, moved = people.channel[orders.customer], moved_s[orders.customer]
    now_and_then = (channel == ON_BOTH) & (random.random(len(channel)) < 0.45)
    elsewhere = np.where(moved >= 0, orders.at_s >= moved, now_and_then)
    return (channel == ON_ETSY) | (elsewhere & (orders.code == 0))


def _products(people: People, buyer: Integers, random: np.random.Generator) -> Integers:
    """Draw a product per line: a category by taste, and a place on its price scale by budget."""
    steps = np.cumsum([p.tastes for p in PERSONAS], axis=1)[people.persona[buyer]]
    drawn = (random.random(len(buyer))[:, None] > steps[:, :-1]).sum(axis=1)
    category = np.where(random.random(len(buyer)) < FAVOURITE_SHARE, people.favourite[buyer], drawn)
    place: Floats = ndtr(
        people.budget[buyer] + PRICE_SHIFT + PRICE_SPREAD * random.standard_normal(len(buyer))
    )
    rank = np.minimum((place * PRODUCTS_PER_CATEGORY).astype(np.int64), PRODUCTS_PER_CATEGORY - 1)
    return category * PRODUCTS_PER_CATEGORY + rank


def expected_order_value(people: People) -> Floats:
    """Return the mean list value of each customer's orders in cents, shape (customers,)."""
    steps = ndtri(np.arange(1, PRODUCTS_PER_CATEGORY) / PRODUCTS_PER_CATEGORY)
    tastes = np.array([p.tastes for p in PERSONAS])
    prices = catalogue().price.reshape(len(CATEGORIES), PRODUCTS_PER_CATEGORY)
    reached = ndtr((steps[None, :] - (people.budget + PRICE_SHIFT)[:, None]) / PRICE_SPREAD)
    chances = np.diff(reached, axis=1, prepend=0.0, append=1.0)
    by_category = chances @ prices.T
    weights = (1 - FAVOURITE_SHARE) * tastes[people.persona]
    weights[np.arange(len(people)), people.favourite] += FAVOURITE_SHARE
    lines = 1 + np.array([p.extra_lines for p in PERSONAS])[people.persona]
    pieces = float(np.dot(*QUANTITIES))
    value: Floats = (by_category * weights).sum(axis=1) * lines * pieces
    return value


def _everyday_codes(people: People, orders: Orders, random: np.random.Generator) -> Integers:
    """Give some orders outside the campaigns a code, by the customer's liking for discounts."""
    takes = random.random(len(orders.customer)) < people.discount[orders.customer]
    first = np.zeros(len(orders.customer), dtype=bool)
    first[np.unique(orders.customer, return_index=True)[1]] = True
    everyday = random.choice([4, 5], size=len(takes), p=[0.7, 0.3])
    return np.where(orders.code > 0, orders.code, np.where(takes, np.where(first, 3, everyday), 0))


def _discounts(code: Integers, gross: Integers) -> Integers:
    """Return the discount of each order in cents, never more than its goods."""
    percent = np.array([CODE_PERCENT.get(name, 0) for name in CODES])[code]
    amount = np.array([CODE_AMOUNT.get(name, 0) for name in CODES])[code]
    return np.minimum((gross * percent + 50) // 100 + amount, gross)


def _states(
    total: Integers, is_late: Flags, random: np.random.Generator
) -> tuple[Integers, Integers]:
    """Draw what became of each order and how much was paid back."""
    chances = np.array([0.95, 0.005, 0.012, 0.02, 0.013])
    state = random.choice(5, size=len(total), p=chances)
    angry = is_late & (random.random(len(total)) < 0.08)
    state = np.where(angry & (state == PAID), REFUNDED, state)
    part = (total * random.integers(20, 70, len(total))) // 100
    refunded = np.where(state == REFUNDED, total, np.where(state == PART_REFUNDED, part, 0))
    return state, refunded

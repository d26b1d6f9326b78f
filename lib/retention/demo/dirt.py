"""What is wrong with the Shopify export: duplicates, test orders, bad rows, odd spellings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retention.demo.baskets import Baskets
from retention.demo.people import Flags, Integers

NOT_BAD, BAD_PRICE, BAD_DATE, BAD_QUANTITY, BAD_NAME = range(5)
BAD_NAMES = ("", "price", "date", "quantity", "name")
DUPLICATE_SHARE = 0.002
TEST_SHARE = 0.001
BAD_SHARE = 0.0003
MINIMUM = 8
"""Even the smallest shop has this many of each kind of dirt, where it has as many orders."""


@dataclass(frozen=True)
class Dirt:
    """The rows of the Shopify orders file, in order, and what is wrong with each.

    ``line`` is the position of the row's line; ``spelling`` (one per order) says how the e-mail is
    written: 0 as it is, 1 capitalised, 2 with a trailing blank, 3 left out.
    """

    line: Integers
    is_duplicate: Flags
    is_test: Flags
    bad: Integers
    spelling: Integers


def draw_dirt(baskets: Baskets, random: np.random.Generator) -> Dirt:
    """Lay out the rows of the file, newest order first, and spoil some of them."""
    shopify = np.flatnonzero(~baskets.is_etsy)
    lines = np.flatnonzero(~baskets.is_etsy[baskets.line_order])
    newest_first = lines[np.argsort(-baskets.line_order[lines], kind="stable")]
    repeated = _lines_of(baskets, _some(shopify, DUPLICATE_SHARE, random))
    tests = _lines_of(baskets, _some(shopify, TEST_SHARE, random))
    line = np.concatenate([newest_first, tests, repeated])
    kind = np.repeat([0, 1, 2], [len(newest_first), len(tests), len(repeated)])
    bad = np.zeros(len(line), dtype=np.int64)
    lone = np.flatnonzero(kind == 0)
    spoilt = _some(lone, BAD_SHARE, random)
    bad[spoilt] = random.integers(BAD_PRICE, BAD_NAME + 1, len(spoilt))
    spelling = random.choice(4, size=len(baskets.is_etsy), p=[0.955, 0.025, 0.01, 0.01])
    return Dirt(line, kind == 2, kind == 1, bad, spelling)


def _some(items: Integers, share: float, random: np.random.Generator) -> Integers:
    """Choose a share of the items, though never fewer than the minimum."""
    count = min(len(items), max(MINIMUM, int(len(items) * share)))
    return np.sort(random.choice(items, size=count, replace=False))


def _lines_of(baskets: Baskets, orders: Integers) -> Integers:
    """Return the lines of some orders, in order."""
    chosen = np.zeros(len(baskets.is_etsy), dtype=bool)
    chosen[orders] = True
    return np.flatnonzero(chosen[baskets.line_order])

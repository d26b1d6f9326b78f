"""What is true of every customer, for judging analyses; no notebook reads it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from retention.demo.baskets import CANCELLED, PENDING, Baskets, expected_order_value
from retention.demo.calendar import END_S
from retention.demo.campaigns import Trial
from retention.demo.dirt import BAD_NAMES, Dirt
from retention.demo.exports.shopify import order_numbers
from retention.demo.people import Integers
from retention.demo.personas import PERSONAS
from retention.demo.vocabulary import CATEGORIES
from retention.demo.world import World
from retention.demo.writing import Writer, lookup, words

ID_COLUMNS = ("email", "shopify_id", "etsy_user", "full_name", "zip")


def write_truth(writer: Writer, world: World, names: pa.Table) -> None:
    """Write truth/{customers,trials,orders,dirt}.parquet."""
    kept = _kept(world.baskets)
    customers = pa.table(_identity(names) | _habits(world) | _fate(world, kept))
    writer.parquet("truth/customers.parquet", customers)
    trials = pa.concat_tables([_trial(trial, names) for trial in world.trials])
    writer.parquet("truth/trials.parquet", trials)
    writer.parquet("truth/orders.parquet", _orders(world.baskets, kept))
    writer.parquet("truth/dirt.parquet", _dirt(world.dirt))


def _kept(baskets: Baskets) -> Integers:
    """Return what the shop keeps of the goods of each order, in cents."""
    goods = baskets.gross - baskets.discount
    dead = np.isin(baskets.state, [CANCELLED, PENDING])
    return np.where(dead, 0, goods - np.minimum(baskets.refunded, goods))


def _identity(names: pa.Table) -> dict[str, Any]:
    """Return by what each customer can be found in the exports."""
    return {"customer": np.arange(len(names))} | {name: names.column(name) for name in ID_COLUMNS}


def _habits(world: World) -> dict[str, Any]:
    """Return how each customer buys."""
    people = world.people
    return {
        "persona": words([p.name for p in PERSONAS], people.persona),
        "favourite": words([c[0] for c in CATEGORIES], people.favourite),
        "rate_year": people.rate_day * 365, "dropout": people.dropout,
        "discount_love": people.discount, "gift_share": people.gift,
        "is_sleeping_dog": people.sleeping_dog, "frequent_mail": people.frequent_mail,
        "consents": people.consents, "expected_order_value": expected_order_value(people) / 100.0,
    }  # fmt: skip


def _fate(world: World, kept: Integers) -> dict[str, Any]:
    """Return what became of each customer, and what is to be expected of them."""
    left, gone, count = world.purchases.left_s, world.unsubscribed_s, len(world.people)
    active, buyer = (left < 0) | (left >= END_S), world.baskets.orders.customer
    rate, dropout = world.people.rate_day, np.maximum(world.people.dropout, 1e-12)
    ahead = {
        # Until dropping out, at a constant rate: (1 - exp(-rate * dropout * t)) / dropout.
        f"expected_purchases_{days}d": active * -np.expm1(-rate * dropout * days) / dropout
        for days in (90, 365)
    }
    return ahead | {
        "left_at": pa.array(left.astype("datetime64[s]"), mask=left < 0), "is_active": active,
        "unsubscribed_at": pa.array(gone.astype("datetime64[s]"), mask=gone < 0),
        "moved_at": pa.array(world.moved_s.astype("datetime64[s]"), mask=world.moved_s < 0),
        "orders": np.bincount(buyer, minlength=count),
        "net": np.bincount(buyer, kept, count) / 100.0,
    }  # fmt: skip


def _orders(baskets: Baskets, kept: Integers) -> pa.Table:
    """Return one row per order."""
    return pa.table(
        {
            "customer": baskets.orders.customer, "at": baskets.orders.at_s.astype("datetime64[s]"),
            "is_etsy": baskets.is_etsy,
            "shopify_number": pa.array(order_numbers(baskets), mask=baskets.is_etsy),
            "is_late": baskets.orders.is_late, "is_gift": baskets.is_gift, "net": kept / 100.0,
        }
    )  # fmt: skip


def _dirt(dirt: Dirt) -> pa.Table:
    """Return how many rows of the Shopify orders file are wrong in which way."""
    counts = {"duplicate_rows": int(dirt.is_duplicate.sum()), "test_rows": int(dirt.is_test.sum())}
    counts |= {f"bad_{BAD_NAMES[k]}_rows": int((dirt.bad == k).sum()) for k in range(1, 5)}
    return pa.table({"kind": list(counts), "rows": list(counts.values())})


def _trial(trial: Trial, names: pa.Table) -> pa.Table:
    """Return one row per unit and arm: the chance of a purchase and its true change."""
    parts = []
    for index, arm in enumerate(trial.campaign.arms):
        parts.append(
            pa.table(
                {
                    "experiment": [trial.campaign.key] * len(trial.arm), "customer": trial.customer,
                    "email": lookup(names, "email", trial.customer),
                    "arm": [arm.name] * len(trial.arm),
                    "is_assigned": trial.arm == index, "baseline": trial.baseline,
                    "lift": trial.lifts[:, index],
                }
            )
        )  # fmt: skip
    return pa.concat_tables(parts)

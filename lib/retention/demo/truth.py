"""What is true of every customer, for judging analyses; no notebook reads it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from retention.demo.baskets import CANCELLED, PENDING, Baskets
from retention.demo.calendar import END_S
from retention.demo.campaigns import Trial
from retention.demo.dirt import BAD_NAMES, Dirt
from retention.demo.exports.shopify import order_numbers
from retention.demo.people import Integers, People
from retention.demo.personas import PERSONAS
from retention.demo.purchases import Purchases
from retention.demo.vocabulary import CATEGORIES
from retention.demo.writing import Writer, lookup, words

ID_COLUMNS = ("email", "shopify_id", "etsy_user", "full_name", "zip")


def write_truth(
    writer: Writer,
    people: People,
    names: pa.Table,
    purchases: Purchases,
    baskets: Baskets,
    trials: list[Trial],
    unsubscribed_s: Integers,
    dirt: Dirt,
) -> None:
    """Write truth/{customers,trials,orders,dirt}.parquet."""
    ids = {name: names.column(name) for name in ID_COLUMNS}
    left = purchases.left_s
    gross = (
        baskets.gross
        - baskets.discount
        - np.minimum(baskets.refunded, baskets.gross - baskets.discount)
    )
    kept = np.where(np.isin(baskets.state, [CANCELLED, PENDING]), 0, gross)
    buyer, count = baskets.orders.customer, len(people)
    writer.parquet(
        "truth/customers.parquet",
        pa.table(
            {
                "customer": np.arange(count), **ids,
                "persona": words([p.name for p in PERSONAS], people.persona),
                "favourite": words([c[0] for c in CATEGORIES], people.favourite),
                "rate_year": people.rate_day * 365, "dropout": people.dropout,
                "left_at": pa.array(left.astype("datetime64[s]"), mask=left < 0),
                "is_active": (left < 0) | (left >= END_S), "discount_love": people.discount,
                "gift_share": people.gift, "is_sleeping_dog": people.sleeping_dog,
                "frequent_mail": people.frequent_mail, "consents": people.consents,
                "unsubscribed_at": pa.array(
                    unsubscribed_s.astype("datetime64[s]"), mask=unsubscribed_s < 0
                ),
                "orders": np.bincount(buyer, minlength=count),
                "net": np.bincount(buyer, kept, count) / 100.0,
            }
        ),
    )  # fmt: skip
    writer.parquet("truth/trials.parquet", pa.concat_tables([_trial(t, names) for t in trials]))
    writer.parquet(
        "truth/orders.parquet",
        pa.table(
            {
                "customer": buyer, "at": baskets.orders.at_s.astype("datetime64[s]"),
                "shopify_number": pa.array(order_numbers(baskets), mask=baskets.is_etsy),
                "is_late": baskets.orders.is_late, "is_gift": baskets.is_gift, "net": kept / 100.0,
            }
        ),
    )  # fmt: skip
    counts = {"duplicate_rows": int(dirt.is_duplicate.sum()), "test_rows": int(dirt.is_test.sum())}
    counts |= {f"bad_{BAD_NAMES[k]}_rows": int((dirt.bad == k).sum()) for k in range(1, 5)}
    writer.parquet(
        "truth/dirt.parquet", pa.table({"kind": list(counts), "rows": list(counts.values())})
    )


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

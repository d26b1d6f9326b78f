"""The shop's old customer system: a churn score per quarter, of known and modest quality."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from retention.demo.baskets import CANCELLED, PENDING, Baskets
from retention.demo.calendar import DAY_S
from retention.demo.headers import LEGACY_SCORES
from retention.demo.people import Integers
from retention.demo.world import World
from retention.demo.writing import Writer, iso, lookup

SCORED_ON = ("2025-04-01", "2025-07-01", "2025-10-01", "2026-01-01", "2026-04-01", "2026-06-30")
ACTIVE_DAYS = 365
FIDELITY = 0.8
"""Correlation of the score's ranks with the ranks of recency; the rest is noise."""


def write_legacy_scores(writer: Writer, world: World, names: pa.Table, seed: int) -> int:
    """Write legacy_crm/scores.csv and its truth; return the rows of the export.

    The old system knows recency and nothing else, and blurs it: its score can never be better than
    the recency rule, which is what an analysis should find.
    """
    random = np.random.default_rng(np.random.SeedSequence(seed).spawn(12)[11])
    parts = [_scored(world.baskets, _second_of(day), random) for day in SCORED_ON]
    rows = pa.concat_tables(parts)
    rows = rows.filter(pa.array(world.people.has_email[rows.column("customer").to_numpy()]))
    rows = rows.append_column("number", pa.array(np.arange(len(rows))))
    writer.parquet("truth/legacy_scores.parquet", rows)
    told = rows.append_column("email", lookup(names, "email", rows.column("customer").to_numpy()))
    columns = {"Score ID": "'l' || (500000 + number)", "Email": "email",
               "Score": "CAST(round(score, 1) AS VARCHAR)", "Scored At": iso("at_s")}  # fmt: skip
    return writer.csv("legacy_crm/scores.csv", LEGACY_SCORES, columns, told)


def _scored(baskets: Baskets, at_s: int, random: np.random.Generator) -> pa.Table:
    """Return the scores of one day: everyone who bought in the year before it."""
    recency = _recency_days(baskets, at_s)
    who = np.flatnonzero((recency >= 0) & (recency <= ACTIVE_DAYS))
    known = _normal_ranks(recency[who])
    blurred = FIDELITY * known + np.sqrt(1 - FIDELITY**2) * random.standard_normal(len(who))
    score = 100 / (1 + np.exp(-1.7 * blurred))
    return pa.table({"customer": who, "at_s": np.full(len(who), at_s),
                     "recency_days": recency[who], "score": score})  # fmt: skip


def _recency_days(baskets: Baskets, at_s: int) -> Integers:
    """Return the days since each customer's last purchase; -1 where there was none."""
    orders = baskets.orders
    live = (orders.at_s < at_s) & ~np.isin(baskets.state, [CANCELLED, PENDING])
    last = np.full(int(orders.customer.max()) + 1, -1, dtype=np.int64)
    np.maximum.at(last, orders.customer[live], orders.at_s[live])
    return np.where(last < 0, -1, (at_s - last) // DAY_S)


def _normal_ranks(values: Integers) -> np.ndarray:
    """Return standard scores of the values' ranks, ties in the order given."""
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    share = (ranks + 0.5) / max(len(values), 1)
    return np.log(share / (1 - share)) / 1.7


def _second_of(day: str) -> int:
    """Return the second at which a day begins."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())

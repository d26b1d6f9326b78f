"""Orders known at an as-of date and the purchase summary that value models are fitted to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pyarrow as pa

from retention.engine import Answer, Engine
from retention.errors import EvidenceError, ParameterError
from retention.features.counted import counted_orders, orders_that_count
from retention.features.dates import DAY_S, epoch_of
from retention.features.kept import made_once
from retention.quantities import minor_units

KEYS_AS_ARROW = {pa.string(): pd.StringDtype("pyarrow", na_value=np.nan)}
"""The text type of pandas 3, which leaves a million keys where Arrow has them; as Python objects
they would take longer to make than to group, and twice the memory."""

KNOWN = ("known_customers", "known_orders", "known_returns")
"""The tables that `known_orders` gives a name."""

SETTLEMENT_DAYS = 60
"""Age of an order from which a refund of unknown date is taken as known: longer than shops take
goods back, so that an undated refund of a young order cannot leak from after the as-of date."""


def minor_per_major(engine: Engine) -> int:
    """Return how many minor units make one unit of the currency of the orders.

    Raises
    ------
    EvidenceError
        If the orders are in several currencies: their sums would mean nothing.
    """
    found = engine.sql("SELECT DISTINCT currency FROM orders ORDER BY currency").frame()
    currencies = [str(code) for code in found["currency"]]
    if len(currencies) > 1:
        raise EvidenceError(
            f"Orders are in several currencies ({', '.join(currencies)}).",
            "Give ingest dated rates, so that it converts them to one reporting currency.",
        )
    return minor_units(currencies[0] if currencies else "")


@contextmanager
def known_orders(
    engine: Engine, as_of: str, settlement_days: int = SETTLEMENT_DAYS
) -> Iterator[str]:
    """Let the orders known at the as-of date be the table ``known_orders``.

    An order counts if its status is paid or refunded and it was placed before the as-of date; its
    ``value_minor`` is gross - discount - what had been paid back by then. Returns that the source
    books as orders of their own (cancelled, below zero) stand in ``known_returns``: they belong to
    the customer, but to no order. Buyers have a row in ``known_customers``, whose numbers stand in
    for the longer keys where much is grouped.

    Parameters
    ----------
    engine
        Engine with the table ``orders`` (and ``refunds``, where there are any).
    as_of
        ISO date.
    settlement_days
        Age of an order from which a refund of unknown date is known. 0 counts every one: right for
        accounts of what a window brought, wrong for features, which would know what lies ahead.

    Yields
    ------
    str
        Name of the table; it is dropped when the block ends.
    """
    as_of_s = epoch_of(as_of)
    returns = made_once(engine, "booked_returns", "features_booked_returns", "booked_returns")
    with counted_orders(engine), _known_refunds(engine, as_of_s, settlement_days), returns:
        counted = "SELECT customer_key, customer_number FROM counted_customers"
        engine.sql(f"{counted} WHERE first_epoch_s < $as_of_s", as_of_s=as_of_s).view(KNOWN[0])
        engine.query("features_known_orders", as_of_s=as_of_s).view(KNOWN[1])
        booked = "SELECT * FROM booked_returns WHERE ordered_epoch_s < $as_of_s"
        engine.sql(booked, as_of_s=as_of_s).view(KNOWN[2])
        try:
            yield "known_orders"
        finally:
            engine.drop(*KNOWN)


@contextmanager
def _known_refunds(
    engine: Engine, as_of_s: int, settlement_days: int = SETTLEMENT_DAYS
) -> Iterator[None]:
    """Keep what had been paid back on each of ``counted_orders`` as the table ``known_refunds``."""
    dated = engine.has("refunds")
    refunds = "features_refunds_dated" if dated else "features_refunds_undated"
    settle_s = settlement_days * DAY_S
    engine.query(refunds, as_of_s=as_of_s, settle_s=settle_s).materialise("known_refunds")
    try:
        yield
    finally:
        engine.drop("known_refunds")


@contextmanager
def goods_costs(engine: Engine, as_of: str) -> Iterator[bool]:
    """Keep what the goods of each order cost as the temporary table ``goods_costs``.

    Yields
    ------
    bool
        Whether the snapshot knows costs of goods at all; if not, there is no such table.
    """
    if not (engine.has("costs") and engine.has("order_lines")):
        yield False
        return
    # Unit costs change a few times a year: two dates between which none did know the same.
    ((latest,),) = engine.execute(
        "SELECT max(incurred_epoch_s) FROM costs WHERE kind = 'goods_unit' "
        "AND scope_type = 'product' AND incurred_epoch_s < $as_of_s",
        as_of_s=epoch_of(as_of),
    )
    until_s = 0 if latest is None else int(latest) + 1
    made = made_once(engine, "goods_costs", "features_goods_costs", f"goods_costs-{until_s}",
                     as_of_s=until_s)  # fmt: skip
    with made:
        yield True


def purchase_summary(engine: Engine, as_of: str, unit_days: int = 1) -> pd.DataFrame:
    """Return frequency, recency, tenure and monetary value per customer.

    Parameters
    ----------
    engine
        Engine with the table ``orders`` (and ``refunds``, where refunds are dated).
    as_of
        ISO date; only what happened before it counts.
    unit_days
        Grain of time: 1 for days, 7 for calendar weeks from Monday. Purchases within one unit
        count once.

    Returns
    -------
    pandas.DataFrame
        One row per customer, sorted by ``customer_key``: ``frequency`` (units with a purchase
        after the first), ``recency`` (units from first to last purchase), ``tenure`` (units from
        first purchase to the last one observed), ``monetary_value`` (mean value of a repeat unit
        in major units; NaN without one).

    Notes
    -----
    The definitions are those of Fader, Hardie and Lee (2005), "Counting your customers the easy
    way", section 3; the first purchase is left out of the value (Fader and Hardie, note 025).

    Raises
    ------
    ParameterError
        If the as-of date is no ISO date or the grain is neither a day nor a week.
    EvidenceError
        If the orders are in several currencies.
    """
    with purchase_rows(engine, as_of, unit_days) as rows:
        return texts_in_arrow(rows)


def texts_in_arrow(answer: Answer) -> pd.DataFrame:
    """Return an answer with its texts where Arrow has them; see :data:`KEYS_AS_ARROW`."""
    rows = answer.arrow()
    return rows.to_pandas(types_mapper=KEYS_AS_ARROW.get, split_blocks=True, self_destruct=True)


@contextmanager
def purchase_rows(engine: Engine, as_of: str, unit_days: int = 1) -> Iterator[Answer]:
    """Prepare the purchase summary without fetching it, for work that goes batch by batch.

    Parameters are those of `purchase_summary`.

    Yields
    ------
    Answer
        The rows, valid until the block ends.
    """
    if unit_days not in (1, 7):
        raise ParameterError(f"The grain cannot be {unit_days} days.", "Use 1 (day) or 7 (week).")
    as_of_s = epoch_of(as_of)
    with orders_that_count(engine), _known_refunds(engine, as_of_s):
        yield engine.query(
            "features_purchase_summary",
            as_of_s=as_of_s,
            unit_s=unit_days * DAY_S,
            minor_per_major=minor_per_major(engine),
        )

"""Some of the customers alone: a drawn share to learn from, or the units of an experiment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from retention.engine import Engine

_DIGITS = 8
"""Hexadecimal digits of a key's hash that are looked at: shares to a four-billionth."""

NAMED = {
    "orders": "customer_key", "events": "customer_key", "touches": "customer_key",
    "tickets": "customer_key", "surveys": "customer_key", "order_lines": "order_key",
    "refunds": "order_key",
}  # fmt: skip
"""Tables that features are made of, each with what tells whose a row is."""


@contextmanager
def sampled_customers(engine: Engine, most: int | None) -> Iterator[float]:
    """Let the engine hold about so many customers at most, until the block ends.

    Who is drawn depends on the hash of the key alone: the same people at every date, in every
    process and on either engine. What is told of the drawn (features, outcomes) is what would be
    told of them among all.

    Parameters
    ----------
    engine
        Engine with ``orders`` and whichever other table of features there is.
    most
        Customers to hold; of fewer, all are held, as they are where it is None.

    Yields
    ------
    float
        The share of the customers that is held.
    """
    share = 1.0
    if most is not None:
        ((customers,),) = engine.execute("SELECT count(DISTINCT customer_key) FROM orders")
        share = most / max(customers, 1)
    if share >= 1:
        yield 1.0
        return
    below = f"{int(share * 16**_DIGITS):0{_DIGITS}x}"
    with _only(engine, "left(md5(customer_key), $digits) < $below", digits=_DIGITS, below=below):
        yield share


@contextmanager
def units_alone(engine: Engine, experiment_key: str) -> Iterator[None]:
    """Let the engine hold only those customers that an experiment has assigned, as above."""
    units = "SELECT unit_key FROM assignments WHERE experiment_key = $experiment_key"
    with _only(engine, f"customer_key IN ({units})", experiment_key=experiment_key):
        yield


@contextmanager
def _only(engine: Engine, condition: str, **parameters: Any) -> Iterator[None]:
    """Let the engine hold only the customers whose orders meet a condition."""
    engine.sql(
        f"SELECT customer_key, order_key FROM orders WHERE {condition}", **parameters
    ).materialise("drawn_orders")
    drawn = {name: f"{key} IN (SELECT {key} FROM drawn_orders)"
             for name, key in NAMED.items() if engine.has(name)}  # fmt: skip
    shared, engine.shared = engine.shared, None  # what notebooks share is of all customers
    try:
        with engine.narrowed(drawn):
            yield
    finally:
        engine.shared = shared
        engine.drop("drawn_orders")

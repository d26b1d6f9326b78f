"""Some of the customers alone: a drawn share to learn from, or the units of an experiment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retention.engine import Engine
from retention.features.counted import ALL_COUNTED, counted_lines, counted_orders
from retention.features.kept import keep, made_once, to_be_made

_DIGITS = 8
"""Hexadecimal digits of a key's hash that are looked at: shares to a four-billionth."""

NAMED = {
    "orders": "customer_key", "events": "customer_key", "touches": "customer_key",
    "tickets": "customer_key", "surveys": "customer_key", "order_lines": "order_key",
    "refunds": "order_key",
}  # fmt: skip
"""Tables that features are made of, each with what tells whose a row is."""


@contextmanager
def sampled_customers(
    engine: Engine, most: int | None, *, is_kept: bool = False
) -> Iterator[float]:
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
    is_kept
        Whether the rows of the drawn are kept for the rest of the run: worth it where they are
        looked at on several dates.

    Yields
    ------
    float
        The share of the customers that is held.
    """
    share = 1.0
    if most is not None:
        with made_once(engine, "customer_count", "features_customer_count", "customer_count"):
            ((customers,),) = engine.execute("SELECT customers FROM customer_count")
        share = most / max(customers, 1)
    if share >= 1:
        yield 1.0
        return
    below = f"{int(share * 16**_DIGITS):0{_DIGITS}x}"
    condition = "left(md5(customer_key), $digits) < $below"
    if engine.shared is None or not is_kept:
        with _only(engine, condition, digits=_DIGITS, below=below):
            yield share
        return
    folder = engine.shared / f"drawn-{below}"
    rows = _kept(engine, folder, condition, digits=_DIGITS, below=below)
    with _standing_apart(engine, rows, folder):
        yield share


@contextmanager
def units_alone(engine: Engine, experiment_key: str) -> Iterator[None]:
    """Let the engine hold only those customers that an experiment has assigned, as above.

    In a run that shares, what is kept for all must meanwhile be made of tables that are left whole.
    """
    units = "SELECT unit_key FROM assignments WHERE experiment_key = $experiment_key"
    condition = f"customer_key IN ({units})"
    if engine.shared is None:
        with _only(engine, condition, experiment_key=experiment_key):
            yield
        return
    with (
        counted_orders(engine),
        counted_lines(engine),
        _units_among_all(engine, condition, experiment_key=experiment_key) as rows,
        engine.narrowed(rows),
    ):
        yield


@contextmanager
def _units_among_all(
    engine: Engine, condition: str, **parameters: Any
) -> Iterator[dict[str, str | Path]]:
    """Give the condition that a row is of some of the customers with an order that counts.

    Orders and lines are sought by number, among those that a run has numbered anyway; what hangs on
    orders alone is left as it is, since it is looked up from there.
    """
    text = f"SELECT customer_key, customer_number FROM counted_customers WHERE {condition}"
    engine.sql(text, **parameters).materialise("held_customers")
    keys = dict.fromkeys((n for n, key in NAMED.items() if key == "customer_key"), "customer_key")
    keys = {name: key for name, key in keys.items() if name != "orders"}
    keys |= dict.fromkeys(ALL_COUNTED, "customer_number")
    try:
        yield {name: f"{key} IN (SELECT {key} FROM held_customers)"
               for name, key in keys.items() if engine.has(name)}  # fmt: skip
    finally:
        engine.drop("held_customers")


@contextmanager
def _only(engine: Engine, condition: str, **parameters: Any) -> Iterator[None]:
    """Let the engine hold only the customers whose orders meet a condition."""
    with (
        _drawn(engine, condition, **parameters) as drawn,
        _standing_apart(engine, drawn, shared=None),
    ):
        yield


def _kept(engine: Engine, folder: Path, condition: str, **parameters: Any) -> dict[str, Path]:
    """Return the files of the rows of customers whose orders meet a condition, made once in a run.

    A sample is looked at on many dates, and by several notebooks: seeking its rows among those of
    everybody costs more than all that is done with them.
    """
    files = {name: folder / f"{name}.parquet" for name in NAMED if engine.has(name)}
    with to_be_made(files.values()) as wanted:
        if wanted:
            with engine.unordered(), _drawn(engine, condition, **parameters) as drawn:
                keep(engine, {files[name]: f'SELECT * FROM "{name}" WHERE {rows}'
                              for name, rows in drawn.items()})  # fmt: skip
    return files


@contextmanager
def _drawn(engine: Engine, condition: str, **parameters: Any) -> Iterator[dict[str, str]]:
    """Give for each table the condition that a row is of a customer whose orders meet another."""
    engine.sql(
        f"SELECT customer_key, order_key FROM orders WHERE {condition}", **parameters
    ).materialise("drawn_orders")
    engine.sql("SELECT DISTINCT customer_key FROM drawn_orders").materialise("drawn_customers")
    held = {"customer_key": "drawn_customers", "order_key": "drawn_orders"}
    try:
        yield {name: f"{key} IN (SELECT {key} FROM {held[key]})"
               for name, key in NAMED.items() if engine.has(name)}  # fmt: skip
    finally:
        engine.drop("drawn_customers", "drawn_orders")


@contextmanager
def _standing_apart(
    engine: Engine, rows: Mapping[str, str | Path], shared: Path | None
) -> Iterator[None]:
    """Narrow the engine's tables, and keep what is made of them apart from what is of all."""
    before, engine.shared = engine.shared, shared
    try:
        with engine.narrowed(rows):
            yield
    finally:
        engine.shared = before

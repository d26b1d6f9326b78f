"""Orders that count, numbered by their customer once: what was known at any date is told of them.

Seven dates of a shop are asked for in one run. Seeking out its orders, and numbering whose they
are, is most of what each would cost, and it is the same for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from retention.engine import Engine, query_text
from retention.features.kept import keep, to_be_made

COUNTED = ("counted_customers", "counted_orders")
"""Tables of orders that count (``features_<name>.sql``), in the order in which they are made."""

LINES = "counted_lines"
"""Table of what they were made of."""

ALL_COUNTED = (*COUNTED, LINES)
"""All of these tables, each with the column ``customer_number``."""

_STANDING = {"counted_orders": "is_refunded, customer_number", LINES: "customer_number"}
"""How the rows stand in a file: what is grouped lies together, and what is sought apart."""

_COUNT = "customer_key IS NOT NULL AND status IN ('paid', 'refunded')"
"""Which orders count, as those tables say it."""


@contextmanager
def counted_orders(engine: Engine) -> Iterator[None]:
    """Keep the orders that count as the temporary tables :data:`COUNTED`, until the block ends."""
    with ExitStack() as held:
        _make(engine, COUNTED, held)
        yield


@contextmanager
def counted_lines(engine: Engine) -> Iterator[None]:
    """Keep the lines of ``counted_orders`` as the table :data:`LINES`, until the block ends.

    Where the snapshot has no lines, there is no such table.
    """
    with ExitStack() as held:
        _make(engine, (LINES,) if engine.has("order_lines") else (), held)
        yield


@contextmanager
def orders_that_count(engine: Engine) -> Iterator[None]:
    """Let ``counted_orders`` be at hand without the numbers of its customers.

    For what reads the orders once: there, numbering would cost more than it spares.
    """
    if engine.shared is not None:
        with counted_orders(engine):
            yield
        return
    refunded = "TRUE" if engine.has("refunds") else "refunded_minor > 0"
    engine.sql(f"SELECT *, {refunded} AS is_refunded FROM orders WHERE {_COUNT}").view(COUNTED[-1])
    try:
        yield
    finally:
        engine.drop(COUNTED[-1])


def _make(engine: Engine, names: tuple[str, ...], held: ExitStack) -> None:
    """Make tables, or name the files in which the run shares them; drop them when ``held`` ends.

    Tables that stand already are left as they are.
    """
    names = tuple(name for name in names if not engine.has(name))
    if engine.shared is None:
        with refunded_orders(engine), engine.unordered():
            for name in names:
                engine.query(f"features_{name}").materialise(name)
                held.callback(engine.drop, name)
        return
    kept = {name: engine.shared / f"{name}.parquet" for name in names}
    if not kept:
        return
    with to_be_made(kept.values()) as wanted, refunded_orders(engine):
        for name, path in kept.items():
            if wanted:
                keep(engine, {path: _arranged(name)})
            engine.register(name, path)
            held.callback(engine.drop, name)


def _arranged(name: str) -> str:
    """Return the query of a table that will lie in a file."""
    text = query_text(f"features_{name}")
    return f"SELECT * FROM ({text}) ORDER BY {_STANDING[name]}" if name in _STANDING else text


@contextmanager
def refunded_orders(engine: Engine) -> Iterator[None]:
    """Let the orders on which anything was ever paid back be known as ``refunded_orders``."""
    dated = "SELECT DISTINCT order_key FROM refunds"
    undated = "SELECT order_key FROM orders WHERE refunded_minor > 0"
    engine.sql(dated if engine.has("refunds") else undated).view("refunded_orders")
    try:
        yield
    finally:
        engine.drop("refunded_orders")

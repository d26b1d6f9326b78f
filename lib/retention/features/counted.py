"""Orders that count, numbered by their customer once: what was known at any date is told of them.

Seven dates of a shop are asked for in one run. Seeking out its orders, and numbering whose they
are, is most of what each would cost, and it is the same for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext

from retention.engine import Engine
from retention.features.kept import made_once

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
    """Make tables that do not stand already, each once in a run; drop them when ``held`` ends."""
    names = tuple(name for name in names if not engine.has(name))
    with refunded_orders(engine) if names else nullcontext():
        for name in names:
            standing = _STANDING.get(name, "")
            held.enter_context(made_once(engine, name, f"features_{name}", name, standing))


@contextmanager
def refunded_orders(engine: Engine) -> Iterator[None]:
    """Let the orders on which anything was ever paid back be known as ``refunded_orders``."""
    told = "SELECT order_key FROM orders WHERE refunded_minor > 0"
    if engine.has("refunds"):
        told = f"SELECT order_key FROM refunds UNION {told}"
    engine.sql(told).view("refunded_orders")
    try:
        yield
    finally:
        engine.drop("refunded_orders")

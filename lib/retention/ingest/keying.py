"""The SQL of each canonical column: raw identifiers become pseudonyms, the rest is typed.

An order's pseudonym is computed once per order, and a line's key is that pseudonym followed by what
the raw line key has beyond the order: HMAC is the dearest step of an ingest, lines are the most.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from retention.tables import Column

NAMESPACES: dict[str, str] = {
    "order_key": "order",
    "order_line_key": "order_line",
    "refund_key": "refund",
    "event_key": "event",
    "anon_key": "anon",
    "session_key": "session",
    "touch_key": "touch",
    "response_key": "response",
    "ticket_key": "ticket",
    "link_key": "link",
    "source_record_id": "record",
}
"""Columns whose raw values are replaced by pseudonyms, each in a namespace of its own."""


_ORDER = (
    f"coalesce(o.pseudonym, pseudonym('{NAMESPACES['order_key']}', CAST(m.order_key AS VARCHAR)))"
)
"""An order's pseudonym: looked up, or computed for the few that a file mentions without it."""


def collect_orders(connection: duckdb.DuckDBPyConnection, mapped: Sequence[str]) -> None:
    """Make ``order_pseudonyms(raw, pseudonym)``: one row per order of some mapped tables."""
    parts = [
        f"SELECT CAST(order_key AS VARCHAR) AS raw FROM {name}"
        for name in mapped
        if "order_key" in columns_of(connection, name)
    ]
    union = " UNION ALL ".join(parts) or "SELECT '' AS raw WHERE false"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE order_pseudonyms AS SELECT raw, "
        f"pseudonym('{NAMESPACES['order_key']}', raw) AS pseudonym "
        f"FROM (SELECT DISTINCT raw FROM ({union}) WHERE raw IS NOT NULL)"
    )


def columns_of(connection: duckdb.DuckDBPyConnection, name: str) -> set[str]:
    """Return the column names of a table."""
    return {row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()}


def canonical_column(column: Column, given: set[str], person: str, origin: dict[str, str]) -> str:
    """Return the SQL of one canonical column.

    Parameters
    ----------
    column
        The column.
    given
        Columns that the mapping yields.
    person
        Column that the person's key goes into, empty where there is none.
    origin
        Constant columns.

    Returns
    -------
    str
        An expression over ``m`` (mapped), ``p`` (people), ``o`` (order pseudonyms) and ``c``
        (country codes).
    """
    name = column.name
    if name in origin:
        return f"'{origin[name]}' AS {name}"
    if name == person:
        return f"p.person_key AS {name}"
    if name == "identity_confidence" and person:
        return "p.confidence AS identity_confidence"
    if name in NAMESPACES and name in given:
        return f"{_key(name, given)} AS {name}"
    return _typed(column, given)


def _typed(column: Column, given: set[str]) -> str:
    """Return the SQL of a column that is no key: as mapped, derived from its time, or NULL."""
    name = column.name
    if name == "country" and name in given:
        return "coalesce(c.code, m.country) AS country"
    if name in given:
        return f"CAST(m.{name} AS {column.kind}) AS {name}"
    stem = name.removesuffix("_epoch_s")
    if stem != name and f"{stem}_at" in given:
        return f"CAST(epoch(m.{stem}_at) AS BIGINT) AS {name}"
    return f"CAST(NULL AS {column.kind}) AS {name}"


def _key(name: str, given: set[str]) -> str:
    """Return the SQL of a pseudonymised key."""
    raw = f"CAST(m.{name} AS VARCHAR)"
    if name == "order_key":
        return _ORDER
    keyed = f"WHEN {raw} IS NOT NULL THEN pseudonym('{NAMESPACES[name]}', {raw})"
    if "order_key" in given and name in ("order_line_key", "source_record_id"):
        rest = f"substr({raw}, length(m.order_key) + 1)"
        keyed = f"WHEN starts_with({raw}, m.order_key) THEN {_ORDER} || {rest} {keyed}"
    if {"order_key", "order_line_key"} <= given and name == "source_record_id":
        rest = "substr(m.order_line_key, length(m.order_key) + 1)"
        keyed = (
            f"WHEN ends_with(m.order_line_key, {raw}) AND starts_with(m.order_line_key, "
            f"m.order_key) THEN {_ORDER} || {rest} {keyed}"
        )
    return f"CASE {keyed} END"

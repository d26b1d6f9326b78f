"""The SQL of each canonical column: raw identifiers become pseudonyms, the rest is typed.

Keying is the dearest step of an ingest, so that it is spared where it would say the same again. A
line's key is its order's pseudonym followed by the line's number, where the format tells one; a
record whose id is the end of its row's own key is not keyed again: that key stands for it. What
many rows name (an order, a visit, a browser) is keyed in each of them all the same: to look it up
among millions takes longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import duckdb

from retention.ingest.keys import PSEUDONYM_LENGTH
from retention.sources.base import MAXIMUM_PLACE
from retention.tables import Column, Table

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
    "cluster_key": "cluster",
    "source_record_id": "record",
}
"""Columns whose raw values are replaced by pseudonyms, each in a namespace of its own."""

PLACE = "line_place"
"""Column by which a mapping may give a line's number within its order, instead of in its key."""

ORDER_APART = "order_apart"
"""What is stored of a line's ``order_key`` where its own key does not begin with it."""

_IS_SHORT = f"coalesce(m.order_key IS NOT NULL AND m.{PLACE} BETWEEN 0 AND {MAXIMUM_PLACE}, false)"


def columns_of(connection: duckdb.DuckDBPyConnection, name: str) -> set[str]:
    """Return the column names of a table."""
    return {row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()}


def told_columns(
    table: Table,
    given: set[str],
    person: str,
    origin: Mapping[str, str],
    constants: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    """Return the columns that need not be stored, each with the SQL that tells it.

    They are the same in every row, or follow from another column of the row.

    Parameters
    ----------
    table
        The canonical table.
    given
        Columns that the mapping yields.
    person
        Column that the person's key goes into, empty where there is none.
    origin
        Columns that say where the rows came from, with their values.
    constants
        Columns that the mapping gives the same value in every row, each with its SQL.
    """
    told = {name: word(value) for name, value in origin.items()} | dict(constants)
    for column in table:
        name, stem = column.name, column.name.removesuffix("_epoch_s")
        if name in given or name in told or name == person:
            continue
        if name == "identity_confidence" and person:
            continue
        follows = stem != name and f"{stem}_at" in given
        value = f"epoch(shop_clock({stem}_at))" if follows else "NULL"
        told[name] = f"CAST({value} AS {column.kind})"
    if _begins_with_order(table, given):
        told["order_key"] = (
            f"CASE WHEN strlen(order_line_key) > {PSEUDONYM_LENGTH} "
            f"THEN left(order_line_key, {PSEUDONYM_LENGTH}) ELSE {ORDER_APART} END"
        )
    return told


def word(value: str) -> str:
    """Return the SQL of a text that is the same in every row.

    A type with one value is written in a third of the time that a text takes: a text's every
    repetition is looked up among those that came before.

    Examples
    --------
    >>> word("GBP")
    "CAST('GBP' AS ENUM ('GBP'))"
    """
    literal = "'" + value.replace("'", "''") + "'"
    return f"CAST({literal} AS ENUM ({literal}))"


def stored_columns(
    table: Table, given: set[str], person: str, told: Mapping[str, str]
) -> dict[str, str]:
    """Return the columns that are stored, each with its SQL; arguments as of `told_columns`."""
    own = {c.name: stored_column(c, given, person, table.key[0]) for c in table
           if c.name not in told}  # fmt: skip
    if _begins_with_order(table, given):
        apart = f"CASE WHEN NOT {_IS_SHORT} THEN {_ORDER} END"
        own[ORDER_APART] = f"{apart} AS {ORDER_APART}"
    return own


def passing_columns(table: Table, given: set[str]) -> dict[str, str]:
    """Return told columns that are at hand while a row is judged, each with its SQL over ``m``."""
    return {"order_key": _ORDER} if _begins_with_order(table, given) else {}


def stored_column(column: Column, given: set[str], person: str, own_key: str) -> str:
    """Return the SQL of one canonical column that is no told one.

    Parameters
    ----------
    column
        The column.
    given
        Columns that the mapping yields.
    person
        Column that the person's key goes into, empty where there is none.
    own_key
        Column that names a row of the table.

    Returns
    -------
    str
        An expression over ``m`` (mapped), ``p`` (people) and ``c`` (country codes). A record's id
        that is its row's own key is NULL.
    """
    name = column.name
    if name == person:
        return f"p.person_key AS {name}"
    if name == "identity_confidence" and person:
        return "p.confidence AS identity_confidence"
    if name in NAMESPACES:
        return f"{_key(name, given, own_key)} AS {name}"
    if name == "country":
        return "coalesce(c.code, m.country) AS country"
    return f"CAST(m.{name} AS {column.kind}) AS {name}"


def _begins_with_order(table: Table, given: set[str]) -> bool:
    """Tell whether lines' keys are made of their order's, which then need not be stored, too."""
    return {"order_key", "order_line_key"} <= set(table.names) and {"order_key", PLACE} <= given


def _has_own_record_id(given: set[str], own_key: str) -> bool:
    """Tell whether a record's id may be the end of its row's own key."""
    return "source_record_id" in given and own_key in NAMESPACES and own_key in given


def _key(name: str, given: set[str], own_key: str) -> str:
    """Return the SQL of a pseudonymised key."""
    raw = f"CAST(m.{name} AS VARCHAR)"
    keyed = f"WHEN {raw} IS NOT NULL THEN {_keyed(name, raw)}"
    if name == "order_line_key" and {"order_key", PLACE} <= given:
        keyed = f"WHEN {_IS_SHORT} THEN {_ORDER} || ':' || m.{PLACE} {keyed}"
    if name == "source_record_id" and _has_own_record_id(given, own_key):
        keyed = f"WHEN ends_with(CAST(m.{own_key} AS VARCHAR), {raw}) THEN NULL {keyed}"
    return f"CASE {keyed} END"


def _keyed(column: str, raw: str) -> str:
    """Return the SQL of the pseudonym of a column's raw value."""
    return f"record_key('{NAMESPACES[column]}', {raw})"


_ORDER = _keyed("order_key", "CAST(m.order_key AS VARCHAR)")

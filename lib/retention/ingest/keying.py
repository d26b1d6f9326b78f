"""The SQL of each canonical column: raw identifiers become pseudonyms, the rest is typed.

HMAC is the dearest step of an ingest, so that it is spared where it would say the same again. What
many rows name (an order, a visit, a browser) is keyed once and looked up; a line's key is its
order's pseudonym followed by what the raw line key has beyond the order; a record whose id is the
end of its row's own key takes that key.
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


REPEATED = {"order_key": "o", "session_key": "s", "anon_key": "a"}
"""Columns that many rows share, each with the alias that its looked-up pseudonyms have."""

PLACE = "[^0-9A-Za-z@][0-9]{1,6}"
"""What may follow an order's pseudonym in a line's key: a short number, never anybody's name."""

OWN = ""
"""What stands for a record's id that is its row's own key, until the key is known."""


def collect_pseudonyms(
    connection: duckdb.DuckDBPyConnection, column: str, mapped: Sequence[str]
) -> None:
    """Make ``<column>_pseudonyms(raw, pseudonym)``: one row per value in some mapped tables.

    Nothing is made where none of them has the column: nothing will look it up.
    """
    parts = [
        f"SELECT CAST({column} AS VARCHAR) AS raw FROM {name}"
        for name in mapped
        if column in columns_of(connection, name)
    ]
    if parts:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {column}_pseudonyms AS SELECT raw, "
            f"pseudonym('{NAMESPACES[column]}', raw) AS pseudonym "
            f"FROM (SELECT DISTINCT raw FROM ({' UNION ALL '.join(parts)}) WHERE raw IS NOT NULL)"
        )


def joined_pseudonyms(given: set[str]) -> str:
    """Return the joins that look pseudonyms up for the columns that a mapping yields."""
    return "".join(
        f" LEFT JOIN {column}_pseudonyms AS {alias} ON m.{column} = {alias}.raw"
        for column, alias in REPEATED.items()
        if column in given
    )


def columns_of(connection: duckdb.DuckDBPyConnection, name: str) -> set[str]:
    """Return the column names of a table."""
    return {row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()}


def canonical_column(
    column: Column, given: set[str], person: str, origin: dict[str, str], own_key: str
) -> str:
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
    own_key
        Column that names a row of the table.

    Returns
    -------
    str
        An expression over ``m`` (mapped), ``p`` (people), ``c`` (country codes) and the aliases
        of :data:`REPEATED`. A record's id that is its row's own key is :data:`OWN`.
    """
    name = column.name
    if name in origin:
        return f"'{origin[name]}' AS {name}"
    if name == person:
        return f"p.person_key AS {name}"
    if name == "identity_confidence" and person:
        return "p.confidence AS identity_confidence"
    if name in NAMESPACES and name in given:
        return f"{_key(name, given, own_key)} AS {name}"
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


def _key(name: str, given: set[str], own_key: str) -> str:
    """Return the SQL of a pseudonymised key."""
    raw = f"CAST(m.{name} AS VARCHAR)"
    if name in REPEATED:
        return _looked_up(name)
    keyed = f"WHEN {raw} IS NOT NULL THEN pseudonym('{NAMESPACES[name]}', {raw})"
    if name == "order_line_key" and "order_key" in given:
        rest = f"substr({raw}, length(m.order_key) + 1)"
        is_place = f"starts_with({raw}, m.order_key) AND regexp_full_match({rest}, '{PLACE}')"
        keyed = f"WHEN {is_place} THEN {_looked_up('order_key')} || {rest} {keyed}"
    if name == "source_record_id" and own_key in NAMESPACES and own_key in given:
        keyed = f"WHEN ends_with(CAST(m.{own_key} AS VARCHAR), {raw}) THEN '{OWN}' {keyed}"
    return f"CASE {keyed} END"


def _looked_up(column: str) -> str:
    """Return the SQL of a pseudonym that is looked up, or computed where it was not collected."""
    computed = f"pseudonym('{NAMESPACES[column]}', CAST(m.{column} AS VARCHAR))"
    return f"coalesce({REPEATED[column]}.pseudonym, {computed})"

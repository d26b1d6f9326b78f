"""Who a row belongs to: raw identities become keys, and keys that mean one person are linked.

The rules are deterministic and can be told in two sentences. A row's key rests on its strongest
identity: e-mail, else telephone, else the platform's own id, else name with postcode. A weaker
identity that was seen together with exactly one e-mail address takes that address's key; seen with
several, it stays apart and is reported. Two e-mail addresses are never merged by guess.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import duckdb
import pyarrow as pa

from retention.engine import query_text
from retention.ingest.keys import KeyRing, normalise_email, normalise_phone
from retention.sources.base import IDENTITY_COLUMNS

OWN_TABLES = ("assignments", "experiment")
"""First words of formats of the shop's own tables, whose ids are those of its generic tables."""

_RAW = ", ".join(IDENTITY_COLUMNS)


def collect_people(
    connection: duckdb.DuckDBPyConnection, keys: KeyRing, mapped: Sequence[str], platform: str
) -> None:
    """Make the table ``people``: one row per distinct raw identity, with its keys.

    Parameters
    ----------
    connection
        Connection that holds the mapped tables.
    keys
        Key ring.
    mapped
        Names of the tables that carry the identity columns.
    platform
        Namespace of platform ids: ids of one platform never meet those of another.
    """
    union = " UNION ALL ".join(f"SELECT {_RAW} FROM {name}" for name in mapped)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE raw_people AS SELECT DISTINCT {_RAW} "
                       f"FROM ({union or _no_people()})")  # fmt: skip
    keys.install(connection)
    _normalise(connection, "identity_email", "emails", normalise_email, query_text("ingest_emails"))
    _normalise(connection, "identity_phone", "phones", normalise_phone, query_text("ingest_phones"))
    connection.execute(query_text("ingest_people"), {"platform": platform})


def join_on_identity(connection: duckdb.DuckDBPyConnection, left: str, right: str) -> str:
    """Return the SQL condition that a row carries the raw identity of a row of ``people``.

    Identities that nobody in the file has are left out: comparing them costs as much as any other.
    """
    counts = ", ".join(f"count({name})" for name in IDENTITY_COLUMNS)
    seen = connection.execute(f"SELECT {counts} FROM raw_people").fetchall()[0]
    given = [name for name, count in zip(IDENTITY_COLUMNS, seen, strict=True) if count]
    pairs = [f"{left}.{name} IS NOT DISTINCT FROM {right}.{name}" for name in given]
    return " AND ".join(pairs or ["true"])


def platform_of(format_name: str) -> str:
    """Return the platform of a format: ``etsy_orders`` and ``etsy_order_items`` share ids.

    The shop's own tables share ids, too: who was assigned in one file is the unit that another
    file brings an outcome of.

    Examples
    --------
    >>> platform_of("etsy_order_items"), platform_of("assignments"), platform_of("generic")
    ('etsy', 'generic', 'generic')
    """
    platform = format_name.split("_", maxsplit=1)[0]
    return "generic" if platform in OWN_TABLES else platform


def _normalise(
    connection: duckdb.DuckDBPyConnection,
    column: str,
    target: str,
    function: Callable[[str | None], str | None],
    fast: str,
) -> None:
    """Make the table ``target(raw, normal)``: plain values in SQL, the unusual ones in Python.

    Unusual is what is not printable ASCII: Unicode forms, international domains, control
    characters. They are few, so that the engine does nearly all of the work.
    """
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE distinct_raw AS "
        f"SELECT DISTINCT {column} AS raw FROM raw_people WHERE {column} IS NOT NULL"
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {target} AS {fast}")
    unusual = connection.sql(
        f"SELECT raw FROM distinct_raw ANTI JOIN {target} USING (raw)"
    ).to_arrow_table()["raw"]
    values = unusual.to_pylist()
    rest = pa.table({"raw": unusual, "normal": pa.array(map(function, values), pa.string())})
    connection.register("unusual_rows", rest)
    connection.execute(f"INSERT INTO {target} SELECT raw, normal FROM unusual_rows")
    connection.unregister("unusual_rows")


def _no_people() -> str:
    """Return a SELECT of identity columns without rows."""
    columns = ", ".join(f"CAST(NULL AS VARCHAR) AS {name}" for name in IDENTITY_COLUMNS)
    return f"SELECT {columns} WHERE false"

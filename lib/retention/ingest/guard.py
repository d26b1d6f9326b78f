"""No identity slips into a column that is not meant for one.

Free text is dropped unless asked for, and then scrubbed. Other open columns (a product, a country,
a reason) are looked through as well, because exports carry an address where nobody expects one: a
value that is an address, a telephone number or one of the file's own names is struck.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import pyarrow as pa

from retention.ingest.covariate_guard import guard_covariates
from retention.ingest.keying import NAMESPACES
from retention.ingest.row_status import Judged
from retention.ingest.texts import Scrubber
from retention.ingest.vault import Vault
from retention.tables import REMOVED, Column, Kind

_CLOSED = (
    "customer_key", "unit_key", "source", "batch_id", "currency", "shop_tz", "rate_date",
    "to_currency",
    *NAMESPACES,
)  # fmt: skip

_KNOWN = """
    CREATE OR REPLACE TEMP TABLE known_identities AS
    WITH known AS (SELECT DISTINCT lower(trim(value)) AS value FROM (
        SELECT identity_email AS value FROM people UNION ALL SELECT identity_phone FROM people
        UNION ALL SELECT identity_name FROM people
        UNION ALL SELECT identity_platform_id FROM people WHERE contains(identity_platform_id, ' ')
    ) WHERE length(trim(value)) > 2)
    SELECT value FROM known
    UNION SELECT trim(regexp_replace(value, '[^a-z0-9]+', '_', 'g'), '_') FROM known
    WHERE regexp_matches(value, '[a-z0-9]{3}')"""
"""Also in the form that codes such as a reason are given: ``ada_shop_example``. An id of several
words is a name."""

_SUSPECT = r"""
    contains(v, '@') OR (starts_with(trim(v), '+') AND regexp_matches(v, '^\s*\+[0-9 ()./-]{8,}$'))
    OR regexp_matches(v, '^_[0-9_]{8,}$')
    OR lower(trim(v, ' _')) IN (SELECT value FROM known_identities)
    OR regexp_matches(v, '(?i)^\s*\d{1,5}[a-z]?,?\s+([\w''.-]+\s+){1,4}(street|st|road|rd|avenue|ave|lane|ln|drive|dr)\b')
"""  # noqa: E501


def know_people(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep what the people of a file (``people``) are called, to strike it where it stands."""
    connection.execute(_KNOWN)


def guard_texts(
    connection: duckdb.DuckDBPyConnection,
    judged: Iterable[Judged],
    vault: Vault,
    *,
    with_free_text: bool,
) -> None:
    """Strike identities out of the open text columns of judged tables.

    Parameters
    ----------
    connection
        Connection that holds the tables, after `know_people`.
    judged
        The tables.
    vault
        The vault, which already knows the file's people.
    with_free_text
        Whether free text is wanted; otherwise it becomes NULL.
    """
    scrubber: Scrubber | None = None
    for made in judged:
        if made.table.name == "covariates":
            guard_covariates(connection, made)
        for column in made.table:
            is_open = column.kind is Kind.TEXT and not column.values and column.name not in _CLOSED
            if not is_open or not made.stores(column.name):
                continue
            if not column.free_text:
                _strike(connection, made.stored, column)
            elif not with_free_text:
                connection.execute(f"UPDATE {made.stored} SET {column.name} = NULL "
                                   f"WHERE {column.name} IS NOT NULL")  # fmt: skip
            else:
                scrubber = scrubber or _scrubber_of(vault)
                _scrub(connection, made.stored, column.name, scrubber)


def _strike(connection: duckdb.DuckDBPyConnection, table: str, column: Column) -> None:
    """Strike the values of a column that are identities; there are few distinct ones to look at."""
    name = column.name
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE struck AS "
        f"SELECT v FROM (SELECT DISTINCT {name} AS v FROM {table}) WHERE {_SUSPECT}"
    )
    if connection.execute("SELECT count(*) FROM struck").fetchall()[0][0]:
        is_counted = column.name == "value_text"  # how many were removed is told of a covariate
        value = "NULL" if column.nullable and not is_counted else f"'{REMOVED}'"
        connection.execute(f"UPDATE {table} SET {name} = {value} WHERE {name} IN (FROM struck)")


def _scrub(
    connection: duckdb.DuckDBPyConnection, table: str, name: str, scrubber: Scrubber
) -> None:
    """Scrub every distinct text of a column."""
    texts = connection.sql(
        f"SELECT DISTINCT {name} AS raw FROM {table} WHERE {name} IS NOT NULL ORDER BY 1"
    ).to_arrow_table()["raw"]
    clean = [scrubber.scrub(text) for text in texts.to_pylist()]
    connection.register("scrubbed", pa.table({"raw": texts, "clean": pa.array(clean, pa.string())}))
    connection.execute(
        f"UPDATE {table} SET {name} = scrubbed.clean FROM scrubbed WHERE {name} = scrubbed.raw"
    )
    connection.unregister("scrubbed")


def _scrubber_of(vault: Vault) -> Scrubber:
    """Return a scrubber that knows everybody in the vault."""
    rows = vault.read()
    kinds, values = rows["kind"].to_pylist(), rows["value"].to_pylist()
    found = list(zip(kinds, values, strict=True))
    names = [value for kind, value in found if kind == "name"]
    return Scrubber.knowing(names, [value for kind, value in found if kind == "postcode"])

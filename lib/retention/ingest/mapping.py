"""A landed file's mappings, ready to be judged: what they look up, whom they name, what they sum.

What concerns the file as a whole is done here, once; its rows are made as they are judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import duckdb

from retention.engine import ROW_GROUP_ROWS
from retention.ingest.identity import collect_people, platform_of
from retention.ingest.keying import word
from retention.ingest.keys import KeyRing
from retention.ingest.repeats import keep_repeated
from retention.ingest.stretches import create_in_order
from retention.sources.base import SourceFormat, TableMapping
from retention.sources.countries import install_countries
from retention.tables import Kind, Table, get

SMALL_FILE_ROWS = 200_000
"""A file of more records is mapped as it is judged, without a copy in between."""

BOOKED_AS = {"value_minor": "DECIMAL(38, 6)", "value_currency": Kind.TEXT, "exclusion": Kind.TEXT}
"""Types of the columns that every mapping yields beside those of its canonical table."""

PART_ROWS = 16 * ROW_GROUP_ROWS
"""Lines of a part at most. It changes how a file's rows are cut into objects, as nothing that
differs from machine to machine may."""


@dataclass(frozen=True)
class Mapped:
    """The mappings of a landed file.

    Parameters
    ----------
    names
        The mapped tables or views, one for each of the format's mappings.
    prepared
        Tables that the mappings look things up in.
    is_large
        Whether the mappings are views, so that a wide row is made only once, as it is judged. Those
        of a small file are tables: there, planning a mapping again costs more than its rows.
    in_parts
        Whether the rows are judged in several parts, so that nothing may be given up after one.
    """

    names: tuple[str, ...]
    prepared: tuple[str, ...]
    is_large: bool
    in_parts: bool = False

    def let_go(self, connection: duckdb.DuckDBPyConnection, *names: str) -> None:
        """Drop mapped or prepared tables that will not be read again."""
        for name in () if self.in_parts else names:
            is_view = self.is_large and name in self.names
            connection.execute(f'DROP {"VIEW" if is_view else "TABLE"} "{name}"')


def is_divisible(source: SourceFormat) -> bool:
    """Tell whether a format's rows can be judged apart.

    Each follows from its line alone, and nothing but its own key is compared among them. A key that
    names the person is known only when people are.
    """
    (first, *others) = source.tables
    key = get(first.table).key
    return first.is_by_line and not (others or first.views or first.person in key)


def map_file(connection: duckdb.DuckDBPyConnection, source: SourceFormat, keys: KeyRing) -> Mapped:
    """Prepare a file's mappings, measure rows and money before any judgement, collect its people.

    Parameters
    ----------
    connection
        Connection that holds the view ``landed``.
    source
        The file's format.
    keys
        Key ring.
    """
    rows = connection.execute("SELECT count(*) FROM landed").fetchall()[0][0]
    is_large = rows > SMALL_FILE_ROWS
    prepared = [n for mapping in source.tables for n in _prepare(connection, mapping, is_large)]
    kind = "VIEW" if is_large else "TABLE"
    names = tuple(f"mapped_{number}" for number, _ in enumerate(source.tables))
    for name, mapping in zip(names, source.tables, strict=True):
        connection.execute(f"CREATE {kind} {name} AS {mapping.select}")
    counting = next(n for n, mapping in zip(names, source.tables, strict=True) if mapping.accounts)
    connection.execute(
        "CREATE TABLE measured AS SELECT coalesce(value_currency, '') AS currency, count(*) "
        f"AS rows, coalesce(sum(value_minor), 0) AS value FROM {counting} GROUP BY 1"
    )
    install_countries(connection)
    people = [name for name, m in zip(names, source.tables, strict=True)
              if m.person and m.adds_people]  # fmt: skip
    collect_people(connection, keys, people, platform_of(source.name))
    in_parts = rows > PART_ROWS and is_divisible(source)
    return Mapped(names, tuple(prepared), is_large, in_parts)


def keep_erased(connection: duckdb.DuckDBPyConnection, erased: frozenset[str]) -> bool:
    """Keep the pseudonyms of erased people as ``erased_people``; tell whether there are any."""
    connection.execute(
        "CREATE OR REPLACE TABLE erased_people AS "
        "SELECT unnest(CAST($people AS VARCHAR[])) AS person_key", {"people": sorted(erased)},
    )  # fmt: skip
    return bool(erased)


def _prepare(
    connection: duckdb.DuckDBPyConnection, mapping: TableMapping, is_large: bool
) -> list[str]:
    """Make the tables that a mapping looks things up in; return their names."""
    for name, select in mapping.views.items():
        if name in mapping.hashes:
            keep_repeated(connection, name, mapping.hashes[name])
        elif is_large and name in mapping.line_views:
            create_in_order(connection, name, partial("SELECT * FROM ({}) WHERE {}".format, select))
        else:
            connection.execute(f'CREATE TABLE "{name}" AS {select}')
    for name, columns in mapping.spent.items():
        for column in columns:
            connection.execute(f'ALTER TABLE "{name}" DROP COLUMN "{column}"')
    return list(mapping.views)


def constant_columns(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    constants: Mapping[str, str],
    *,
    excludes: bool,
) -> dict[str, str]:
    """Return a mapping's constant columns with their values as SQL that needs no macro.

    Where rows will be excluded later, ``exclusion`` is none of them.
    """
    told = {}
    for name, sql in constants.items():
        if name == "exclusion" and excludes:
            continue
        kind: str = table[name].kind if name in table.names else BOOKED_AS[name]
        (value,) = connection.execute(f"SELECT CAST({sql} AS VARCHAR)").fetchall()[0]
        is_word = value is not None and kind == Kind.TEXT
        literal = "NULL" if value is None else f"'{value}'"  # a number, a time or a truth value
        told[name] = word(value) if is_word else f"CAST({literal} AS {kind})"
    return told

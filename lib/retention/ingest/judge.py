"""From mapped rows to canonical rows: keys put in, contract applied, fate decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

import duckdb

from retention.engine import Engine
from retention.ingest.codes import Exclusion, Reason
from retention.ingest.contracts import reasons_expression
from retention.ingest.identity import collect_people, join_on_identity, platform_of
from retention.ingest.keying import (
    REPEATED,
    collect_pseudonyms,
    columns_of,
    joined_pseudonyms,
    passing_columns,
    stored_columns,
    told_columns,
    word,
)
from retention.ingest.keys import KeyRing
from retention.ingest.repeats import keep_repeated
from retention.ingest.stretches import create_in_order
from retention.sources.base import SourceFormat, TableMapping
from retention.sources.countries import install_countries
from retention.tables import Kind, Table, get

ACCEPTED, QUARANTINED, EXCLUDED = "accepted", "quarantined", "excluded"

SMALL_FILE_ROWS = 200_000
"""A file of more records is mapped as it is judged, without a copy in between."""

FATE = f"ENUM ('{ACCEPTED}', '{QUARANTINED}', '{EXCLUDED}')"
"""Type of a row's fate: one byte a row, where a word would take sixteen."""

BOOKKEEPING = ("line_no", "occurred_at", "value_minor", "value_currency", "exclusion")


@dataclass(frozen=True)
class Judged:
    """A judged table.

    Parameters
    ----------
    name
        Its name in the engine, with every canonical column: a view.
    table
        The canonical table that it is of.
    accounts
        Whether it counts the records.
    told
        Columns that are not stored, each with the SQL that tells it.
    """

    name: str
    table: Table
    accounts: bool
    told: Mapping[str, str] = field(default_factory=dict)

    @property
    def stored(self) -> str:
        """Name of what is stored of it: where rows are changed."""
        return f"{self.name}_stored"

    @property
    def row_key(self) -> str:
        """Column that names a row in the ledger."""
        return "unit_key" if "unit_key" in self.table.key else self.table.key[0]

    def stores(self, column: str) -> bool:
        """Tell whether a canonical column is stored as it is."""
        return column in self.table.names and column not in self.told

    def sql(self, column: str) -> str:
        """Return the SQL of a column over what is stored."""
        return self.told.get(column, column)


def judge_all(
    engine: Engine,
    source: SourceFormat,
    keys: KeyRing,
    batch_id: str,
    erased: frozenset[str] = frozenset(),
) -> list[Judged]:
    """Map and judge every canonical table that a landed file feeds.

    Parameters
    ----------
    engine
        Engine that holds the view ``landed``.
    source
        The file's format.
    keys
        Key ring.
    batch_id
        The import that brings the rows.
    erased
        Pseudonyms of erased people: their rows are excluded, their identities go nowhere.
    """
    connection = engine.connection
    prepared, kind = _map(connection, source)
    install_countries(connection)
    people = [f"mapped_{n}" for n, mapping in enumerate(source.tables) if mapping.person]
    collect_people(connection, keys, people, platform_of(source.name))
    for column in REPEATED:
        collect_pseudonyms(connection, column, _naming(column, source))
    judged = []
    for number, mapping in enumerate(source.tables):
        given = columns_of(connection, f"mapped_{number}")
        table, origin = get(mapping.table), {"source": source.name, "batch_id": batch_id}
        constants = _constants(connection, table, mapping.constants, bool(erased))
        told = told_columns(table, given, mapping.person, origin, constants)
        judged.append(Judged(f"judged_{number}", table, mapping.accounts, told))
        judge(connection, judged[-1], f"mapped_{number}", given, mapping.person,
              in_stretches=mapping.by_line and kind == "VIEW")  # fmt: skip
        connection.execute(f"DROP {kind} mapped_{number}")
    for name in prepared:
        connection.execute(f'DROP TABLE "{name}"')
    _judge_together(connection, judged)
    if erased:
        exclude_erased(connection, judged, erased)
    return judged


def _map(connection: duckdb.DuckDBPyConnection, source: SourceFormat) -> tuple[list[str], str]:
    """Prepare the format's mappings, and measure rows and money before any judgement.

    What several mappings look up is kept as tables, whose names are returned. The mappings of a
    large file are views, so that a wide row is made only once, as it is judged; those of a small
    one are tables: there, planning a mapping again costs more than its rows. The kind is returned.
    """
    rows = connection.execute("SELECT count(*) FROM landed").fetchall()[0][0]
    is_large = rows > SMALL_FILE_ROWS
    prepared = [n for mapping in source.tables for n in _prepare(connection, mapping, is_large)]
    kind = "VIEW" if is_large else "TABLE"
    for number, mapping in enumerate(source.tables):
        connection.execute(f"CREATE {kind} mapped_{number} AS {mapping.select}")
    counting = next(n for n, mapping in enumerate(source.tables) if mapping.accounts)
    connection.execute(
        "CREATE TABLE measured AS SELECT coalesce(value_currency, '') AS currency, count(*) "
        f"AS rows, coalesce(sum(value_minor), 0) AS value FROM mapped_{counting} GROUP BY 1"
    )
    return prepared, kind


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


def _constants(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    constants: Mapping[str, str],
    excludes: bool,
) -> dict[str, str]:
    """Return a mapping's constant columns with their values as SQL that needs no macro.

    Where rows will be excluded later, ``exclusion`` is none of them.
    """
    told = {}
    for name, sql in constants.items():
        if name == "exclusion" and excludes:
            continue
        kind = table[name].kind if name in table.names else Kind.TEXT
        (value,) = connection.execute(f"SELECT CAST({sql} AS VARCHAR)").fetchall()[0]
        is_word = value is not None and kind is Kind.TEXT
        literal = "NULL" if value is None else f"'{value}'"  # a number, a time or a truth value
        told[name] = word(value) if is_word else f"CAST({literal} AS {kind})"
    return told


def _naming(column: str, source: SourceFormat) -> list[str]:
    """Return the mapped tables that name a file's orders, visits or browsers.

    Lines are many and their orders few, so that only a file without orders is searched for them.
    """
    orders = [f"mapped_{n}" for n, m in enumerate(source.tables) if m.table == "orders"]
    every = [f"mapped_{n}" for n, _ in enumerate(source.tables)]
    return orders if orders and column == "order_key" else every


def _judge_together(connection: duckdb.DuckDBPyConnection, judged: list[Judged]) -> None:
    """Apply the rules that need more than one row: unique keys, lines with their order."""
    for made in judged:
        if made.table.name != "customers":
            refuse_duplicates(connection, made)
    orders = [made.name for made in judged if made.table.name == "orders"]
    for made in judged:
        if orders and made.table.name in ("order_lines", "refunds"):
            refuse_with_order(connection, orders[0], made)


def judge(
    connection: duckdb.DuckDBPyConnection, made: Judged, mapped: str, given: set[str], person: str,
    *, in_stretches: bool = False,
) -> None:  # fmt: skip
    """Make a judged table: canonical columns, bookkeeping, ``reasons`` and ``fate``.

    Only what differs from row to row is stored: a large file's rows are written and read several
    times, and half of their bytes would say the same in each.

    Parameters
    ----------
    connection
        Connection that holds ``mapped`` and ``people``.
    made
        The table to make.
    mapped
        Table with the columns that the format's mapping yields.
    given
        Names of those columns.
    person
        Column that the person's key goes into, empty where there is none.
    in_stretches
        Whether the rows are made in stretches of lines.
    """
    table = made.table
    own = stored_columns(table, given, person, made.told)
    passing = passing_columns(table, given)
    keyed = ", ".join([*own.values(), *(f"{sql} AS {name}" for name, sql in passing.items())])
    book = [name for name in BOOKKEEPING if name not in made.told]
    names = [*own, *book]
    kept = ", ".join(f'"{name}"' for name in names)
    same = join_on_identity(connection, "m", "p") if person else ""
    joins = f"LEFT JOIN people AS p ON {same}" if person else ""
    joins += joined_pseudonyms(given)
    if "country" in given and "country" in table.names:
        joins += " LEFT JOIN country_codes AS c ON lower(trim(m.country)) = c.spelling"
    absent = [f"{sql} AS {name}" for name, sql in made.told.items()
              if name not in names and name not in passing]  # fmt: skip
    contract = reasons_expression(table, person)

    def select(lines: str) -> str:
        return f"""
        WITH keyed AS (
            SELECT {keyed}, {", ".join("m." + name for name in book)},
                   m.reasons AS source_reasons
            FROM (SELECT * FROM {mapped} WHERE {lines}) AS m {joins}
        ), judged AS (
            SELECT {kept}, CASE WHEN len(source_reasons) > 0
                                THEN list_concat(source_reasons, {contract})
                                ELSE {contract} END AS reasons
            FROM (SELECT {", ".join(["*", *absent])} FROM keyed)
        )
        SELECT *, CAST(CASE WHEN {made.sql("exclusion")} IS NOT NULL THEN '{EXCLUDED}'
                            WHEN len(reasons) > 0 THEN '{QUARANTINED}'
                            ELSE '{ACCEPTED}' END AS {FATE}) AS fate
        FROM judged"""

    if in_stretches:
        create_in_order(connection, made.stored, select)
    else:
        connection.execute(f"CREATE OR REPLACE TABLE {made.stored} AS {select('true')}")
    columns = [*table.names, *BOOKKEEPING, "reasons", "fate"]
    told = ", ".join(f'{made.sql(name)} AS "{name}"' for name in columns)
    connection.execute(f"CREATE OR REPLACE VIEW {made.name} AS SELECT {told} FROM {made.stored}")


def refuse_duplicates(connection: duckdb.DuckDBPyConnection, made: Judged) -> None:
    """Refuse every accepted row but the first that carries a key already taken in this file.

    Taken keys are few: they are sought by their hashes, and only those are compared whole.
    """
    key = ", ".join(f'"{name}"' for name in made.table.key)
    accepted = f"FROM {made.name} WHERE fate = '{ACCEPTED}'"
    if not keep_repeated(connection, "alike", f"SELECT hash({key}) {accepted}"):
        return
    connection.execute(f"""
        CREATE OR REPLACE TABLE repeated AS
        SELECT {key}, min(line_no) AS first_line {accepted} AND hash({key}) IN (FROM alike)
        GROUP BY ALL HAVING count(*) > 1""")
    match = " AND ".join(f't."{n}" IS NOT DISTINCT FROM repeated."{n}"' for n in made.table.key)
    refuse(
        connection,
        made,
        f"{Reason.DUPLICATE_KEY}:{made.table.key[-1]}",
        f"EXISTS (SELECT 1 FROM repeated WHERE {match} AND t.line_no > repeated.first_line)",
        "SELECT count(*) FROM repeated",
    )


def refuse_with_order(connection: duckdb.DuckDBPyConnection, orders: str, made: Judged) -> None:
    """Refuse accepted rows whose order was refused, so that no line stands without its order."""
    refused = (
        f"SELECT order_key FROM {orders} WHERE fate = '{QUARANTINED}' AND order_key IS NOT NULL "
        f"EXCEPT SELECT order_key FROM {orders} WHERE fate = '{ACCEPTED}'"
    )
    refuse(
        connection,
        made,
        f"{Reason.ORDER_REFUSED}:order_key",
        f"{made.sql('order_key')} IN ({refused})",
        f"SELECT count(*) FROM ({refused})",
    )


def refuse(
    connection: duckdb.DuckDBPyConnection, made: Judged, reason: str, condition: str, probe: str
) -> None:
    """Turn accepted rows (alias ``t``) into quarantined ones, where ``probe`` counts any."""
    if connection.execute(probe).fetchall()[0][0]:
        connection.execute(
            f"UPDATE {made.stored} AS t SET fate = '{QUARANTINED}', "
            f"reasons = list_append(reasons, '{reason}') "
            f"WHERE fate = '{ACCEPTED}' AND {condition}"
        )


def exclude_erased(
    connection: duckdb.DuckDBPyConnection, judged: Iterable[Judged], erased: frozenset[str]
) -> None:
    """Exclude the rows of erased people and of their orders, and forget who they are."""
    connection.execute(
        "CREATE OR REPLACE TABLE erased_people AS SELECT unnest($people) AS person_key",
        {"people": sorted(erased)},
    )
    orders: list[str] = []
    tables = list(judged)
    for made in tables:
        person = person_column(made.table)
        if person and made.stores(person):
            _exclude(connection, made, f"{person} IN (FROM erased_people)")
            if "order_key" in made.table.key:
                orders.append(f"SELECT order_key FROM {made.name} WHERE fate = '{EXCLUDED}' "
                              f"AND exclusion = '{Exclusion.ERASED_PERSON}'")  # fmt: skip
    for made in tables:
        if orders and "order_key" in made.table.names and not person_column(made.table):
            theirs = " UNION ALL ".join(orders)
            _exclude(connection, made, f"{made.sql('order_key')} IN ({theirs})")
    connection.execute("DELETE FROM people WHERE person_key IN (FROM erased_people)")


def person_column(table: Table) -> str | None:
    """Return the column that names the person, None where there is none."""
    return next((name for name in ("customer_key", "unit_key") if name in table.names), None)


def _exclude(connection: duckdb.DuckDBPyConnection, made: Judged, condition: str) -> None:
    """Exclude rows as an erased person's."""
    connection.execute(
        f"UPDATE {made.stored} SET fate = '{EXCLUDED}', exclusion = '{Exclusion.ERASED_PERSON}' "
        f"WHERE {condition}"
    )


def accepted_rows(table: Table, judged: Iterable[str]) -> str:
    """Return SQL of the accepted canonical rows of some judged tables, with line and time."""
    names = ", ".join(f'"{name}"' for name in table.names)
    return " UNION ALL ".join(
        f"SELECT {names}, line_no, occurred_at FROM {name} WHERE fate = '{ACCEPTED}'"
        for name in judged
    )

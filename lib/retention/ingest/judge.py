"""From mapped rows to canonical rows: keys put in, contract applied, fate decided."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from retention.engine import Engine
from retention.ingest.codes import Exclusion, Reason
from retention.ingest.contracts import reasons_expression
from retention.ingest.copies import settle_copies
from retention.ingest.identity import join_on_identity
from retention.ingest.keying import (
    columns_of,
    passing_columns,
    stored_columns,
    told_columns,
)
from retention.ingest.mapping import Mapped, constant_columns
from retention.ingest.row_status import (
    ACCEPTED,
    BOOKKEEPING,
    EXCLUDED,
    FATE,
    QUARANTINED,
    Judged,
    person_column,
)
from retention.ingest.stretches import create_in_order
from retention.sources.base import SourceFormat
from retention.tables import Table, get


def judge_all(
    engine: Engine, source: SourceFormat, mapped: Mapped, batch_id: str, *, erases: bool = False
) -> list[Judged]:
    """Judge every canonical table that the rows in ``landed`` feed.

    Parameters
    ----------
    engine
        Engine that holds the view ``landed``: a file, or a part of it.
    source
        The file's format.
    mapped
        The file's mappings, and the people whom it names.
    batch_id
        The import that brings the rows.
    erases
        Whether people are erased (``erased_people``): their rows are excluded.
    """
    connection = engine.connection
    judged = []
    for number, mapping in enumerate(source.tables):
        name = mapped.names[number]
        given = columns_of(connection, name)
        table, origin = get(mapping.table), {"source": source.name, "batch_id": batch_id}
        constants = constant_columns(connection, table, mapping.constants, excludes=erases)
        told = told_columns(table, given, mapping.person, origin, constants)
        judged.append(Judged(f"judged_{number}", table, mapping.accounts, told))
        judge(connection, judged[-1], name, given, mapping.person,
              in_stretches=mapping.is_by_line and mapped.is_large)  # fmt: skip
        mapped.let_go(connection, name)
    mapped.let_go(connection, *mapped.prepared)
    _judge_together(connection, judged)
    if erases:
        exclude_erased(connection, judged)
    return judged


def _judge_together(connection: duckdb.DuckDBPyConnection, judged: list[Judged]) -> None:
    """Apply the rules that need more than one row: unique keys, lines with their order."""
    for number, made in enumerate(judged):
        if made.table.name != "customers":
            judged[number] = settle_copies(connection, made)
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
    made.make_view(connection)


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
    """Turn accepted rows (alias ``t``) into quarantined ones, where ``probe`` counts any.

    They are few: found first by what the condition names, whole rows are read of them alone.
    """
    if connection.execute(probe).fetchall()[0][0]:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE refused_rows AS SELECT rowid AS place "
            f"FROM {made.stored} AS t WHERE fate = '{ACCEPTED}' AND {condition}"
        )
        connection.execute(
            f"UPDATE {made.stored} SET fate = '{QUARANTINED}', "
            f"reasons = list_append(reasons, '{reason}') WHERE rowid IN (FROM refused_rows)"
        )


def exclude_erased(connection: duckdb.DuckDBPyConnection, judged: Iterable[Judged]) -> None:
    """Exclude the rows of the people in ``erased_people``, and of their orders."""
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

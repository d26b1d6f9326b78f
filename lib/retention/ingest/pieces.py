"""How a judged file's rows are cut into objects, and each object's bytes made sure.

An object is named by its content, so that its bytes may depend on its rows alone. Rows in a
complete order give them always; ordering is a large part of writing a large file, and is spared
where the rows stand in the file's order already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retention.engine import ROW_GROUP_ROWS, Engine
from retention.ingest.bookkeeping import accounting, ledger_query
from retention.ingest.judge import accepted_rows
from retention.ingest.partition import cuts
from retention.ingest.row_status import Judged
from retention.ingest.stretches import is_in_order
from retention.tables import Table

PIECE_ROWS = 4 * ROW_GROUP_ROWS
"""Lines that one object of a large file's ledger stands for."""


@dataclass(frozen=True)
class Piece:
    """What becomes one object: its query, rows and partition."""

    query: str
    rows: int
    partition: str = ""


def ledger_pieces(engine: Engine, judged: Sequence[Judged]) -> list[Piece]:
    """Return the pieces of a file's ledger, in the order of its lines."""
    query = ledger_query(judged)
    rows, first, last = engine.connection.execute(
        f"SELECT count(*), min(line_no), max(line_no) FROM ({query})"
    ).fetchall()[0]
    if rows <= ROW_GROUP_ROWS:
        return [Piece(f"{query} ORDER BY line_no", rows)]
    order = "" if is_in_order(engine.connection, accounting(judged).stored) else " ORDER BY line_no"
    return [
        Piece(f"SELECT * FROM ({query}) WHERE line_no BETWEEN {line} AND {line + PIECE_ROWS - 1}"
              f"{order}", PIECE_ROWS)
        for line in range(first, last + 1, PIECE_ROWS)
    ]  # fmt: skip


def table_pieces(engine: Engine, table: Table, judged: Sequence[Judged]) -> list[Piece]:
    """Return the pieces of a canonical table's accepted rows, cut into partitions."""
    rows = accepted_rows(table, [made.name for made in judged])
    # The line orders one record's rows completely, and costs a fraction of ordering by keys.
    of_records = all(made.accounts for made in judged)
    if table.name == "customers" and not of_records:
        rows = _gathered(engine, table, rows)
    names = ", ".join(f'"{name}"' for name in table.names)
    parts = [
        (f"SELECT {names} FROM ({rows}) WHERE {condition}", count, name)
        for name, condition, count in cuts(engine, rows)
    ]
    order = f" ORDER BY {'line_no' if of_records else ', '.join((*table.key, 'source_record_id'))}"
    if of_records and len(judged) == 1 and is_in_order(engine.connection, judged[0].stored):
        order = ""
    return [Piece(f"{query}{order}", count, name) for query, count, name in parts]


def _gathered(engine: Engine, table: Table, rows: str) -> str:
    """Return SQL of the customers whom orders tell of, each once instead of once for every order.

    Of what is alike but for its time the first and the last are kept: a customer is as old as the
    earliest row and lives where the latest says. It is a lasting table, because pieces are written
    on connections of their own.
    """
    times = ("first_seen_at", "first_seen_epoch_s", "occurred_at")
    alike = ", ".join(f'"{name}"' for name in table.names
                      if name not in (*times, "source_record_id"))  # fmt: skip
    ends = ", ".join(f"{end}({name}) AS {end}_{name}" for end in ("min", "max") for name in times)
    told = "source_record_id, line_no"
    first, last = (", ".join(f"{end}_{name} AS {name}" for name in times) for end in ("min", "max"))
    engine.connection.execute(f"""
        CREATE OR REPLACE TABLE gathered_customers AS
        WITH gathered AS MATERIALIZED (
            SELECT {alike}, {ends}, min(source_record_id) AS source_record_id,
                   min(line_no) AS line_no
            FROM ({rows}) GROUP BY {alike}
        )
        SELECT {alike}, {told}, {first} FROM gathered
        UNION ALL SELECT {alike}, {told}, {last} FROM gathered
        WHERE min_first_seen_at < max_first_seen_at""")
    return "FROM gathered_customers"

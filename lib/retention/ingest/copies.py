"""Several copies of one record: which of them holds, and whether they disagree.

Exports overlap, and a later one tells more: an order that was paid is refunded now. So of two
copies the one with the later state holds, then the one with the larger refund, then the one with
the later change, and only then that of the file whose newest record is later. A file's name never
decides.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from retention.ingest.codes import Exclusion, Reason
from retention.ingest.repeats import keep_repeated
from retention.ingest.row_status import ACCEPTED, EXCLUDED, QUARANTINED, Judged
from retention.tables import ORIGIN, Table

_STATES = "CASE status WHEN 'pending' THEN 0 WHEN 'paid' THEN 1 WHEN 'refunded' THEN 2 ELSE 3 END"

_PROGRESS: dict[str, tuple[str, ...]] = {
    "orders": (_STATES, "refunded_minor"),
    "refunds": ("amount_minor",),
}
"""What only grows as time goes on, by table."""

_CHANGES: dict[str, tuple[str, ...]] = {
    "orders": ("status", "refunded_minor", "net_minor", "delivered_late"),
    "refunds": ("amount_minor", "refunded_at", "refunded_epoch_s", "dating"),
    "tickets": ("first_response_at", "first_response_epoch_s", "closed_at", "closed_epoch_s",
                "reason_code"),
    "contracts": ("ended_at", "ended_epoch_s"),
    "assignments": ("exposed_at", "exposed_epoch_s"),
}  # fmt: skip
"""Columns that may differ between an older and a later copy of one record, by table."""


def rank_of(table: Table) -> list[str]:
    """Return SQL of what tells the later of two copies, the weightiest first.

    Examples
    --------
    >>> from retention.tables import get
    >>> rank_of(get("orders"))[1:]
    ['refunded_minor']
    >>> rank_of(get("contracts"))
    ['greatest(coalesce(started_epoch_s, 0), coalesce(ended_epoch_s, 0))']
    """
    times = [name for name in table.names if name.endswith("_epoch_s")]
    latest = [f"greatest({', '.join(f'coalesce({name}, 0)' for name in times)})"]
    return [*_PROGRESS.get(table.name, ()), *(latest if len(times) > 1 else [])]


def lasting_columns(table: Table) -> list[str]:
    """Return the columns in which two copies of one record agree unless they contradict."""
    changing = {*_CHANGES.get(table.name, ()), *(column.name for column in ORIGIN)}
    return [name for name in table.names if name not in changing]


def told_columns_of(table: Table) -> list[str]:
    """Return the columns that say something of the record itself, not where it came from."""
    origin = {column.name for column in ORIGIN}
    return [name for name in table.names if name not in origin]


def settle_copies(connection: duckdb.DuckDBPyConnection, made: Judged) -> Judged:
    """Let one accepted row of each key hold; return the table as it is then.

    The others are excluded where they say the same (`Exclusion.EXACT_REPEAT`) or tell an earlier
    state of the same record (`Exclusion.OLDER_COPY`), and refused where they contradict it.
    Repeated keys are few: they are sought by their hashes, and only those are compared whole.
    """
    key = ", ".join(f'"{name}"' for name in made.table.key)
    accepted = f"FROM {made.name} WHERE fate = '{ACCEPTED}'"
    if not keep_repeated(connection, "alike", f"SELECT hash({key}) {accepted}"):
        return made
    connection.execute(f"CREATE OR REPLACE TEMP TABLE copies AS {_copies(made, key)}")
    if not connection.execute("SELECT count(*) FROM copies").fetchall()[0][0]:
        return made
    made = made.with_stored_exclusion(connection)
    # A row whose list of reasons grows is written anew: these come last, for rows have moved then.
    connection.execute(
        f"UPDATE {made.stored} SET fate = '{EXCLUDED}', exclusion = CASE WHEN is_exact "
        f"THEN '{Exclusion.EXACT_REPEAT}' ELSE '{Exclusion.OLDER_COPY}' END "
        f"FROM copies WHERE {made.stored}.rowid = copies.place AND is_same"
    )
    connection.execute(
        f"UPDATE {made.stored} SET fate = '{QUARANTINED}', reasons = list_append(reasons, "
        f"'{Reason.DUPLICATE_KEY}:{made.table.key[-1]}') "
        f"FROM copies WHERE {made.stored}.rowid = copies.place AND NOT is_same"
    )
    return made


def _copies(made: Judged, key: str) -> str:
    """Return SQL of every row that gives way: its place, and how it compares with what holds."""
    columns = ", ".join(f'{made.sql(name)} AS "{name}"' for name in made.table.names)
    order = ", ".join(f"{term} DESC" for term in rank_of(made.table))
    exact, lasting = (
        f"row({_quoted(names)})"
        for names in (told_columns_of(made.table), lasting_columns(made.table))
    )
    return f"""
        SELECT place,
               {exact} IS NOT DISTINCT FROM first_value({exact}) OVER held AS is_exact,
               {lasting} IS NOT DISTINCT FROM first_value({lasting}) OVER held AS is_same
        FROM (
            SELECT * FROM (SELECT rowid AS place, line_no, fate, {columns} FROM {made.stored})
            WHERE fate = '{ACCEPTED}' AND hash({key}) IN (SELECT hash FROM alike))
        WINDOW held AS (PARTITION BY {key} ORDER BY {order or "line_no"}, line_no, place)
        QUALIFY row_number() OVER held > 1"""


def superseded(table: Table, key: str, largest: int) -> str:
    """Return SQL of rows of which another file holds the later copy.

    Such keys are few: they are sought by their hashes, and only those are compared whole. Each of
    them stands in another file than the largest, whose rows are often nearly all there are.

    Parameters
    ----------
    table
        The table; its rows of all files are ``incoming``, those of a later file under a larger
        ``sequence``.
    key
        Its key columns, as SQL.
    largest
        Sequence of the file with the most rows.
    """
    order = ", ".join(f"{term} DESC NULLS LAST" for term in (*rank_of(table), "sequence"))
    return f"""
        SELECT sequence, piece, {key}, 'superseded' AS fate, '' AS why
        FROM incoming WHERE {_shared(key, largest)}
        QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}) > 1"""


def disagreements(table: Table, key: str, largest: int) -> str:
    """Return SQL of one row on the records that several files hold: how many of them differ.

    Columns: ``records`` that stand in several files, ``changed`` of them that tell a later state,
    ``contradicted`` that differ otherwise, and ``one`` and ``other``, the files of a record that
    differs. Parameters are those of `superseded`.
    """
    whole, lasting = (
        f"hash({_quoted(names)})" for names in (told_columns_of(table), lasting_columns(table))
    )
    return f"""
        SELECT count(*) AS records,
               count(*) FILTER (WHERE says > 1 AND lasts = 1) AS changed,
               count(*) FILTER (WHERE lasts > 1) AS contradicted,
               min(CASE WHEN says > 1 THEN one END) AS one,
               max(CASE WHEN says > 1 THEN other END) AS other
        FROM (
            SELECT count(DISTINCT {whole}) AS says, count(DISTINCT {lasting}) AS lasts,
                   min(sequence) AS one, max(sequence) AS other
            FROM incoming WHERE {_shared(key, largest)} GROUP BY {key}
            HAVING min(sequence) < max(sequence)) AS shared"""


def _quoted(names: Sequence[str]) -> str:
    """Return column names quoted for SQL."""
    return ", ".join(f'"{name}"' for name in names)


def _shared(key: str, largest: int) -> str:
    """Return the condition that a row's key stands in several files."""
    return f"""hash({key}) IN (
            SELECT hash({key}) FROM incoming
            WHERE hash({key}) IN (SELECT hash({key}) FROM incoming WHERE sequence <> {largest})
            GROUP BY ALL HAVING min(sequence) < max(sequence))"""

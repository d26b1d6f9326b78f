"""A large file's rows are made in stretches of lines, so that they stand in the file's order.

Rows in that order are written as they stand; all others have to be sorted before.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import duckdb

from retention.engine.side_by_side import Task, side_by_side


def create_in_order(
    connection: duckdb.DuckDBPyConnection, name: str, select: Callable[[str], str]
) -> None:
    """Make a lasting table of a landed file's rows, in the order of their lines.

    Parameters
    ----------
    connection
        Connection that holds the view ``landed``.
    name
        The table.
    select
        Gives, for a condition on ``line_no``, the SELECT of the rows of these lines. It must name
        no temporary table.
    """
    connection.execute(f'CREATE OR REPLACE TABLE "{name}" AS {select("false")}')
    ranges = _stretches(connection)
    done = [Event() for _ in ranges]
    # A join that is turned round gives its rows in the order of what was to be looked up.
    connection.execute("SET disabled_optimizers = 'build_side_probe_side'")
    try:
        side_by_side(connection, [
            _filling(f'INSERT INTO "{name}" {select(f"line_no BETWEEN {first} AND {last}")}',
                     done[number - 1] if number else None, done[number])
            for number, (first, last) in enumerate(ranges)
        ])  # fmt: skip
    finally:
        connection.execute("RESET disabled_optimizers")


def is_in_order(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Tell whether a table's rows are stored in the order of their lines.

    A row whose list was changed, say, stands at the end.
    """
    moved = f"SELECT line_no FROM {table} QUALIFY line_no < lag(line_no) OVER ()"
    return not connection.execute(f"SELECT EXISTS ({moved})").fetchall()[0][0]


def _stretches(connection: duckdb.DuckDBPyConnection) -> list[tuple[int, int]]:
    """Return the first and the last line of each stretch: one stretch for each thread."""
    (first, last, threads) = connection.execute(
        "SELECT min(line_no), max(line_no), current_setting('threads') FROM landed"
    ).fetchall()[0]
    size = -(-(last - first + 1) // threads)
    return [(start, start + size - 1) for start in range(first, last + 1, size)]


def _filling(insert: str, before: Event | None, done: Event) -> Task:
    """Return the task of one stretch: its rows enter the table after those of the one before."""

    def fill(own: duckdb.DuckDBPyConnection) -> None:
        try:
            own.begin()
            own.execute(insert)
            if before is not None:
                before.wait()
            own.commit()
        finally:
            done.set()

    return fill

"""Several statements at once, each by one thread alone.

A statement that several threads share gives its rows in no order once it looks anything up, and
bringing millions of them back into order costs as much as making them. One thread keeps the order
of what it reads; so the threads are given a statement each instead of a share of one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import duckdb

AT_ONCE = 8
"""Tasks at once at most: each of them keeps a row group of its own in memory."""

Task = Callable[[duckdb.DuckDBPyConnection], object]


def side_by_side(connection: duckdb.DuckDBPyConnection, tasks: Sequence[Task]) -> None:
    """Run tasks, as many at once as the engine has threads, in turn; an error of any is raised.

    Parameters
    ----------
    connection
        The engine's connection, which must be idle meanwhile.
    tasks
        What to run, each on a connection of its own to the same engine: they see the lasting
        tables, views and macros and the session's variables, and nothing that is temporary.

    Examples
    --------
    >>> with duckdb.connect() as connection:
    ...     connection = connection.execute("CREATE TABLE counted (n INTEGER)")
    ...     add = lambda own: own.execute("INSERT INTO counted FROM range(3)")
    ...     side_by_side(connection, [add, add])
    ...     connection.execute("SELECT count(*) FROM counted").fetchall()
    [(6,)]
    """
    # A variable that is not set reads as NULL without a word: a key among them would give no hash.
    names = [
        name for (name,) in connection.execute("SELECT name FROM duckdb_variables()").fetchall()
    ]
    held = {
        name: connection.execute("SELECT getvariable(?)", [name]).fetchall()[0][0] for name in names
    }

    def run(task: Task) -> None:
        with connection.cursor() as own:
            own.execute("SET TimeZone = 'UTC'")
            for name, value in held.items():
                own.execute(f'SET VARIABLE "{name}" = ?', [value])
            task(own)

    (threads,) = connection.execute("SELECT current_setting('threads')").fetchall()[0]
    connection.execute("SET threads = 1")
    try:
        with ThreadPoolExecutor(min(threads, AT_ONCE)) as pool:
            list(pool.map(run, tasks))
    finally:
        connection.execute(f"SET threads = {threads}")

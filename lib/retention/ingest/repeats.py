"""Which 64-bit hashes stand more than once in a large table.

Nearly all of them stand once, so that grouping them makes one group a row; sorting them takes a
sixth of the time, and what is sorted at once is bounded.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

ROWS_AT_ONCE = 1 << 24
"""Hashes that are sorted at once: 128 MB."""


def keep_repeated(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    hashes: str,
    rows_at_once: int = ROWS_AT_ONCE,
) -> int:
    """Keep the hashes that a query gives more than once as a temporary table; return their number.

    Parameters
    ----------
    connection
        Connection that the table is made in.
    name
        Name of the table; its one column is ``hash``.
    hashes
        SELECT with one column of type UBIGINT, none of them NULL.
    rows_at_once
        Hashes to sort at once: more are taken in several passes, by their remainder.

    Examples
    --------
    >>> with duckdb.connect() as connection:
    ...     numbers = "SELECT CAST(unnest([4, 7, 4, 9, 7, 4]) AS UBIGINT)"
    ...     number = keep_repeated(connection, "repeats", numbers)
    ...     number, connection.execute("FROM repeats ORDER BY hash").fetchall()
    (2, [(4,), (7,)])
    """
    source = f"({hashes}) AS given(hash)"
    rows = connection.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0]
    passes = -(-rows // rows_at_once)
    found = [np.empty(0, dtype=np.uint64)]
    for number in range(passes):
        part = f"SELECT hash FROM {source} WHERE hash % {passes} = {number}"
        found.append(_repeated(np.asarray(connection.execute(part).fetchnumpy()["hash"])))
    repeated = pa.table({"hash": np.concatenate(found)})
    connection.register("repeated_hashes", repeated)
    connection.execute(f'CREATE OR REPLACE TABLE "{name}" AS FROM repeated_hashes')
    connection.unregister("repeated_hashes")
    return int(repeated.num_rows)


def _repeated(hashes: np.ndarray) -> np.ndarray:
    """Return the numbers that stand more than once, each once."""
    ordered = np.sort(hashes)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])

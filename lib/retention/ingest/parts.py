"""A very large file is judged part by part, so that its judged rows need not leave memory.

A judged row is several times as wide as its line. Thirty million of them are written to disk and
read again by each step that follows; of a part they stay where they are. What concerns several
lines at once (the same key twice) is kept together: such lines are the first part.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from retention.ingest.mapping import PART_ROWS, Mapped
from retention.ingest.repeats import keep_repeated
from retention.sources.base import SourceFormat
from retention.tables import get


def each_part(
    connection: duckdb.DuckDBPyConnection, source: SourceFormat, mapped: Mapped
) -> Iterator[None]:
    """Narrow the views ``landed`` and ``broken`` to one part of a file after the other.

    Parameters
    ----------
    connection
        Connection that holds ``landed``, ``broken`` and the mapped table.
    source
        The file's format.
    mapped
        Its mappings: views over ``landed``, which follow it.
    """
    if not mapped.in_parts:
        yield
        return
    parts = _parts(connection, source, mapped.names[0])
    connection.execute("ALTER VIEW landed RENAME TO landed_whole")
    for number, condition in enumerate(parts):
        connection.execute(
            f"CREATE OR REPLACE VIEW landed AS SELECT * FROM landed_whole WHERE {condition}"
        )
        yield
        if number == 0:  # what could not be split stands in the ledger once
            connection.execute("DELETE FROM broken")


def _parts(connection: duckdb.DuckDBPyConnection, source: SourceFormat, name: str) -> list[str]:
    """Return the condition on ``line_no`` of each part: no key stands in two of them."""
    mapping = source.tables[0]
    key = ", ".join(f'"{column}"' for column in get(mapping.table).key)
    hashes = f"SELECT hash({key}) FROM {name}"
    has_repeats = keep_repeated(connection, "alike", hashes) > 0
    if has_repeats:
        connection.execute(f"CREATE OR REPLACE TABLE together AS SELECT line_no FROM {name} "
                           f"WHERE hash({key}) IN (FROM alike)")  # fmt: skip
    rows, first, last = connection.execute(
        "SELECT count(*), min(line_no), max(line_no) FROM landed"
    ).fetchall()[0]
    size = -(-(last - first + 1) // -(-rows // PART_ROWS))
    apart = " AND line_no NOT IN (FROM together)" if has_repeats else ""
    ranges = [
        f"line_no BETWEEN {start} AND {start + size - 1}{apart}"
        for start in range(first, last + 1, size)
    ]
    return ["line_no IN (FROM together)", *ranges] if has_repeats else ranges

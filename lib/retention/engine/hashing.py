"""A hash of rows as a multiset: the same for the same rows, whatever engine holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import duckdb
import pyarrow as pa

SCHEMA = "total string, number bigint"


def total_query(table: str, columns: Sequence[str]) -> str:
    """Return DuckDB's SQL of the sum over rows of a 64-bit hash of each row, and of the count.

    The hash is the engine's own: MD5 costs more than all checks of an ingest together. It is the
    same for one version of the engine, which a snapshot's manifest names.
    """
    fields = ", ".join(f'CAST("{column}" AS VARCHAR)' for column in columns)
    return (
        f"SELECT CAST(coalesce(sum(CAST(hash({fields}) AS HUGEINT)), 0) AS VARCHAR) AS total, "
        f"count(*) AS number FROM {table}"
    )


def partial_totals(
    columns: Sequence[str],
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return a function that sums one partition's rows where they lie.

    How a value is written as text is a matter of the engine; so that the hash of a table does not
    depend on it, DuckDB writes the text of both, on Spark within each executor.
    """
    query, names = total_query("part", columns), list(columns)

    def totals(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with duckdb.connect(config={"threads": 1}) as connection:
            for batch in batches:
                connection.register("part", pa.Table.from_batches([batch]).select(names))
                yield from connection.sql(query).to_arrow_table().to_batches()

    return totals

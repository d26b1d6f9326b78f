"""Writing exports: Arrow in, one SELECT that spells the columns, a CSV file out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class Writer:
    """Writes CSV and Parquet files below one folder through one DuckDB connection."""

    folder: Path
    connection: duckdb.DuckDBPyConnection

    def csv(
        self, name: str, header: tuple[str, ...], columns: Mapping[str, str], rows: pa.Table
    ) -> int:
        """Write ``rows`` as CSV: ``columns`` spells some of ``header`` in SQL, the rest is blank.

        Raises
        ------
        KeyError
            If a column is spelt that the header does not have.
        """
        stray = set(columns) - set(header)
        if stray:
            raise KeyError(f"{name} has no columns {sorted(stray)}")
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        spelt = ", ".join(f'{columns.get(title, "NULL")} AS "{title}"' for title in header)
        self.connection.register("rows_in", rows)
        self.connection.execute(
            f"COPY (SELECT {spelt} FROM rows_in) TO '{_quoted(path)}' (FORMAT csv, HEADER)"
        )
        self.connection.unregister("rows_in")
        return len(rows)

    def parquet(self, name: str, rows: pa.Table) -> int:
        """Write ``rows`` as Parquet."""
        import pyarrow.parquet as pq

        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, path, compression="zstd", row_group_size=122_880)
        return len(rows)


def connect() -> duckdb.DuckDBPyConnection:
    """Open a private in-memory connection that keeps the order of rows and prints nothing."""
    connection = duckdb.connect(config={"preserve_insertion_order": True})
    connection.execute("SET enable_progress_bar = false")
    return connection


def words(vocabulary: tuple[str, ...] | list[str], index: np.ndarray) -> pa.Array:
    """Return words by position, stored once each; a position below 0 and '' become NULL."""
    known = pa.array([word or None for word in vocabulary], type=pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32), mask=index < 0), known)


def lookup(table: pa.Table, column: str, index: np.ndarray) -> pa.ChunkedArray:
    """Return a column of ``table`` at each position; a position below 0 becomes NULL."""
    return table.column(column).take(pa.array(index, mask=index < 0))


def money(column: str) -> str:
    """Return SQL that spells cents as a decimal amount such as ``12.50``."""
    return f"CAST({column} AS DECIMAL(18, 0)) * 0.01"


def stamp(column: str, end: str = "") -> str:
    """Return SQL that spells seconds since 1970 as ``2024-05-01 10:00:00`` plus ``end``."""
    return f"CAST(make_timestamp(({column}) * 1000000) AS VARCHAR) || '{end}'"


def iso(column: str) -> str:
    """Return SQL that spells seconds since 1970 as ``2024-05-01T10:00:00Z``."""
    return f"replace(CAST(make_timestamp(({column}) * 1000000) AS VARCHAR), ' ', 'T') || 'Z'"


def local_stamp(column: str, offset: str) -> str:
    """Return SQL that spells an instant in local time with its offset from UTC."""
    return (
        f"CAST(make_timestamp(({column} + {offset}) * 1000000) AS VARCHAR)"
        f" || CASE {offset} WHEN -14400 THEN ' -0400' WHEN -18000 THEN ' -0500' END"
    )


def _quoted(path: Path) -> str:
    """Return a path for an SQL string."""
    return str(path).replace("'", "''")

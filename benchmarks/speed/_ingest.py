"""The two ways of bringing the same order lines into Parquet; each prepares, then is timed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

LINES_SQL = """
    SELECT 500000 + i // 20 AS InvoiceNo, 'S' || (hash(i) % 4000) AS StockCode,
        'HANDMADE ITEM NUMBER ' || (hash(i) % 4000) || ' IN WALNUT AND BRASS' AS Description,
        1 + hash(i + 1) % 12 AS Quantity,
        strftime(TIMESTAMP '2010-12-01'
            + to_seconds(CAST((i // 20) * 63072000.0 / ({n} // 20 + 1) AS BIGINT)),
            '%Y-%m-%d %H:%M:%S') AS InvoiceDate,
        printf('%d.%02d', 1 + hash(i + 2) % 40, hash(i + 3) % 100) AS UnitPrice,
        10000 + hash(i // 20) % ({n} // 100) AS CustomerID, 'United Kingdom' AS Country
    FROM range({n}) AS t(i)"""


_WRITE = """
import duckdb, sys
with duckdb.connect(config={"memory_limit": "1GB"}) as connection:
    connection.execute(f"COPY ({sys.argv[1]}) TO '{sys.argv[2]}' (HEADER)")
"""


@contextmanager
def exported(lines: int) -> Iterator[Path]:
    """Give a CSV of that many order lines (about 107 bytes each); it is gone afterwards.

    It is written by a process of its own, so that nobody's peak memory holds the writing.
    """
    with tempfile.TemporaryDirectory(prefix="retention-bench-") as folder:
        path = Path(folder) / "lines.csv"
        query = LINES_SQL.format(n=lines)
        subprocess.run([sys.executable, "-c", _WRITE, query, str(path)], check=True,
                       capture_output=True)  # fmt: skip
        yield path


def ours(path: str, memory_limit: str, threads: int) -> Callable[[], dict[str, float]]:
    """Ingest with every check on: landed, judged, pseudonymised, reconciled, published."""
    from retention.ingest import run_ingest

    root = Path(path).parent / "ours"
    root.mkdir()
    os.environ["RETENTION_KEY"] = "5e" * 32

    def work() -> dict[str, float]:
        result = run_ingest(
            [f"online_retail: {path}"], root / "store", root / "private", root=root,
            as_of="2012-12-01", currency="GBP", memory_limit=memory_limit, threads=threads,
        )  # fmt: skip
        shutil.rmtree(root)
        return {"rows": float(result.total("rows_read"))}

    return work


def bare_copy(path: str, memory_limit: str, threads: int) -> Callable[[], dict[str, float]]:
    """Copy the file into Parquet with the engine's own reader and no check at all."""
    folder = Path(path).parent
    settings = {"memory_limit": memory_limit, "temp_directory": str(folder)}

    def work() -> dict[str, float]:
        target = folder / "bare.parquet"
        with duckdb.connect(config={"threads": threads, **settings}) as connection:
            connection.execute(
                f"COPY (SELECT * FROM read_csv('{path}')) TO '{target}' "
                "(FORMAT parquet, COMPRESSION zstd)"
            )
            rows = connection.execute(f"SELECT count(*) FROM '{target}'").fetchall()[0][0]
        target.unlink()
        return {"rows": float(rows)}

    return work

"""The two ways of bringing the same order lines into Parquet; each prepares, then is timed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
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


def export(lines: int) -> Path:
    """Return a CSV of that many order lines (about 107 bytes each), written once."""
    path = Path(tempfile.gettempdir()) / "retention-bench" / f"lines_{lines}.csv"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        with duckdb.connect(config={"memory_limit": "2GB"}) as connection:
            connection.execute(f"COPY ({LINES_SQL.format(n=lines)}) TO '{draft}' (HEADER)")
        draft.replace(path)
    return path


def ours(lines: int, memory_limit: str, threads: int) -> Callable[[], dict[str, float]]:
    """Ingest with every check on: landed, judged, pseudonymised, reconciled, published."""
    from retention.ingest import run_ingest

    path, root = export(lines), Path(tempfile.mkdtemp())
    os.environ["RETENTION_KEY"] = "5e" * 32

    def work() -> dict[str, float]:
        result = run_ingest(
            [f"online_retail: {path}"], root / "store", root / "private", root=root,
            as_of="2012-12-01", currency="GBP", memory_limit=memory_limit, threads=threads,
        )  # fmt: skip
        shutil.rmtree(root)
        return {"rows": float(result.total("rows_read"))}

    return work


def bare_copy(lines: int, memory_limit: str, threads: int) -> Callable[[], dict[str, float]]:
    """Copy the file into Parquet with the engine's own reader and no check at all."""
    path, folder = export(lines), Path(tempfile.mkdtemp())

    def work() -> dict[str, float]:
        target = folder / "bare.parquet"
        config = {"memory_limit": memory_limit, "threads": threads}
        with duckdb.connect(config=config) as connection:
            connection.execute(
                f"COPY (SELECT * FROM read_csv('{path}')) TO '{target}' "
                "(FORMAT parquet, COMPRESSION zstd)"
            )
            rows = connection.execute(f"SELECT count(*) FROM '{target}'").fetchall()[0][0]
        shutil.rmtree(folder)
        return {"rows": float(rows)}

    return work

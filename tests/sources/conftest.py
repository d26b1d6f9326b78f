"""Landing in a few lines, for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from retention.engine import Engine
from retention.sources import Landed, ReadOptions, SourceFormat, land, open_landed

PLAIN = SourceFormat("plain", "any table", (), (), ())


@pytest.fixture
def landing(tmp_path: Path) -> Callable[..., tuple[Landed, pd.DataFrame, pd.DataFrame]]:
    """Write bytes to a file, land it, and return what landed and what broke."""

    def run(
        content: bytes,
        fmt: SourceFormat = PLAIN,
        options: ReadOptions | None = None,
        name: str = "export.csv",
    ) -> tuple[Landed, pd.DataFrame, pd.DataFrame]:
        path = tmp_path / name
        path.write_bytes(content)
        landed = land(path, fmt, tmp_path / "landed", options or ReadOptions(threads=1))
        engine = Engine(threads=1)
        rows = engine.sql(f"SELECT * FROM ({landed.select()}) ORDER BY line_no").frame()
        broken = (
            engine.sql(f"SELECT * FROM read_parquet('{landed.broken}') ORDER BY line_no").frame()
            if landed.broken
            else pd.DataFrame(columns=["line_no", "raw_record", "reason"])
        )
        engine.close()
        assert landed.rows_read == len(rows) + len(broken)
        return landed, rows, broken

    return run


@pytest.fixture
def map_file() -> Callable[..., dict[str, pd.DataFrame]]:
    """Land a file as a format and return each mapping's rows by canonical table."""

    def run(
        path: Path, fmt: SourceFormat, folder: Path, options: ReadOptions | None = None
    ) -> dict[str, pd.DataFrame]:
        options = options or ReadOptions(threads=1)
        landed = land(path, fmt, folder, options)
        engine = Engine(threads=1)
        open_landed(engine.connection, landed, fmt, options)
        for mapping in fmt.tables:
            for view, select in mapping.views.items():
                engine.connection.execute(f"CREATE TEMP TABLE {view} AS {select}")
        tables = {
            m.table: engine.sql(f"SELECT * FROM ({m.select}) ORDER BY line_no").frame()
            for m in fmt.tables
        }
        engine.close()
        return tables

    return run


@pytest.fixture
def mapped(
    tmp_path: Path, map_file: Callable[..., dict[str, pd.DataFrame]]
) -> Callable[..., dict[str, pd.DataFrame]]:
    """Write a text, land it as a format and return each mapping's rows by canonical table."""

    def run(
        text: str | bytes, fmt: SourceFormat, options: ReadOptions | None = None,
        name: str = "export.csv",
    ) -> dict[str, pd.DataFrame]:  # fmt: skip
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return map_file(path, fmt, tmp_path / "landed", options)

    return run

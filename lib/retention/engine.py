"""One connection to the columnar engine; every query is a ``.sql`` file one can read.

DuckDB runs the queries by default. They keep to the portable subset of DESIGN.md section 3, so that
the same file can be transpiled for Spark.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from retention.errors import InputError, RunError

ROW_GROUP_ROWS = 122_880
"""Fixed row-group size: with ORDER BY it makes the bytes of a file independent of the threads."""


_KEY_NAME = "snapshot_key"
_DECRYPTION = f", encryption_config = {{footer_key: '{_KEY_NAME}'}}"
_ENCRYPTED = b"PARE"


def query_text(name: str) -> str:
    """Return the text of the query ``sql/<name>.sql``.

    Raises
    ------
    RunError
        If there is no such query.
    """
    path = resources.files("retention") / "sql" / f"{name}.sql"
    if not path.is_file():
        raise RunError(f"There is no query {name!r}.", "Look into lib/retention/sql for the names.")
    return path.read_text(encoding="utf-8")


@dataclass
class Engine:
    """A DuckDB connection with bounded memory, fixed time zone and named tables.

    Parameters
    ----------
    memory_limit
        Upper bound of the engine's memory, such as ``"4GB"``; larger work spills to
        ``temporary_directory``.
    threads
        Threads to use; None means all.
    temporary_directory
        Where to spill; None means the engine's default.

    Examples
    --------
    >>> engine = Engine()
    >>> engine.register("t", pd.DataFrame({"x": [1, 2]}))
    >>> int(engine.sql("SELECT sum(x) AS total FROM t").frame().total[0])
    3
    """

    memory_limit: str | None = None
    threads: int | None = None
    temporary_directory: str | None = None
    connection: duckdb.DuckDBPyConnection = field(init=False, repr=False)
    is_unlocked: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        """Open the connection; nothing may be fetched from outside."""
        settings: dict[str, Any] = {
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        if self.memory_limit:
            settings["memory_limit"] = self.memory_limit
        if self.threads:
            settings["threads"] = self.threads
        if self.temporary_directory:
            settings["temp_directory"] = self.temporary_directory
        self.connection = duckdb.connect(config=settings)
        self.connection.execute("SET TimeZone = 'UTC'")

    def register(
        self, name: str, source: Path | str | Iterable[Path] | pd.DataFrame | pa.Table
    ) -> None:
        """Give a Parquet file, a list of them, a DataFrame or an Arrow table a name in SQL."""
        if isinstance(source, pd.DataFrame | pa.Table):
            self.connection.register(name, source)
            return
        paths = [source] if isinstance(source, str | Path) else list(source)
        self.connection.execute(
            f'CREATE OR REPLACE TEMP VIEW "{name}" AS SELECT * FROM {self.parquet(paths)}'
        )

    def unlock(self, key: bytes) -> None:
        """Let the engine open Parquet files that are encrypted under a key (16, 24 or 32 bytes)."""
        text = base64.b64encode(key).decode()
        self.connection.execute(f"PRAGMA add_parquet_key('{_KEY_NAME}', '{text}')")
        self.is_unlocked = True

    def parquet(self, source: Path | str | Iterable[Path | str]) -> str:
        """Return SQL, to stand after FROM, that reads one or more Parquet files.

        Raises
        ------
        InputError
            If one of them is encrypted and the engine was not unlocked.
        """
        paths = [source] if isinstance(source, str | Path) else list(source)
        sealed = [p for p in paths if is_encrypted(Path(p))]
        plain = [p for p in paths if p not in sealed]
        parts = [_reader(plain, "")] if plain or not sealed else []
        if sealed:
            self._require_key(sealed[0])
            parts.append(_reader(sealed, _DECRYPTION))
        if len(parts) == 1:
            return parts[0]
        return "(" + " UNION ALL BY NAME ".join(f"SELECT * FROM {part}" for part in parts) + ")"

    def _require_key(self, path: Path | str) -> None:
        """Refuse, in words that help, an encrypted file that the engine cannot open."""
        problem = "its key is not here"
        if self.is_unlocked:
            try:
                self.connection.execute(f"SELECT 1 FROM {_reader([path], _DECRYPTION)} LIMIT 0")
                return
            except duckdb.InvalidInputException:
                problem = "the key at hand is not its key"
        raise InputError(
            f"The snapshot is encrypted, and {problem}.",
            "Name the right file in RETENTION_SNAPSHOT_KEY_FILE; whoever keeps the vault writes "
            "one with `retention snapshot-key FILE`.",
            file=Path(path).name,
        )

    def has(self, name: str) -> bool:
        """Tell whether a table or view of that name is known."""
        found = self.connection.execute(
            "SELECT count(*) FROM duckdb_views() WHERE view_name = ? "
            "UNION ALL SELECT count(*) FROM duckdb_tables() WHERE table_name = ?",
            [name, name],
        ).fetchall()
        return any(count for (count,) in found)

    def query(self, name: str, **parameters: Any) -> Answer:
        """Prepare ``sql/<name>.sql`` with its ``$name`` parameters."""
        return self.sql(query_text(name), **parameters)

    def sql(self, text: str, **parameters: Any) -> Answer:
        """Prepare a query given as text with its ``$name`` parameters."""
        return Answer(self, text, parameters)

    def close(self) -> None:
        """Close the connection and give its memory back."""
        self.connection.close()


@dataclass(frozen=True)
class Answer:
    """A query that has not run yet; it runs once for each way of reading it."""

    engine: Engine
    text: str
    parameters: dict[str, Any]

    def arrow(self) -> pa.Table:
        """Return the answer as an Arrow table."""
        relation = self.engine.connection.sql(self.text, params=self.parameters or None)
        return relation.to_arrow_table()

    def frame(self) -> pd.DataFrame:
        """Return the answer as a DataFrame."""
        return self._execute(self.text).df()

    def materialise(self, name: str) -> None:
        """Keep the answer as a temporary table of that name."""
        self._execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {self.text}')

    def write(self, path: Path, *, order_by: str) -> None:
        """Write the answer to a Parquet file whose bytes depend on the rows alone.

        Parameters
        ----------
        path
            File to write.
        order_by
            Columns that order the rows completely.
        """
        target = str(path).replace("'", "''")
        self._execute(
            f"COPY (SELECT * FROM ({self.text}) ORDER BY {order_by}) TO '{target}' "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP_ROWS})"
        )

    def _execute(self, text: str) -> duckdb.DuckDBPyConnection:
        """Run the text with only those parameters that it names."""
        return self.engine.connection.execute(text, self.parameters or None)


def is_encrypted(path: Path) -> bool:
    """Tell whether a Parquet file is encrypted: its first bytes say so."""
    if not path.is_file():
        return False
    with path.open("rb") as handle:
        return handle.read(len(_ENCRYPTED)) == _ENCRYPTED


def _reader(paths: Iterable[Path | str], options: str) -> str:
    """Return the SQL function call that reads Parquet files."""
    files = ", ".join("'" + str(p).replace("'", "''") + "'" for p in paths)
    return f"read_parquet([{files}]{options})"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        for chunk in iter(lambda: handle.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()

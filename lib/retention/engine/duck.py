"""One connection to the columnar engine; every query is a ``.sql`` file one can read.

DuckDB runs the queries by default. They keep to the portable subset of DESIGN.md section 3, so that
the same file can be transpiled for Spark.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from retention.engine.absent import absent_tables
from retention.engine.files import ROW_GROUP_ROWS, is_encrypted, is_remote, query_text
from retention.engine.finite import finite, finite_columns
from retention.engine.hashing import total_query
from retention.engine.scoring import BATCH_ROWS, Scorer, scored
from retention.engine.side_by_side import Task, side_by_side
from retention.engine.spill import spill_folder
from retention.errors import InputError, RunError

T = TypeVar("T")
_KIND = """SELECT CASE WHEN count(*) > 0 THEN 'VIEW' ELSE 'TABLE' END FROM duckdb_views()
WHERE view_name = ?"""

_SPARE_BYTES = 1 << 27
"""What the engine may keep beyond what is in use while it gives the rest back."""


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
        Where to spill, into a folder that goes when the engine does; None means the system's.

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
    spill: Path = field(init=False, repr=False)
    unlocked: list[str] = field(init=False, repr=False, default_factory=list)
    shared: Path | None = field(init=False, repr=False, default=None)

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
        self.spill = spill_folder(self, self.temporary_directory)
        settings["temp_directory"] = str(self.spill)
        self.connection = duckdb.connect(config=settings)
        self.connection.execute("SET TimeZone = 'UTC'")

    def register(
        self, name: str, source: Path | str | Iterable[Path] | pd.DataFrame | pa.Table
    ) -> None:
        """Give Parquet files, a DataFrame or an Arrow table a name in SQL; NaN becomes NULL."""
        if isinstance(source, pd.DataFrame | pa.Table):
            self.connection.register(name, finite(source))
            return
        paths = [source] if isinstance(source, str | Path) else list(source)
        self._require_reach(paths)
        files = self.parquet(paths)
        columns = finite_columns(self.connection.sql(f"SELECT * FROM {files}"))
        view = f'CREATE OR REPLACE TEMP VIEW "{name}"'
        self.connection.execute(f"{view} AS SELECT {columns} FROM {files}")

    def unlock(self, key: bytes) -> None:
        """Let the engine open Parquet files that are encrypted under a key (16, 24 or 32 bytes)."""
        name = f"snapshot_key_{len(self.unlocked)}"
        text = base64.b64encode(key).decode()
        self.connection.execute(f"PRAGMA add_parquet_key('{name}', '{text}')")
        self.unlocked.append(name)

    def parquet(self, source: Path | str | Iterable[Path | str]) -> str:
        """Return SQL, to stand after FROM, that reads one or more Parquet files.

        Raises
        ------
        InputError
            If one of them is encrypted and the engine was not unlocked with its key.
        """
        paths = [source] if isinstance(source, str | Path) else list(source)
        groups: dict[str, list[Path | str]] = {}
        for path in _typical_first(paths):
            name = self._key_of(path) if is_encrypted(Path(path)) else ""
            groups.setdefault(name, []).append(path)
        parts = [_reader(files, name) for name, files in groups.items()]
        if len(parts) == 1:
            return parts[0]
        return "(" + " UNION ALL BY NAME ".join(f"SELECT * FROM {part}" for part in parts) + ")"

    def _require_reach(self, paths: Iterable[Path | str]) -> None:
        """Load the connector of object stores where a path asks for it; nothing is downloaded."""
        remote = [str(path) for path in paths if is_remote(path)]
        if not remote:
            return
        try:
            self.connection.execute("LOAD httpfs")
        except duckdb.IOException:
            raise RunError(
                f"DuckDB cannot reach {remote[0].split('://')[0]}:// here: its connector for "
                "object stores (httpfs) is not installed.",
                "Install it once with `python -c \"import duckdb; duckdb.sql('INSTALL httpfs')\"`, "
                "or set `engine: spark`.",
            ) from None

    def _key_of(self, path: Path | str) -> str:
        """Return the name of the key that opens a file; refuse the file in words that help."""
        for name in self.unlocked:
            try:
                self.connection.execute(f"SELECT 1 FROM {_reader([path], name)} LIMIT 0")
                return name
            except duckdb.InvalidInputException:
                continue
        problem = "the key at hand is not its key" if self.unlocked else "its key is not here"
        raise InputError(
            f"The snapshot is encrypted, and {problem}.",
            "Name the right file in RETENTION_SNAPSHOT_KEY_FILE; whoever keeps the vault writes "
            "one with `retention snapshot-key FILE`.",
            file=Path(path).name,
        )

    def share(self, folder: Path) -> None:
        """Keep answers that are asked for again in a folder, for every engine that shares it."""
        self.shared = folder

    def execute(self, text: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Run one statement with its ``$name`` parameters; return the rows it gives, if any."""
        answer = self.connection.execute(text, parameters or None)
        return answer.fetchall() if answer.description else []

    def multiset_total(self, table: str, columns: Sequence[str]) -> tuple[int, int]:
        """Return a number that any change of a table's rows changes, and how many there are."""
        total, number = self.execute(total_query(table, columns))[0]
        return int(total), int(number)

    def copy(self, query: str, path: Path, **parameters: Any) -> None:
        """Write a completely ordered query's answer: the bytes depend on the rows alone."""
        self.connection.execute(_copy_text(query, path), parameters or None)

    def copy_together(self, queries: Mapping[Path, str]) -> None:
        """Write several such answers at once, each by one thread.

        Temporary tables are one connection's own: the queries may name lasting ones alone.

        Parameters
        ----------
        queries
            File to write → query. One thread writes rows as they stand in the table that it
            reads: where their order is certain, so are the bytes.
        """

        def writing(path: Path, query: str) -> Task:
            return lambda own: own.execute(_copy_text(query, path))

        side_by_side(self.connection, [writing(path, query) for path, query in queries.items()])

    def spread(
        self, function: Callable[[int], T], places: Sequence[int], at_once: int = 1
    ) -> list[T]:
        """Return what a function gives for each number, in their order; some of them at once."""
        if at_once < 2 or len(places) < 2:
            return [function(place) for place in places]
        pool = ThreadPoolExecutor(at_once)
        try:
            return list(pool.map(function, places))
        finally:
            pool.shutdown(cancel_futures=True)  # after an error, what has begun is waited for

    def version(self) -> str:
        """Return name and version of the engine, as a manifest tells it."""
        return f"duckdb {duckdb.__version__}"

    def score_batches(
        self,
        name: str,
        answer: Answer,
        function: Scorer,
        schema: pa.Schema,
        rows: int = BATCH_ROWS,
    ) -> None:
        """Apply a fitted model to a query's rows, batch by batch, and keep the scores as a table.

        Parameters
        ----------
        name
            Name of the table of scores.
        answer
            The rows, as :meth:`query` or :meth:`sql` prepare them.
        function
            Takes a frame of rows, gives a frame of scores; on Spark it is sent to the executors.
        schema
            Columns and types of the scores.
        rows
            Rows per batch.
        """
        path = self.spill / f"{name}.parquet"
        incoming = self.connection.sql(answer.text, params=answer.parameters or None)
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for batch in scored(function, schema)(incoming.to_arrow_reader(rows)):
                writer.write_batch(batch)
        self.register(name, path)

    def drop(self, *names: str) -> None:
        """Forget temporary tables."""
        for name in names:
            (kind,) = self.connection.execute(_KIND, [name]).fetchall()[0]
            self.connection.execute(f'DROP {kind} "{name}"')
        self.give_back()

    def give_back(self) -> None:
        """Return to the machine what lies free: DuckDB keeps it up to its limit, as if in use.

        With a limit as low as what is in use it lets go of the rest; others may need it.
        """
        used = self.execute("SELECT CAST(sum(memory_usage_bytes) AS BIGINT) FROM duckdb_memory()")
        with suppress(duckdb.OutOfMemoryException):  # more is in use than is told: nothing is free
            self.execute(f"SET memory_limit = '{int(used[0][0] or 0) + _SPARE_BYTES}B'")
        limit = f"SET memory_limit = '{self.memory_limit}'"
        self.execute(limit if self.memory_limit else "RESET memory_limit")
        pa.default_memory_pool().release_unused()

    @contextmanager
    def narrowed(self, rows: Mapping[str, str | Path]) -> Iterator[None]:
        """Let tables hold only some of their rows, until the block ends.

        Parameters
        ----------
        rows
            Table → condition in SQL, or the Parquet file that those rows stand in.
        """
        kinds = {n: self.connection.execute(_KIND, [n]).fetchall()[0][0] for n in rows}
        for name, which in rows.items():
            self.execute(f'ALTER {kinds[name]} "{name}" RENAME TO "whole_{name}"')
            if isinstance(which, Path):
                self.register(name, which)
            else:
                self.execute(
                    f'CREATE TEMP VIEW "{name}" AS SELECT * FROM "whole_{name}" WHERE {which}'
                )
        try:
            yield
        finally:
            for name, kind in kinds.items():
                self.execute(f'DROP VIEW "{name}"')
                self.execute(f'ALTER {kind} "whole_{name}" RENAME TO "{name}"')

    @contextmanager
    def unordered(self) -> Iterator[None]:
        """Let rows without an ORDER BY come in any order, until the block ends.

        To keep them in the order in which they were read, the engine holds what its threads have
        made ahead of their turn, and that may be more than its memory.
        """
        self.execute("SET preserve_insertion_order = false")
        try:
            yield
        finally:
            self.execute("RESET preserve_insertion_order")

    def has(self, name: str) -> bool:
        """Tell whether a table or view of that name is known."""
        views = "SELECT view_name FROM duckdb_views() WHERE view_name = $name"
        tables = "SELECT table_name FROM duckdb_tables() WHERE table_name = $name"
        return bool(self.execute(f"{views} UNION ALL {tables}", name=name))

    def query(self, name: str, **parameters: Any) -> Answer:
        """Prepare ``sql/<name>.sql`` with its ``$name`` parameters."""
        return self.sql(query_text(name), **parameters)

    def sql(self, text: str, **parameters: Any) -> Answer:
        """Prepare a query given as text with its ``$name`` parameters."""
        return Answer(self, text, parameters)

    def close(self) -> None:
        """Close the connection; give its memory back and remove what it spilt."""
        self.connection.close()
        shutil.rmtree(self.spill, ignore_errors=True)


@dataclass(frozen=True)
class Answer:
    """A query that has not run yet; it runs once for each way of reading it."""

    engine: Engine
    text: str
    parameters: dict[str, Any]

    def arrow(self) -> pa.Table:
        """Return the answer as an Arrow table, which grows while the query goes on."""
        rows = self._relation().to_arrow_reader(BATCH_ROWS).read_all()
        if rows.num_rows > ROW_GROUP_ROWS:  # what it took to make them is as large again
            self.engine.give_back()
        return rows

    def columns(self) -> list[str]:
        """Return the names of the answer's columns without computing it."""
        return list(self._relation().columns)

    def frame(self) -> pd.DataFrame:
        """Return the answer as a DataFrame."""
        return self._execute(self.text).df()

    def materialise(self, name: str) -> None:
        """Keep the answer as a temporary table of that name."""
        self._execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {self.text}')

    def view(self, name: str) -> None:
        """Let the query be known by a name, without keeping its answer: it runs for each use."""
        self._relation().create_view(name, replace=True)

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
        with absent_tables(duckdb.CatalogException):
            return self.engine.connection.execute(text, self.parameters or None)

    def _relation(self) -> duckdb.DuckDBPyRelation:
        """Return the query as DuckDB's own object, not run yet."""
        with absent_tables(duckdb.CatalogException):
            return self.engine.connection.sql(self.text, params=self.parameters or None)


def _typical_first(paths: Sequence[Path | str]) -> Sequence[Path | str]:
    """Return the files with the one whose size is nearest to the mean in front.

    The engine opens the first alone to guess how many rows there are in all. Behind a first day
    with a handful of events it takes thirty million for nine thousand, and holds them in memory to
    look up the few that it should have held instead.
    """
    if len(paths) < 2 or any(is_remote(path) or not Path(path).is_file() for path in paths):
        return paths
    sizes = [Path(path).stat().st_size for path in paths]
    mean = sum(sizes) / len(sizes)
    front = min(range(len(paths)), key=lambda place: abs(sizes[place] - mean))
    return [paths[front], *paths[:front], *paths[front + 1 :]]


def _copy_text(query: str, path: Path) -> str:
    """Return the statement that writes a query's answer as an object."""
    target = str(path).replace("'", "''")
    return (
        f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, "
        f"DICTIONARY_SIZE_LIMIT 10000, ROW_GROUP_SIZE {ROW_GROUP_ROWS})"
    )


def _reader(paths: Iterable[Path | str], key_name: str) -> str:
    """Return the SQL that reads Parquet files, decrypted where a key is named.

    DuckDB 2.0 decrypts pages wrongly once a condition is pushed into the reader of a file that
    another program encrypted (it then says that the key is wrong); ``OFFSET 0`` keeps it out.
    """
    files = ", ".join("'" + str(p).replace("'", "''") + "'" for p in paths)
    if not key_name:
        return f"read_parquet([{files}])"
    options = f"encryption_config = {{footer_key: '{key_name}'}}"
    return f"(SELECT * FROM read_parquet([{files}], {options}) OFFSET 0)"

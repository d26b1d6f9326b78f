"""The engine for those who outgrow one machine: the same queries, transpiled, on Spark."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import duckdb
import pandas as pd
import pyarrow as pa
from sqlglot import exp

from retention.engine.dialect import bound, parsed, spark_sql
from retention.engine.duck import Answer, Engine, T
from retention.engine.files import is_encrypted, is_remote, query_text
from retention.engine.finite import finite
from retention.engine.hashing import SCHEMA, partial_totals
from retention.engine.scoring import BATCH_ROWS, Scorer, scored
from retention.engine.session import open_session
from retention.engine.spill import spill_folder
from retention.errors import InputError, RunError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class SparkEngine(Engine):
    """A Spark session with named tables, used as `Engine` is.

    Parameters
    ----------
    memory_limit
        Memory of the driver, as ``"4GB"``.
    spark_master
        Spark's master URL; None for ``$RETENTION_SPARK_MASTER``, else ``local[2]``.
    temporary_directory
        Where shuffles and spills go; None means the system's.

    Notes
    -----
    Tables that :meth:`materialise` keeps are cached in memory and on disk; they go with
    :meth:`drop` and :meth:`close`. Paths with a scheme (``s3a://``, ``gs://``, ``abfss://``) go to
    Spark's own connectors.
    """

    def __init__(
        self,
        memory_limit: str | None = None,
        spark_master: str | None = None,
        temporary_directory: str | None = None,
    ) -> None:
        self.memory_limit = memory_limit
        self.temporary_directory = temporary_directory
        self.session = open_session(memory_limit, spark_master, temporary_directory)
        self.spill = spill_folder(self, temporary_directory)
        self._tables: dict[str, DataFrame] = {}
        self._cached: set[str] = set()

    def __getattr__(self, name: str) -> NoReturn:
        """Say that a step is not for Spark, rather than to let it run on DuckDB unnoticed."""
        if name in ("connection", "unlocked", "threads"):
            raise RunError(
                "This step works on DuckDB alone; it does not run with `engine: spark`.",
                "Set `engine: duckdb` in common.yaml for it; docs/scale.md says which steps run "
                "on Spark.",
            )
        raise AttributeError(name)

    def register(
        self, name: str, source: Path | str | Iterable[Path] | pd.DataFrame | pa.Table
    ) -> None:
        """Give Parquet files or folders, a DataFrame or an Arrow table a name in SQL."""
        if isinstance(source, pd.DataFrame | pa.Table):
            self._name(name, self.session.createDataFrame(_plain(finite(source))))
            return
        paths = [source] if isinstance(source, str | Path) else list(source)
        self._name(name, self._read(paths))

    def _read(self, paths: Iterable[Path | str]) -> DataFrame:
        """Read Parquet: files and folders of this machine, or addresses as they stand."""
        found = [str(path) if is_remote(path) else str(Path(path).resolve()) for path in paths]
        sealed = [path for path in found if is_encrypted(Path(path))]
        if sealed:
            raise InputError(
                "The snapshot is encrypted, and Spark cannot open it.",
                "Read it with `engine: duckdb`, or keep the store on an encrypted disk instead.",
                file=Path(sealed[0]).name,
            )
        try:
            return _finite(self.session.read.option("mergeSchema", "true").parquet(*found))
        except Exception as error:
            raise _unreachable(found[0], error) from error

    def parquet(self, source: Path | str | Iterable[Path | str]) -> str:
        """Return SQL, to stand after FROM, that reads one or more Parquet files."""
        paths = [source] if isinstance(source, str | Path) else list(source)
        name = f"parquet_{len(self._tables)}"
        self._name(name, self._read(paths))
        return name

    def unlock(self, key: bytes) -> None:
        """Take no key: encrypted files are refused when they are read, in words that help."""

    def share(self, folder: Path) -> None:
        """Share nothing: what is kept lies with the executors."""

    def execute(self, text: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Run one statement: a query, or CREATE … AS, INSERT … SELECT, DROP of temporary tables.

        Raises
        ------
        RunError
            If it is another kind of statement.
        """
        tree = bound(parsed(text), parameters)
        if isinstance(tree, exp.Query):
            return [tuple(row) for row in self.session.sql(spark_sql(tree)).collect()]
        if isinstance(tree, exp.Create) and tree.kind in ("TABLE", "VIEW"):
            self._create(tree)
        elif isinstance(tree, exp.Insert):
            name = tree.this.name
            self._keep(name, self._tables[name].union(self.session.sql(spark_sql(tree.expression))))
        elif isinstance(tree, exp.Drop):
            self.drop(*(table.name for table in tree.find_all(exp.Table)))
        else:
            raise RunError(
                f"Spark's temporary tables know no {tree.key.upper()}.",
                "Say it as CREATE OR REPLACE TEMP TABLE … AS SELECT.",
            )
        return []

    def _create(self, tree: exp.Create) -> None:
        """Make a temporary table or view out of a query, or an empty table out of its columns."""
        if tree.expression:
            made = self.session.sql(spark_sql(tree.expression))
            name = tree.this.name
            self._keep(name, made) if tree.kind == "TABLE" else self._name(name, made)
            return
        columns = ", ".join(part.sql(dialect="spark") for part in tree.this.expressions)
        self._name(tree.this.this.name, self.session.createDataFrame([], schema=columns))

    def materialise(self, name: str, text: str, parameters: dict[str, Any]) -> None:
        """Keep a query's answer as a temporary table."""
        self._keep(name, self.session.sql(spark_sql(bound(parsed(text), parameters))))

    def _keep(self, name: str, made: DataFrame) -> None:
        """Name a DataFrame and keep its rows once they are computed."""
        made.persist()
        before = self._tables.get(name) if name in self._cached else None
        self._name(name, made)
        self._cached.add(name)
        if before is not None:
            before.unpersist()

    def _name(self, name: str, made: DataFrame) -> None:
        """Give a DataFrame its name in SQL."""
        self._cached.discard(name)
        made.createOrReplaceTempView(name)
        self._tables[name] = made

    def multiset_total(self, table: str, columns: Sequence[str]) -> tuple[int, int]:
        """Return a number that any change of a table's rows changes, and how many there are."""
        rows = self._tables[table].select(*columns)
        parts = rows.mapInArrow(partial_totals(columns), SCHEMA).collect()
        return sum(int(p.total) for p in parts), sum(p.number for p in parts)

    def copy(self, query: str, path: Path, **parameters: Any) -> None:
        """Write a query's answer as one file."""
        SparkAnswer(self, query, parameters).to_file(path, lambda rows: rows)

    def copy_together(self, queries: Mapping[Path, str]) -> None:
        """Write several such answers one after another: each is made by all executors."""
        for path, query in queries.items():
            self.copy(query, path)

    def spread(
        self, function: Callable[[int], T], places: Sequence[int], at_once: int = 1
    ) -> list[T]:
        """Return what a function gives for each number; the executors share the numbers."""
        context = self.session.sparkContext
        return context.parallelize(list(places), max(1, len(places))).map(function).collect()

    def version(self) -> str:
        """Return name and version of the engine, as a manifest tells it."""
        return f"spark {self.session.version}, duckdb {duckdb.__version__}"

    def score_batches(
        self,
        name: str,
        answer: Answer,
        function: Scorer,
        schema: pa.Schema,
        rows: int = BATCH_ROWS,
    ) -> None:
        """Apply a fitted model to a query's rows on the executors; see `Engine.score_batches`."""
        from pyspark.sql.pandas.types import from_arrow_schema

        self.session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(rows))
        incoming = SparkAnswer(self, answer.text, answer.parameters).rows()
        scores = incoming.mapInArrow(scored(function, schema), from_arrow_schema(schema))
        self._keep(name, scores)

    def drop(self, *names: str) -> None:
        """Forget temporary tables."""
        for name in names:
            made = self._tables.pop(name)
            if name in self._cached:
                made.unpersist()
                self._cached.discard(name)
            self.session.catalog.dropTempView(name)

    @contextmanager
    def narrowed(self, rows: Mapping[str, str | Path]) -> Iterator[None]:
        """Let tables hold only some of their rows, until the block ends; see `Engine.narrowed`."""
        whole = {name: self._tables[name] for name in rows}
        cached = self._cached & set(whole)
        for name, which in rows.items():
            if isinstance(which, Path):
                self._name(name, self._read([which]))
                continue
            text = f'SELECT * FROM "{name}" WHERE {which}'
            self._name(name, self.session.sql(spark_sql(parsed(text))))
        try:
            yield
        finally:
            for name, made in whole.items():
                self._name(name, made)
            self._cached |= cached

    @contextmanager
    def unordered(self) -> Iterator[None]:
        """Do nothing: Spark promises no order but that of an ORDER BY."""
        yield

    def has(self, name: str) -> bool:
        """Tell whether a table or view of that name is known."""
        return name in self._tables

    def query(self, name: str, **parameters: Any) -> Answer:
        """Prepare ``sql/<name>.sql`` with its ``$name`` parameters."""
        return self.sql(query_text(name), **parameters)

    def sql(self, text: str, **parameters: Any) -> Answer:
        """Prepare a query given as text with its ``$name`` parameters."""
        return SparkAnswer(self, text, parameters)

    def close(self) -> None:
        """Forget every table and remove temporary files; Spark goes on for the next engine."""
        self.drop(*list(self._tables))
        shutil.rmtree(self.spill, ignore_errors=True)


class SparkAnswer(Answer):
    """A query for Spark that has not run yet."""

    engine: SparkEngine

    def rows(self) -> DataFrame:
        """Return the answer as Spark's own DataFrame."""
        tree = bound(parsed(self.text), self.parameters)
        return self.engine.session.sql(spark_sql(tree))

    def columns(self) -> list[str]:
        """Return the names of the answer's columns without computing it."""
        return list(self.rows().columns)

    def arrow(self) -> pa.Table:
        """Return the answer as an Arrow table; all of it comes to the driver."""
        return self.rows().toArrow()

    def frame(self) -> pd.DataFrame:
        """Return the answer as a DataFrame of the types that DuckDB would have given it."""
        with duckdb.connect() as connection:
            return connection.from_arrow(self.arrow()).df()

    def materialise(self, name: str) -> None:
        """Keep the answer as a temporary table of that name."""
        self.engine.materialise(name, self.text, self.parameters)

    def view(self, name: str) -> None:
        """Let the query be known by a name, without keeping its answer."""
        self.engine.execute(f'CREATE OR REPLACE TEMP VIEW "{name}" AS {self.text}',
                            **self.parameters)  # fmt: skip

    def write(self, path: Path, *, order_by: str) -> None:
        """Write the answer to Parquet: one ordered file, or a folder of them in an object store.

        Parameters
        ----------
        path
            File to write; an address (``s3a://…``) becomes a folder, written by Spark's connector.
        order_by
            Columns that order the rows completely.
        """
        if is_remote(path):
            self._ordered(self.rows(), order_by).write.mode("overwrite").parquet(str(path))
            return
        self.to_file(path, lambda rows: self._ordered(rows, order_by))

    def to_file(self, path: Path, arrange: Callable[[DataFrame], DataFrame]) -> None:
        """Write the answer as one file of this machine, its rows arranged."""
        rows = arrange(self.rows().repartition(1))
        folder = self.engine.spill / f"{Path(path).name}.parts"
        rows.write.mode("overwrite").parquet(str(folder))
        (part,) = folder.glob("part-*.parquet")
        shutil.move(part, path)
        shutil.rmtree(folder)

    def _ordered(self, rows: DataFrame, order_by: str) -> DataFrame:
        """Return rows in an order that is worded in DuckDB's dialect."""
        rows.createOrReplaceTempView("rows_to_write")
        text = f"SELECT * FROM rows_to_write ORDER BY {order_by}"
        ordered = self.engine.session.sql(spark_sql(parsed(text)))
        self.engine.session.catalog.dropTempView("rows_to_write")
        return ordered


def _finite(rows: DataFrame) -> DataFrame:
    """Return rows with NULL for NaN (to Spark the greatest number) and infinity."""
    from pyspark.sql import functions as sql

    floating = [name for name, kind in rows.dtypes if kind in ("float", "double")]
    return rows.withColumns(
        {
            name: sql.when(sql.abs(f"`{name}`") < float("inf"), sql.col(f"`{name}`"))
            for name in floating
        }
    )


def _plain(source: pd.DataFrame | pa.Table) -> pa.Table:
    """Return rows as an Arrow table of types that Spark knows."""
    table = (
        pa.Table.from_pandas(source, preserve_index=False)
        if isinstance(source, pd.DataFrame)
        else source
    )
    fields = [pa.field(field.name, _type(field.type)) for field in table.schema]
    return table.cast(pa.schema(fields))


def _type(kind: pa.DataType) -> pa.DataType:
    """Return the type of Spark that holds an Arrow type."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", tz=kind.tz)
    if pa.types.is_dictionary(kind):
        return _type(kind.value_type)
    if pa.types.is_null(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_unsigned_integer(kind):
        return pa.int64()
    return kind


def _unreachable(path: str, error: Exception) -> RunError | InputError:
    """Say what could not be read, in words that help."""
    first = str(error).strip().splitlines()[0][:300]
    if "ClassNotFoundException" in str(error) or "UnsupportedFileSystem" in str(error) or (
        "No FileSystem for scheme" in str(error)
    ):  # fmt: skip
        return RunError(
            f"Spark has no connector for {path.split('://')[0]}://.",
            "Name it in spark-defaults.conf (spark.jars.packages, for s3a "
            "org.apache.hadoop:hadoop-aws); docs/scale.md lists them.",
        )
    return InputError(f"Spark cannot read it: {first}", "Check path and rights.", file=path)

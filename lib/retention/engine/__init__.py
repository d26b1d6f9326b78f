"""The columnar engine: DuckDB on one machine, Spark beyond it, one set of SQL for both."""

from __future__ import annotations

from retention.engine.duck import Answer, Engine
from retention.engine.files import ROW_GROUP_ROWS, is_encrypted, is_remote, query_text, sha256_of
from retention.engine.memory import megabytes
from retention.engine.spill import own_folder
from retention.errors import RunError

__all__ = [
    "ROW_GROUP_ROWS",
    "Answer",
    "Engine",
    "is_encrypted",
    "is_remote",
    "megabytes",
    "open_engine",
    "own_folder",
    "query_text",
    "sha256_of",
]


def open_engine(
    kind: str = "duckdb",
    memory_limit: str | None = None,
    temporary_directory: str = "",
    spark_master: str = "",
    threads: int | None = None,
) -> Engine:
    """Open the engine that the params name.

    Parameters
    ----------
    kind
        ``duckdb`` or ``spark``.
    memory_limit
        Upper bound of its memory, as ``4GB``; on Spark that of the driver.
    temporary_directory
        Where it spills; empty for the system's folder.
    spark_master
        Spark's master URL; empty for ``$RETENTION_SPARK_MASTER``, else ``local[2]``.
    threads
        Threads of DuckDB; None means all.

    Raises
    ------
    RunError
        If there is no such engine, or Spark is not installed.
    """
    if kind == "duckdb":
        return Engine(memory_limit, threads, temporary_directory or None)
    if kind != "spark":
        raise RunError(f"There is no engine {kind!r}.", "Set `engine: duckdb` or `engine: spark`.")
    from retention.engine.spark import SparkEngine  # the rest of the project starts without it

    return SparkEngine(memory_limit, spark_master or None, temporary_directory or None)

"""A private folder and an engine for work on raw data: both are gone afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from retention.engine import Engine, open_engine
from retention.engine.spill import folder_prefix, sweep
from retention.errors import RunError
from retention.ingest.encryption import unlock
from retention.ingest.keys import private_folder


def work_folder(private: Path, temporary_directory: str = "") -> Path:
    """Return the folder to work on raw data in; empty means ``work`` in the private folder."""
    base = Path(temporary_directory or private_folder(private_folder(private) / "work"))
    base.mkdir(parents=True, exist_ok=True)
    return base


@contextmanager
def workbench(
    private: Path,
    memory_limit: str | None = None,
    threads: int | None = None,
    kind: str = "duckdb",
    spark_master: str = "",
    temporary_directory: str = "",
) -> Iterator[tuple[Engine, Path]]:
    """Give an engine that spills into a private folder, and the folder, until the block ends.

    Raw identities pass through both, so neither lies where an analyst can look. What a killed
    process left there is removed by the next one that comes, and the engine's own errors, which
    quote values, are told by their kind alone.

    Parameters
    ----------
    private
        The private folder.
    memory_limit
        Upper bound of the engine's memory.
    threads
        Threads of the engine; None means all.
    kind
        ``duckdb`` or ``spark``.
    spark_master
        Spark's master URL; empty for the default.
    temporary_directory
        Folder to work in; empty for ``work`` in the private folder. Either way the folder that is
        made there is its owner's alone.

    Raises
    ------
    RunError
        If the engine itself fails.
    """
    base = work_folder(private, temporary_directory)
    sweep(base)
    folder = Path(tempfile.mkdtemp(prefix=folder_prefix(), dir=base))
    engine = open_engine(kind, memory_limit, str(folder / "spill"), spark_master, threads)
    unlock(engine, private)
    try:
        yield engine, folder
    except duckdb.Error as error:
        raise RunError(
            f"The engine could not go on ({type(error).__name__}).",
            "Look for room on the disk and in memory; else report the step that failed.",
        ) from None
    finally:
        engine.close()
        shutil.rmtree(folder)

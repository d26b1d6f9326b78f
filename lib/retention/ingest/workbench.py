"""A private folder and an engine for work on raw data: both are gone afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retention.engine import Engine
from retention.ingest.encryption import unlock
from retention.ingest.keys import private_folder


@contextmanager
def workbench(
    private: Path, memory_limit: str | None = None, threads: int | None = None
) -> Iterator[tuple[Engine, Path]]:
    """Give an engine that spills into a private folder, and the folder, until the block ends.

    Raw identities pass through both, so neither lies where an analyst can look.

    Parameters
    ----------
    private
        The private folder.
    memory_limit
        Upper bound of the engine's memory.
    threads
        Threads of the engine; None means all.
    """
    base = private_folder(private_folder(private) / "work")
    folder = Path(tempfile.mkdtemp(dir=base))
    engine = Engine(memory_limit, threads, str(folder / "spill"))
    unlock(engine, private)
    try:
        yield engine, folder
    finally:
        engine.close()
        shutil.rmtree(folder)

"""Files taken in side by side: on one machine one after the other, on Spark on its executors.

Each file is landed, mapped, judged and pseudonymised by DuckDB wherever it is taken in, so that
what counts as a date or an amount does not depend on the engine: the pattern languages and the
parsers of times of DuckDB and Spark differ. Raw identities never pass through Spark; what its
tables hold are pseudonyms.
"""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from retention.engine import Engine, megabytes
from retention.ingest.contribute import Contribution, Intake
from retention.ingest.keys import open_keys, snapshot_key
from retention.ingest.plan import Item
from retention.ingest.store import Store
from retention.ingest.told_orders import told_folder
from retention.sources.base import SourceFormat
from retention.tables import get

AT_ONCE = 2
"""Files that are taken in side by side: planning and writing one of them use one core."""


@dataclass(frozen=True)
class Task:
    """All that a machine needs to take in a file; plain values, which can be sent to it.

    The keys are not among them: every machine reads them where the driver does.

    Parameters
    ----------
    items
        What to read and how, as `retention.ingest.plan.plan` found it where the run was started.
    store, private
        Folder of the snapshots and private folder; on a cluster every machine must find them, and
        the files, under the same path.
    memory_limit, threads
        Bounds of DuckDB in each task.
    encrypt
        Whether the store's objects are encrypted at rest.
    free_text
        Whether what people wrote is kept, scrubbed.
    temporary_directory
        Where DuckDB spills in each task; empty for the private folder.
    compared
        Files whose orders the migration check will ask for.
    """

    items: tuple[Item, ...]
    store: Path
    private: Path
    memory_limit: str | None = None
    threads: int | None = None
    encrypt: bool = False
    free_text: bool = False
    temporary_directory: str = ""
    compared: frozenset[Path] = frozenset()

    def place(self) -> Store:
        """Return the store."""
        return Store(self.store, snapshot_key(self.private) if self.encrypt else None)

    def take_in_all(self, engine: Engine) -> list[tuple[Contribution, bool]]:
        """Return the contribution of every file, in their order; two are taken in together.

        They divide the memory between them. The largest come first, so that none is left alone at
        the end; what is no single file may be any size and comes before them. Free text is read
        when everybody whom the other files name is known.
        """
        at_once = min(AT_ONCE, len(self.items))
        limit = self.memory_limit and f"{megabytes(self.memory_limit) / at_once:.0f}MB"
        sharing = replace(self, memory_limit=limit)
        order = sorted(range(len(self.items)), key=lambda number: -_size(self.items[number].path))
        later = [n for n in order if self.free_text and _has_free_text(self.items[n].source)]
        made: dict[int, tuple[Contribution, bool]] = {}
        for numbers in ([n for n in order if n not in later], later):
            made |= zip(numbers, engine.spread(sharing.take_in, numbers, at_once), strict=True)
        return [made[number] for number in range(len(self.items))]

    def take_in(self, number: int) -> tuple[Contribution, bool]:
        """Return the contribution of one of the files, and whether it was there before."""
        item = self.items[number]
        intake = Intake(self.place(), self.private, open_keys(self.private), self.memory_limit,
                        self.threads, self.free_text, self.temporary_directory)  # fmt: skip
        told = None
        if item.path in self.compared:
            told = told_folder(self.private, self.temporary_directory, item.path, item.options)
            shutil.rmtree(told, ignore_errors=True)  # of a run whose check never came
        return intake.contribute(item.path, item.name, item.source, item.options, told)


def _size(path: Path) -> float:
    """Return a file's bytes; of what is no single file, more than any."""
    return path.stat().st_size if path.is_file() else math.inf


def _has_free_text(source: SourceFormat) -> bool:
    """Tell whether a format feeds a table that holds free text."""
    return any(column.free_text for mapping in source.tables for column in get(mapping.table))

"""Files taken in side by side: on one machine one after the other, on Spark on its executors.

Each file is landed, mapped, judged and pseudonymised by DuckDB wherever it is taken in, so that
what counts as a date or an amount does not depend on the engine: the pattern languages and the
parsers of times of DuckDB and Spark differ. Raw identities never pass through Spark; what its
tables hold are pseudonyms.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from retention.ingest.contribute import Contribution, Intake
from retention.ingest.keys import open_keys, snapshot_key
from retention.ingest.plan import plan
from retention.ingest.store import Store
from retention.sources.base import ReadOptions


@dataclass(frozen=True)
class Task:
    """All that a machine needs to take in a file; plain values, which can be sent to it.

    The keys are not among them: every machine reads them where the driver does.

    Parameters
    ----------
    sources, read_options, defaults
        What to read and how, as `retention.ingest.plan.plan` wants it.
    root, store, private
        Root of the workspace, folder of the snapshots and private folder; on a cluster every
        machine must find them under the same path.
    memory_limit, threads
        Bounds of DuckDB in each task.
    encrypt
        Whether the store's objects are encrypted at rest.
    free_text
        Whether what people wrote is kept, scrubbed.
    temporary_directory
        Where DuckDB spills in each task; empty for the private folder.
    """

    sources: tuple[str, ...]
    read_options: tuple[str, ...]
    defaults: ReadOptions
    root: Path
    store: Path
    private: Path
    memory_limit: str | None = None
    threads: int | None = None
    encrypt: bool = False
    free_text: bool = False
    temporary_directory: str = ""

    def place(self) -> Store:
        """Return the store."""
        return Store(self.store, snapshot_key(self.private) if self.encrypt else None)

    def files(self) -> int:
        """Return how many files there are to take in."""
        return len(plan(self.sources, self.root, self.read_options, self.defaults))

    def take_in(self, number: int) -> tuple[Contribution, bool]:
        """Return the contribution of one of the files, and whether it was there before."""
        item = plan(self.sources, self.root, self.read_options, self.defaults)[number]
        intake = Intake(self.place(), self.private, open_keys(self.private), self.memory_limit,
                        self.threads, self.free_text, self.temporary_directory)  # fmt: skip
        return intake.contribute(item.path, item.name, item.source, item.options)

"""State of a run under way: what is finished, and what stands already for others to read."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from retention.engine import sha256_of
from retention.runs.execute import Failure, not_started
from retention.runs.journal import Journal
from retention.runs.plan import Notebook
from retention.runs.publish import unfinished
from retention.runs.run import published
from retention.runs.settings import Settings
from retention.runs.stages import Record
from retention.runs.workspace import Workspace


@dataclass(frozen=True)
class Options:
    """How to run, none of which may change what comes out.

    Parameters
    ----------
    parallel
        Notebooks that run at once.
    timeout
        Seconds that one cell may take.
    retries
        How often a notebook is tried again after its kernel died; an error in a cell is final.
    fresh
        Run every notebook, also where an earlier run could be reused.
    partial
        Let ``latest`` move to a run without a notebook that failed. It always does where no run
        was published before.
    executed
        Folder in which another scheduler has executed the notebooks; they are judged and taken
        over instead of run.
    """

    parallel: int = 1
    timeout: int = 3600
    retries: int = 0
    fresh: bool = False
    partial: bool = False
    executed: Path | None = None


@dataclass
class Course:
    """State of a run under way.

    Parameters
    ----------
    workspace, profile, settings, inputs, staging, options
        Where, what and how to run.
    records
        Finished notebooks.
    failures
        Notebooks that failed, and those that were not started for that.
    handed_on
        Hashes of the files that others read of a notebook, as soon as these stand.
    news
        What the scheduler waits for: a notebook's task that is done, or None where a file stands.
    """

    workspace: Workspace
    profile: str
    settings: list[Settings]
    inputs: dict[str, str]
    staging: Path
    options: Options
    records: dict[str, Record] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    handed_on: dict[str, Mapping[str, str]] = field(default_factory=dict)
    news: SimpleQueue[Future[Failure | None] | None] = field(default_factory=SimpleQueue)

    @property
    def journal(self) -> Journal:
        """The run's structured log."""
        return Journal(self.staging)

    @property
    def earlier(self) -> list[Path]:
        """Folders whose notebooks may be reused, the likeliest first."""
        if self.options.fresh or self.options.executed:
            return []
        runs = [run.folder for run in reversed(published(self.profile, self.workspace))]
        left = [p for p in unfinished(self.workspace, self.profile) if p != self.staging]
        return left + runs

    def look_at(self, notebook: Notebook) -> None:
        """Tell the scheduler where a notebook's cell has left what others wait for.

        It is called before each of its cells, so that a file is seen when it is whole.
        """
        path = self.staging / notebook.hands_on
        if notebook.hands_on and notebook.name not in self.handed_on and path.is_file():
            self.handed_on[notebook.name] = {notebook.hands_on: sha256_of(path)}
            self.news.put(None)

    def fail(self, failure: Failure) -> None:
        """Note that a notebook failed, and that those that read from it are not started."""
        self.failures[failure.notebook] = failure
        for notebook in (settings.notebook for settings in self.settings):
            lost = [name for name in notebook.needs if name in self.failures]
            if lost and notebook.name not in self.failures:
                self.failures[notebook.name] = not_started(notebook.name, lost[0])

    @property
    def can_go_on(self) -> bool:
        """Whether the notebooks that are left may run: nothing can without ingest."""
        return "ingest" not in self.failures

    @property
    def is_worth_publishing(self) -> bool:
        """Whether more than ingest stands."""
        return self.can_go_on and bool(set(self.records) - {"ingest"})

    @property
    def becomes_latest(self) -> bool:
        """Whether ``latest`` moves: not away from a whole run to one that lacks a notebook."""
        is_first = not (self.workspace.profile(self.profile) / "latest").exists()
        return not self.failures or self.options.partial or is_first

    def finish(self, notebook: Notebook, record: Record) -> None:
        """Note that a notebook is done."""
        self.records[notebook.name] = record
        self.handed_on[notebook.name] = record.handed_on(notebook)

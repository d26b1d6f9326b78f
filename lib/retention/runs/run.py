"""A published run, as any notebook or script reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from retention.errors import RunError
from retention.results import FAILED, SKIPPED
from retention.runs.files import read_json
from retention.runs.plan import NOTEBOOKS
from retention.runs.workspace import Workspace

if TYPE_CHECKING:
    from retention.ingest.snapshot import Snapshot


@dataclass(frozen=True)
class Run:
    """One run's folder: tables, results, reports and the snapshot that it stands on.

    Examples
    --------
    In a scratch notebook, after ``make run``::

        import retention
        run = retention.load("demo")
        run.table("segments").groupby("segment").size()
    """

    profile: str
    folder: Path
    store: Path

    @property
    def name(self) -> str:
        """The run's own name, also where it was reached through ``latest``."""
        return self.folder.resolve().name

    @property
    def manifest(self) -> dict[str, Any]:
        """What went into the run and what came out."""
        return read_json(self.folder / "manifest.json")

    @property
    def as_of(self) -> str:
        """The date up to which the run knew: the latest that one of its notebooks was given."""
        return max(p["resolved"]["as_of"] for p in self.manifest["params"].values())

    def result(self, notebook: str) -> dict[str, Any]:
        """Return headline, metrics, checks and artifacts of one notebook."""
        return read_json(self.folder / "results" / f"{notebook}.json")

    def failed(self) -> list[str]:
        """Return the notebooks that this run was published without."""
        accounts = self.manifest["notebooks"]
        return [name for name, account in accounts.items() if account.get("status") == FAILED]

    def left_out(self) -> dict[str, list[dict[str, str]]]:
        """Return by notebook the sections that the data did not suffice for, and why.

        The section is empty where the whole notebook was skipped or failed.
        """
        found: dict[str, list[dict[str, str]]] = {}
        for name in self.manifest["notebooks"]:
            result = self.result(name)
            left = result.get("left_out", [])
            if result["status"] in (SKIPPED, FAILED):
                left = [{"section": "", "reason": result["headline"]}]
            if left:
                found[name] = left
        return found

    def publishes(self, name: str) -> bool:
        """Tell whether a notebook of this run published a table."""
        return (self.folder / "tables" / f"{name}.parquet").is_file()

    def has_table(self, name: str) -> bool:
        """Tell whether the run or its snapshot holds a table."""
        return self.publishes(name) or bool(self._files(name))

    def table(self, name: str) -> pd.DataFrame:
        """Return a table that a notebook published, or a canonical table of the snapshot.

        Raises
        ------
        RunError
            If neither has it; the message lists those there are.
        """
        published = self.folder / "tables" / f"{name}.parquet"
        if published.is_file():
            return pd.read_parquet(published)
        files = self._files(name)
        if not files:
            raise RunError(
                f"Run {self.name!r} of profile {self.profile!r} has no table {name!r}.",
                f"It has: {', '.join(self.tables()) or 'none'}.",
            )
        from retention.ingest.encryption import private_of, read_frame

        private = private_of(self.store)
        return pd.concat([read_frame(file, private) for file in files], ignore_index=True)

    def tables(self) -> list[str]:
        """Return the names of all tables, published and canonical."""
        published = {path.stem for path in (self.folder / "tables").glob("*.parquet")}
        snapshot = self.snapshot()
        return sorted(published | (set(snapshot.tables) if snapshot else set()))

    def snapshot(self) -> Snapshot | None:
        """Return the snapshot that the run stands on, None before ingest."""
        pointer = self.folder / "snapshot.json"
        if not pointer.is_file():
            return None
        from retention.ingest.snapshot import Snapshot

        return Snapshot.load(self.store, read_json(pointer)["id"])

    def _files(self, name: str) -> list[Path]:
        """Return the snapshot's files of a canonical table."""
        snapshot = self.snapshot()
        return snapshot.tables.get(name, []) if snapshot else []


def load(profile: str, run: str = "latest", workspace: Workspace | None = None) -> Run:
    """Open a published run.

    Parameters
    ----------
    profile
        Folder under ``outputs/``.
    run
        Name of the run; ``latest`` is the one published last.

    Raises
    ------
    RunError
        If there is no such run.
    """
    place = workspace or Workspace.find()
    folder = place.profile(profile) / run
    if not (folder / "manifest.json").is_file():
        raise RunError(
            f"Profile {profile!r} has no published run {run!r}.",
            f"Run `retention run {profile}` first (or `make run` for the demo shop).",
        )
    return Run(profile, folder, place.store(profile))


def published(profile: str, workspace: Workspace) -> list[Run]:
    """Return all published runs of a profile, oldest first."""
    folder = workspace.profile(profile)
    found = [p.parent for p in folder.glob("*/manifest.json") if not p.parent.is_symlink()]
    return [Run(profile, path, workspace.store(profile)) for path in sorted(found)]


def earlier_runs(profile: str, as_of: str, workspace: Workspace) -> list[Run]:
    """Return the published runs as of an earlier date, the one that knew least first.

    A run that knew as much as another, or more, may not speak to it: so the same past gives the
    same run.

    Parameters
    ----------
    profile
        Folder under ``outputs/``.
    as_of
        ISO date; only runs as of a date before it are returned.
    workspace
        Where the runs lie.
    """
    dated = [(run.as_of, run.name, run) for run in published(profile, workspace)]
    return [run for known, _, run in sorted(dated, key=lambda d: d[:2]) if known < as_of]


def producer(table: str) -> str | None:
    """Return the notebook that publishes a table of this name, where the names agree."""
    owners = {"targeting": "campaign_lift"}
    name = owners.get(table, table)
    return name if any(notebook.name == name for notebook in NOTEBOOKS) else None

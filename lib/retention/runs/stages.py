"""Finished notebooks by their key: the same key is never run twice, in this run or a later one."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from retention.engine import sha256_of
from retention.runs.files import read_json, write_json
from retention.runs.fingerprint import digest, library_digest, library_files, notebook_source
from retention.runs.manifest import environment_digest, recalled
from retention.runs.plan import BY_NAME, Notebook
from retention.runs.settings import Settings
from retention.runs.workspace import Workspace


@dataclass(frozen=True)
class Record:
    """What a finished notebook left behind.

    ``files`` maps every path inside the run to its SHA-256; ``reused_from`` names the run whose
    files were linked in, None where the notebook ran.
    """

    notebook: str
    key: str
    files: dict[str, str]
    seconds: float
    peak_memory_mb: float
    reused_from: str | None = None

    def write(self, folder: Path) -> None:
        """Write the record; from here on the notebook counts as finished."""
        (folder / "stages").mkdir(exist_ok=True)
        write_json(folder / "stages" / f"{self.notebook}.json", asdict(self))

    @classmethod
    def read(cls, folder: Path, notebook: str) -> Record | None:
        """Read a record, None where there is none or it was cut short."""
        try:
            text = (folder / "stages" / f"{notebook}.json").read_text(encoding="utf-8")
            return cls(**json.loads(text))
        except (FileNotFoundError, json.JSONDecodeError, TypeError):
            return None

    def handed_on(self, notebook: Notebook) -> dict[str, str]:
        """Return the files that others read of the notebook, with their hashes."""
        return {
            name: sha256
            for name, sha256 in self.files.items()
            if (name == notebook.hands_on if notebook.hands_on else not _is_executed(name))
        }

    def is_whole(self, folder: Path) -> bool:
        """Tell whether every file is there with the content it had."""
        return all(
            (folder / name).is_file() and sha256_of(folder / name) == sha256
            for name, sha256 in self.files.items()
        )


def stage_key(
    workspace: Workspace,
    settings: Settings,
    upstream: Mapping[str, Mapping[str, str]],
    inputs: Mapping[str, str],
) -> str:
    """Return what decides a notebook's outcome, as one hash.

    Parameters
    ----------
    workspace
        Where project and data lie.
    settings
        The notebook and its resolved parameters.
    upstream
        What the notebooks that it reads from hand on: their files' hashes.
    inputs
        Hashes of the raw exports; they count for ingest alone.
    """
    path = settings.notebook.path(workspace)
    parts: dict[str, Any] = {
        "source": notebook_source(path),
        "library": library_digest(library_files(path)),
        "params": settings.resolved,
        "upstream": {name: dict(files) for name, files in upstream.items()},
        "recalled": recalled(settings, workspace),
        "environment": environment_digest(workspace),
    }
    if settings.notebook.name == "ingest":
        from retention.ingest.keys import open_keys

        formats = workspace.params / str(settings.resolved.get("profile", "")) / "formats"
        parts["inputs"] = dict(inputs)
        parts["formats"] = {path.name: sha256_of(path) for path in sorted(formats.glob("*.yaml"))}
        parts["pseudonym key"] = open_keys(workspace.private).fingerprint
    return digest(parts)


def record_of(folder: Path, notebook: str, key: str, seconds: float, memory: float) -> Record:
    """Return the record of a notebook that has just run: its result and all it published."""
    result = read_json(folder / "results" / f"{notebook}.json")
    names = [f"notebooks/{notebook}.ipynb", f"results/{notebook}.json"]
    names += [artifact["path"] for artifact in result["artifacts"]]
    hands_on = BY_NAME[notebook].hands_on
    names += [hands_on] if hands_on else []
    files = {name: sha256_of(folder / name) for name in names}
    return Record(notebook, key, files, round(seconds, 2), round(memory, 1))


def reuse(
    folder: Path, candidates: Iterable[Path], store: Path, notebook: str, key: str
) -> Record | None:
    """Link in the files of a finished notebook with this key, wherever one is found.

    Parameters
    ----------
    folder
        Staging folder of the run under way.
    candidates
        Folders of earlier runs, the likeliest first; ``folder`` itself is looked at before them.
    store
        Folder of snapshots: a run whose snapshot is gone cannot be reused.
    notebook, key
        What to look for.
    """
    for candidate in (folder, *candidates):
        record = Record.read(candidate, notebook)
        if record is None or record.key != key or not record.is_whole(candidate):
            continue
        if notebook == "ingest" and not _has_snapshot(candidate, store):
            continue
        if candidate == folder:
            return record
        for name in record.files:
            _link(candidate / name, folder / name)
        linked = Record(**{**asdict(record), "reused_from": candidate.name})
        linked.write(folder)
        return linked
    return None


def _is_executed(name: str) -> bool:
    """Tell whether a file is an executed notebook, which nothing reads."""
    return name.startswith("notebooks/")


def _has_snapshot(folder: Path, store: Path) -> bool:
    """Tell whether the snapshot that a run stands on is still there."""
    pointer = read_json(folder / "snapshot.json")
    return (store / "snapshots" / pointer["id"] / "manifest.json").is_file()


def _link(source: Path, target: Path) -> None:
    """Link a file, or copy it where the file system cannot."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)

"""What a run stood on and what it made: enough to reproduce it, and to see any later touch."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from retention.engine import sha256_of
from retention.errors import InputError
from retention.ingest.plan import DEFAULT_DATA, files_of
from retention.runs.fingerprint import PACKAGE, digest, library_digest, notebook_source
from retention.runs.run import earlier_runs
from retention.runs.settings import Settings
from retention.runs.signoff import last_approved
from retention.runs.workspace import Workspace
from retention.sources.digests import digest_of


def data_folder(workspace: Workspace) -> str:
    """Return ``$RETENTION_DATA`` or where it points to by default."""
    return os.environ.get("RETENTION_DATA") or str((workspace.project / DEFAULT_DATA).resolve())


def input_files(sources: Iterable[str], workspace: Workspace) -> dict[str, Path]:
    """Return the files that the ``sources`` parameter names, keyed by the name as given.

    Raises
    ------
    InputError
        If a pattern matches no file.
    """
    found: dict[str, Path] = {}
    for source in sources:
        pattern = source.partition(":")[2].strip()
        if "://" in pattern:
            continue  # a database or object store; its content is hashed by the ingest itself
        filled = pattern.replace("$RETENTION_DATA", data_folder(workspace))
        matches = files_of(filled, workspace.root)
        if not matches:
            raise InputError(
                "There is no such file.",
                "Put the export there, or correct `sources` in ingest.yaml.",
                file=pattern,
            )
        stem = os.path.dirname(pattern)
        found.update({os.path.join(stem, path.name): path for path in matches})
    return found


def input_hashes(sources: Iterable[str], workspace: Workspace) -> dict[str, str]:
    """Return the SHA-256 of every input file, several at once; a folder counts by its files."""
    found = input_files(sources, workspace)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(found, pool.map(_content_hash, found.values()), strict=True))


def _content_hash(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's files and their names."""
    if not path.is_dir():
        return digest_of(path)
    return digest(
        {str(p.relative_to(path)): sha256_of(p) for p in sorted(path.rglob("*")) if p.is_file()}
    )


def describe_inputs(
    workspace: Workspace, settings: Iterable[Settings], inputs: Mapping[str, str]
) -> dict[str, Any]:
    """Return everything that decides what a run computes: params, inputs, code, environment."""
    settings = list(settings)
    modules = sorted(PACKAGE.rglob("*.py")) + sorted(PACKAGE.rglob("*.sql"))
    lock = workspace.project / "requirements.lock"
    return {
        "params": {s.notebook.name: {"given": s.given, "resolved": s.resolved} for s in settings},
        "inputs": dict(inputs),
        "sources": {
            s.notebook.name: digest(notebook_source(s.notebook.path(workspace)))[:16]
            for s in settings
        },
        "recalled": {
            s.notebook.name: recalled(s, workspace) for s in settings if s.notebook.recalls
        },
        "modules": {str(p.relative_to(PACKAGE)): sha256_of(p)[:16] for p in modules},
        "library": library_digest(modules),
        "lock": sha256_of(lock) if lock.is_file() else None,
        "git": git_state(workspace.project),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


def recalled(settings: Settings, workspace: Workspace) -> dict[str, Any]:
    """Return the names of the runs that a notebook may read; empty where it reads none."""
    if not settings.notebook.recalls:
        return {}
    profile, as_of = settings.resolved["profile"], settings.resolved["as_of"]
    approved = last_approved(profile, workspace, settings.notebook.name)
    return {
        "earlier": [run.name for run in earlier_runs(profile, as_of, workspace)],
        "approved": approved.name if approved else None,
    }


def git_state(project: Path) -> dict[str, Any]:
    """Return commit and whether anything is uncommitted; both None outside a checkout."""
    git = shutil.which("git")
    if git is None:
        return {"commit": None, "dirty": None}

    def ask(*words: str) -> str | None:
        answer = subprocess.run(
            [git, "-C", str(project), *words], capture_output=True, text=True, check=False
        )
        return answer.stdout.strip() if answer.returncode == 0 else None

    changes = ask("status", "--porcelain")
    return {
        "commit": ask("rev-parse", "HEAD"),
        "dirty": None if changes is None else bool(changes),
    }


def environment_digest(workspace: Workspace) -> str:
    """Return one hash for the pinned environment and the interpreter's version."""
    lock = workspace.project / "requirements.lock"
    pinned = sha256_of(lock) if lock.is_file() else ""
    return digest([pinned, sys.version_info[:2]])

"""A run is built aside and becomes visible in one rename; until then nobody sees any of it."""

from __future__ import annotations

import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

from retention.runs.files import write_json
from retention.runs.workspace import Workspace

STAGING = ".staging"
NAME = re.compile(r"^(\d{4,})-\d{8}T\d{4}-[0-9a-f]{8}$")
"""A run's name: running number (clocks jump, numbers don't), date, what it stood on."""

PSEUDONYMOUS = ("tables", "notebooks")
"""Parts of a run that hold rows about single people: for analysts. All others hold aggregates."""


def new_name(workspace: Workspace, profile: str, inputs_key: str) -> str:
    """Return a name for the next run of a profile."""
    folder = workspace.profile(profile)
    names = [path.name for path in (*folder.glob("*-*"), *folder.glob(f"{STAGING}/*-*"))]
    taken = [int(match[1]) for name in names if (match := NAME.match(name))]
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M")
    return f"{max(taken, default=0) + 1:04d}-{stamp}-{inputs_key[:8]}"


def open_staging(workspace: Workspace, profile: str, name: str) -> Path:
    """Make the folder in which a run is built, on the file system it will be published on."""
    folder = workspace.profile(profile) / STAGING / name
    for part in ("notebooks", "results", "tables", "reports"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    folder.parent.chmod(0o750)  # what is not finished has not been told from aggregates yet
    return folder


def unfinished(workspace: Workspace, profile: str) -> list[Path]:
    """Return the staging folders of runs that did not end, newest first."""
    folder = workspace.profile(profile) / STAGING
    return sorted((p for p in folder.glob("*") if NAME.match(p.name)), reverse=True)


def publish(
    workspace: Workspace, profile: str, staging: Path, *, becomes_latest: bool = True
) -> Path:
    """Make a finished run visible, then let ``latest`` point to it if it may.

    Both steps are one rename each: a reader, or a crash between them, finds the run before or the
    run after. Leftovers of runs that failed before this one are removed.
    """
    target = workspace.profile(profile) / staging.name
    for path in staging.rglob("*"):
        if path.name != "signoff.html":
            _close(path, is_pseudonymous=path.relative_to(staging).parts[0] in PSEUDONYMOUS)
    os.replace(staging, target)
    _sync(target.parent)
    if becomes_latest:
        link = workspace.profile(profile) / ".latest.new"
        link.unlink(missing_ok=True)
        link.symlink_to(target.name)
        os.replace(link, workspace.profile(profile) / "latest")
    for leftover in unfinished(workspace, profile):
        shutil.rmtree(leftover, ignore_errors=True)
    (workspace.profile(profile) / "failed.html").unlink(missing_ok=True)
    return target


def _close(path: Path, *, is_pseudonymous: bool) -> None:
    """Make a published file read-only; rows about single people are for owner and group alone."""
    if path.is_dir():
        path.chmod(0o750 if is_pseudonymous else 0o755)
    else:
        path.chmod(0o440 if is_pseudonymous else 0o444)


def prune_runs(
    workspace: Workspace, profile: str, keep: int, *, dry_run: bool = False
) -> list[str]:
    """Remove all but the newest runs, never an approved one, never the latest.

    Returns
    -------
    list of str
        Names of the runs that went, or would go.
    """
    from retention.runs.run import published
    from retention.runs.signoff import approvals

    runs = published(profile, workspace)
    latest = (workspace.profile(profile) / "latest").resolve().name
    old = [run for run in runs[:-keep] if run.name != latest and not approvals(run)]
    for run in [] if dry_run else old:
        # Renamed first: a reader sees a whole run or none.
        doomed = run.folder.with_name(f"{STAGING}.{run.name}.gone")
        os.replace(run.folder, doomed)
        shutil.rmtree(doomed)
    return [run.name for run in old]


def mark_resumable(staging: Path, request: dict[str, object]) -> None:
    """Note what was asked for, so that ``retention resume`` can ask for the same."""
    write_json(staging / "request.json", request)


def _sync(folder: Path) -> None:
    """Make a rename survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Who approved what and when, bound to the run's content: a touched file voids the signature."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from retention.engine import sha256_of
from retention.errors import RunError
from retention.runs.manifest import artifact_hashes
from retention.runs.run import Run, published
from retention.runs.workspace import Workspace


class Role(StrEnum):
    """Part that a signatory plays (RACI)."""

    RESPONSIBLE = "responsible"
    ACCOUNTABLE = "accountable"
    CONSULTED = "consulted"
    INFORMED = "informed"


@dataclass(frozen=True)
class Approval:
    """One signature under one run."""

    run: str
    manifest_sha256: str
    name: str
    role: Role
    at: str
    note: str = ""

    def summary(self) -> str:
        """Say who signed, as what, and when."""
        return f"{self.name} ({self.role}) on {self.at[:16].replace('T', ' ')} UTC"


def approve(run: Run, name: str, role: Role, note: str = "") -> Approval:
    """Sign a run.

    Raises
    ------
    RunError
        If a file of the run is no longer what its manifest says.
    """
    touched = changed_files(run)
    if touched:
        raise RunError(
            f"Run {run.name!r} was changed after it was published: {', '.join(touched[:5])}.",
            "Run the profile again and approve that run.",
        )
    at = datetime.now(UTC).isoformat(timespec="seconds")
    approval = Approval(run.name, _manifest_hash(run), name, role, at, note)
    with _book(run).open("a", encoding="utf-8") as handle:
        handle.write(json.dumps(asdict(approval), ensure_ascii=False) + "\n")
    return approval


def approvals(run: Run) -> list[Approval]:
    """Return the signatures under a run that still hold."""
    if not _book(run).is_file() or not (run.folder / "manifest.json").is_file():
        return []
    lines = _book(run).read_text(encoding="utf-8").splitlines()
    found = [Approval(**{**json.loads(line), "role": Role(json.loads(line)["role"])})
             for line in lines]  # fmt: skip
    ours = [a for a in found if a.run == run.name and a.manifest_sha256 == _manifest_hash(run)]
    return [] if ours and changed_files(run) else ours


def last_approved(profile: str, workspace: Workspace) -> Run | None:
    """Return the newest run that an accountable or responsible person has signed."""
    deciding = {Role.ACCOUNTABLE, Role.RESPONSIBLE}
    for run in reversed(published(profile, workspace)):
        if any(approval.role in deciding for approval in approvals(run)):
            return run
    return None


def changed_files(run: Run) -> list[str]:
    """Return the files whose content is not what the manifest says, missing ones included."""
    said = run.manifest["artifacts"]
    found = artifact_hashes(run.folder)
    return sorted(name for name in {*said, *found} if said.get(name) != found.get(name))


def describe(run: Run) -> str:
    """Word the state of the signatures for a report."""
    signatures = approvals(run)
    if not signatures:
        return "Not approved yet."
    return "Approved by " + "; ".join(approval.summary() for approval in signatures) + "."


def _book(run: Run) -> Path:
    """Return the profile's book of signatures; it lies beside the runs, which never change."""
    return run.folder.resolve().parent / "approvals.jsonl"


def _manifest_hash(run: Run) -> str:
    """Return the hash that a signature is bound to."""
    return sha256_of(run.folder / "manifest.json")

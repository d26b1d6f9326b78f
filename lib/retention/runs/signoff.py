"""Who approved what and when, bound to the run's content: a touched file voids the signature.

Signatures stand in a book beside the runs, for a published run never changes. What readers see of
them is ``signoff.html`` in the run's folder: every report shows that page inside itself, so it
tells who signed it although its own bytes, which the signature covers, were written before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from retention.engine import sha256_of
from retention.errors import ParameterError, RunError
from retention.json_lines import append_line, read_lines
from retention.runs.files import artifact_hashes
from retention.runs.run import Run, published
from retention.runs.workspace import Workspace


class Role(StrEnum):
    """Part that a signatory plays (RACI)."""

    RESPONSIBLE = "responsible"
    ACCOUNTABLE = "accountable"
    CONSULTED = "consulted"
    INFORMED = "informed"


MEANINGS = {
    Role.RESPONSIBLE: "made it and stands by the work",
    Role.ACCOUNTABLE: "approves it; one signature of this role approves a run",
    Role.CONSULTED: "was asked and has answered",
    Role.INFORMED: "has read it",
}


@dataclass(frozen=True)
class Approval:
    """One signature under one run, or under some of its reports; none named means all."""

    run: str
    manifest_sha256: str
    name: str
    role: Role
    at: str
    note: str = ""
    reports: list[str] = field(default_factory=list)

    @property
    def what(self) -> str:
        """What was signed."""
        return ", ".join(self.reports) or "the whole run"

    def covers(self, notebook: str | None) -> bool:
        """Tell whether the signature stands under a report; None asks for the whole run."""
        return not self.reports or notebook in self.reports

    def summary(self) -> str:
        """Say who signed what, as what, and when."""
        of = f" for {self.what}" if self.reports else ""
        return f"{self.name} ({self.role}){of} on {self.at[:16].replace('T', ' ')} UTC"


@dataclass(frozen=True)
class SignOff:
    """State of the signatures under a run.

    ``changed`` names the files that were touched since publishing; with any, no signature holds.
    """

    signatures: tuple[Approval, ...]
    changed: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """Return ``void``, ``approved``, ``signed`` or ``open``."""
        if self.signatures and self.changed:
            return "void"
        if any(a.role is Role.ACCOUNTABLE and a.covers(None) for a in self.signatures):
            return "approved"
        return "signed" if self.signatures else "open"

    def summary(self) -> str:
        """Word the state for a reader."""
        who = "; ".join(approval.summary() for approval in self.signatures)
        files = f"{len(self.changed)} of its files changed since: {', '.join(self.changed[:3])}"
        return {
            "void": f"Void: {files}. It had been signed by {who}.",
            "approved": f"Approved by {who}.",
            "signed": f"Not approved yet as a whole by anybody accountable. Signed by {who}.",
            "open": "Not approved yet.",
        }[self.state]


def approve(
    run: Run, name: str, role: Role, note: str = "", reports: Sequence[str] = ()
) -> Approval:
    """Sign a run, or some of its reports.

    Raises
    ------
    ParameterError
        If the run has no such report.
    RunError
        If a file of the run is no longer what its manifest says.
    """
    unknown = sorted(set(reports) - set(run.manifest["notebooks"]))
    if unknown:
        known = ", ".join(run.manifest["notebooks"])
        raise ParameterError(f"The run has no report {unknown[0]!r}.", f"It has: {known}.")
    touched = changed_files(run)
    if touched:
        raise RunError(
            f"Run {run.name!r} was changed after it was published: {', '.join(touched[:5])}.",
            "Run the profile again and approve that run.",
        )
    at = datetime.now(UTC).isoformat(timespec="seconds")
    approval = Approval(run.name, _manifest_hash(run), name, role, at, note, sorted(reports))
    append_line(_book(run), asdict(approval))
    return approval


def sign_off(run: Run, *, thorough: bool = True) -> SignOff:
    """Return the signatures under a run and whether they still hold.

    Parameters
    ----------
    run
        The run.
    thorough
        Hash every file; else only where a file is younger than the manifest, which is enough for
        a list of hundreds of runs.
    """
    book = _book(run)
    if not book.is_file() or not (run.folder / "manifest.json").is_file():
        return SignOff(())
    ours = [_approval(entry) for entry in read_lines(book).entries if entry["run"] == run.name]
    if not ours:
        return SignOff(())
    sha256 = _manifest_hash(run)
    replaced = ["manifest.json"] if any(a.manifest_sha256 != sha256 for a in ours) else []
    look = thorough or _has_younger_files(run)
    return SignOff(tuple(ours), (*replaced, *(changed_files(run) if look else ())))


def approvals(run: Run) -> list[Approval]:
    """Return the signatures under a run that still hold."""
    found = sign_off(run)
    return [] if found.changed else list(found.signatures)


def last_approved(profile: str, workspace: Workspace, notebook: str | None = None) -> Run | None:
    """Return the newest run that an accountable person has signed, as a whole or one report.

    A report that a run was published without, for its notebook failed, is signed by nobody.
    """
    for run in reversed(published(profile, workspace)):
        signed = approvals(run) if notebook not in run.failed() else []
        if any(a.role is Role.ACCOUNTABLE and a.covers(notebook) for a in signed):
            return run
    return None


def changed_files(run: Run) -> list[str]:
    """Return the files whose content is not what the manifest says, missing ones included."""
    said = run.manifest["artifacts"]
    found = artifact_hashes(run.folder)
    return sorted(name for name in {*said, *found} if said.get(name) != found.get(name))


def describe(run: Run, *, thorough: bool = True) -> str:
    """Word the state of the signatures for a reader."""
    return sign_off(run, thorough=thorough).summary()


def _approval(entry: dict[str, Any]) -> Approval:
    """Return one line of the book."""
    return Approval(**{**entry, "role": Role(entry["role"])})


def _has_younger_files(run: Run) -> bool:
    """Tell whether a file is missing, or was written after the manifest, the last to be written."""
    sealed = (run.folder / "manifest.json").stat().st_mtime_ns
    paths = [run.folder / name for name in run.manifest["artifacts"]]
    return any(not path.is_file() or path.stat().st_mtime_ns > sealed for path in paths)


def _book(run: Run) -> Path:
    """Return the profile's book of signatures; it lies beside the runs, which never change."""
    return run.folder.resolve().parent / "approvals.jsonl"


def _manifest_hash(run: Run) -> str:
    """Return the hash that a signature is bound to."""
    return sha256_of(run.folder / "manifest.json")

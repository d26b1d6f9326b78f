"""Changes of many files that happen as a whole or not at all: a redo log on disk.

First every new file is written aside and nothing is touched; then the plan, which says what becomes
of which file, is written in one step, and the change is decided. From there on every step may be
repeated, so whoever finds a plan carries it out: a process killed before the plan leaves everything
as it was, one killed after it leaves work that :func:`finish` ends with the same bytes.

The price is disk: what changes lies there twice until the end.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from retention.engine import sha256_of
from retention.errors import RunError
from retention.ingest.audit import record
from retention.ingest.keys import PLAN, open_keys, private_folder
from retention.ingest.store import GONE, destroy, write_text


@dataclass(frozen=True)
class Step:
    """What becomes of one file or link.

    Parameters
    ----------
    kind
        ``replace`` (or create) with a prepared file, ``remove`` a file or a folder beyond
        recovery, ``point`` a symbolic link.
    path
        The file, folder or link.
    source
        Prepared file, or where the link is to lead.
    sha256
        Hash of the prepared file.
    mode
        Mode of the file that is replaced or made.
    """

    kind: Literal["replace", "remove", "point"]
    path: str
    source: str = ""
    sha256: str = ""
    mode: int = 0o600

    def apply(self) -> None:
        """Carry the step out; what it has done before, it leaves alone."""
        path = Path(self.path)
        if self.kind == "replace":
            _replace(path, Path(self.source), self.sha256, self.mode)
        elif self.kind == "point":
            _point(path, self.source)
        else:
            _remove(path)


@dataclass(frozen=True)
class Outcome:
    """What a change was for, as the audit log records it.

    Parameters
    ----------
    action
        ``erase``, ``rotate`` or ``forget_old``.
    subject
        How the audit log refers to the person concerned; empty where it is nobody.
    effect
        Counts of what was done.
    """

    action: str
    subject: str
    effect: dict[str, Any]


@dataclass
class Transaction:
    """Collects the new state of files; nothing changes before :func:`commit`.

    Parameters
    ----------
    private
        The private folder; prepared files lie in the plan's folder there.
    """

    private: Path
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with an empty folder: what lies there without a plan was never decided."""
        if (self.private / PLAN).is_file():
            raise RunError("Another change is not finished.", "Call the same command again.")
        self.abandon()
        private_folder(self.folder)

    @property
    def folder(self) -> Path:
        """Folder of the prepared files."""
        return (self.private / PLAN).parent

    def replace(self, path: Path, content: bytes | Path, mode: int | None = None) -> str:
        """Give a file new content (bytes, or a file that is moved here); return its SHA-256."""
        draft = self.folder / f"{len(self.steps):06d}"
        if isinstance(content, Path):
            shutil.move(content, draft)
        else:
            draft.write_bytes(content)
        draft.chmod(0o600)
        if mode is None:
            mode = path.stat().st_mode & 0o777
        digest = sha256_of(draft)
        self.steps.append(Step("replace", str(path.absolute()), str(draft), digest, mode))
        return digest

    def remove(self, path: Path) -> None:
        """Destroy a file, or a folder with all that lies in it."""
        self.steps.append(Step("remove", str(path.absolute())))

    def exchange(self, old: Iterable[Path], fresh: Mapping[Path, bytes]) -> None:
        """Put private files in the place of others."""
        for path, content in fresh.items():
            self.replace(path, content, mode=0o600)
        for path in old:
            if path not in fresh:
                self.remove(path)

    def point(self, link: Path, target: Path) -> None:
        """Let a symbolic link lead elsewhere."""
        self.steps.append(Step("point", str(link.absolute()), str(target)))

    def abandon(self) -> None:
        """Destroy what was prepared."""
        for path in sorted(self.folder.iterdir()) if self.folder.is_dir() else ():
            destroy(path)
        shutil.rmtree(self.folder, ignore_errors=True)


def commit(transaction: Transaction, outcome: Outcome) -> None:
    """Decide a change, carry it out and record it."""
    for draft in transaction.folder.iterdir():
        _sync(draft)
    plan = {"outcome": asdict(outcome), "steps": [asdict(step) for step in transaction.steps]}
    write_text(transaction.private / PLAN, json.dumps(plan))
    _sync(transaction.folder)
    finish(transaction.private)


def finish(private: Path) -> Outcome | None:
    """Carry out the change that was decided and not finished; None where there is none.

    Returns
    -------
    Outcome or None
        What the change was for, so that whoever asks for the same again has an answer.
    """
    path = private / PLAN
    if not path.is_file():
        return None
    plan: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for step in plan["steps"]:
        Step(**step).apply()
    outcome = Outcome(**plan["outcome"])
    keys = open_keys(private, create=False, is_changing=True)
    record(private, keys, outcome.action, outcome.subject, outcome.effect, sha256_of(path))
    path.unlink()
    for draft in sorted(path.parent.iterdir()):
        destroy(draft)
    path.parent.rmdir()
    return outcome


def _replace(path: Path, draft: Path, digest: str, mode: int) -> None:
    """Put a prepared file in the place of another, which is destroyed."""
    old = path.with_name(path.name + GONE)
    if not (path.is_file() and sha256_of(path) == digest):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + ".new")
        fresh.unlink(missing_ok=True)
        shutil.copyfile(draft, fresh)
        fresh.chmod(mode)
        _sync(fresh)
        if path.exists() and not old.exists():
            os.link(path, old)
        fresh.replace(path)
    if old.exists():
        destroy(old)


def _point(link: Path, target: str) -> None:
    """Swap a symbolic link by one rename."""
    if link.is_symlink() and os.readlink(link) == target:
        return
    draft = link.with_name(link.name + ".new")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(link)


def _remove(path: Path) -> None:
    """Destroy a file or folder; a folder loses its name first, so that nobody sees half of it."""
    doomed = path.with_name(f".{path.name}{GONE}")
    if path.is_dir() and not doomed.exists():
        path.rename(doomed)
    if doomed.is_dir():
        for file in sorted(p for p in doomed.rglob("*") if p.is_file() and not p.is_symlink()):
            destroy(file)
        shutil.rmtree(doomed)
    elif path.is_file():
        destroy(path)
    left = path.with_name(path.name + GONE)  # a killed process was about to destroy it
    if left.is_file():
        destroy(left)


def _sync(path: Path) -> None:
    """Wait until a file or folder has reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

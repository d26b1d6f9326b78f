"""The snapshot store: immutable, content-addressed Parquet and a manifest per snapshot.

``objects/<sha256>.parquet`` are the files, ``snapshots/<id>/manifest.json`` says which of them make
a snapshot, ``current`` is a link that is swapped by one rename. A process killed at any moment
leaves the last snapshot whole; what it had half written is never named by a manifest.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retention.engine import Engine, is_encrypted, sha256_of
from retention.ingest.encryption import encrypt
from retention.ingest.snapshot import CURRENT, Snapshot

GONE = ".gone"
"""What is added to the name of a file that is being destroyed."""


@dataclass(frozen=True)
class Store:
    """Where snapshots are kept: ``outputs/<profile>/store``."""

    root: Path
    key: bytes | None = field(default=None, repr=False)

    def put(self, draft: Path) -> str:
        """Move a finished Parquet file among the objects; return its SHA-256.

        With a key the object is encrypted; its name is the hash of the plain file all the same.
        """
        digest = sha256_of(draft)
        target = self.root / "objects" / f"{digest}.parquet"
        make_group_folder(target.parent)
        if self.key is not None and not is_encrypted(target):
            sealed = draft.with_suffix(".encrypted")
            encrypt(draft, sealed, self.key)
            sealed.chmod(0o640)
            sealed.replace(target)
        if target.exists():
            draft.unlink()
        else:
            draft.chmod(0o640)
            draft.replace(target)
        return digest

    def encrypt_plain(self) -> None:
        """Encrypt the objects that lie here in the clear, where the store has a key."""
        paths = sorted((self.root / "objects").glob("*.parquet")) if self.key else []
        for path in (path for path in paths if not is_encrypted(path)):
            sealed, plain = path.with_suffix(".encrypted"), path.with_suffix(".plain")
            encrypt(path, sealed, self.key or b"")
            sealed.chmod(0o640)
            plain.unlink(missing_ok=True)
            os.link(path, plain)
            sealed.replace(path)  # a killed process leaves the one or the other, both whole
            destroy(plain)

    def write(self, manifest: Mapping[str, Any]) -> str:
        """Write a manifest under the id that its content gives; return the id."""
        identifier, text = manifest_text(manifest)
        folder = self.root / "snapshots" / identifier
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "manifest.json", text)
        return identifier

    def point(self, identifier: str) -> None:
        """Make a snapshot the current one: a link made aside, then renamed over the old."""
        draft = self.root / f"{CURRENT}.new"
        draft.unlink(missing_ok=True)
        draft.symlink_to(Path("snapshots") / identifier)
        draft.replace(self.root / CURRENT)

    def current(self) -> Snapshot | None:
        """Return the current snapshot, None where nothing was published yet."""
        exists = (self.root / CURRENT / "manifest.json").is_file()
        return Snapshot.load(self.root) if exists else None


def manifest_text(manifest: Mapping[str, Any]) -> tuple[str, str]:
    """Return the id that a manifest's content gives, and the text of its file."""
    plain = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    identifier = hashlib.sha256(plain.encode()).hexdigest()[:16]
    return identifier, json.dumps({"id": identifier, **manifest}, indent=1, sort_keys=True) + "\n"


def destroy(path: Path) -> None:
    """Overwrite a file with zeros, then remove it.

    It loses its name first, so that a killed process leaves no file of zeros under it; what is left
    under the other name goes when the change is finished or the next one is made.

    On journalling and flash storage a copy may survive below the file system; where that matters,
    the disk or the snapshots have to be encrypted.
    """
    if not path.name.endswith(GONE):
        path = path.replace(path.with_name(path.name + GONE))
    if path.stat().st_nlink == 1:
        path.chmod(0o600)  # published files are read-only, also for their owner
        with path.open("r+b") as handle:
            for _ in range(0, path.stat().st_size, 1 << 20):
                handle.write(bytes(1 << 20))
            handle.flush()
            os.fsync(handle.fileno())
    path.unlink()


def make_group_folder(folder: Path) -> None:
    """Make a folder that owner and group may enter, nobody else: it holds pseudonymous rows."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o750)


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step."""
    draft = path.with_name(path.name + ".new")
    with draft.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)


def write_ordered(engine: Engine, query: str, path: Path) -> None:
    """Write a completely ordered query's answer: the bytes depend on the rows alone."""
    engine.copy(query, path)


def logical_hash(engine: Engine, table: str, columns: Sequence[str]) -> str:
    """Return a hash of the rows that does not depend on their order or on the file format.

    A multiset hash: the sum over rows of the engine's 64-bit hash of each row. It compares
    snapshots made by one version of the engine, which the manifest names.
    """
    total = "/".join(str(part) for part in engine.multiset_total(table, columns))
    return hashlib.sha256(f"{','.join(columns)}|{total}".encode()).hexdigest()[:32]

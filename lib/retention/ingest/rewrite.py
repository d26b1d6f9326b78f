"""New content for everything that holds rows about people: stores of snapshots and published runs.

Objects are named by their content, so a file with other rows is another object: manifests and notes
name it anew, snapshots get new ids, and every file of a run that quotes a changed hash is written
again. All of it is prepared in a :class:`~retention.ingest.transaction.Transaction`; nothing
changes before that is committed.
"""

from __future__ import annotations

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retention.engine import ROW_GROUP_ROWS, Engine, is_encrypted, sha256_of
from retention.errors import InputError
from retention.ingest.keys import snapshot_key
from retention.ingest.snapshot import CURRENT
from retention.ingest.store import Store, logical_hash, manifest_text
from retention.ingest.transaction import Transaction

_TEXTS = (".html", ".ipynb", ".json", ".jsonl", ".csv", ".tsv", ".txt", ".md", ".svg")
_TOKEN = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_QUOTED = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{16})(?![0-9a-f])")


@dataclass
class Rewrite(ABC):
    """Something that is done to every file; what exactly, a subclass says in :meth:`change`.

    Parameters
    ----------
    engine
        Engine to rewrite files with, unlocked where snapshots are encrypted.
    folder
        Private folder for drafts.
    transaction
        Collects the new files.
    is_everywhere
        Whether manifests are written anew also where no object changed.
    moved
        New hash or id and row count of what is replaced, by its old one.
    """

    engine: Engine
    folder: Path
    transaction: Transaction
    is_everywhere: bool = False
    rows: int = 0
    files: int = 0
    mentions: int = 0
    swept: int = 0
    moved: dict[str, tuple[str, int]] = field(default_factory=dict)

    @abstractmethod
    def change(self, source: str, columns: list[str]) -> tuple[str, str] | None:
        """Return SQL that counts the rows concerned and SQL of the new rows, None for neither.

        Parameters
        ----------
        source
            SQL, to stand after FROM, that reads the file.
        columns
            Its columns.
        """

    def prepare(self, paths: Iterable[Path]) -> None:
        """Look at files before any of them is written anew; most work does not need to."""
        del paths

    def amend(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Return a snapshot's manifest with what else changes in it."""
        return manifest

    def replacements(self, tokens: set[str]) -> dict[str, str]:
        """Return what is to stand in texts for some of the pseudonyms found there."""
        del tokens
        return {}

    def key_for(self, path: Path) -> bytes | None:
        """Return the key for the successor of an object, None where that is to be plain."""
        return snapshot_key(self.transaction.private) if is_encrypted(path) else None

    def rewrite_store(self, root: Path) -> None:
        """Prepare new objects, notes and snapshots of a store, and the end of unnamed objects.

        New objects join the store at once: they are named by their content, and nothing reads an
        object that no manifest names.
        """
        named = _named_in(root)
        objects = [root / "objects" / f"{name}.parquet" for name in sorted(named)]
        objects = [path for path in objects if path.is_file()]
        self.prepare(objects)
        for path in objects:
            draft = self.draft(path)
            if draft is not None:
                key = self.key_for(path)
                self.moved[path.stem] = (sha256_of(draft), self._count(draft))
                Store(root, key).put(draft)
        kept = self._rewrite_manifests(Store(root), is_touched=bool(named & set(self.moved)))
        for path in sorted(p for p in (root / "objects").iterdir() if p.is_file()):
            if path.suffix != ".parquet" or path.stem not in kept:
                self.swept += path.stem not in self.moved
                self.transaction.remove(path)

    def rewrite_run(self, folder: Path) -> None:
        """Prepare new tables of a run, and new texts where they quote what changed."""
        for path in sorted(folder.rglob("*.parquet")):
            draft = self.draft(path)
            if draft is not None:
                rows = self._count(draft)
                old = sha256_of(path)
                self.moved[old] = (self.transaction.replace(path, draft), rows)
        manifest = folder / "manifest.json"
        texts = sorted(p for p in folder.rglob("*") if p.suffix in _TEXTS and p.is_file())
        for path in texts:
            if path != manifest:
                self._rewrite_text(path)
        if manifest.is_file():
            self._rewrite_text(manifest)  # last: it quotes the hashes of all the others

    def draft(self, path: Path) -> Path | None:
        """Write a file's new rows aside; None where nothing changes."""
        source = self.engine.parquet(path)
        made = self.change(source, self.columns(path))
        hits = int(self._one(made[0])) if made else 0
        if not made or not hits:
            return None
        target = self.folder / "draft.parquet"
        self.engine.connection.execute(
            f"COPY ({made[1]}) TO '{str(target).replace(chr(39), chr(39) * 2)}' "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP_ROWS})"
        )
        self.rows += hits
        self.files += 1
        return target

    def columns(self, path: Path) -> list[str]:
        """Return the columns of a Parquet file."""
        query = f"DESCRIBE SELECT * FROM {self.engine.parquet(path)}"
        return [row[0] for row in self.engine.connection.execute(query).fetchall()]

    def _rewrite_text(self, path: Path) -> None:
        """Change the pseudonyms and the hashes that a text file quotes."""
        old = path.read_text(encoding="utf-8", errors="replace")
        struck = self.replacements(set(_TOKEN.findall(old)))
        fresh = {token: new for token, (new, _) in self.moved.items()} | struck
        new = _QUOTED.sub(lambda match: fresh.get(match[0], match[0]), old)
        if new == old:
            return
        if path.suffix == ".json":
            new = json.dumps(self._recounted(json.loads(new)), indent=1, ensure_ascii=False) + "\n"
        self.mentions += bool(struck)
        content = new.encode()
        self.moved[sha256_of(path)] = (hashlib.sha256(content).hexdigest(), 0)
        self.transaction.replace(path, content)

    def _rewrite_manifests(self, store: Store, *, is_touched: bool) -> set[str]:
        """Prepare notes and manifests with the new names; return every text that stands in them."""
        is_needed = self.is_everywhere or is_touched
        named: set[str] = set()
        for note in sorted((store.root / "batches").glob("*.json")):
            content = self.renamed(read_json(note))
            named |= set(_texts(content))
            if is_needed:
                text = json.dumps(content, indent=1, sort_keys=True) + "\n"
                self.transaction.replace(note, text.encode())
        current = store.current()
        current_id = current.id if current else None
        for path in sorted((store.root / "snapshots").glob("*/manifest.json")):
            manifest = read_json(path)
            old = str(manifest.pop("id"))
            if is_needed:
                manifest = self._rehashed(store, self.amend(self.renamed(manifest)))
                self._supersede(store, old, manifest, is_current=old == current_id)
            named |= set(_texts(manifest))
        return named

    def _supersede(
        self, store: Store, old: str, manifest: dict[str, Any], *, is_current: bool
    ) -> None:
        """Prepare a snapshot's manifest under the id that its new content gives."""
        new, text = manifest_text(manifest)
        folder = store.root / "snapshots" / new
        mode = (store.root / "snapshots" / old / "manifest.json").stat().st_mode & 0o777
        self.transaction.replace(folder / "manifest.json", text.encode(), mode)
        if new != old:
            self.moved[old] = (new, 0)
            if is_current:
                self.transaction.point(store.root / CURRENT, Path("snapshots") / new)
            self.transaction.remove(store.root / "snapshots" / old)

    def _recounted(self, value: Any) -> Any:
        """Return JSON in which artifacts that were written anew have their new row counts."""
        counts = dict(self.moved.values())
        if isinstance(value, dict):
            inner = {key: self._recounted(item) for key, item in value.items()}
            rows = counts.get(str(value.get("sha256")))
            return {**inner, "rows": rows} if rows is not None and "rows" in inner else inner
        return [self._recounted(item) for item in value] if isinstance(value, list) else value

    def renamed(self, value: Any) -> Any:
        """Return JSON with moved objects under their new names and row counts."""
        if isinstance(value, dict):
            moved = self.moved.get(str(value.get("sha256")))
            inner = {key: self.renamed(item) for key, item in value.items()}
            return {**inner, "rows": moved[1]} if moved and "rows" in inner else inner
        if isinstance(value, list):
            return [self.renamed(item) for item in value]
        return self.moved[value][0] if isinstance(value, str) and value in self.moved else value

    def _rehashed(self, store: Store, manifest: dict[str, Any]) -> dict[str, Any]:
        """Return a manifest whose tables' rows and logical hashes fit their objects."""
        for entry in manifest["tables"].values():
            paths = [store.root / "objects" / f"{o['sha256']}.parquet" for o in entry["objects"]]
            self.engine.register("rehashed", paths)
            names = self.columns(paths[0])
            entry["rows"] = sum(o["rows"] for o in entry["objects"])
            entry["logical_hash"] = logical_hash(self.engine, "rehashed", names)
        return manifest

    def _count(self, path: Path) -> int:
        """Return the rows of a Parquet file."""
        return int(self._one(f"SELECT count(*) FROM {self.engine.parquet(path)}"))

    def _one(self, query: str) -> Any:
        """Return the single value of a query."""
        return self.engine.connection.execute(query).fetchall()[0][0]


def run_folders(outputs: Path) -> list[Path]:
    """Return every folder of published, unfinished and scratch work under the outputs."""
    found = []
    for folder in sorted(p for p in outputs.glob("*/*") if p.is_dir() and not p.is_symlink()):
        if folder.name.startswith("."):
            found += sorted(p for p in folder.iterdir() if p.is_dir())
        elif folder.name != "store":
            found.append(folder)
    return found


def stores_of(outputs: Path) -> list[Path]:
    """Return the stores of all profiles."""
    return sorted(path.parent for path in outputs.glob("*/store/objects"))


def _named_in(store: Path) -> set[str]:
    """Return every text in the manifests and notes of a store, its objects' names among them."""
    paths = [*store.glob("snapshots/*/manifest.json"), *store.glob("batches/*.json")]
    return {text for path in paths for text in _texts(read_json(path))}


def _texts(value: Any) -> Iterable[str]:
    """Yield every text inside JSON."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object.

    Raises
    ------
    InputError
        If the file is none.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise InputError("The file is no JSON object.", "Restore it.", file=str(path)) from None

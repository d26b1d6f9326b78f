"""Writing Parquet files anew: objects of a store and tables of published runs.

Objects are named by their content, so a file with other rows is another object: manifests and
notes are written again with the new names, snapshots get new ids, and the old files are
overwritten before they are removed. A process killed at any moment leaves whole snapshots: first
the new objects, then the manifests that name them, then the link, and the old objects last.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retention.engine import ROW_GROUP_ROWS, Engine, is_encrypted, sha256_of
from retention.errors import InputError
from retention.ingest.keys import snapshot_key
from retention.ingest.store import (
    GONE,
    Store,
    destroy,
    destroy_leftovers,
    logical_hash,
    write_text,
)

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
    private
        The private folder of the workspace, which the snapshots' key is read from.
    is_everywhere
        Whether manifests are written anew also where no object changed.
    """

    engine: Engine
    folder: Path
    private: Path
    rows: int = 0
    files: int = 0
    mentions: int = 0
    is_everywhere: bool = False
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

    def note(self, old: str, new: str, rows: int) -> None:
        """Take note of a file that is about to be replaced."""
        self.moved[old] = (new, rows)

    def is_done(self, digest: str) -> bool:
        """Tell whether a file is one that this work has made; most work does not care."""
        del digest
        return False

    def draft(self, path: Path) -> Path | None:
        """Write a file's new rows aside; None where nothing changes."""
        columns = self.columns(path)
        source = self.engine.parquet(path)
        made = self.change(source, columns)
        if made is None:
            return None
        hits = int(self.engine.connection.execute(made[0]).fetchall()[0][0])
        if not hits:
            return None
        target = self.folder / "draft.parquet"
        self.engine.connection.execute(
            f"COPY ({made[1]}) TO '{str(target).replace(chr(39), chr(39) * 2)}' "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP_ROWS})"
        )
        self.rows += hits
        self.files += 1
        return target

    def clean_store(self, root: Path) -> None:
        """Change every object, note and snapshot of a store."""
        destroy_leftovers(root / "objects")
        objects = sorted((root / "objects").glob("*.parquet"))
        self.prepare(objects)
        for path in objects:
            if self.is_done(path.stem):
                continue
            draft = self.draft(path)
            if draft is not None:
                self.note(path.stem, sha256_of(draft), self._count(draft))
                Store(root, self.key_for(path)).put(draft)
        old = [p for p in objects if p.stem in self.moved and not self.is_done(p.stem)]
        if old or self.is_everywhere:
            self._rename(Store(root))
        for path in old:  # only now: a killed process leaves whole snapshots behind
            if self.moved[path.stem][0] != path.stem:
                destroy(path)

    def clean_run(self, folder: Path) -> None:
        """Change a run's tables, and mend the hashes that its files quote."""
        destroy_leftovers(folder)
        for path in sorted(folder.rglob("*.parquet")):
            digest = sha256_of(path)
            draft = None if self.is_done(digest) else self.draft(path)
            if draft is not None:
                self.note(digest, sha256_of(draft), self._count(draft))
                draft.chmod(path.stat().st_mode & 0o777)
                old = path.with_name(path.name + GONE)
                os.link(path, old)
                draft.replace(path)  # a killed process leaves the one or the other
                destroy(old)
        for path in sorted(p for p in folder.rglob("*") if p.suffix in _TEXTS and p.is_file()):
            if path.name != "manifest.json":
                self._mend(path)
        if (folder / "manifest.json").is_file():
            self._mend(folder / "manifest.json")  # last: it quotes the hashes of all the others

    def _mend(self, path: Path) -> None:
        """Change the pseudonyms and the hashes that a text file quotes."""
        old = path.read_text(encoding="utf-8", errors="replace")
        tokens = set(_TOKEN.findall(old))
        replaced = {**self.replacements(tokens), **{t: self.moved[t][0] for t in self.moved}}
        new = _QUOTED.sub(lambda match: replaced.get(match[0], match[0]), old)
        if path.suffix == ".json" and new != old:
            new = json.dumps(self._recounted(json.loads(new)), indent=1, ensure_ascii=False) + "\n"
        if new != old:
            self.mentions += bool(self.replacements(tokens))
            self.note(sha256_of(path), hashlib.sha256(new.encode()).hexdigest(), 0)
            replace_text(path, new)

    def key_for(self, path: Path) -> bytes | None:
        """Return the key for the successor of an object, None where that is to be plain."""
        return snapshot_key(self.private) if is_encrypted(path) else None

    def _rename(self, store: Store) -> None:
        """Write notes and manifests anew, with the new names of the objects."""
        for note in sorted((store.root / "batches").glob("*.json")):
            write_text(note, json.dumps(self.renamed(read_json(note)), indent=1, sort_keys=True)
                       + "\n")  # fmt: skip
        current = store.current()
        for path in sorted((store.root / "snapshots").glob("*/manifest.json")):
            manifest = read_json(path)
            old = manifest.pop("id")
            fresh = self._rehashed(store, self.amend(self.renamed(manifest)))
            snapshot = store.write(fresh)
            if snapshot != old:
                self.note(old, snapshot, 0)
            for pointer in store.root.parent.rglob("snapshot.json"):
                if not pointer.parent.is_symlink() and read_json(pointer).get("id") == old:
                    replace_text(pointer, json.dumps({"id": snapshot}) + "\n")
            if current and old == current.id:
                store.point(snapshot)
            if snapshot != old:
                path.unlink()
                path.parent.rmdir()

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
        query = f"SELECT count(*) FROM {self.engine.parquet(path)}"
        return int(self.engine.connection.execute(query).fetchall()[0][0])

    def columns(self, path: Path) -> list[str]:
        """Return the columns of a Parquet file."""
        query = f"DESCRIBE SELECT * FROM {self.engine.parquet(path)}"
        return [row[0] for row in self.engine.connection.execute(query).fetchall()]


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


def sweep(store: Path) -> int:
    """Destroy objects that no snapshot and no contribution names; return how many went."""
    named: set[str] = set()
    for path in [*store.glob("snapshots/*/manifest.json"), *store.glob("batches/*.json")]:
        named |= set(_texts(read_json(path)))
    gone = [p for p in sorted((store / "objects").glob("*.parquet")) if p.stem not in named]
    for path in gone:
        destroy(path)
    return len(gone)


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


def replace_text(path: Path, text: str) -> None:
    """Write a text file in one step under the mode it had; other links to it keep the old text."""
    mode = path.stat().st_mode & 0o777
    write_text(path, text)
    path.chmod(mode)


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

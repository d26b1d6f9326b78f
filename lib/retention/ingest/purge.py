"""Taking people out of Parquet files: objects of a store and tables of published runs.

Objects are named by their content, so a file without a person is another object: manifests and
notes are written again with the new names, snapshots get new ids, and the old files are
overwritten before they are removed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retention.engine import ROW_GROUP_ROWS, Engine, sha256_of
from retention.ingest.codes import Exclusion
from retention.ingest.judge import EXCLUDED
from retention.ingest.store import Store, logical_hash, write_text

_PEOPLE = (
    "customer_key", "unit_key", "person_key", "email_key", "phone_key", "platform_key", "token",
)  # fmt: skip


@dataclass
class Purge:
    """The work of taking people out of one engine's reach.

    Parameters
    ----------
    engine
        Engine to rewrite files with.
    people
        Every pseudonym of those who go.
    """

    engine: Engine
    people: frozenset[str]
    rows: int = 0
    files: int = 0
    moved: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Name the people, and prepare the list of their orders and row keys."""
        connection = self.engine.connection
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE gone_people AS SELECT unnest($people) AS k",
            {"people": sorted(self.people)},
        )
        connection.execute("CREATE OR REPLACE TEMP TABLE gone_keys (k VARCHAR)")

    def collect(self, paths: Iterable[Path]) -> None:
        """Note the keys of the people's rows, so that their lines and ledger entries go, too."""
        for path in paths:
            columns = self._columns(path)
            people = [c for c in _PEOPLE if c in columns]
            key = columns[0]  # the vocabulary puts a table's own key first
            if people and key.endswith("_key") and key not in (*_PEOPLE, "experiment_key"):
                self.engine.connection.execute(
                    f"INSERT INTO gone_keys SELECT DISTINCT {key} FROM read_parquet(?) "
                    f"WHERE {_is_theirs(people)}",
                    [str(path)],
                )

    def rewrite(self, path: Path) -> bool:
        """Take the people out of a file, in place; tell whether anything changed."""
        columns = self._columns(path)
        condition = self._condition(columns)
        if condition is None:
            return False
        source = "'" + str(path).replace("'", "''") + "'"
        count = f"SELECT count(*) FROM read_parquet({source}) WHERE {condition}"
        hits = self.engine.connection.execute(count).fetchall()[0][0]
        if not hits:
            return False
        draft = path.with_name(path.name + ".new")
        query = f"SELECT * FROM read_parquet({source}) WHERE ({condition}) IS NOT TRUE"
        if "row_key" in columns:
            query = _anonymised(source, condition)
        self.engine.connection.execute(
            f"COPY ({query}) TO '{str(draft).replace(chr(39), chr(39) * 2)}' "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP_ROWS})"
        )
        draft.chmod(path.stat().st_mode & 0o777)
        destroy(path)
        draft.replace(path)
        self.rows += hits
        self.files += 1
        return True

    def clean_store(self, root: Path) -> None:
        """Take the people out of every object, note and snapshot of a store."""
        store = Store(root)
        objects = sorted((root / "objects").glob("*.parquet"))
        self.collect(objects)
        self.moved = {}
        for path in objects:
            copy = path.with_suffix(".erasing")
            copy.unlink(missing_ok=True)
            os.link(path, copy)
            if self.rewrite(copy):
                rows = self._count(copy)
                self.moved[path.stem] = (store.put(copy), rows)
            else:
                copy.unlink()
        if self.moved:
            self._rename(store)
        for old in self.moved:  # only now: a killed erasure leaves whole snapshots behind
            destroy(root / "objects" / f"{old}.parquet")

    def clean_run(self, folder: Path) -> None:
        """Take the people out of a run's tables, and mend the hashes that its files quote."""
        self.moved = {}
        for path in sorted((folder / "tables").glob("*.parquet")):
            old = sha256_of(path)
            if self.rewrite(path):
                self.moved[old] = (sha256_of(path), self._count(path))
        for note in [folder / "manifest.json", *sorted((folder / "results").glob("*.json"))]:
            if self.moved and note.is_file():
                write_text(note, json.dumps(self._renamed(_read(note)), indent=1) + "\n")

    def _rename(self, store: Store) -> None:
        """Write notes and manifests anew, with the new names of the objects."""
        for note in sorted((store.root / "batches").glob("*.json")):
            write_text(
                note, json.dumps(self._renamed(_read(note)), indent=1, sort_keys=True) + "\n"
            )
        current = store.current()
        for path in sorted((store.root / "snapshots").glob("*/manifest.json")):
            manifest = _read(path)
            old = manifest.pop("id")
            fresh = self._rehashed(store, self._renamed(manifest))
            snapshot = store.write(fresh)
            for pointer in store.root.parent.glob("*/snapshot.json"):
                if not pointer.parent.is_symlink() and _read(pointer).get("id") == old:
                    write_text(pointer, json.dumps({"id": snapshot}) + "\n")
            if current and old == current.id:
                store.point(snapshot)
            if snapshot != old:
                path.unlink()
                path.parent.rmdir()

    def _renamed(self, value: Any) -> Any:
        """Return JSON with moved objects under their new names and row counts."""
        if isinstance(value, dict):
            moved = self.moved.get(str(value.get("sha256")))
            inner = {key: self._renamed(item) for key, item in value.items()}
            return {**inner, "rows": moved[1]} if moved and "rows" in inner else inner
        if isinstance(value, list):
            return [self._renamed(item) for item in value]
        return self.moved[value][0] if isinstance(value, str) and value in self.moved else value

    def _rehashed(self, store: Store, manifest: dict[str, Any]) -> dict[str, Any]:
        """Return a manifest whose tables' rows and logical hashes fit their objects."""
        for entry in manifest["tables"].values():
            paths = [store.root / "objects" / f"{o['sha256']}.parquet" for o in entry["objects"]]
            self.engine.register("rehashed", paths)
            names = self._columns(paths[0])
            entry["rows"] = sum(o["rows"] for o in entry["objects"])
            entry["logical_hash"] = logical_hash(self.engine, "rehashed", names)
        return manifest

    def _count(self, path: Path) -> int:
        """Return the rows of a Parquet file."""
        query = "SELECT sum(num_rows) FROM parquet_file_metadata(?)"
        return int(self.engine.connection.execute(query, [str(path)]).fetchall()[0][0])

    def _columns(self, path: Path) -> list[str]:
        """Return the columns of a Parquet file."""
        query = "SELECT name FROM parquet_schema(?) WHERE num_children IS NULL"
        return [r[0] for r in self.engine.connection.execute(query, [str(path)]).fetchall()]

    def _condition(self, columns: list[str]) -> str | None:
        """Return SQL that is true for the people's rows, None where a file names nobody."""
        parts = [f"{c} IN (FROM gone_people)" for c in _PEOPLE if c in columns]
        parts += [f"{c} IN (FROM gone_keys)" for c in ("order_key",) if c in columns]
        if "row_key" in columns:
            parts += ["left(row_key, 32) IN (FROM gone_keys)", "row_key IN (FROM gone_people)"]
        return " OR ".join(parts) or None


def _is_theirs(columns: Iterable[str]) -> str:
    """Return SQL that is true where any of the columns names one of the people."""
    return " OR ".join(f"{column} IN (FROM gone_people)" for column in columns)


def destroy(path: Path) -> None:
    """Overwrite a file with zeros, then remove it.

    On journalling and flash storage a copy may survive below the file system; where that matters,
    the disk itself has to be encrypted.
    """
    if path.stat().st_nlink == 1:
        with path.open("r+b") as handle:
            for _ in range(0, path.stat().st_size, 1 << 20):
                handle.write(bytes(1 << 20))
            handle.flush()
            os.fsync(handle.fileno())
    path.unlink()


def _anonymised(source: str, condition: str) -> str:
    """Return SQL of a ledger in which the people's entries keep day and money, and no key."""
    return f"""
        SELECT * REPLACE (
            CASE WHEN {condition} THEN NULL ELSE row_key END AS row_key,
            CASE WHEN {condition} THEN '{EXCLUDED}' ELSE fate END AS fate,
            CASE WHEN {condition} THEN '{Exclusion.ERASED_PERSON}' ELSE why END AS why)
        FROM read_parquet({source})"""


def _read(path: Path) -> dict[str, Any]:
    """Return a JSON object."""
    return dict(json.loads(path.read_text(encoding="utf-8")))

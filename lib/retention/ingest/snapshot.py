"""One published state of the data, as every later stage reads it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retention.engine import Engine, is_encrypted
from retention.errors import InputError
from retention.ingest.encryption import private_of, unlock

CURRENT = "current"


@dataclass(frozen=True)
class Snapshot:
    """One published state of the data.

    Parameters
    ----------
    id
        Content hash of the manifest (16 hexadecimal characters).
    tables
        Parquet files of each canonical table.
    manifest
        What it was made of: sources with their hashes, rows, money, schema, versions, parent.
    """

    id: str
    tables: dict[str, list[Path]]
    manifest: dict[str, Any]
    store: Path = Path()

    @classmethod
    def load(cls, store: Path, snapshot_id: str = CURRENT) -> Snapshot:
        """Open a snapshot by its id, or the current one.

        Raises
        ------
        InputError
            If there is none, or one of its files is missing.

        Examples
        --------
        >>> Snapshot.load(Path("outputs/demo/store")).tables["orders"]  # doctest: +SKIP
        """
        folder = store / CURRENT if snapshot_id == CURRENT else store / "snapshots" / snapshot_id
        path = folder / "manifest.json"
        if not path.is_file():
            raise InputError(
                f"There is no snapshot {snapshot_id!r}.", "Run the ingest notebook first.",
                file=str(store),
            )  # fmt: skip
        manifest = json.loads(path.read_text(encoding="utf-8"))
        tables = {
            name: [store / "objects" / f"{entry['sha256']}.parquet" for entry in table["objects"]]
            for name, table in manifest["tables"].items()
        }
        missing = [str(p) for paths in tables.values() for p in paths if not p.is_file()]
        if missing:
            raise InputError("A file of the snapshot is missing.", "Restore it, or run ingest "
                             "again.", file=missing[0])  # fmt: skip
        return cls(manifest["id"], tables, manifest, store)

    def is_encrypted(self) -> bool:
        """Tell whether a file of it is encrypted."""
        return any(is_encrypted(path) for paths in self.tables.values() for path in paths)

    def register(self, engine: Engine) -> None:
        """Give every table of the snapshot its canonical name in the engine.

        Raises
        ------
        InputError
            If the snapshot is encrypted and this user does not hold its key.
        """
        unlock(engine, private_of(self.store))
        for name, paths in self.tables.items():
            if paths:
                engine.register(name, paths)

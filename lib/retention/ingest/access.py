"""Everything that is held about a person, as one file that the person can read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from retention.engine import Engine
from retention.ingest.audit import record, subject_reference
from retention.ingest.encryption import unlock
from retention.ingest.erase import sealed_records
from retention.ingest.keys import open_keys, private_folder
from retention.ingest.rewrite import run_folders, stores_of
from retention.ingest.snapshot import Snapshot
from retention.ingest.subject import Kind, Subject, find_subject
from retention.ingest.vault import Vault, write_private
from retention.tables import TABLES

_PEOPLE = ("customer_key", "unit_key")


@dataclass(frozen=True)
class AccessResult:
    """Where the answer to an access request lies, and how much it holds.

    Parameters
    ----------
    path
        The file, readable by its owner only.
    reference
        How the audit log refers to the person.
    counts
        Rows per place and table.
    """

    path: Path
    reference: str
    counts: dict[str, int]

    def to_frame(self) -> pd.DataFrame:
        """Return the counts as a table."""
        return pd.DataFrame({"where": list(self.counts), "rows": list(self.counts.values())})

    def summary(self) -> str:
        """Say what was found."""
        total = sum(self.counts.values())
        if not total:
            return f"Nothing is held about this person (reference {self.reference})."
        return (f"{total} entries about this person from {len(self.counts)} places are in "
                f"{self.path.name} (reference {self.reference}).")  # fmt: skip


def access(
    identity: str, private: Path, outputs: Path, *, kind: Kind = "auto", platform: str = ""
) -> AccessResult:
    """Collect everything held about a person into one readable file in the private folder.

    Parameters
    ----------
    identity
        E-mail address, telephone number, platform id, or pseudonym.
    private
        The private folder; the file goes to its ``access``.
    outputs
        Folder of all profiles' outputs.
    kind
        What ``identity`` is.
    platform
        Platform of a platform id, such as ``etsy``.
    """
    keys = open_keys(private, create=False)
    stores = stores_of(outputs)
    subject = find_subject(identity, keys, stores, kind, platform, private)
    sections = {"identities": _identities(Vault(private, keys), subject)}
    sections["refused records"] = sealed_records(private, keys, subject.keys)
    engine = Engine(threads=1)
    unlock(engine, private)
    engine.register("subject", pd.DataFrame({"k": sorted(subject.keys)}))
    for store in stores:
        sections |= _snapshot_rows(engine, store)
    for folder in run_folders(outputs):
        for path in sorted(folder.rglob("*.parquet")):
            name = f"run {folder.relative_to(outputs)}: {path.stem}"
            sections[name] = _rows(engine, [path])
    engine.close()
    counts = {name: len(rows) for name, rows in sections.items() if rows}
    reference = subject_reference(keys, subject.key)
    target = private_folder(private_folder(private) / "access") / f"{reference}.md"
    write_private(target, _document(sections, subject).encode())
    record(private, keys, "access", reference, {"entries": sum(counts.values())})
    return AccessResult(target, reference, counts)


def _identities(vault: Vault, subject: Subject) -> list[dict[str, Any]]:
    """Return what the vault holds."""
    tables = [vault.find(key).to_pylist() for key in sorted(subject.keys)]
    return [row for rows in tables for row in rows]


def _snapshot_rows(engine: Engine, store: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the person's rows of the current snapshot, with the lines of their orders."""
    if not (store / "current" / "manifest.json").is_file():
        return {}
    snapshot = Snapshot.load(store)
    profile = store.parent.name
    sections = {
        f"snapshot {profile}: {name}": _rows(engine, paths)
        for name, paths in snapshot.tables.items()
        if paths and any(column in TABLES[name].names for column in _PEOPLE)
    }
    orders = [row["order_key"] for row in sections.get(f"snapshot {profile}: orders", [])]
    engine.register("own_orders", pd.DataFrame({"order_key": pd.Series(orders, dtype=str)}))
    for name in ("order_lines", "refunds"):
        if snapshot.tables.get(name):
            engine.register("lines", snapshot.tables[name])
            frame = engine.sql("SELECT * FROM lines SEMI JOIN own_orders USING (order_key)").frame()
            sections[f"snapshot {profile}: {name}"] = _records(frame)
    return sections


def _rows(engine: Engine, paths: list[Path]) -> list[dict[str, Any]]:
    """Return the rows of Parquet files that name the person."""
    engine.register("looked_at", paths)
    columns = list(engine.sql("SELECT * FROM looked_at LIMIT 0").frame().columns)
    people = [column for column in _PEOPLE if column in columns]
    if not people:
        return []
    condition = " OR ".join(f"{column} IN (SELECT k FROM subject)" for column in people)
    return _records(engine.sql(f"SELECT * FROM looked_at WHERE {condition}").frame())


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as plain values without what is empty."""
    text = frame.to_json(orient="records", date_format="iso")
    return [{k: v for k, v in row.items() if v is not None} for row in json.loads(text or "[]")]


def _document(sections: dict[str, list[dict[str, Any]]], subject: Subject) -> str:
    """Return the answer as Markdown: one heading per place, one block per entry."""
    meanings = {c.name: c.meaning for table in TABLES.values() for c in table}
    lines = ["# What is held about you", "", f"Pseudonym: `{subject.key}`", ""]
    used: set[str] = set()
    for name, rows in sections.items():
        if rows:
            lines += [f"## {name} ({len(rows)})", ""]
            for row in rows:
                used |= set(row)
                lines += [f"- {'; '.join(f'{key}: {value}' for key, value in row.items())}"]
            lines.append("")
    lines += ["## What the columns mean", ""]
    lines += [f"- {name}: {meanings[name]}" for name in sorted(used & set(meanings))]
    return "\n".join(lines) + "\n"

"""One file's contribution: landed, mapped, judged and kept as immutable objects.

A contribution depends on the file's bytes, the format, the reading options and the key alone, so
that adding a month's export reads that month's file and nothing else.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from retention.engine import Engine, sha256_of
from retention.errors import InputError
from retention.ingest.bookkeeping import (
    VAULT_ROWS,
    accounting,
    identities_query,
    ledger_query,
    names_query,
    raw_records_query,
)
from retention.ingest.contracts import RULE_VERSION
from retention.ingest.guard import guard_texts
from retention.ingest.judge import Judged, accepted_rows, judge_all
from retention.ingest.keys import KeyRing, private_folder
from retention.ingest.quarantine import quarantine_query
from retention.ingest.store import Store, write_text
from retention.ingest.tombstones import erased_people
from retention.ingest.vault import Vault, parquet_bytes, seal, write_private
from retention.ingest.workbench import workbench
from retention.sources.attaching import open_landed
from retention.sources.base import ReadOptions, SourceFormat
from retention.sources.landing import Landed, land
from retention.tables import get


@dataclass(frozen=True)
class Contribution:
    """What one file gave.

    Parameters
    ----------
    batch_id
        Content hash of the file, its format and its reading options.
    source
        Name of the format.
    path
        The file as the params name it.
    sha256
        Hash of the file.
    rows_read
        Records that a strict independent reader counted.
    measured
        Rows and raw money (minor units, as text) per currency, summed before any judgement.
    accounts_table
        Canonical table whose rows stand for the file's records.
    tables
        Object (SHA-256) and rows of each canonical table it feeds.
    ledger
        Object with one row per landed record: its day, money and fate.
    quarantine
        Object with one row per refused row: line, reasons, its own values.
    identities
        Object with the keys that were seen together, for linking.
    names
        Object with the keyed name and postcode of each person, to find people who stand twice.
    """

    batch_id: str
    source: str
    path: str
    sha256: str
    rows_read: int
    measured: dict[str, dict[str, str]]
    accounts_table: str
    tables: dict[str, dict[str, Any]]
    ledger: str
    quarantine: str
    identities: str
    names: str


@dataclass(frozen=True)
class Intake:
    """What every contribution needs: where to put it, under which key, with which engine."""

    store: Store
    private: Path
    keys: KeyRing
    memory_limit: str | None = None
    threads: int | None = None
    free_text: bool = False

    def contribute(
        self, path: Path, name: str, source: SourceFormat, options: ReadOptions
    ) -> tuple[Contribution, bool]:
        """Return the file's contribution, and whether it had been made before.

        Parameters
        ----------
        path
            The file.
        name
            The file as the params name it, for messages and the manifest.
        source
            Its format.
        options
            How to read it.
        """
        known = self._known(path, source, options)
        if known.is_file():
            content = json.loads(known.read_text(encoding="utf-8"))
            return replace(Contribution(**content), path=name), True
        with workbench(self.private, self.memory_limit, self.threads) as (engine, folder):
            landed = land(path, source, folder, replace(options, memory_limit=self.memory_limit,
                                                        threads=self.threads))  # fmt: skip
            _require_rows(landed, name)
            made = self._judge_and_keep(engine, folder, landed, source, known.stem, name, options)
        known.parent.mkdir(parents=True, exist_ok=True)
        write_text(known, json.dumps(asdict(made), indent=1, sort_keys=True) + "\n")
        return made, False

    def _known(self, path: Path, source: SourceFormat, options: ReadOptions) -> Path:
        """Return where the file's contribution is, or would be, noted."""
        recipe = [content_hash(path), self.keys.fingerprint, repr(options), recipe_of(source)]
        recipe += ["free text"] if self.free_text else []
        batch = sha256("|".join(recipe).encode()).hexdigest()[:16]
        return self.store.root / "batches" / f"{batch}.json"

    def _judge_and_keep(
        self, engine: Engine, folder: Path, landed: Landed, source: SourceFormat, batch_id: str,
        name: str, options: ReadOptions,
    ) -> Contribution:  # fmt: skip
        """Map, judge and store one landed file."""
        open_landed(engine.connection, landed, source, options)
        _open_broken(engine, landed)
        erased = erased_people(self.private, self.keys)
        judged = judge_all(engine, source, self.keys, batch_id, erased)
        self._keep_identities(engine, source.name)
        guard_texts(engine.connection, judged, Vault(self.private, self.keys),
                    with_free_text=self.free_text)  # fmt: skip
        self._keep_raw_records(engine, judged, batch_id)
        tables = {
            table: self._keep_table(engine, folder, table, [j.name for j in judged
                                                            if j.table.name == table])
            for table in dict.fromkeys(j.table.name for j in judged)
        }  # fmt: skip
        return Contribution(
            batch_id, source.name, name, landed.sha256, landed.rows_read,
            _measured(engine), accounting(judged).table.name, tables,
            self._keep(engine, folder, ledger_query(judged), "line_no"),
            self._keep(engine, folder, quarantine_query(engine.connection, judged, source), "ALL"),
            self._keep(engine, folder, identities_query(), "ALL"),
            self._keep(engine, folder, names_query(), "ALL"),
        )  # fmt: skip

    def _keep_table(
        self, engine: Engine, folder: Path, table: str, names: list[str]
    ) -> dict[str, Any]:
        """Store the accepted rows of one canonical table."""
        query = accepted_rows(get(table), names)
        order = ", ".join(f'"{name}"' for name in (*get(table).key, "source_record_id"))
        rows = engine.connection.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0]
        return {"rows": rows, "sha256": self._keep(engine, folder, query, order)}

    def _keep(self, engine: Engine, folder: Path, query: str, order_by: str) -> str:
        """Write a query's answer as an object of the store; return its hash."""
        draft = folder / "draft.parquet"
        engine.sql(query).write(draft, order_by=order_by)
        return self.store.put(draft)

    def _keep_identities(self, engine: Engine, source: str) -> None:
        """Put the identities of the file into the vault."""
        engine.sql(VAULT_ROWS, source=source).materialise("vault_incoming")
        Vault(self.private, self.keys).merge(engine.connection, "vault_incoming")

    def _keep_raw_records(self, engine: Engine, judged: list[Judged], batch_id: str) -> None:
        """Seal the original records of refused rows: they may hold identities."""
        rows = engine.sql(raw_records_query(judged)).arrow()
        if rows.num_rows:
            folder = private_folder(private_folder(self.private) / "quarantine")
            path = folder / f"{batch_id}.sealed"
            sealed = seal(self.keys.subkey("vault"), path.name, parquet_bytes(rows))
            write_private(path, sealed)


def _require_rows(landed: Landed, name: str) -> None:
    """Refuse an export without rows: an empty table would look like a shop without customers."""
    if landed.rows_read == 0:
        raise InputError(
            "The export has a header but no rows.",
            "Export again with the period that you want, or take the source out of the params.",
            file=name,
        )


def _open_broken(engine: Engine, landed: Landed) -> None:
    """Give the records that could not be split the name ``broken``."""
    empty = "SELECT 0::BIGINT AS line_no, '' AS raw_record, '' AS reason WHERE false"
    query = f"FROM read_parquet('{landed.broken}')" if landed.broken else empty
    engine.connection.execute(f"CREATE OR REPLACE TEMP VIEW broken AS {query}")


def _measured(engine: Engine) -> dict[str, dict[str, str]]:
    """Return rows and money per currency as the mapping gave them."""
    rows = engine.connection.execute("SELECT currency, rows, value FROM measured").fetchall()
    return {name: {"rows": str(count), "value": str(value)} for name, count, value in rows}


def content_hash(path: Path) -> str:
    """Return the hash of a file, or of every file of a folder with its name."""
    if path.is_file():
        return sha256_of(path)
    parts = [
        f"{p.relative_to(path)}={sha256_of(p)}" for p in sorted(path.rglob("*")) if p.is_file()
    ]
    return sha256("|".join(parts).encode()).hexdigest()


def recipe_of(source: SourceFormat) -> str:
    """Return what a format does, as text: a changed mapping makes a new contribution."""
    plain = [getattr(source, f.name) for f in fields(source) if f.name != "expand"]
    return f"{RULE_VERSION}|{plain!r}"

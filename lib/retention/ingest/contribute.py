"""One file's contribution: landed, mapped, judged and kept as immutable objects.

A contribution depends on the file's bytes, the format, the reading options and the key alone, so
that adding a month's export reads that month's file and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from retention.engine import Engine
from retention.errors import InputError
from retention.ingest.bookkeeping import (
    VAULT_ROWS,
    accounting,
    identities_query,
    names_query,
    newest_query,
    raw_records_query,
)
from retention.ingest.contracts import RULE_VERSION
from retention.ingest.guard import guard_texts, know_people
from retention.ingest.judge import judge_all
from retention.ingest.keys import KeyRing, private_folder
from retention.ingest.mapping import Mapped, keep_erased, map_file
from retention.ingest.parts import each_part
from retention.ingest.pieces import Piece, ledger_pieces, table_pieces
from retention.ingest.quarantine import keep_quarantined
from retention.ingest.store import Store, write_ordered, write_text
from retention.ingest.told_orders import collect_numbers, keep_told
from retention.ingest.tombstones import erased_people
from retention.ingest.vault import Vault, parquet_bytes, seal, write_private
from retention.ingest.workbench import workbench
from retention.sources.attaching import open_landed
from retention.sources.base import ReadOptions, SourceFormat
from retention.sources.databases import is_database
from retention.sources.digests import digest_of
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
        Objects (SHA-256, rows, partition) of each canonical table it feeds.
    ledger
        Objects with one row per landed record: its day, money and fate.
    quarantine
        Object with one row per refused row: line, reasons, its own values.
    identities
        Object with the keys that were seen together, for linking.
    names
        Object with the keyed name and postcode of each person, to find people who stand twice.
    newest
        Time of the newest accepted record (ISO), empty where records have none: of two files of a
        source, that with the later one was exported later.
    """

    batch_id: str
    source: str
    path: str
    sha256: str
    rows_read: int
    measured: dict[str, dict[str, str]]
    accounts_table: str
    tables: dict[str, dict[str, Any]]
    ledger: list[str]
    quarantine: str
    identities: str
    names: str
    newest: str = ""

    def rows_of(self, table: str) -> int:
        """Return how many rows the file brings to a canonical table."""
        return sum(int(entry["rows"]) for entry in self.tables.get(table, {}).get("objects", []))


@dataclass(frozen=True)
class Share:
    """What a file, or a part of it, brought to the store; fields as of `Contribution`."""

    accounts_table: str
    tables: dict[str, list[dict[str, Any]]]
    ledger: list[str]
    raw_records: pa.Table
    newest: str


@dataclass(frozen=True)
class Intake:
    """What every contribution needs: where to put it, under which key, with which engine."""

    store: Store
    private: Path
    keys: KeyRing
    memory_limit: str | None = None
    threads: int | None = None
    free_text: bool = False
    temporary_directory: str = ""

    def contribute(
        self, path: Path, name: str, source: SourceFormat, options: ReadOptions,
        told: Path | None = None,
    ) -> tuple[Contribution, bool]:  # fmt: skip
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
        told
            Folder to leave its orders in, where it is read, for the migration check.
        """
        source = source.for_options(options)
        batches = self.store.root / "batches"
        # What a database holds is known once it has been fetched; a new store knows nothing.
        if not is_database(path) and batches.is_dir():
            known = self._known(content_hash(path, source), source, options)
            if known.is_file():
                return _read(known, name), True
        with workbench(
            self.private,
            self.memory_limit,
            self.threads,
            temporary_directory=self.temporary_directory,
        ) as (engine, folder):
            landed = land(path, source, folder, replace(options, memory_limit=self.memory_limit,
                                                        threads=self.threads), name)  # fmt: skip
            _require_rows(landed, name)
            known = self._known(landed_hash(landed, source), source, options)
            if known.is_file():
                return _read(known, name), True
            made = self._judge_and_keep(
                engine, folder, landed, source, known.stem, name, options, told
            )
        known.parent.mkdir(parents=True, exist_ok=True)
        write_text(known, json.dumps(asdict(made), indent=1, sort_keys=True) + "\n")
        return made, False

    def _known(self, content: str, source: SourceFormat, options: ReadOptions) -> Path:
        """Return where the contribution of some content is, or would be, noted."""
        recipe = [content, self.keys.fingerprint, repr(options), recipe_of(source)]
        recipe += ["free text"] if self.free_text else []
        batch = sha256("|".join(recipe).encode()).hexdigest()[:16]
        return self.store.root / "batches" / f"{batch}.json"

    def _judge_and_keep(
        self, engine: Engine, folder: Path, landed: Landed, source: SourceFormat, batch_id: str,
        name: str, options: ReadOptions, told: Path | None,
    ) -> Contribution:  # fmt: skip
        """Map, judge and store one landed file."""
        open_landed(engine.connection, landed, source, options)
        _open_broken(engine, landed)
        mapped = map_file(engine.connection, source, self.keys)
        erases = keep_erased(engine.connection, erased_people(self.private, self.keys))
        self._keep_identities(engine, source.name)
        know_people(engine.connection)
        shares = [
            self._take_share(engine, folder, source, mapped, batch_id, erases=erases, told=told)
            for _ in each_part(engine.connection, source, mapped)
        ]
        self._keep_raw_records([share.raw_records for share in shares], batch_id)
        quarantine, identities, names = (
            self._keep_own(engine, folder, f"{query} ORDER BY ALL")
            for query in ("FROM kept_quarantine", identities_query(), names_query())
        )
        return Contribution(
            batch_id, source.name, name, landed.sha256, landed.rows_read, _measured(engine),
            shares[0].accounts_table, _joined([share.tables for share in shares]),
            [entry for share in shares for entry in share.ledger],
            quarantine, identities, names, max(share.newest for share in shares),
        )  # fmt: skip

    def _take_share(
        self, engine: Engine, folder: Path, source: SourceFormat, mapped: Mapped, batch_id: str,
        *, erases: bool, told: Path | None,
    ) -> Share:  # fmt: skip
        """Judge and store the rows that stand in ``landed``: a file's or those of a part of it."""
        if told:
            collect_numbers(engine, source, mapped)
        judged = judge_all(engine, source, mapped, batch_id, erases=erases)
        if told:
            keep_told(engine, judged, told)
        guard_texts(engine.connection, judged, Vault(self.private, self.keys),
                    with_free_text=self.free_text)  # fmt: skip
        names = list(dict.fromkeys(j.table.name for j in judged))
        pieces = {
            name: table_pieces(engine, get(name), [j for j in judged if j.table.name == name])
            for name in names
        }
        ledger = ledger_pieces(engine, judged)
        kept = self._keep(engine, folder, [*ledger, *(p for own in pieces.values() for p in own)])
        keep_quarantined(engine.connection, judged, source)
        return Share(
            accounting(judged).table.name,
            {name: [{"sha256": kept[piece], "rows": piece.rows, "partition": piece.partition}
                    for piece in own] for name, own in pieces.items()},
            [kept[piece] for piece in ledger],
            engine.sql(raw_records_query(judged)).arrow(),
            engine.connection.execute(newest_query(judged)).fetchall()[0][0],
        )  # fmt: skip

    def _keep(self, engine: Engine, folder: Path, pieces: Sequence[Piece]) -> dict[Piece, str]:
        """Write pieces side by side as objects of the store; return their hashes."""
        drafts = {folder / f"draft-{n}.parquet": piece for n, piece in enumerate(pieces)}
        engine.copy_together({path: piece.query for path, piece in drafts.items()})
        return {piece: self.store.put(path) for path, piece in drafts.items()}

    def _keep_own(self, engine: Engine, folder: Path, query: str) -> str:
        """Write the answer of a query that names temporary tables; return its hash."""
        draft = folder / "draft.parquet"
        write_ordered(engine, query, draft)
        return self.store.put(draft)

    def _keep_identities(self, engine: Engine, source: str) -> None:
        """Put the identities of the file into the vault, but for those of erased people."""
        engine.sql(VAULT_ROWS, source=source).materialise("vault_incoming")
        Vault(self.private, self.keys).merge(engine.connection, "vault_incoming")

    def _keep_raw_records(self, parts: Sequence[pa.Table], batch_id: str) -> None:
        """Seal the original records of refused rows: they may hold identities."""
        rows = pa.concat_tables(parts)
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
    engine.connection.execute(f"CREATE OR REPLACE TABLE broken AS {query}")


def _joined(tables: Sequence[dict[str, list[dict[str, Any]]]]) -> dict[str, dict[str, Any]]:
    """Return the objects of each canonical table, part after part."""
    return {
        name: {"objects": [entry for part in tables for entry in part[name]]} for name in tables[0]
    }


def _measured(engine: Engine) -> dict[str, dict[str, str]]:
    """Return rows and money per currency as the mapping gave them."""
    rows = engine.connection.execute("SELECT currency, rows, value FROM measured").fetchall()
    return {name: {"rows": str(count), "value": str(value)} for name, count, value in rows}


def content_hash(path: Path, source: SourceFormat) -> str:
    """Return the hash of a file or folder, and of the files beside it that the format looks up."""
    beside = [path.parent / name for name, _ in source.companions.values()]
    parts = [f"{p.name}={digest_of(p)}" for p in beside if p.exists()]
    return "|".join([digest_of(path), *parts])


def landed_hash(landed: Landed, source: SourceFormat) -> str:
    """Return the same of what was landed."""
    beside = {view: name for view, (name, _) in source.companions.items()}
    parts = [f"{beside[view]}={other.sha256}" for view, other in landed.companions.items()]
    return "|".join([landed.sha256, *parts])


def recipe_of(source: SourceFormat) -> str:
    """Return what a format does, as text: a changed mapping makes a new contribution."""
    plain = [getattr(source, f.name) for f in fields(source) if f.name != "expand"]
    return f"{RULE_VERSION}|{plain!r}"


def _read(known: Path, name: str) -> Contribution:
    """Return a contribution that was made before, under the file's present name."""
    return replace(Contribution(**json.loads(known.read_text(encoding="utf-8"))), path=name)

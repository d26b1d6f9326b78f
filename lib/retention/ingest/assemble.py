"""Contributions become one snapshot: later rows win, people are linked, orphans are refused.

An object that nothing touches enters the snapshot as it is; only those with superseded, refused,
erased or re-keyed rows are written again, and those of a month that has too many are merged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from retention.engine import Engine, query_text
from retention.ingest.codes import Exclusion, Reason
from retention.ingest.contribute import Contribution
from retention.ingest.copies import disagreements, superseded
from retention.ingest.currencies import TIMES, Currencies, open_currencies
from retention.ingest.linking import IDENTITY_LINKS, link_people
from retention.ingest.partition import merged
from retention.ingest.periods import NO_PERIODS, Periods
from retention.ingest.row_status import EXCLUDED, QUARANTINED, person_column
from retention.ingest.store import Store, logical_hash, write_ordered
from retention.tables import TABLES, Table, get

PARENTS = {"order_lines": "orders", "refunds": "orders"}
"""Tables whose rows cannot stand without their order."""


@dataclass(frozen=True)
class Piece:
    """An object that a contribution brings: its place among a table's, and its entry."""

    place: int
    contribution: int
    entry: dict[str, Any]

    @property
    def sha256(self) -> str:
        """Name of the object."""
        return str(self.entry["sha256"])


@dataclass
class Assembly:
    """The work of making one snapshot's tables from contributions.

    Parameters
    ----------
    engine
        Engine to work in.
    store
        Store that holds the contributions' objects and takes new ones.
    contributions
        What the files gave, oldest first: of two rows with one key that say the same of what
        happened, the later file's holds (see `retention.ingest.copies`).
    folder
        Private folder for drafts.
    erased
        Pseudonyms of erased people.
    periods
        How long rows of a table may be kept.
    parent
        Tables of the snapshot before: what was merged there is used again.
    currency
        Currency to report in where orders are in several; empty for that with most value.
    """

    engine: Engine
    store: Store
    contributions: Sequence[Contribution]
    folder: Path
    erased: frozenset[str] = frozenset()
    periods: Periods = NO_PERIODS
    parent: Mapping[str, Any] = field(default_factory=dict)
    currency: str = ""
    currencies: Currencies = field(default_factory=Currencies)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    history: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    shared: dict[str, dict[str, int | None]] = field(default_factory=dict)

    def run(self) -> None:
        """Make every table; the tables ``links`` and ``adjusted`` stay in the engine."""
        self._link_people()
        self._open_currencies()
        self.engine.execute(
            "CREATE OR REPLACE TEMP TABLE adjusted "
            "(batch_id VARCHAR, table_name VARCHAR, row_key VARCHAR, fate VARCHAR, why VARCHAR)"
        )
        for name in TABLES:
            pieces = self._pieces(name)
            if pieces:
                self._assemble(get(name), pieces)
        self.add("identity_links", IDENTITY_LINKS)

    def _pieces(self, table: str) -> list[Piece]:
        """Return every object that a contribution brings to a table."""
        found = [
            (number, entry)
            for number, made in enumerate(self.contributions)
            for entry in made.tables.get(table, {}).get("objects", [])
            if entry["rows"]
        ]
        return [Piece(place, number, entry) for place, (number, entry) in enumerate(found)]

    def _link_people(self) -> None:
        """Make ``links``: which weaker key stands for which person."""
        link_people(
            self.engine,
            [self._path(made.identities) for made in self.contributions],
            [self._path(piece.sha256) for piece in self._pieces("declared_links")],
        )
        self.engine.execute(
            "CREATE OR REPLACE TEMP TABLE erased_people AS SELECT unnest($people) AS customer_key",
            people=sorted(self.erased),
        )

    def add(self, name: str, query: str) -> None:
        """Add a table that no contribution holds: what was refused, and who was linked."""
        table = get(name)
        entry = self._write(f"SELECT {_names(table)} FROM ({query})", table)
        self._keep(table, [entry])  # also where it is empty: "nothing was refused" can be read

    def _assemble(self, table: Table, pieces: list[Piece]) -> None:
        """Make one table from its contributions."""
        person = person_column(table)
        self.engine.execute(
            f"CREATE OR REPLACE TEMP VIEW incoming AS {self._incoming(table, person, pieces)}"
        )
        if table.name == "customers":
            self._keep(table, [self._write(query_text("ingest_customers"), table)])
            return
        self._drop_rows(table, person, pieces)
        touched = self._touched(person)
        written = self._write_anew(table, person, [p for p in pieces if p.place in touched])
        kept = [written.get(piece.place, piece.entry) for piece in pieces]
        self._keep_history(table)
        before = self.parent.get(table.name, {}).get("objects", [])
        self._keep(table, merged([entry for entry in kept if entry["rows"]], before, self._merge))

    def _incoming(self, table: Table, person: str | None, pieces: Sequence[Piece]) -> str:
        """Return SQL of the rows of some pieces, each person under the key that stands for them."""
        views = [
            f"SELECT *, {piece.contribution} AS sequence, {piece.place} AS piece "
            f"FROM {self.engine.parquet(self._path(piece.sha256))}"
            for piece in pieces
        ]
        return self.currencies.in_reporting(table.name, _linked(table, person, views))

    def _write_anew(
        self, table: Table, person: str | None, pieces: Sequence[Piece]
    ) -> dict[int, dict[str, Any]]:
        """Write what is left of some pieces as objects; return their entries by place."""
        queries = {
            self.folder / f"draft-{piece.place}.parquet": _ordered(
                _surviving(table, piece.place, self._incoming(table, person, [piece])), table
            )
            for piece in pieces
        }
        self.engine.copy_together(queries)
        return {
            piece.place: {**self._put(draft), "partition": piece.entry["partition"]}
            for piece, draft in zip(pieces, queries, strict=True)
        }

    def _merge(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        """Write several objects as one, in their order."""
        draft = self.folder / "draft.parquet"
        source = self.engine.parquet([self._path(entry["sha256"]) for entry in entries])
        write_ordered(self.engine, f"SELECT * FROM {source}", draft)
        return {"sha256": self.store.put(draft), "rows": sum(entry["rows"] for entry in entries)}

    def _drop_rows(self, table: Table, person: str | None, pieces: list[Piece]) -> None:
        """Make ``dropped``: rows that do not enter the snapshot, with the reason why.

        It is lasting, as ``rekeyed`` is: objects are written on connections of their own.
        """
        files: Counter[int] = Counter()
        for piece in pieces:
            files[piece.contribution] += piece.entry["rows"]
        key = ", ".join(f'"{name}"' for name in table.key)
        row_key = row_key_of(table)
        parts = [f"SELECT sequence, piece, {key}, '' AS fate, '' AS why FROM incoming WHERE false"]
        if len(files) > 1:
            largest = files.most_common(1)[0][0]
            parts.append(superseded(table, key, largest))
            self._compare_files(table, key, largest)
        if person and self.erased:
            parts.append(f"SELECT sequence, piece, {key}, '{EXCLUDED}', "
                         f"'{Exclusion.ERASED_PERSON}' FROM "
                         f"incoming WHERE {person} IN (FROM erased_people)")  # fmt: skip
        parts += self.periods.expired_rows(table.name, key, person)
        parent = PARENTS.get(table.name)
        if parent and parent in self.tables:
            parts.append(_without_order(key, parent))
        self.engine.execute(f"CREATE OR REPLACE TABLE dropped AS {' UNION ALL '.join(parts)}")
        if self.currencies.concerns(table.name) and table.name in TIMES:
            self._drop_other_currencies(table, key)
        batch = "CASE sequence " + " ".join(
            f"WHEN {n} THEN '{c.batch_id}'" for n, c in enumerate(self.contributions)
        )
        self.engine.execute(
            f"INSERT INTO adjusted SELECT {batch} END, '{table.name}', CAST({row_key} AS VARCHAR), "
            "fate, why FROM dropped WHERE fate <> 'superseded'"
        )

    def _compare_files(self, table: Table, key: str, largest: int) -> None:
        """Note how many records several files hold, and how many of them differ between files."""
        found = self.engine.sql(disagreements(table, key, largest)).frame().iloc[0]
        if found["records"]:
            self.shared[table.name] = {
                str(name): None if pd.isna(value) else int(value) for name, value in found.items()
            }

    def _open_currencies(self) -> None:
        """Choose the currency to report in, and prepare what converts to it."""

        def rows(name: str) -> str:
            paths = [self._path(piece.sha256) for piece in self._pieces(name)]
            return f"SELECT * FROM {self.engine.parquet(paths)}" if paths else ""

        if rows("orders"):
            others = [rows(name) for name in TIMES if name != "orders" and rows(name)]
            self.currencies = open_currencies(
                self.engine, rows("orders"), others, rows("fx_rates"), self.currency
            )

    def _drop_other_currencies(self, table: Table, key: str) -> None:
        """Add rows that no rate converts to ``dropped``; note what orders they are."""
        match = " AND ".join(f'd."{k}" IS NOT DISTINCT FROM t."{k}"' for k in table.key)
        foreign = (
            f"FROM incoming AS t WHERE t.currency <> '{self.currencies.reporting}' AND NOT EXISTS "
            f"(SELECT 1 FROM dropped AS d WHERE d.sequence = t.sequence AND {match})"
        )
        if table.name == "orders":
            self.currencies.left_out = self.engine.sql(
                "SELECT currency, count(*) AS orders, CAST(sum(gross_minor) AS BIGINT) AS "
                f"gross_minor {foreign} GROUP BY currency ORDER BY currency"
            ).frame()
        self.engine.execute(
            f"INSERT INTO dropped SELECT t.sequence, t.piece, {_qualified('t', key)}, "
            f"'{EXCLUDED}', '{Exclusion.OTHER_CURRENCY}' {foreign}"
        )

    def _touched(self, person: str | None) -> set[int]:
        """Return the places of the pieces that cannot enter as they are."""
        query = "SELECT DISTINCT piece FROM dropped"
        if person:
            query += " UNION SELECT DISTINCT piece FROM incoming WHERE was_rekeyed"
        if self.currencies.converted:
            query += " UNION SELECT DISTINCT piece FROM incoming WHERE was_converted"
        return {row[0] for row in self.engine.execute(query)}

    def _keep_history(self, table: Table) -> None:
        """Keep what a later file replaced, with the file that had said it."""
        match = " AND ".join(f't."{k}" IS NOT DISTINCT FROM dropped."{k}"' for k in table.key)
        query = (
            f"SELECT {_names(table)} FROM incoming AS t WHERE EXISTS (SELECT 1 FROM dropped "
            f"WHERE fate = 'superseded' AND dropped.sequence = t.sequence AND {match})"
        )
        count = "SELECT count(*) FROM dropped WHERE fate = 'superseded'"
        if self.engine.execute(count)[0][0]:
            self.history[table.name] = [self._write(query, table, "batch_id, ")]

    def superseded(self, table: str) -> list[Path]:
        """Return the objects of a table's rows that a later file gave again."""
        return [self._path(entry["sha256"]) for entry in self.history.get(table, [])]

    def _write(self, query: str, table: Table, first: str = "") -> dict[str, Any]:
        """Write rows as an object ordered by their key."""
        draft = self.folder / "draft.parquet"
        write_ordered(self.engine, _ordered(query, table, first), draft)
        return self._put(draft)

    def _put(self, draft: Path) -> dict[str, Any]:
        """Move a finished file among the objects; return its entry."""
        rows = self.engine.execute(f"SELECT count(*) FROM {self.engine.parquet(draft)}")[0][0]
        return {"sha256": self.store.put(draft), "rows": int(rows), "partition": ""}

    def _keep(self, table: Table, entries: list[dict[str, Any]]) -> None:
        """Note a finished table and give it its name in the engine."""
        if not entries:
            return
        self.engine.register(table.name, [self._path(entry["sha256"]) for entry in entries])
        self.tables[table.name] = {
            "objects": entries,
            "rows": sum(entry["rows"] for entry in entries),
            "logical_hash": logical_hash(self.engine, table.name, table.names),
        }

    def _path(self, sha: str) -> Path:
        """Return the file of an object."""
        return self.store.root / "objects" / f"{sha}.parquet"


def oldest_first(contributions: Sequence[Contribution]) -> list[Contribution]:
    """Return contributions by source as listed, and within a source by their newest record."""
    places = {source: n for n, source in enumerate(dict.fromkeys(c.source for c in contributions))}
    return sorted(contributions, key=lambda c: (places[c.source], c.newest, c.batch_id))


def _without_order(key: str, parent: str) -> str:
    """Return SQL of rows whose order is not there: they share its fate, or are orphans."""
    return f"""
        SELECT incoming.sequence, incoming.piece, {_qualified("incoming", key)},
               coalesce(adjusted.fate, '{QUARANTINED}'),
               coalesce(adjusted.why, '{Reason.ORPHAN}:order_key')
        FROM incoming ANTI JOIN {parent} USING (order_key)
        LEFT JOIN adjusted ON adjusted.table_name = '{parent}'
             AND adjusted.row_key = incoming.order_key"""


def _qualified(alias: str, columns: str) -> str:
    """Return quoted columns with their table's alias before each."""
    return ", ".join(f"{alias}.{column}" for column in columns.split(", "))


def row_key_of(table: Table) -> str:
    """Return the column that names a row in the ledger."""
    return "unit_key" if "unit_key" in table.key else table.key[0]


def _names(table: Table) -> str:
    """Return the canonical columns, quoted."""
    return ", ".join(f'"{name}"' for name in table.names)


def _linked(table: Table, person: str | None, views: list[str]) -> str:
    """Return SQL of all contributions with each person under the key that stands for them."""
    union = " UNION ALL ".join(views)
    if person is None:
        return f"SELECT *, false AS was_rekeyed FROM ({union})"
    return (
        f"SELECT u.* REPLACE (coalesce(rekeyed.customer_key, u.{person}) AS {person}), "
        f"rekeyed.token IS NOT NULL AS was_rekeyed FROM ({union}) AS u "
        f"LEFT JOIN rekeyed ON u.{person} = rekeyed.token"
    )


def _ordered(query: str, table: Table, first: str = "") -> str:
    """Return SQL of a query's rows in the order in which an object holds them."""
    order = ", ".join(f'"{name}"' for name in (*table.key, "source_record_id"))
    return f"SELECT * FROM ({query}) ORDER BY {first}{order}"


def _surviving(table: Table, place: int, rows: str) -> str:
    """Return SQL of those of one piece's rows that enter the snapshot."""
    match = " AND ".join(f't."{key}" IS NOT DISTINCT FROM dropped."{key}"' for key in table.key)
    return (
        f"SELECT {_names(table)} FROM ({rows}) AS t WHERE NOT EXISTS "
        f"(SELECT 1 FROM dropped WHERE dropped.piece = {place} AND {match})"
    )

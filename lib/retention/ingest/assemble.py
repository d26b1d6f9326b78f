"""Contributions become one snapshot: later rows win, people are linked, orphans are refused.

A contribution that nothing touches enters the snapshot as the very object that it is; only those
with superseded, refused, erased or re-keyed rows are written again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retention.engine import Engine, query_text
from retention.ingest.codes import Exclusion, Reason
from retention.ingest.contribute import Contribution
from retention.ingest.judge import EXCLUDED, QUARANTINED, person_column
from retention.ingest.linking import IDENTITY_LINKS, link_people
from retention.ingest.periods import NO_PERIODS, Periods
from retention.ingest.store import Store, logical_hash
from retention.tables import TABLES, Table, get

PARENTS = {"order_lines": "orders", "refunds": "orders"}
"""Tables whose rows cannot stand without their order."""


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
        What the files gave, oldest first: of two rows with one key the later file's holds.
    folder
        Private folder for drafts.
    erased
        Pseudonyms of erased people.
    periods
        How long rows of a table may be kept.
    """

    engine: Engine
    store: Store
    contributions: Sequence[Contribution]
    folder: Path
    erased: frozenset[str] = frozenset()
    periods: Periods = NO_PERIODS
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    history: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def run(self) -> None:
        """Make every table; the tables ``links`` and ``adjusted`` stay in the engine."""
        self._link_people()
        self.engine.connection.execute(
            "CREATE OR REPLACE TEMP TABLE adjusted "
            "(batch_id VARCHAR, table_name VARCHAR, row_key VARCHAR, fate VARCHAR, why VARCHAR)"
        )
        for name in TABLES:
            objects = self._objects(name)
            if objects:
                self._assemble(get(name), objects)
        self.add("identity_links", IDENTITY_LINKS)

    def _objects(self, table: str) -> list[tuple[int, str]]:
        """Return sequence number and object of every contribution to a table that has rows."""
        return [
            (number, made.tables[table]["sha256"])
            for number, made in enumerate(self.contributions)
            if made.tables.get(table, {}).get("rows")
        ]

    def _link_people(self) -> None:
        """Make ``links``: which weaker key stands for which person."""
        link_people(
            self.engine,
            [self._path(made.identities) for made in self.contributions],
            [self._path(sha) for _, sha in self._objects("declared_links")],
        )
        self.engine.connection.execute(
            "CREATE OR REPLACE TEMP TABLE erased_people AS SELECT unnest($people) AS customer_key",
            {"people": sorted(self.erased)},
        )

    def add(self, name: str, query: str) -> None:
        """Add a table that no contribution holds: what was refused, and who was linked."""
        table = get(name)
        entry = self._write(f"SELECT {_names(table)} FROM ({query})", table)
        self._keep(table, [entry])  # also where it is empty: "nothing was refused" can be read

    def _assemble(self, table: Table, objects: list[tuple[int, str]]) -> None:
        """Make one table from its contributions."""
        views = [
            f"SELECT *, {number} AS sequence FROM {self.engine.parquet(self._path(sha))}"
            for number, sha in objects
        ]
        person = person_column(table)
        self.engine.connection.execute(
            f"CREATE OR REPLACE TEMP VIEW incoming AS {_linked(table, person, views)}"
        )
        if table.name == "customers":
            self._keep(table, [self._write(query_text("ingest_customers"), table)])
            return
        self._drop_rows(table, person, len(objects))
        touched = self._touched(table, person)
        kept = [
            self._write(_surviving(table, number), table) if number in touched
            else {"sha256": sha, "rows": self.contributions[number].tables[table.name]["rows"]}
            for number, sha in objects
        ]  # fmt: skip
        self._keep_history(table)
        self._keep(table, [entry for entry in kept if entry["rows"]])

    def _drop_rows(self, table: Table, person: str | None, batches: int) -> None:
        """Make ``dropped``: rows that do not enter the snapshot, with the reason why."""
        key = ", ".join(f'"{name}"' for name in table.key)
        row_key = row_key_of(table)
        parts = [f"SELECT sequence, {key}, '' AS fate, '' AS why FROM incoming WHERE false"]
        if batches > 1:
            parts.append(f"SELECT sequence, {key}, 'superseded', '' FROM incoming QUALIFY "
                         f"sequence < max(sequence) OVER (PARTITION BY {key})")  # fmt: skip
        if person and self.erased:
            parts.append(f"SELECT sequence, {key}, '{EXCLUDED}', '{Exclusion.ERASED_PERSON}' FROM "
                         f"incoming WHERE {person} IN (FROM erased_people)")  # fmt: skip
        parts += self.periods.expired_rows(table.name, key, person)
        parent = PARENTS.get(table.name)
        if parent and parent in self.tables:
            parts.append(_without_order(key, parent))
        self.engine.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE dropped AS {' UNION ALL '.join(parts)}"
        )
        batch = "CASE sequence " + " ".join(
            f"WHEN {n} THEN '{c.batch_id}'" for n, c in enumerate(self.contributions)
        )
        self.engine.connection.execute(
            f"INSERT INTO adjusted SELECT {batch} END, '{table.name}', CAST({row_key} AS VARCHAR), "
            "fate, why FROM dropped WHERE fate <> 'superseded'"
        )

    def _touched(self, table: Table, person: str | None) -> set[int]:
        """Return the contributions that cannot enter as they are."""
        query = "SELECT DISTINCT sequence FROM dropped"
        if person:
            query += " UNION SELECT DISTINCT sequence FROM incoming WHERE was_rekeyed"
        return {row[0] for row in self.engine.connection.execute(query).fetchall()}

    def _keep_history(self, table: Table) -> None:
        """Keep what a later file replaced, with the file that had said it."""
        match = " AND ".join(f't."{k}" IS NOT DISTINCT FROM dropped."{k}"' for k in table.key)
        query = (
            f"SELECT {_names(table)} FROM incoming AS t WHERE EXISTS (SELECT 1 FROM dropped "
            f"WHERE fate = 'superseded' AND dropped.sequence = t.sequence AND {match})"
        )
        count = "SELECT count(*) FROM dropped WHERE fate = 'superseded'"
        if self.engine.connection.execute(count).fetchall()[0][0]:
            self.history[table.name] = [self._write(query, table, "batch_id, ")]

    def _write(self, query: str, table: Table, first: str = "") -> dict[str, Any]:
        """Write rows as an object ordered by their key."""
        draft = self.folder / "draft.parquet"
        order = ", ".join(f'"{name}"' for name in (*table.key, "source_record_id"))
        self.engine.sql(query).write(draft, order_by=first + order)
        rows = self.engine.sql(f"SELECT count(*) AS n FROM read_parquet('{draft}')").frame().n[0]
        return {"sha256": self.store.put(draft), "rows": int(rows)}

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


def _without_order(key: str, parent: str) -> str:
    """Return SQL of rows whose order is not there: they share its fate, or are orphans."""
    return f"""
        SELECT incoming.sequence, {_qualified("incoming", key)},
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


def _surviving(table: Table, number: int) -> str:
    """Return SQL of one contribution's rows that enter the snapshot."""
    match = " AND ".join(f't."{key}" IS NOT DISTINCT FROM dropped."{key}"' for key in table.key)
    return (
        f"SELECT {_names(table)} FROM incoming AS t WHERE sequence = {number} AND NOT EXISTS "
        f"(SELECT 1 FROM dropped WHERE dropped.sequence = {number} AND {match})"
    )

"""Migration check: an old system's export against the new platform's, for the same period.

Nothing is ingested: both exports are judged as if they were and compared within the private
workbench; only counts, amounts, pseudonyms and line numbers come out. Orders are matched by their
number, and where that fails by person, day, currency and amount.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from retention.engine import Engine, query_text
from retention.errors import ParameterError
from retention.ingest.judge import judge_all
from retention.ingest.keys import KeyRing, open_keys
from retention.ingest.linking import link_people
from retention.ingest.mapping import keep_erased, map_file
from retention.ingest.migration_fields import FIELDS, differences_query, field_query
from retention.ingest.migration_result import MigrationResult, nothing_compared
from retention.ingest.plan import Item, plan
from retention.ingest.told_orders import collect_numbers, keep_told, told_folder
from retention.ingest.tombstones import erased_people
from retention.ingest.workbench import workbench
from retention.sources.attaching import open_landed
from retention.sources.base import ReadOptions
from retention.sources.landing import land

SIDES = ("legacy", "new")

_GATHERED = """
CREATE TEMP TABLE migration_orders AS
SELECT o.* REPLACE (coalesce(r.customer_key, o.person_key) AS person_key)
FROM ({}) AS o LEFT JOIN rekeyed AS r ON o.person_key = r.token"""

_MOST_LINES = 1 << 44
"""An order's id is where it stands: its export's number, then its line, which is its own."""


@dataclass(frozen=True)
class Exports:
    """What is compared, and how it is read.

    Parameters
    ----------
    legacy, new
        Texts ``"format: path/glob"``, several parted by ``|``; the formats must give orders.
        Where either is empty, nothing is compared.
    root
        Root of the workspace.
    private
        Private folder of keys and vault; raw identities are worked on there.
    currency, time_zone
        Of exports that name none.
    read_options
        Texts ``"format: option = value"``.
    temporary_directory
        Where raw rows are worked on; empty for the private folder.
    """

    legacy: str
    new: str
    root: Path
    private: Path
    currency: str = ""
    time_zone: str = "UTC"
    read_options: Sequence[str] = ()
    temporary_directory: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether there is anything to compare."""
        return bool(self.legacy and self.new)

    def items(self, side: str) -> list[Item]:
        """Return the files of one side.

        Raises
        ------
        ParameterError
            If a format gives no orders.
        """
        texts = [part.strip() for part in getattr(self, side).split("|") if part.strip()]
        defaults = ReadOptions(currency=self.currency, time_zone=self.time_zone,
                               shop_zone=self.time_zone)  # fmt: skip
        items = plan(texts, self.root, self.read_options, defaults)
        for item in items:
            if not any(mapping.table == "orders" for mapping in item.source.tables):
                raise ParameterError(
                    f"The format {item.source.name} gives no orders to compare.",
                    "Name an export of orders.", column=f"migration_{side}_source",
                )  # fmt: skip
        return items

    def paths(self) -> frozenset[Path]:
        """Return the files of both sides; none where nothing is compared."""
        sides = SIDES if self.is_complete else ()
        return frozenset(item.path for side in sides for item in self.items(side))


def check_migration(
    exports: Exports,
    start: str,
    end: str,
    *,
    tolerance: float = 0.0,
    minimum_cell_size: int = 10,
    memory_limit: str | None = None,
    threads: int | None = None,
) -> MigrationResult:
    """Compare two systems' exports and say, table by table, whether one can cut over.

    Parameters
    ----------
    exports
        The two exports.
    start, end
        The period: first day, and the day after the last (ISO, UTC).
    tolerance
        Share of a table's rows that may be missing, doubled or different where it counts as ready.
    minimum_cell_size
        Smallest count of customers that a text tells.
    memory_limit, threads
        Bounds of the engine.

    Returns
    -------
    MigrationResult
        Verdicts, days, fields and differences.

    Raises
    ------
    InputError
        If a file is missing or cannot be read as its format.
    ParameterError
        If the period is empty, or a format gives no orders.
    """
    if not exports.is_complete:
        return nothing_compared(start, end)
    last = date.fromisoformat(end) - timedelta(days=1)
    if last < date.fromisoformat(start):
        raise ParameterError(
            f"The period from {start} to {end} is empty.", "Give a later migration_to.",
            column="migration_to",
        )  # fmt: skip
    read = _Reading(exports, open_keys(exports.private), memory_limit, threads)
    told = {side: [read.told(item) for item in exports.items(side)] for side in SIDES}
    with read.workbench() as (engine, _):
        _gather(engine, told)
        engine.connection.execute(query_text("migration_pairs"))
        engine.connection.execute(
            query_text("migration_outcomes"), {"first": start, "last": last.isoformat()}
        )
        found = _result(engine, start, end, tolerance)
    for folder in itertools.chain(*told.values()):
        shutil.rmtree(folder, ignore_errors=True)  # the same export may stand on both sides
    return replace(found, minimum_cell_size=minimum_cell_size)


@dataclass(frozen=True)
class _Reading:
    """How exports are read: whose, under which keys, within which bounds."""

    exports: Exports
    keys: KeyRing
    memory_limit: str | None
    threads: int | None

    def workbench(self) -> AbstractContextManager[tuple[Engine, Path]]:
        """Open an engine in a private folder."""
        where = self.exports.temporary_directory
        return workbench(self.exports.private, self.memory_limit, self.threads,
                         temporary_directory=where)  # fmt: skip

    def told(self, item: Item) -> Path:
        """Return the folder with an export's orders: as ingest left them, or read for it now."""
        private = self.exports.private
        told = told_folder(private, self.exports.temporary_directory, item.path, item.options)
        if told.is_dir():
            return told
        source = item.source.for_options(item.options)
        with self.workbench() as (engine, folder):
            options = replace(item.options, memory_limit=self.memory_limit, threads=engine.threads)
            landed = land(item.path, source, folder, options)
            open_landed(engine.connection, landed, source, options)
            mapped = map_file(engine.connection, source, self.keys)
            erases = keep_erased(engine.connection, erased_people(private, self.keys))
            collect_numbers(engine, source, mapped)
            keep_told(engine, judge_all(engine, source, mapped, "", erases=erases), told)
        return told


def _gather(engine: Engine, told: Mapping[str, Sequence[Path]]) -> None:
    """Put the orders of both sides into one table, each person under one key over both exports."""
    exports = [(side, folder) for side, folders in told.items() for folder in folders]
    parts = [
        f"SELECT {number * _MOST_LINES} + line_no AS id, '{side}' AS side, * "
        f"FROM {engine.parquet(sorted(folder.glob('orders-*')))}"
        for number, (side, folder) in enumerate(exports)
    ]
    link_people(engine, sorted({f / "seen.parquet" for f in itertools.chain(*told.values())}), [])
    engine.connection.execute(_GATHERED.format(" UNION ALL ".join(parts)))


def _result(engine: Engine, start: str, end: str, tolerance: float) -> MigrationResult:
    """Gather what was found."""
    fields = pd.concat([engine.sql(field_query(field)).frame() for field in FIELDS])
    outcomes = engine.sql(
        "SELECT outcome, count(*) AS orders FROM migration_outcomes GROUP BY ALL ORDER BY ALL"
    ).frame()
    fates = engine.sql(
        "SELECT side, fate, count(*) AS orders FROM migration_orders GROUP BY ALL ORDER BY ALL"
    ).frame()
    return MigrationResult(
        start=start,
        end=end,
        tolerance=tolerance,
        outcomes=outcomes,
        customers=engine.query("migration_customers").frame(),
        fields=fields.reset_index(drop=True),
        days=engine.query("migration_days").frame(),
        differences=engine.sql(differences_query()).frame(),
        fates=fates,
    )

"""Migration check: an old system's export against the new platform's, for the same period.

Nothing is ingested: both exports are read, mapped and compared within the private workbench, and
only counts, amounts, pseudonyms and line numbers come out. Orders are matched by their number, and
where that fails by person, day, currency and amount.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from retention.engine import Engine, query_text
from retention.errors import ParameterError
from retention.ingest.identity import collect_people, join_on_identity, platform_of
from retention.ingest.keys import KeyRing, open_keys
from retention.ingest.linking import link_people
from retention.ingest.migration_fields import FIELDS, differences_query, field_query
from retention.ingest.migration_result import MigrationResult, nothing_compared
from retention.ingest.plan import Item, plan
from retention.ingest.workbench import workbench
from retention.sources.attaching import open_landed
from retention.sources.base import ReadOptions
from retention.sources.landing import land

SIDES = ("legacy", "new")

_ORDERS = """
CREATE OR REPLACE TEMP TABLE migration_orders (
    id BIGINT, side VARCHAR, number VARCHAR, order_key VARCHAR, person_key VARCHAR,
    ordered_at TIMESTAMP, day DATE, time_precision VARCHAR, status VARCHAR, currency VARCHAR,
    gross_minor BIGINT, discount_minor BIGINT, shipping_minor BIGINT, tax_minor BIGINT,
    refunded_minor BIGINT, net_minor BIGINT, total_minor BIGINT, lines BIGINT, pieces BIGINT,
    line_no BIGINT, fate VARCHAR)"""

_SEEN = "SELECT person_key, email_key, phone_key, platform_key FROM people"

_NO_LINES = """(SELECT order_key, '' AS order_line_key, 0 AS quantity, reasons
    FROM migrated_orders WHERE false)"""

_APPEND = """
INSERT INTO migration_orders
WITH lines AS (
    SELECT order_key, count(*) AS lines, CAST(sum(quantity) AS BIGINT) AS pieces
    FROM (SELECT order_key, order_line_key, min(quantity) AS quantity FROM {lines}
          WHERE coalesce(len(reasons), 0) = 0 GROUP BY order_key, order_line_key)
    GROUP BY order_key
), told AS (
    SELECT m.*, p.person_key,
           CASE WHEN m.exclusion IS NOT NULL THEN 'excluded'
                WHEN len(m.reasons) > 0 OR m.order_key IS NULL OR m.ordered_at IS NULL
                     OR m.net_minor IS NULL OR m.currency IS NULL THEN 'refused'
                ELSE 'sound' END AS fate
    FROM {orders} AS m LEFT JOIN people AS p ON {same_identity}
)
SELECT (SELECT count(*) FROM migration_orders)
           + row_number() OVER (ORDER BY t.line_no, t.order_key),
       '{side}',
       lower(regexp_replace(
           substr(t.order_key, instr(t.order_key, ':') + 1), '[^0-9A-Za-z]', '', 'g')),
       pseudonym('order', t.order_key), t.person_key, t.ordered_at, CAST(t.ordered_at AS DATE),
       t.time_precision, t.status, t.currency, t.gross_minor, t.discount_minor, t.shipping_minor,
       t.tax_minor, t.refunded_minor, t.net_minor,
       t.gross_minor - t.discount_minor + t.shipping_minor + t.tax_minor,
       {has_lines}, lines.pieces, t.line_no,
       CASE WHEN t.fate = 'sound' AND row_number() OVER (
                PARTITION BY t.order_key, t.fate ORDER BY t.line_no) > 1 THEN 'repeated'
            ELSE t.fate END
FROM told AS t LEFT JOIN lines ON t.order_key = lines.order_key"""


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
    """

    legacy: str
    new: str
    root: Path
    private: Path
    currency: str = ""
    time_zone: str = "UTC"
    read_options: Sequence[str] = ()

    def items(self, side: str) -> list[Item]:
        """Return the files of one side."""
        texts = [part.strip() for part in getattr(self, side).split("|") if part.strip()]
        defaults = ReadOptions(currency=self.currency, time_zone=self.time_zone)
        return plan(texts, self.root, self.read_options, defaults)


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
    if not (exports.legacy and exports.new):
        return nothing_compared(start, end)
    last = date.fromisoformat(end) - timedelta(days=1)
    if last < date.fromisoformat(start):
        raise ParameterError(
            f"The period from {start} to {end} is empty.", "Give a later migration_to.",
            column="migration_to",
        )  # fmt: skip
    keys = open_keys(exports.private)
    with workbench(exports.private, memory_limit, threads) as (engine, folder):
        engine.connection.execute(_ORDERS)
        for side in SIDES:
            for number, item in enumerate(exports.items(side)):
                _read(engine, folder / f"{side}{number}", item, keys, side)
        _one_person_each(engine, folder)
        engine.connection.execute(query_text("migration_pairs"))
        engine.connection.execute(
            query_text("migration_outcomes"), {"first": start, "last": last.isoformat()}
        )
        found = _result(engine, start, end, tolerance)
    return replace(found, minimum_cell_size=minimum_cell_size)


def _read(engine: Engine, folder: Path, item: Item, keys: KeyRing, side: str) -> None:
    """Land and map one export, and add its orders to one side."""
    tables = {mapping.table: mapping for mapping in item.source.tables}
    if "orders" not in tables:
        raise ParameterError(
            f"The format {item.source.name} gives no orders to compare.",
            "Name an export of orders.", column=f"migration_{side}_source",
        )  # fmt: skip
    landed = land(item.path, item.source, folder, replace(item.options, threads=engine.threads))
    open_landed(engine.connection, landed, item.source, item.options)
    views = {n: sql for mapping in item.source.tables for n, sql in mapping.views.items()}
    mapped = [n for n in ("orders", "order_lines") if n in tables]
    selects = {**views, **{f"migrated_{name}": tables[name].select for name in mapped}}
    for name, select in selects.items():
        engine.connection.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {select}')
    collect_people(engine.connection, keys, ["migrated_orders"], platform_of(item.source.name))
    has_lines = "order_lines" in tables
    engine.connection.execute(
        _APPEND.format(
            lines="migrated_order_lines" if has_lines else _NO_LINES, orders="migrated_orders",
            has_lines="lines.lines" if has_lines else "NULL", side=side,
            same_identity=join_on_identity(engine.connection, "m", "p"),
        )
    )  # fmt: skip
    engine.sql(_SEEN).write(folder / "seen.parquet", order_by="ALL")
    _drop(engine, selects)


def _drop(engine: Engine, names: Iterable[str]) -> None:
    """Drop the tables of one export, so that the next may take their names."""
    for name in names:
        engine.connection.execute(f'DROP TABLE "{name}"')


def _one_person_each(engine: Engine, folder: Path) -> None:
    """Put one key in place of the keys that mean one person, over both exports."""
    link_people(engine, sorted(folder.glob("*/seen.parquet")), [])
    engine.connection.execute(
        "UPDATE migration_orders AS o SET person_key = rekeyed.customer_key "
        "FROM rekeyed WHERE o.person_key = rekeyed.token"
    )


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

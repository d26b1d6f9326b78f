"""The orders of an export as the migration check compares them: judged by the rules of ingest.

An export that both the ingest and the check read is read once: ingest leaves its orders, in the
folder that raw rows are worked on in, for the check that follows in the same process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from retention.engine import Engine
from retention.engine.spill import folder_prefix
from retention.ingest.bookkeeping import identities_query
from retention.ingest.codes import Exclusion, Reason
from retention.ingest.keys import private_folder
from retention.ingest.mapping import Mapped
from retention.ingest.row_status import ACCEPTED, EXCLUDED, Judged
from retention.ingest.workbench import work_folder
from retention.sources.base import ReadOptions, SourceFormat

_NO_LINES = "SELECT '' AS order_key, 0 AS lines, 0 AS pieces WHERE false"

_LINES = f"""
SELECT order_key, count(*) AS lines, CAST(sum(quantity) AS BIGINT) AS pieces
FROM {{name}} WHERE fate = '{ACCEPTED}' GROUP BY order_key"""

_NUMBERS = """
CREATE OR REPLACE TABLE order_numbers AS
SELECT line_no, lower(regexp_replace(
           substr(order_key, instr(order_key, ':') + 1), '[^0-9A-Za-z]', '', 'g')) AS number
FROM {}"""

_ORDERS = f"""
SELECT k.number, o.order_key, o.customer_key AS person_key, o.ordered_at,
       CAST(shop_clock(o.ordered_at) AS DATE) AS day, o.time_precision, o.status, o.currency,
       o.gross_minor, o.discount_minor, o.shipping_minor, o.tax_minor, o.refunded_minor,
       o.net_minor,
       o.gross_minor - o.discount_minor + o.shipping_minor + o.tax_minor AS total_minor,
       {{has_lines}} AS lines, l.pieces, o.line_no,
       CASE WHEN o.fate = '{ACCEPTED}' THEN 'sound'
            WHEN o.exclusion IN ('{Exclusion.EXACT_REPEAT}', '{Exclusion.OLDER_COPY}')
              OR o.reasons = ['{Reason.DUPLICATE_KEY}:order_key'] THEN 'repeated'
            WHEN o.fate = '{EXCLUDED}' THEN 'excluded'
            ELSE 'refused' END AS fate
FROM {{name}} AS o
LEFT JOIN order_numbers AS k ON o.line_no = k.line_no
LEFT JOIN ({{lines}}) AS l ON o.order_key = l.order_key"""


def told_folder(private: Path, temporary_directory: str, path: Path, options: ReadOptions) -> Path:
    """Return where this process leaves the orders of an export.

    Should the process die, whoever works there next removes them.
    """
    what = hashlib.sha256(f"{path}|{options!r}".encode()).hexdigest()[:16]
    return work_folder(private, temporary_directory) / f"{folder_prefix()}told_{what}"


def collect_numbers(engine: Engine, source: SourceFormat, mapped: Mapped) -> None:
    """Keep the number that the shop gave each order, before its orders are judged."""
    orders = (n for n, m in zip(mapped.names, source.tables, strict=True) if m.table == "orders")
    engine.connection.execute(_NUMBERS.format(next(orders)))


def keep_told(engine: Engine, judged: Sequence[Judged], folder: Path) -> None:
    """Keep the orders that stand in the judged tables, and which keys stand for one person.

    Parameters
    ----------
    engine
        Engine that holds the judged tables, ``people``, ``erased_people`` and what
        `collect_numbers` has kept.
    judged
        The judged tables of a file, or of a part of it.
    folder
        Folder to keep them in; the parts of a file stand side by side.
    """
    private_folder(folder)
    number = len(list(folder.glob("orders-*")))
    lines = [made.name for made in judged if made.table.name == "order_lines"]
    told = _ORDERS.format(
        name=next(made.name for made in judged if made.table.name == "orders"),
        lines=_LINES.format(name=lines[0]) if lines else _NO_LINES,
        has_lines="l.lines" if lines else "CAST(NULL AS BIGINT)",
    )
    engine.copy(told, folder / f"orders-{number}.parquet")
    engine.copy(identities_query(), folder / "seen.parquet")

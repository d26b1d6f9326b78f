"""The canonical table ``quarantine``: what every file had refused, and what was refused later."""

from __future__ import annotations

import pandas as pd

from retention.ingest.assemble import Assembly
from retention.ingest.codes import Reason
from retention.ingest.contracts import RULE_VERSION
from retention.ingest.mends import FALLBACK, MENDS
from retention.ingest.row_status import QUARANTINED


def keep_quarantine(assembly: Assembly) -> None:
    """Add the canonical table ``quarantine`` to the snapshot: the files' own, and later refusals.

    Parameters
    ----------
    assembly
        The assembled tables; the ledger must have been loaded.
    """
    mends = pd.DataFrame({"code": list(MENDS), "mend": list(MENDS.values())}, dtype="string")
    assembly.engine.register("mends", mends)
    objects = assembly.store.root / "objects"
    files = " UNION ALL ".join(
        f"SELECT {_STORED}, {number} AS place "
        f"FROM {assembly.engine.parquet(objects / f'{c.quarantine}.parquet')}"
        for number, c in enumerate(assembly.contributions)
    )
    batches = pd.DataFrame(
        [(n, c.batch_id, c.source, c.path) for n, c in enumerate(assembly.contributions)],
        columns=["place", "batch_id", "source", "file"],
    )
    assembly.engine.register("quarantine_batches", batches)
    assembly.add("quarantine", _QUARANTINE.format(files=files))


_STORED = (
    "line_no, table_name, reasons, is_record, CAST(order_key AS VARCHAR) AS order_key, "
    "CAST(customer_key AS VARCHAR) AS customer_key, occurred_at, "
    "CAST(currency AS VARCHAR) AS currency, value_minor, "
    "CAST(source_record_id AS VARCHAR) AS source_record_id, "
    "CAST(original_values AS VARCHAR) AS original_values"
)
"""A file's own quarantine; where a column holds nothing, its type is any."""

_QUARANTINE = f"""
WITH refused AS (
    SELECT line_no, table_name, reasons, is_record, order_key, customer_key, occurred_at, currency,
           value_minor, source_record_id, original_values, place
    FROM ({{files}})
    UNION ALL
    SELECT l.line_no, a.table_name, a.why, l.line_no IS NOT NULL,
           CASE WHEN a.table_name = 'orders' THEN a.row_key ELSE left(a.row_key, 32) END, NULL,
           CAST(l.day AS TIMESTAMP), l.value_currency, CAST(l.value_minor AS DOUBLE), a.row_key,
           NULL, b.place
    FROM adjusted AS a JOIN quarantine_batches AS b ON a.batch_id = b.batch_id
    LEFT JOIN ledger AS l ON a.batch_id = l.batch_id AND a.row_key = l.row_key
         AND l.accounts_table = a.table_name AND l.fate = 'accepted'
    WHERE a.fate = '{QUARANTINED}'
), told AS (
    SELECT *, split_part(reasons, '; ', 1) AS reason,
           row_number() OVER (PARTITION BY place, line_no, table_name
                              ORDER BY reasons, source_record_id, value_minor) AS copy
    FROM refused
)
SELECT b.batch_id || ':' || coalesce(CAST(t.line_no AS VARCHAR), '') || ':' || t.table_name || ':'
         || t.copy AS quarantine_key,
       b.file, t.line_no, t.table_name, t.reason, t.reasons,
       coalesce(mends.mend, '{FALLBACK}') AS mend, t.original_values, t.order_key, t.customer_key,
       t.occurred_at, CAST(epoch(t.occurred_at) AS BIGINT) AS occurred_epoch_s, t.currency,
       t.value_minor, t.is_record, '{RULE_VERSION}' AS rule_version, b.source,
       coalesce(t.source_record_id, '') AS source_record_id, b.batch_id
FROM told AS t JOIN quarantine_batches AS b ON t.place = b.place
LEFT JOIN mends ON mends.code = CASE split_part(t.reason, ':', 1)
    WHEN '{Reason.RECORD_BROKEN}' THEN split_part(t.reason, ':', 2)
    ELSE split_part(t.reason, ':', 1) END"""

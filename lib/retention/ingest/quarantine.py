"""The quarantine: every refused row with its place, its reasons, its own values and the mend.

What an export says of dates and amounts, and what stands in the columns at fault, is kept as it
was written, so that it can be mended; whatever could name a person is replaced by a pseudonym. A
value is kept only if it has the form of a date, of a number (too short for a telephone number) or
of a word such as ``free``: a shifted column may hold anything. The whole record lies sealed with
the vault.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import duckdb
import pandas as pd

from retention.ingest.codes import Reason
from retention.ingest.contracts import RULE_VERSION
from retention.ingest.judge import QUARANTINED, Judged, person_column
from retention.ingest.mends import FALLBACK, MENDS
from retention.sources.base import SourceFormat

if TYPE_CHECKING:
    from retention.ingest.assemble import Assembly

_NUMBER = (
    r"[-+(]*\s?[$€£¥]?\s?[-+]?(?:[0-9]{1,6}|[0-9]{1,12}[.,][0-9]{1,2}|[0-9]{1,2}[.,][0-9]{1,4}"
    r"|[0-9]{1,3}(?:,[0-9]{3}){1,3}(?:\.[0-9]{1,4})?|[0-9]{1,3}(?:\.[0-9]{3}){1,3},[0-9]{1,4})"
    r"(?:[eE][-+]?[0-9]{1,4})?\)?\s?(?:[A-Z]{3}|[A-Za-z]{1,2}|%|[$€£¥])?"
)
_DATE = (
    r"(?:[0-9]{4}|[0-9]{1,2})[-/.][0-9]{1,2}[-/.](?:[0-9]{4}|[0-9]{1,2})"
    r"(?:[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?\s?(?:AM|PM|am|pm)?"
    r"\s?(?:Z|UTC|GMT|[-+][0-9]{2}:?[0-9]{2})?)?"
)
_WORD = (
    r"(?i:yesterday|today|tomorrow|now|free|gratis|none|null|nan|n/a|na|[-+]?inf|infinity|unknown"
    r"|tbd|yes|no|true|false|error|#value!|#ref!|#n/a|[-?.]{1,3})"
)
HARMLESS = rf"\s*(?:{_NUMBER}|{_DATE}|{_WORD})\s*"
"""Form of a value that cannot name a person, as a regular expression for the whole value."""


def quarantine_query(
    connection: duckdb.DuckDBPyConnection, judged: Sequence[Judged], source: SourceFormat
) -> str:
    """Return SQL with one row per refused row of a landed file: place, reasons, own values.

    Parameters
    ----------
    connection
        Connection that holds ``landed``, ``broken``, the judged tables and ``pseudonym()``.
    judged
        The judged tables.
    source
        The file's format: its dates and amounts are always shown.
    """
    values = _values(connection, source)
    parts = [
        f"""SELECT r.line_no, '{made.table.name}' AS table_name,
               array_to_string(r.reasons, '; ') AS reasons,
               {str(made.accounts).lower()} AS is_record, {_key(made, "order_key")} AS order_key,
               {_person(made)} AS customer_key, CAST(r.occurred_at AS TIMESTAMP) AS occurred_at,
               r.value_currency AS currency, CAST(r.value_minor AS DOUBLE) AS value_minor,
               r.source_record_id, {values} AS original_values
            FROM {made.name} AS r LEFT JOIN landed AS m ON r.line_no = m.line_no
            WHERE r.fate = '{QUARANTINED}'"""
        for made in judged
    ]
    broken = (
        f"SELECT line_no, '', '{Reason.RECORD_BROKEN}:' || reason, true, NULL, NULL, NULL, NULL, "
        "NULL, NULL, NULL FROM broken"
    )
    return " UNION ALL ".join([*parts, broken])


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


def _values(connection: duckdb.DuckDBPyConnection, source: SourceFormat) -> str:
    """Return the SQL of a record's own values as JSON: what is harmless, and pseudonyms."""
    landed = [row[0] for row in connection.execute("DESCRIBE landed").fetchall()]
    always = {*source.dates, *source.money}
    entries = []
    for name in landed:
        if name in ("line_no", "file"):
            continue
        text, label = f'CAST(m."{name.replace(chr(34), chr(34) * 2)}" AS VARCHAR)', _literal(name)
        shown = (
            f"CASE WHEN regexp_full_match({text}, {_literal(HARMLESS)}) THEN {text} "
            f"ELSE 'pseudonym ' || left(pseudonym('value', {text}), 12) END"
        )
        if name not in always:
            at_fault = f"contains(array_to_string(r.reasons, '; ') || ';', {_literal(f':{name};')})"
            shown = f"CASE WHEN {at_fault} THEN {shown} END"
        entries.append(f"{{'key': {label}, 'value': {shown}}}")
    listed = f"list_filter([{', '.join(entries)}], lambda pair: pair.value IS NOT NULL)"
    return f"CAST(to_json(map_from_entries({listed})) AS VARCHAR)"


def _key(made: Judged, name: str) -> str:
    """Return the SQL of a column, NULL where the table has none."""
    return f"r.{name}" if name in made.table.names else "NULL"


def _person(made: Judged) -> str:
    """Return the SQL of the person's key, NULL where the table has none."""
    person = person_column(made.table)
    return f"r.{person}" if person else "NULL"


def _literal(text: str) -> str:
    """Return text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"

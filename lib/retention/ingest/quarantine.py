"""The quarantine: every refused row with its place, its reasons, its own values and the mend.

What an export says of dates and amounts, and what stands in the columns at fault, is kept as it
was written, so that it can be mended; whatever could name a person is replaced by a pseudonym. A
value is kept only if it has the form of a date, of a number (too short for a telephone number) or
of a word such as ``free``: a shifted column may hold anything. The whole record lies sealed with
the vault.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from retention.ingest.codes import Exclusion, Reason
from retention.ingest.row_status import QUARANTINED, Judged, person_column
from retention.sources.base import SourceFormat

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
    refused = [made for made in judged if _put_aside(connection, made)]
    parts = [
        f"""SELECT r.line_no, '{made.table.name}' AS table_name,
               array_to_string(r.reasons, '; ') AS reasons,
               {str(made.accounts).lower()} AS is_record, {_key(made, "order_key")} AS order_key,
               {_person(made)} AS customer_key, CAST(r.occurred_at AS TIMESTAMP) AS occurred_at,
               r.value_currency AS currency, CAST(r.value_minor AS DOUBLE) AS value_minor,
               r.source_record_id, {values} AS original_values
            FROM refused_{made.name} AS r LEFT JOIN landed AS m ON r.line_no = m.line_no"""
        for made in refused
    ]
    broken = (
        f"SELECT line_no, '' AS table_name, '{Reason.RECORD_BROKEN}:' || reason AS reasons, "
        "true AS is_record, CAST(NULL AS VARCHAR) AS order_key, "
        "CAST(NULL AS VARCHAR) AS customer_key, CAST(NULL AS TIMESTAMP) AS occurred_at, "
        "CAST(NULL AS VARCHAR) AS currency, CAST(NULL AS DOUBLE) AS value_minor, "
        "CAST(NULL AS VARCHAR) AS source_record_id, CAST(NULL AS VARCHAR) AS original_values "
        f"FROM broken WHERE reason <> '{Exclusion.REPEATED_HEADER}'"
    )
    return " UNION ALL ".join([*parts, broken])


def keep_quarantined(
    connection: duckdb.DuckDBPyConnection, judged: Sequence[Judged], source: SourceFormat
) -> None:
    """Add the refused rows to the table ``kept_quarantine``; parameters of `quarantine_query`."""
    query = quarantine_query(connection, judged, source)
    connection.execute(f"CREATE TABLE IF NOT EXISTS kept_quarantine AS FROM ({query}) LIMIT 0")
    connection.execute(f"INSERT INTO kept_quarantine {query}")


def _put_aside(connection: duckdb.DuckDBPyConnection, made: Judged) -> bool:
    """Keep the refused rows as ``refused_<name>``; tell whether there are any.

    How few they are lets the engine look their records up while it reads what was landed, instead
    of holding all of that. Where there are none, showing values need not be planned.
    """
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE refused_{made.name} AS "
        f"SELECT * FROM {made.name} WHERE fate = '{QUARANTINED}'"
    )
    return bool(connection.execute(f"SELECT 1 FROM refused_{made.name} LIMIT 1").fetchall())


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

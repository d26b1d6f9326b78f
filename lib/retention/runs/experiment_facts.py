"""What the columns of an experiment's file hold: words or numbers, how many, how spread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from retention.errors import InputError
from retention.ingest.covariate_guard import identifying_covariates
from retention.ingest.workbench import workbench
from retention.sources.attaching import open_landed
from retention.sources.base import ReadOptions, SourceFormat
from retention.sources.formats.experiment_columns import FLAG_OR_NUMBER
from retention.sources.fragments import column
from retention.sources.headers import header_of
from retention.sources.landing import land

MOST_LABELS = 200
"""Labels of a column that are counted one by one."""


@dataclass(frozen=True)
class ColumnFacts:
    """One column.

    Parameters
    ----------
    name
        Its header.
    filled, measured, numbers
        Rows with any text, with one that stands for a value, and with a number.
    labels
        Texts (blanks folded) with their rows, the most frequent first; at most `MOST_LABELS`.
    lowest, highest, skewness
        Of its numbers; 0 where there are none.
    zeros
        Rows with the number 0.
    is_whole, has_leading_zeros
        Whether its numbers are whole; whether its texts are codes such as 02139.
    first_day, last_day
        ISO dates of its earliest and latest time; empty where it holds no times.
    """

    name: str
    filled: int = 0
    measured: int = 0
    numbers: int = 0
    labels: tuple[tuple[str, int], ...] = ()
    lowest: float = 0.0
    highest: float = 0.0
    skewness: float = 0.0
    zeros: int = 0
    is_whole: bool = False
    has_leading_zeros: bool = False
    first_day: str = ""
    last_day: str = ""

    @property
    def is_number(self) -> bool:
        """Whether every value that is one is a number, and no code."""
        return self.numbers > 0 and self.numbers == self.measured and not self.has_leading_zeros

    @property
    def is_flag(self) -> bool:
        """Whether its values are 0 and 1 (or words for them) alone."""
        inside = self.lowest >= 0 and self.highest <= 1 and self.is_whole
        return self.is_number and inside


@dataclass(frozen=True)
class FileFacts:
    """One file of an experiment.

    ``identifying`` are columns that name people, with why; ``repeated_units`` counts rows beyond
    the first of a unit.
    """

    path: Path
    headers: tuple[str, ...]
    rows: int
    columns: dict[str, ColumnFacts] = field(default_factory=dict)
    identifying: dict[str, str] = field(default_factory=dict)
    repeated_units: int = 0


def file_facts(
    path: Path, private: Path, used: Sequence[str], numbers: Sequence[str], unit: str = ""
) -> FileFacts:
    """Read what some columns of a file hold.

    Parameters
    ----------
    path
        The file: delimited text, JSON, a workbook or Parquet, plain or packed.
    private
        Folder for what is read, which may hold identities.
    used
        Columns to look at; those that the file does not have are passed over.
    numbers
        Those of them that hold measurements: they prove the decimal mark.
    unit
        Column that names the units, empty for none.

    Raises
    ------
    InputError
        If the file cannot be read or is empty.
    """
    if not path.is_file():
        raise InputError("There is no such file.", "Correct the path.", file=str(path))
    headers = header_of(path, ReadOptions())
    money = tuple(name for name in numbers if name in headers)
    table = SourceFormat("experiment", "", (), headers, (), money=money, is_settled=True)
    with workbench(private) as (engine, folder):
        landed = land(path, table, folder, ReadOptions())
        if landed.rows_read == 0:
            raise InputError("The file has a header but no rows.", "Export it again.",
                             file=str(path))  # fmt: skip
        connection = engine.connection
        open_landed(connection, landed, table, ReadOptions())
        known = [name for name in dict.fromkeys(used) if name in headers]
        facts = {name: _column_facts(connection, name) for name in known}
        return FileFacts(
            path, headers, landed.rows_read, facts, _identifying(connection, facts.values()),
            _repeats(connection, unit) if unit in headers else 0,
        )  # fmt: skip


def _column_facts(connection: duckdb.DuckDBPyConnection, name: str) -> ColumnFacts:
    """Ask what one column holds."""
    quoted = column(name)
    measured = FLAG_OR_NUMBER.format(quoted)
    row = connection.execute(f"""
        SELECT count(t), count(m), count(n), min(n), max(n), skewness(n),
          count(*) FILTER (n = 0), bool_and(n = floor(n)),
          coalesce(bool_or(regexp_full_match(t, '0[0-9]+')), FALSE)
        FROM (SELECT t, m, number_of(m) AS n
              FROM (SELECT text_of({quoted}) AS t, {measured} AS m FROM landed))""").fetchall()[0]
    labels = connection.execute(f"""
        SELECT regexp_replace(text_of({quoted}), '\\s+', ' ', 'g') AS t, count(*) AS n
        FROM landed WHERE text_of({quoted}) IS NOT NULL
        GROUP BY 1 ORDER BY n DESC, t LIMIT {MOST_LABELS}""").fetchall()
    first, last = _days(connection, name)
    filled, known, numbers, lowest, highest, skewness, zeros, is_whole, has_zeros = row
    return ColumnFacts(
        name,
        filled=int(filled),
        measured=int(known),
        numbers=int(numbers),
        labels=tuple(labels),
        lowest=float(lowest or 0),
        highest=float(highest or 0),
        skewness=float(skewness or 0),
        zeros=int(zeros),
        is_whole=bool(is_whole),
        has_leading_zeros=bool(has_zeros),
        first_day=first,
        last_day=last,
    )


def _days(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[str, str]:
    """Return the first and last day of a column of times."""
    first, last = connection.execute(
        f"SELECT min(t), max(t) FROM (SELECT time_of({column(name)}) AS t FROM landed)"
    ).fetchall()[0]
    return (first.date().isoformat(), last.date().isoformat()) if first else ("", "")


def _identifying(
    connection: duckdb.DuckDBPyConnection, columns: Iterable[ColumnFacts]
) -> dict[str, str]:
    """Return which columns name people, as the guard of the ingest finds them."""
    parts = []
    for facts in columns:
        text, quoted = f"text_of({column(facts.name)})", column(facts.name)
        number = f"number_of({quoted})" if facts.is_number else "CAST(NULL AS DOUBLE)"
        word = "CAST(NULL AS VARCHAR)" if facts.is_number else text
        name = facts.name.replace("'", "''")
        parts.append(f"SELECT '{name}' AS name, {number} AS value_number, {word} AS value_text "
                     "FROM landed")  # fmt: skip
    return identifying_covariates(connection, f"({' UNION ALL '.join(parts)})") if parts else {}


def _repeats(connection: duckdb.DuckDBPyConnection, unit: str) -> int:
    """Return how many rows name a unit that an earlier row names."""
    text = f"text_of({column(unit)})"
    return int(connection.execute(
        f"SELECT count({text}) - count(DISTINCT {text}) FROM landed"
    ).fetchall()[0][0])  # fmt: skip

"""What a file says about itself: encoding, dates, decimal mark, currency, time zone, period."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from retention.sources.attaching import open_landed, view_landed, written_dates, written_marks
from retention.sources.base import ReadOptions, SourceFormat
from retention.sources.landing import land
from retention.sources.reading import identifier

UNCLEAR, MIXED = "unclear", "mixed"
"""What dates say where no row tells day from month, and where rows contradict each other."""

_OFFSET = "'[T ][0-9]{2}:[0-9]{2}[0-9:.,]* ?([+-][0-9]{2}):?([0-9]{2})$'"
_MONEY = "currency, coalesce(sum(gross_minor / currency_factor(currency)), 0)"
_CLOCK = "'[T ][0-9]{1,2}:[0-9]{2}'"


@dataclass(frozen=True)
class Period:
    """Rows of a canonical table in a file, with the first and last moment."""

    rows: int
    first: datetime | None
    last: datetime | None

    def with_(self, other: Period | None) -> Period:
        """Return the rows and the span of both."""
        if other is None:
            return self
        first = min((t for t in (self.first, other.first) if t), default=None)
        last = max((t for t in (self.last, other.last) if t), default=None)
        return Period(self.rows + other.rows, first, last)


@dataclass(frozen=True)
class FileFacts:
    """What was found in one file.

    Parameters
    ----------
    path, format
        The file and the format that it is in.
    options
        How it was read.
    records
        Records in it.
    date_order
        What its dates with day and month prove: ``month_first``, ``day_first``, ``unclear``,
        ``mixed``, or empty where none is written so.
    decimal
        Its decimal mark: ``.``, ``,``, ``unclear``, or empty where nothing tells.
    tables
        What it brings to its main tables: that of its records, and the orders. Where no row tells
        day from month, the span of both readings.
    readings
        The same by each order of day and month that it can be read in.
    currencies
        Value of its orders by the currency that they name, in major units.
    offsets
        Moments with the minutes that the shop's clock was ahead of UTC.
    is_local
        Whether it has times that do not tell their offset.
    """

    path: Path
    format: SourceFormat
    options: ReadOptions
    records: int
    date_order: str = ""
    decimal: str = ""
    tables: Mapping[str, Period] = field(default_factory=dict)
    readings: Mapping[str, Mapping[str, Period]] = field(default_factory=dict)
    currencies: Mapping[str, float] = field(default_factory=dict)
    offsets: frozenset[tuple[datetime, int]] = frozenset()
    is_local: bool = False

    def read_as(self, date_order: str) -> FileFacts:
        """Return the facts once the order of day and month is settled."""
        return replace(self, tables=self.readings.get(date_order, self.tables))


def facts_of(path: Path, fmt: SourceFormat, options: ReadOptions, folder: Path) -> FileFacts:
    """Read a file and return what it says about itself.

    Parameters
    ----------
    path
        The file.
    fmt
        Its format.
    options
        What is known of it.
    folder
        Private folder to land it in: raw identities pass through it.

    Raises
    ------
    InputError
        If it cannot be read as that format.
    """
    landed = land(path, fmt, folder, options)
    with duckdb.connect(config={"temp_directory": str(folder)}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        view_landed(connection, landed, fmt)
        order, decimal = _date_order(connection, fmt), _decimal(connection, fmt)
        chosen = replace(options, decimal=decimal if decimal in (".", ",") else ".")  # type: ignore[arg-type]
        made: dict[str, Period] = {}
        readings: dict[str, dict[str, Period]] = {}
        fixed: Any = "month_first" if fmt.date_order == "auto" else fmt.date_order
        both: tuple[Any, ...] = ("month_first", "day_first")
        for reading in both if order in (UNCLEAR, MIXED) else (order or fixed,):
            chosen = replace(chosen, date_order=reading)
            open_landed(connection, landed, fmt, chosen)
            read, money = _tables(connection, fmt)
            readings[reading] = read
            made = {t: replace(p.with_(made.get(t)), rows=p.rows) for t, p in read.items()}
        offsets, is_local = _clocks(connection, fmt.dates)
        offsets |= _pairs(connection, landed.columns)
    return FileFacts(
        path,
        fmt,
        options,
        landed.rows_read,
        order,
        decimal,
        made,
        readings,
        money,
        offsets,
        is_local,
    )


def _date_order(connection: duckdb.DuckDBPyConnection, fmt: SourceFormat) -> str:
    """Return what all dates that are written with day and month prove together."""
    found = [w for column in fmt.dates if (w := written_dates(connection, column)).written]
    first, second = (max((w[i] for w in found), default=0) for i in (1, 2))
    if (first > 12) != (second > 12):
        return "day_first" if first > 12 else "month_first"
    if not found or (fmt.date_order != "auto" and first <= 12 and max(w.year for w in found) < 100):
        return ""  # the platform's own spelling, whose order is known
    return MIXED if first > 12 else UNCLEAR


def _decimal(connection: duckdb.DuckDBPyConnection, fmt: SourceFormat) -> str:
    """Return the decimal mark that the amounts prove."""
    points, commas, unclear = written_marks(connection, fmt)
    if points or commas:
        return "." if points else ","
    return UNCLEAR if unclear else ""


def _tables(
    connection: duckdb.DuckDBPyConnection, fmt: SourceFormat
) -> tuple[dict[str, Period], dict[str, float]]:
    """Return what the file brings to its main tables, and the orders' value by currency."""
    found: dict[str, Period] = {}
    values: dict[str, float] = {}
    for mapping in fmt.tables:
        for view, select in mapping.views.items():
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {view} AS {select}")
        if not (mapping.accounts or mapping.table == "orders"):
            continue
        money = _MONEY if mapping.table == "orders" else "NULL, 0"
        rows = connection.execute(
            f"SELECT {money}, count(*), min(occurred_at), max(occurred_at) "
            f"FROM ({mapping.select}) WHERE exclusion IS NULL GROUP BY 1"
        ).fetchall()
        for code, value, count, first, last in rows:
            found[mapping.table] = Period(count, first, last).with_(found.get(mapping.table))
            values |= {str(code): float(value)} if code else {}
    return found, values


def _clocks(
    connection: duckdb.DuckDBPyConnection, columns: Iterable[str]
) -> tuple[frozenset[tuple[datetime, int]], bool]:
    """Return the offsets that times carry, by day, and whether there are times without one."""
    seen: set[tuple[datetime, int]] = set()
    is_local = False
    for column in map(identifier, columns):
        hours = f"CAST(regexp_extract({column}, {_OFFSET}, 1) AS INTEGER)"
        minutes = f"CAST(regexp_extract({column}, {_OFFSET}, 2) AS INTEGER)"
        rows = connection.execute(
            f"SELECT DISTINCT date_trunc('hour', time_of({column})), "
            f"{hours} * 60 + CASE WHEN {hours} < 0 THEN -1 ELSE 1 END * {minutes} "
            f"FROM landed WHERE regexp_matches({column}, {_OFFSET}) LIMIT 2000"
        ).fetchall()
        seen |= {(moment, offset) for moment, offset in rows if moment is not None}
        (local,) = connection.execute(
            f"SELECT count(*) FROM landed WHERE regexp_matches({column}, {_CLOCK}) "
            f"AND NOT regexp_matches({column}, '(Z|UTC|[+-][0-9]{{2}}:?[0-9]{{2}})$')"
        ).fetchall()[0]
        is_local |= bool(local)
    return frozenset(seen), is_local


def _pairs(
    connection: duckdb.DuckDBPyConnection, columns: Iterable[str]
) -> frozenset[tuple[datetime, int]]:
    """Return the offsets between a local time and the same in GMT, where a file has both."""
    names, seen = set(columns), set()
    have = {row[0] for row in connection.execute("DESCRIBE landed").fetchall()}
    for column in sorted(n for n in names & have if f"{n}_gmt" in have & names):
        local, gmt = identifier(column), identifier(f"{column}_gmt")
        rows = connection.execute(
            f"SELECT DISTINCT date_trunc('hour', utc), "
            "CAST(round(epoch(here - utc) / 900) * 15 AS INTEGER) "
            f"FROM (SELECT TRY_CAST({local} AS TIMESTAMP) AS here, TRY_CAST({gmt} AS TIMESTAMP) "
            "AS utc FROM landed) WHERE here IS NOT NULL AND utc IS NOT NULL LIMIT 2000"
        ).fetchall()
        seen |= {(moment, minutes) for moment, minutes in rows if abs(minutes) <= 14 * 60}
    return frozenset(seen)

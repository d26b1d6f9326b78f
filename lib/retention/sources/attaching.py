"""Make a landed file ready for its mappings: the view ``landed`` and the parsing macros."""

from __future__ import annotations

from typing import NamedTuple

import duckdb

from retention.errors import InputError
from retention.sources.base import ReadOptions, SourceFormat
from retention.sources.landed import Landed
from retention.sources.macros import Conventions, install_macros
from retention.sources.reading import identifier


def open_landed(
    connection: duckdb.DuckDBPyConnection,
    landed: Landed,
    fmt: SourceFormat,
    options: ReadOptions,
) -> Conventions:
    """Create the view ``landed``, its companions' and the parsing macros for this file.

    Parameters
    ----------
    connection
        Connection in which the format's mappings will run; one file at a time.
    landed, fmt, options
        The landed file, its format, and what the user says about it.

    Returns
    -------
    Conventions
        How the file writes dates and numbers, as proven or declared.

    Raises
    ------
    InputError
        If day and month, or the decimal mark, cannot be told and are not declared.
    """
    fmt = fmt.for_options(options)
    view_landed(connection, landed, fmt)
    for view, companion in landed.companions.items():
        select = _named(companion, fmt.companions[view][1])
        connection.execute(f"CREATE OR REPLACE VIEW {view} AS {select}")
    conventions = Conventions(
        _date_order(connection, landed, fmt, options),
        _decimal(connection, landed, fmt, options),
        options.time_zone,
        options.shop_zone or options.time_zone,
    )
    install_macros(connection, conventions)
    _install_constants(connection, fmt, options)
    return conventions


def view_landed(connection: duckdb.DuckDBPyConnection, landed: Landed, fmt: SourceFormat) -> None:
    """Create the view ``landed`` alone, to look at texts before anything is known of them."""
    connection.execute(f"CREATE OR REPLACE VIEW landed AS {_named(landed, fmt)}")


def _install_constants(
    connection: duckdb.DuckDBPyConnection, fmt: SourceFormat, options: ReadOptions
) -> None:
    """Define ``shop_id()``, ``shop_zone()`` and ``default_currency()``."""
    values = {
        "shop_id": options.shop_id or fmt.shop or fmt.name.split("_")[0],
        "shop_zone": options.shop_zone or options.time_zone,
        "default_currency": options.currency or fmt.currency,
    }
    for name, value in values.items():
        literal = "'" + value.replace("'", "''") + "'"
        connection.execute(f"CREATE OR REPLACE MACRO {name}() AS nullif({literal}, '')")


def _named(landed: Landed, fmt: SourceFormat) -> str:
    """Return the SELECT with aliases resolved and absent optional columns as NULL."""
    names = fmt.columns_in(landed.columns)
    wanted = [
        f'{identifier(names[c])} AS "{c}"' if c in names else f'NULL::VARCHAR AS "{c}"'
        for c in fmt.used_columns()
    ]
    return f"SELECT {', '.join(wanted)}, line_no, file FROM ({landed.select()})"


_YEAR_FIRST = """"{column}" BETWEEN '1970' AND '1999~' OR "{column}" BETWEEN '2000' AND '2099~'"""
"""Texts that begin with a year: no day and month come first there, and no pattern is tried."""


def _date_order(
    connection: duckdb.DuckDBPyConnection, landed: Landed, fmt: SourceFormat, options: ReadOptions
) -> str:
    """Return the order of day and month: declared, proven, or fixed by the platform.

    Values overrule the platform: a spreadsheet of another country writes its dates anew.
    """
    if options.date_order != "auto":
        return options.date_order
    fixed = None if fmt.date_order == "auto" else fmt.date_order
    orders = (_proven_order(connection, landed, fmt, column, fixed) for column in fmt.dates)
    return next((order for order in orders if order), fixed or "month_first")


class WrittenDates(NamedTuple):
    """Dates of a column that are written with day and month: how many, the largest parts."""

    written: int
    first: int
    second: int
    year: int
    line: int


def written_dates(connection: duckdb.DuckDBPyConnection, column: str) -> WrittenDates:
    """Return what a column of the view ``landed`` says about the order of day and month."""
    pattern = "'^[ ]*([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{2,4})'"
    part = f'coalesce(max(TRY_CAST(regexp_extract("{column}", {pattern}, %d) AS INTEGER)), 0)'
    row = connection.execute(
        f"SELECT count(*), {part % 1}, {part % 2}, {part % 3}, coalesce(min(line_no), 0) "
        f"FROM landed WHERE NOT ({_YEAR_FIRST.format(column=column)}) "
        f'AND regexp_matches("{column}", {pattern})'
    ).fetchall()[0]
    return WrittenDates(*row)


def _proven_order(
    connection: duckdb.DuckDBPyConnection,
    landed: Landed,
    fmt: SourceFormat,
    column: str,
    fixed: str | None,
) -> str | None:
    """Return what the values of a column prove; None if none is written with day and month.

    Where they prove nothing, the platform's own order holds for its own years of two digits.
    """
    found = written_dates(connection, column)
    if not found.written:
        return None
    if fixed and max(found.first, found.second) <= 12 and found.year < 100:
        return fixed
    if (found.first > 12) == (found.second > 12):
        problem = (
            "Dates with the day first and dates with the month first are mixed."
            if found.first > 12
            else "Every date here can be read day first or month first."
        )
        raise InputError(
            problem,
            f'Add to `read_options` in ingest.yaml: - "{fmt.name}: date_order = day_first" '
            "(or month_first).",
            file=landed.path,
            line=found.line,
            column=column,
        )
    return "day_first" if found.first > 12 else "month_first"


_FRACTION = "^[+-]?0?{0}[0-9]|{0}([0-9]{{1,2}}|[0-9]{{4,}})([eE][+-]?[0-9]+)?$"
"""Numbers whose mark parts no thousands: after nothing or a lone zero, or before other than three
digits."""


def _decimal(
    connection: duckdb.DuckDBPyConnection, landed: Landed, fmt: SourceFormat, options: ReadOptions
) -> str:
    """Return the decimal mark: declared or proven; a point where nothing speaks against it."""
    if options.decimal != "auto":
        return options.decimal
    points, commas, unclear = written_marks(connection, fmt)
    if unclear and not points and not commas:
        raise InputError(
            "Amounts such as 1,234 can be read as thousands or as a fraction.",
            f'Add to `read_options` in ingest.yaml: - "{fmt.name}: decimal = ." if they are '
            'thousands, "decimal = ," if they are fractions.',
            file=landed.path, column=fmt.money[0],
        )  # fmt: skip
    return "," if commas and not points else "."


def written_marks(connection: duckdb.DuckDBPyConnection, fmt: SourceFormat) -> tuple[int, int, int]:
    """Return how many amounts prove a decimal point, a decimal comma, and leave it open.

    Nothing is counted where no amount of the view ``landed`` holds a comma.
    """
    if not fmt.money:
        return 0, 0, 0
    written = " OR ".join(f"""contains("{column}", ',')""" for column in fmt.money)
    if not connection.execute(f"SELECT 1 FROM landed WHERE {written} LIMIT 1").fetchall():
        return 0, 0, 0
    points, commas, unclear = 0, 0, 0
    for column in fmt.money:
        found = connection.execute(
            f"SELECT count(*) FILTER (regexp_matches(x, '{_FRACTION.format('[.]')}')), "
            f"count(*) FILTER (regexp_matches(x, '{_FRACTION.format(',')}')), "
            f"count(*) FILTER (regexp_matches(x, '^[1-9][0-9]{{0,2}},[0-9]{{3}}$')) "
            f'FROM (SELECT trim("{column}") AS x FROM landed)'
        ).fetchall()[0]
        points, commas, unclear = points + found[0], commas + found[1], unclear + found[2]
    return points, commas, unclear

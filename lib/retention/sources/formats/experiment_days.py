"""An experiment as one table with a row per day and arm: how many units, their sums or counts.

Each text of ``columns`` reads ``target = Header`` or ``target = 'constant'``. Targets are
``experiment = 'name'``, ``arm``, ``date``, ``units`` and by name ``sum.<name>`` with
``squares.<name>`` (the sum of squares), or ``count.<name>`` for outcomes that are 0 or 1.
``arm.<name> = 'label'`` names the arms; rows with another label are refused.

>>> from retention.sources.base import ReadOptions
>>> made = DAYS.for_options(ReadOptions(columns=(
...     "experiment = 'offer'", "arm = version", "units = n", "count.bought = buyers")))
>>> made.required
('version', 'n', 'buyers')
"""

from __future__ import annotations

from retention.sources.base import ReadOptions, SourceFormat, TableMapping
from retention.sources.codes import ReasonCode
from retention.sources.formats.experiment_columns import (
    ARM,
    NO_TIME,
    REASON,
    ROWS,
    ColumnMapping,
    outcomes_select,
    read_mapping,
    reason_where,
    reserved,
    rows_view,
    settled,
    unknown_arm,
    unreadable_numbers,
    unreadable_times,
    wrong_mapping,
)
from retention.sources.fragments import column
from retention.tables import SQUARES, UNITS_IN_CELL

DAY_TARGETS = ("experiment", "arm", "date", "units")
DAY_NAMED = ("sum", "squares", "count")


def _expand_days(options: ReadOptions) -> SourceFormat:
    """Build the format of a file with one row per day and arm."""
    found = read_mapping(options, DAY_TARGETS, DAY_NAMED)
    if not {"experiment", "arm", "units"} <= set(found.plain) or not (
        found.named["sum"] or found.named["count"]
    ):
        raise wrong_mapping(
            "The columns lack the experiment, the arm, the units, or any sum or count.",
            "Write for example \"experiment = 'offer'; arm = version; date = day; units = "
            'visitors; count.converted = conversions".',
        )
    bare = sorted(set(found.named["sum"]) - set(found.named["squares"]))
    if bare:
        raise wrong_mapping(
            f"The sum of {bare[0]!r} has no sum of squares: how its units differ is not known.",
            f"Add 'squares.{bare[0]} = Header', or leave the outcome out.",
        )
    values = {UNITS_IN_CELL: found.plain["units"], **found.named["sum"], **found.named["count"]}
    squares = {**found.named["squares"], **found.named["count"]}  # 0 and 1 are their own squares
    values |= {SQUARES.format(name): header for name, header in squares.items()}
    numbers = {name: f"number_of({column(header)})" for name, header in values.items()}
    key = f"{found.experiment} || ':cell ' || printf('%08d', line_no - 1) AS unit_key, "
    parts = [
        ("assignments", _cells(found, key)),
        ("outcomes", outcomes_select(found, numbers, key, "")),
    ]
    tables = [
        TableMapping(
            table,
            select,
            accounts=number == 0,
            person="",
            views={ROWS: _day_rows(found)} if number == 0 else {},
        )
        for number, (table, select) in enumerate(parts)
    ]
    return settled(DAYS, found, tables, ("date",))


def _day_rows(found: ColumnMapping) -> str:
    """Return the view with arm and reasons of each row; nothing may be missing of a sum."""
    units = found.plain["units"]
    count = f"number_of({column(units)})"
    more = [
        *unreadable_numbers([units, *found.headers(*DAY_NAMED)], missing=True),
        reason_where(
            f"{count} < 0 OR {count} <> floor({count})", ReasonCode.UNREADABLE_NUMBER, units
        ),
        *unreadable_times([found.plain["date"]] if "date" in found.plain else []),
        *unknown_arm(found),
    ]
    return rows_view(found, more)


def _cells(found: ColumnMapping, key: str) -> str:
    """Return the SELECT of the cells: what is assigned is a day's units of an arm, as one row."""
    moment = found.time("date")
    nothing = "CAST(NULL AS VARCHAR)"
    return f"""
SELECT {found.experiment} AS experiment_key, {key}{ARM} AS arm, {moment} AS assigned_at,
  CAST(NULL AS DOUBLE) AS propensity, {nothing} AS stratum, {NO_TIME} AS exposed_at,
  {nothing} AS cluster_key, {reserved(REASON, "", moment)}
FROM {ROWS}"""


DAYS = SourceFormat(
    name="experiment_days",
    meaning="An experiment with one row per day and arm: units, sums or counts; see its columns.",
    required=(),
    optional=(),
    tables=(),
    expand=_expand_days,
)

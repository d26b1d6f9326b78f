"""How a table is cut into objects: by month where it is large, few objects per month.

A month's export touches that month's objects and leaves the others as they are. Where a month has
been brought in many pieces they are merged, so that reading a table stays cheap however often an
export is added; what was merged before is taken from the snapshot before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from retention.engine import Engine

PARTITION_ROWS = 500_000
"""A file that brings more rows of a table than this is cut by month."""

MAXIMUM_PIECES = 8
"""Objects that a table may have in one month before they are merged."""

Entry = dict[str, Any]
"""An object of a table: ``sha256``, ``rows``, ``partition`` and, where merged, its ``pieces``."""


def cuts(engine: Engine, rows: str) -> list[tuple[str, str, int]]:
    """Return the partitions of some rows: name, SQL condition and number of rows of each.

    Parameters
    ----------
    engine
        Engine that holds them.
    rows
        SELECT with the column ``occurred_at``.

    Returns
    -------
    list of (str, str, int)
        Months such as ``2025-02`` where there are many rows or all are of one month; otherwise
        one partition without a name.
    """
    query = f"""
        SELECT coalesce(strftime(month, '%Y-%m'), ''), CAST(month AS VARCHAR), rows
        FROM (SELECT CAST(date_trunc('month', occurred_at) AS TIMESTAMP) AS month,
                     count(*) AS rows FROM ({rows}) GROUP BY 1) ORDER BY 1"""
    months = engine.connection.execute(query).fetchall()
    total = sum(count for _, _, count in months)
    if len(months) == 1:
        return [(months[0][0], "true", total)]
    if total <= PARTITION_ROWS:
        return [("", "true", total)]
    return [(name, _within(start), count) for name, start, count in months]


def _within(start: str | None) -> str:
    """Return the condition that a row is of the month that begins then."""
    if start is None:
        return "occurred_at IS NULL"
    first = f"TIMESTAMP '{start}'"
    return f"occurred_at >= {first} AND occurred_at < {first} + INTERVAL 1 MONTH"


def merged(
    entries: Sequence[Entry], before: Iterable[Entry], merge: Callable[[list[Entry]], Entry]
) -> list[Entry]:
    """Return a table's objects with at most :data:`MAXIMUM_PIECES` per partition.

    Parameters
    ----------
    entries
        The objects of the table, oldest first.
    before
        Its objects in the snapshot before: what was merged there is used again.
    merge
        Writes several objects as one, in their order.
    """
    known = [entry for entry in before if entry.get("pieces")]
    result: list[Entry] = []
    for name in dict.fromkeys(entry["partition"] for entry in entries):
        own = [entry for entry in entries if entry["partition"] == name]
        if len(own) > MAXIMUM_PIECES:
            own = _with_known(own, known)
        if len(own) > MAXIMUM_PIECES:
            pieces = [piece for entry in own for piece in entry.get("pieces", [entry["sha256"]])]
            own = [{**merge(own), "partition": name, "pieces": pieces}]
        result += own
    return result


def _with_known(own: list[Entry], known: list[Entry]) -> list[Entry]:
    """Put what was merged before in the place of its pieces."""
    for entry in known:
        pieces = set(entry["pieces"])
        if pieces <= {one["sha256"] for one in own}:
            rest = [one for one in own if one["sha256"] not in pieces]
            own = [entry, *rest]
    return own

"""The data dictionary as a page: every table, column and feature, written from the code itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from retention.features import FEATURES
from retention.tables import TABLES, Column, Table

HEAD = """# Data dictionary

Written from `lib/retention/tables.py` and `lib/retention/features/dictionary.py` by
`retention dictionary`; CI holds this page against them. Every table also carries its origin:
`source`, `source_record_id`, `batch_id`.
"""

FEATURES_HEAD = """## Customer features

As of a date: nothing that happened on or after it counts. A layer whose table is not in the
snapshot is absent, not zero.
"""


def dictionary_page() -> str:
    """Return the data dictionary as Markdown.

    Examples
    --------
    >>> "## orders" in dictionary_page()
    True
    """
    parts = [HEAD, *(_table_section(table) for table in TABLES.values()), _features_section()]
    return "\n".join(parts)


def _table_section(table: Table) -> str:
    """Return the section of one canonical table."""
    rows = [
        (
            f"`{column.name}`",
            column.kind.value,
            column.unit,
            "yes" if column.name in table.key else "",
            "yes" if column.nullable else "",
            _sensitivity(column),
            _meaning(column),
        )
        for column in table.columns
        if column.name not in ("source", "source_record_id", "batch_id")
    ]
    head = ("column", "type", "unit", "key", "may be missing", "privacy", "meaning")
    return f"## {table.name}\n\n{table.meaning}\n\n{_markdown(head, rows)}"


def _features_section() -> str:
    """Return the section of the customer features."""
    rows = [(f"`{f.name}`", str(f.layer), f.unit, f"`{f.table}`", f.meaning) for f in FEATURES]
    head = ("feature", "layer", "unit", "from table", "meaning")
    return f"{FEATURES_HEAD}\n{_markdown(head, rows)}"


def _sensitivity(column: Column) -> str:
    """Return how a column must be handled."""
    marks = [("protected", column.protected), ("personal", column.personal)]
    return ", ".join(word for word, holds in marks if holds)


def _meaning(column: Column) -> str:
    """Return what a column means, with its lawful values."""
    values = ", ".join(f"`{value}`" for value in column.values)
    return f"{column.meaning} ({values})" if values else column.meaning


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return (
        "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in line) + " |" for line in lines)
        + "\n"
    )

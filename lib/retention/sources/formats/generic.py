"""Any table at all: its column mapping stands in the params, one text for each column.

Each text of ``columns`` reads ``table.column = Header``: a canonical table and column (money is
read in major units), an identity (``email``, ``phone``, ``platform_id``, ``name``, ``postcode``),
or what a column is worked out from, as a declaration names it. ``Date + Time`` joins two columns,
``'EUR'`` in single quotes is a constant. ``labels`` reads ``Their word = our word``, letter case
aside.

>>> from retention.sources.base import ReadOptions
>>> made = FORMAT.for_options(ReadOptions(columns=(
...     "surveys.response_key = No", "surveys.instrument = 'nps'", "surveys.score = Stars",
...     "surveys.answered_at = When", "surveys.email = Mail")))
>>> made.required
('No', 'Stars', 'When', 'Mail')
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from retention.errors import ParameterError
from retention.sources.base import ReadOptions, SourceFormat, column_pairs
from retention.sources.declarations.compiling import source_format
from retention.sources.declarations.schema import canonical_target, declared
from retention.tables import TABLES


def _expand(options: ReadOptions) -> SourceFormat:
    """Build the format that a column mapping describes."""
    labels = {word: meaning for word, meaning in column_pairs(options.labels)}
    tables: dict[str, dict[str, Any]] = {}
    for target, header in column_pairs(options.columns):
        table, _, name = target.partition(".")
        _require_target(target, table, name)
        tables.setdefault(table, {})[name] = _reading(header, labels if name == "status" else {})
    if not tables:
        raise ParameterError(
            "The generic source has no column mapping.",
            'Write it into read_options: "generic: columns = orders.order_key = Order No; '
            'orders.ordered_at = Date; orders.total = Sum".',
            column="columns",
        )
    given = {"name": "generic", "meaning": FORMAT.meaning, "tables": tables}
    made = declared(given, "read_options")
    return replace(source_format(made), is_settled=True)


def _require_target(target: str, table: str, name: str) -> None:
    """Refuse a target that the vocabulary does not have."""
    try:
        canonical_target(table, name)
    except (KeyError, ValueError) as error:
        known = str(error).strip("'") if table in TABLES else f"Tables are {', '.join(TABLES)}"
        raise ParameterError(
            f"There is no canonical column {target!r}.",
            f"Write 'table.column = Header', for example 'orders.ordered_at = Date'. {known}.",
            column="columns",
        ) from None


def _reading(header: str, labels: dict[str, str]) -> dict[str, Any]:
    """Return the reading of a header, of several joined by ``+``, or of a constant."""
    if header[0] == "'":
        return {"value": header.strip("'")}
    parts = [part.strip() for part in header.split(" + ")]
    source: dict[str, Any] = {"join": parts} if len(parts) > 1 else {"column": header}
    return source | ({"labels": labels} if labels else {})


FORMAT = SourceFormat(
    name="generic",
    meaning="Any delimited, JSON, Parquet or database table; its column mapping is a parameter.",
    required=(),
    optional=(),
    tables=(),
    expand=_expand,
)

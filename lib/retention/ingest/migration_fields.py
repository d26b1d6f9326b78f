"""What is compared of two matched orders, field by field, as SQL."""

from __future__ import annotations

from dataclasses import dataclass

_PAIRED = """migration_outcomes AS o
JOIN migration_orders AS l ON o.legacy_id = l.id JOIN migration_orders AS n ON o.new_id = n.id"""


@dataclass(frozen=True)
class Field:
    """One field of an order that both systems hold.

    Parameters
    ----------
    name
        Name to show.
    stage
        Table of the cut-over that it belongs to.
    column
        Column of either side.
    is_money
        Whether it is in minor units.
    differs
        SQL that is true where the two sides (``l``, ``n``) differ; empty for plain inequality.
    """

    name: str
    stage: str
    column: str
    is_money: bool = False
    differs: str = ""

    @property
    def condition(self) -> str:
        """SQL that is true where the two sides differ."""
        return self.differs or f"l.{self.column} IS DISTINCT FROM n.{self.column}"

    @property
    def comparable(self) -> str:
        """SQL that is true where both systems export the field at all."""
        if self.stage == "order lines":
            return "l.lines IS NOT NULL OR n.lines IS NOT NULL"
        return "true"


_TIMES = (
    "CASE WHEN 'day' IN (l.time_precision, n.time_precision) THEN l.day <> n.day "
    "ELSE abs(epoch(l.ordered_at) - epoch(n.ordered_at)) > 60 END"
)

FIELDS = (
    Field("time of order", "orders", "ordered_at", differs=_TIMES),
    Field("status", "orders", "status"),
    Field("currency", "amounts", "currency"),
    Field("goods", "amounts", "gross_minor", is_money=True),
    Field("discount", "amounts", "discount_minor", is_money=True),
    Field("shipping", "amounts", "shipping_minor", is_money=True),
    Field("tax", "amounts", "tax_minor", is_money=True),
    Field("net value", "amounts", "net_minor", is_money=True),
    Field("refunded", "refunds", "refunded_minor", is_money=True),
    Field("lines", "order lines", "lines"),
    Field("pieces", "order lines", "pieces"),
    Field("customer", "customers", "person_key"),
)
"""Every field that is compared."""


def field_query(field: Field) -> str:
    """Return SQL of one row: how often a field was compared, and how far it differs."""
    money = "0"
    if field.is_money:
        money = (
            f"CAST(coalesce(sum(n.{field.column} - l.{field.column}) "
            f"FILTER (WHERE l.currency = n.currency), 0) AS BIGINT)"
        )
    refunds = "AND (l.refunded_minor <> 0 OR n.refunded_minor <> 0)"
    return f"""
        SELECT '{field.name}' AS field, '{field.stage}' AS stage, count(*) AS compared,
               count(*) FILTER (WHERE {field.condition}) AS different, {money} AS difference,
               min(l.line_no) FILTER (WHERE {field.condition}) AS example_line
        FROM {_PAIRED} WHERE ({field.comparable}) {refunds if field.stage == "refunds" else ""}"""


def differences_query() -> str:
    """Return SQL of every single difference: pseudonyms, lines of the two files, both values."""
    parts = [
        f"""SELECT 'field_differs' AS kind, '{field.name}' AS field, l.order_key AS legacy_order,
               n.order_key AS new_order, l.line_no AS legacy_line, n.line_no AS new_line, o.day,
               coalesce(l.currency, n.currency) AS currency,
               CAST(l.{field.column} AS VARCHAR) AS legacy_value,
               CAST(n.{field.column} AS VARCHAR) AS new_value
            FROM {_PAIRED} WHERE ({field.comparable}) AND {field.condition}"""
        for field in FIELDS
    ]
    parts.append("""
        SELECT o.outcome, 'order', l.order_key, n.order_key, l.line_no, n.line_no, o.day,
               coalesce(l.currency, n.currency), CAST(l.net_minor AS VARCHAR),
               CAST(n.net_minor AS VARCHAR)
        FROM migration_outcomes AS o LEFT JOIN migration_orders AS l ON o.legacy_id = l.id
        LEFT JOIN migration_orders AS n ON o.new_id = n.id WHERE o.outcome <> 'matched'""")
    every = " UNION ALL ".join(parts)
    return (
        f"SELECT * REPLACE (CAST(day AS VARCHAR) AS day) FROM ({every}) "
        "ORDER BY kind, field, legacy_line, new_line"
    )

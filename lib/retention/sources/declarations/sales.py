"""Orders and their lines from a declaration: every row read once, then gathered by order.

Where an export has one row per item, the order's own columns may stand on its first row or on
every one: the first that is filled counts, and amounts of which each row carries a part are added
up. An order that stands in the file several times, row by row the same, is gathered once; its
second copy's lines take the first's keys, by which ingest finds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from retention.sources.codes import ExclusionCode
from retention.sources.declarations.readings import (
    any_of,
    by_target,
    excluded_sql,
    identity_sql,
    is_money,
    read_sql,
    text_sql,
    unreadable_sql,
    zoned_sql,
)
from retention.sources.declarations.rows import currency_sql, listed, order_key
from retention.sources.declarations.schema import Declaration, Part, Reading
from retention.sources.fragments import column
from retention.tables import get

ORDER, LINE = "as order {}", "as line {}"
"""Names under which the view of rows holds what was read of an order and of a line; no export has
columns of such names."""

_KEY, _CODE, _COPY, _REFUND = '"as key"', '"as code"', '"as copy"', '"as refund"'

_AMOUNT_TARGETS = ("gross_minor", "goods", "total")
"""Targets of an order's value, in the order in which they are asked for its sign."""

_APART = ("order_key", "currency", "zone", "refund_of", "cancelled_at", "paid_at")


@dataclass(frozen=True)
class Sales:
    """What a declaration says of orders and order lines, and the names of its views."""

    name: str
    order: Part
    line: Part | None
    has_orders: bool

    @classmethod
    def of(cls, declaration: Declaration) -> Sales:
        """Take the parts of a declaration that concern sales; people may be declared apart."""
        tables = declaration.tables
        line = tables["order_lines"][0] if "order_lines" in tables else None
        order = tables["orders"][0] if "orders" in tables else Part(columns={})
        for person in tables.get("customers", ()):
            order = order.model_copy(update={"columns": {**person.columns, **order.columns}})
        return cls(declaration.name, order, line, "orders" in tables)

    @cached_property
    def of_order(self) -> Mapping[str, Reading]:
        """Readings of the order, by target; what a line tells of it is the order's, too."""
        own = by_target("orders", self.order)
        shared = {n: r for n, r in self.of_line.items() if n in ("order_key", "currency")}
        if "ordered_at" in self.of_line:
            shared["ordered_at"] = self.of_line["ordered_at"]
        return {**shared, **own}

    @cached_property
    def of_line(self) -> Mapping[str, Reading]:
        """Readings of the line, by target."""
        return by_target("order_lines", self.line) if self.line else {}

    @property
    def rows(self) -> str:
        """View of every row of the export, read."""
        return f"{self.name}_rows"

    @property
    def gathered(self) -> str:
        """View of one row per order, or per row of an export of orders."""
        return f"{self.name}_gathered"

    @property
    def amounts(self) -> str:
        """View of the same with the order's amounts."""
        return f"{self.name}_amounts"

    def has(self, target: str) -> bool:
        """Tell whether a target of the order is declared."""
        return target in self.of_order

    @property
    def value(self) -> str:
        """Target of the order's value by which a refund is known."""
        return next((name for name in _AMOUNT_TARGETS if self.has(name)), "")

    def read_orders(self) -> dict[str, str]:
        """Return the SQL of what is read of an order in each row."""
        table = get("orders")
        made = {
            target: read_sql(table, target, reading, _CODE)
            for target, reading in self.of_order.items()
            if target
            in (
                *table.names,
                "goods",
                "total",
                "first_seen_at",
                "country",
                "channel",
                "is_guest",
                "zone",
            )
            and target not in ("order_key", "currency")
        }
        if "zone" in made and "ordered_at" in made:
            made["ordered_at"] = zoned_sql(made["ordered_at"], made["zone"])
        for target in ("cancelled_at", "paid_at"):
            if self.has(target):
                made[target] = text_sql(self.of_order[target])
        if self.has("ordered_at"):
            made["precision"] = f"precision_of({text_sql(self.of_order['ordered_at'])})"
        if self.has("status"):
            made["status text"] = text_sql(self.of_order["status"])
        return made | {
            f"identity {n}": sql for n, sql in identity_sql(self.of_order, table).items()
        }

    def read_lines(self) -> dict[str, str]:
        """Return the SQL of what is read of a line in each row."""
        table = get("order_lines")
        return {
            target: text_sql(reading)
            if target == "title"
            else read_sql(table, target, reading, _CODE)
            for target, reading in self.of_line.items()
            if target not in ("order_key", "currency", "ordered_at")
        }

    def reasons(self, table: str) -> str:
        """Return the SQL of the reasons of an order, or of a line, over the rows."""
        readings, name = (self.of_order, ORDER) if table == "orders" else (self.of_line, LINE)
        items = [
            item
            for target, reading in readings.items()
            if (target in get(table).names or is_money(target))
            and target != "order_key"
            and not (table == "order_lines" and target == "currency")
            for item in unreadable_sql(
                get(table),
                target,
                reading,
                _CODE if target == "currency" else column(name.format(target)),
            )
        ]
        return listed(items)


def rows_view(sales: Sales) -> str:
    """Return the SELECT of every row of the export, read."""
    orders = {ORDER.format(n): sql for n, sql in sales.read_orders().items()}
    lines = {LINE.format(n): sql for n, sql in sales.read_lines().items()}
    reads = ", ".join(f"{sql} AS {column(name)}" for name, sql in {**orders, **lines}.items())
    read = f"SELECT *{', ' + reads if reads else ''} FROM ({_keyed(sales)})"
    made = [f"{sales.reasons('orders')} AS order_reasons", f"{_excluded(sales)} AS excluded"]
    if sales.line:
        made += [
            f"{sales.reasons('order_lines')} AS line_reasons",
            f"{_is_item(sales)} AS is_item",
            f"{_raw_value(sales)} AS raw_value",
        ]
    else:
        made.append(f"{_raw_order_value(sales)} AS raw_value")
    own = [f"{_KEY} AS key", f"{_CODE} AS code", f"{_COPY} AS copy", f"{_REFUND} AS is_refund"]
    own += [column(name) for name in (*orders, *lines)]
    return f"SELECT line_no, {', '.join([*own, *made])}\nFROM ({_refunds_marked(sales, read)})"


def _keyed(sales: Sales) -> str:
    """Return the landed rows with the order's key, its currency and the number of the copy."""
    key = order_key(text_sql(sales.of_order["order_key"])) if sales.has("order_key") else "NULL"
    if sales.has("refund_of"):
        other = order_key(text_sql(sales.of_order["refund_of"]))
        is_refund = any_of(sales.order.refund_rows)
        key = f"CASE WHEN {is_refund} THEN coalesce({other}, {key}) ELSE {key} END"
    keyed = f"SELECT *, {key} AS {_KEY} FROM landed"
    if not sales.line:
        code = currency_sql(sales.of_order)
        return f"SELECT *, {code} AS {_CODE}, 1 AS {_COPY} FROM ({keyed})"
    code = "currency_of(default_currency())"
    if sales.has("currency"):
        text = text_sql(sales.of_order["currency"])
        code = f"currency_of(coalesce(min({text}) OVER (PARTITION BY {_KEY}), default_currency()))"
    used = [reading.headers for reading in (*sales.of_order.values(), *sales.of_line.values())]
    every = ", ".join(column(name) for name in dict.fromkeys(h for part in used for h in part))
    own = f"PARTITION BY {_KEY}"
    return f"""SELECT *, {code} AS {_CODE},
  CASE WHEN {_KEY} IS NULL OR bool_and("as alike" % "as fewest" = 0) OVER ({own}) IS NOT TRUE THEN 1
       ELSE ("as nth" - 1) // ("as alike" // "as fewest") + 1 END AS {_COPY}
FROM (SELECT *, min("as alike") OVER ({own}) AS "as fewest"
      FROM (SELECT *, count(*) OVER ({own}, "as print") AS "as alike",
              row_number() OVER ({own}, "as print" ORDER BY line_no) AS "as nth"
            FROM (SELECT *, hash({every}) AS "as print" FROM ({keyed}))))"""


def _refunds_marked(sales: Sales, read: str) -> str:
    """Return the rows with what tells whether they are of a refund."""
    if sales.order.refund_rows:
        test = any_of(sales.order.refund_rows)
    elif sales.line is None and sales.value:
        test = f"coalesce({column(ORDER.format(sales.value))} < 0, FALSE)"
    else:
        test = "FALSE"
    return f"SELECT *, {test} AS {_REFUND} FROM ({read})"


def _excluded(sales: Sales) -> str:
    """Return the SQL of the code by which a row is left out as declared."""
    part = sales.order
    made = excluded_sql(sales.of_order, ORDER)
    if part.test_rows:
        made.append(f"CASE WHEN {any_of(part.test_rows)} THEN '{ExclusionCode.TEST_ORDER}' END")
    if part.refund_rows and sales.line is None and sales.value:
        made.append(
            f"CASE WHEN NOT {_REFUND} AND {column(ORDER.format(sales.value))} < 0 "
            f"THEN '{ExclusionCode.OTHER_RECORD}' END"
        )
    if part.only:
        sales_or_refunds = any_of(part.only)
        made.append(
            f"CASE WHEN NOT {_REFUND} AND NOT {sales_or_refunds} "
            f"THEN '{ExclusionCode.OTHER_RECORD}' END"
        )
    return f"coalesce({', '.join(made)})" if made else "CAST(NULL AS VARCHAR)"


def _is_item(sales: Sales) -> str:
    """Return the SQL that tells a row of an item from one that has the order's columns alone."""
    lines = sales.of_line
    if sales.line and sales.line.item:
        return f"text_of({column(sales.line.item)}) IS NOT NULL"
    named = [name for name in ("product_key", "title", "sku") if name in lines]
    named = named or [n for n in ("quantity", "unit_price_minor", "line_gross") if n in lines]
    texts = ", ".join(text_sql(lines[name]) for name in named)
    return f"coalesce({texts}) IS NOT NULL" if texts else "TRUE"


def _raw_value(sales: Sales) -> str:
    """Return the SQL of a line's raw money, exact."""
    lines = sales.of_line
    if "line_gross" in lines:
        value = f"minor_value({text_sql(lines['line_gross'])}, {_CODE})"
    elif {"quantity", "unit_price_minor"} <= set(lines):
        quantity, price = text_sql(lines["quantity"]), text_sql(lines["unit_price_minor"])
        value = f"line_value({quantity}, {price}, {_CODE})"
    elif "unit_price_minor" in lines:
        value = f"minor_value({text_sql(lines['unit_price_minor'])}, {_CODE})"
    else:
        value = "0"
    return f"CAST({value} AS DECIMAL(38, 6))"


def _raw_order_value(sales: Sales) -> str:
    """Return the SQL of an order's raw money, exact."""
    value = f"minor_value({text_sql(sales.of_order[sales.value])}, {_CODE})" if sales.value else "0"
    return f"CAST({value} AS DECIMAL(38, 6))"

"""An order's amounts from what its export tells: list value, discount, what was paid back.

Exports name different ones: the goods before the discount (``gross``) or after it (``goods``), the
lines, or only what the buyer paid in all (``total``). Discounts count as positive whatever their
sign. What is paid back is of the goods, at most their price.
"""

from __future__ import annotations

from retention.sources.declarations.readings import is_money
from retention.sources.declarations.sales import LINE, ORDER, Sales
from retention.sources.fragments import column


def gathered_view(sales: Sales) -> str:
    """Return the SELECT of one row per order; of an export of orders, of each of its rows."""
    if sales.line is None:
        return f"SELECT *, raw_value AS refund_value FROM {sales.rows}"
    targets = sales.read_orders()
    firsts = [f"{_first(sales, name)} AS {column(ORDER.format(name))}" for name in targets]
    return f"""
SELECT key, min(code) AS code, min(line_no) AS line_no, 1 AS copy,
  bool_and(is_refund) AS is_refund, {", ".join(firsts)}{"," if firsts else ""}
  max(order_reasons) AS order_reasons, max(excluded) AS excluded,
  {_line_sums(sales)}
FROM {sales.rows} WHERE key IS NOT NULL AND copy = 1 GROUP BY key"""


def _first(sales: Sales, target: str) -> str:
    """Return an order's own value: the first of its sale's rows, or the sum where each has a part.

    Who bought, and when, is taken from a refund's row where the sale is not in the export.
    """
    name, reading = ORDER.format(target), sales.of_order.get(target)
    of_sale = f"CASE WHEN NOT is_refund THEN {column(name)} END"
    if reading is not None and reading.add_rows:
        return f"CAST(sum({of_sale}) AS BIGINT)"
    if is_money(target):
        return f"arg_min({of_sale}, line_no)"
    return f"coalesce(arg_min({of_sale}, line_no), arg_min({column(name)}, line_no))"


def line_value(sales: Sales) -> str:
    """Return the SQL of what a line's pieces are worth, before discount."""
    lines = sales.of_line
    if "line_gross" in lines:
        return column(LINE.format("line_gross"))
    quantity, price = column(LINE.format("quantity")), column(LINE.format("unit_price_minor"))
    if {"quantity", "unit_price_minor"} <= set(lines):
        return f"product_of({quantity}, {price})"
    return price if "unit_price_minor" in lines else "CAST(NULL AS BIGINT)"


def line_discount(sales: Sales) -> str:
    """Return the SQL of a line's discount: positive, but on a return, where it comes back."""
    if "line_discount_minor" not in sales.of_line:
        return "CAST(0 AS BIGINT)"
    given = f"abs(coalesce({column(LINE.format('line_discount_minor'))}, 0))"
    return f"CASE WHEN {line_value(sales)} < 0 THEN -{given} ELSE {given} END"


def _line_sums(sales: Sales) -> str:
    """Return the sums of an order's lines; NULL where a line cannot be read."""
    value, given = line_value(sales), line_discount(sales)
    sold, back = "is_item AND NOT is_refund", "is_item AND is_refund"
    whole = f"count(*) FILTER ({sold}) = count({value}) FILTER ({sold})"
    return (
        f"CASE WHEN {whole} THEN CAST(sum({value}) FILTER ({sold}) AS BIGINT) END AS lines_minor,\n"
        f"  coalesce(CAST(sum({given}) FILTER ({sold}) AS BIGINT), 0) AS lines_discount,\n"
        f"  CAST(sum(abs({value}) - abs({given})) FILTER ({back}) AS BIGINT) AS refund_value"
    )


def amounts_view(sales: Sales) -> str:
    """Return the SELECT of the orders with ``goods_paid``, ``gross`` and ``paid_back``."""
    goods, gross = _goods(sales)
    status = _status(sales)
    return f"""
SELECT *, least(coalesce(nullif(told_back, 0), rows_back,
    CASE WHEN state = 'refunded' THEN goods_paid END, 0), greatest(goods_paid, 0)) AS paid_back
FROM (
  SELECT *, {status} AS state,
    CASE WHEN is_refund THEN 0 ELSE {gross} END AS gross,
    CASE WHEN is_refund THEN 0 ELSE {goods} END AS goods_paid
  FROM (
    SELECT g.*, r.rows_back, {_read(sales)}
    FROM {sales.gathered} AS g LEFT JOIN ({returns_query(sales)}) AS r ON g.key = r.key))"""


def returns_query(sales: Sales) -> str:
    """Return the SELECT of what rows of refunds say was paid back of each order."""
    return (
        f"SELECT key, CAST(sum(amount) AS BIGINT) AS rows_back FROM ({refund_rows(sales)}) "
        "GROUP BY key"
    )


def refund_rows(sales: Sales) -> str:
    """Return the SELECT of the rows of refunds, with the amount that each paid back."""
    if sales.line is not None:
        amount = f"abs({line_value(sales)}) - abs({line_discount(sales)})"
    else:
        named = [n for n in ("total", "goods", "gross_minor") if sales.has(n)]
        amount = f"abs(coalesce({', '.join(column(ORDER.format(n)) for n in named) or 'NULL'}))"
    moment = column(ORDER.format("ordered_at")) if sales.has("ordered_at") else "NULL"
    return (
        f"SELECT key, code, line_no, CAST({moment} AS TIMESTAMP) AS moment, {amount} AS amount "
        f"FROM {sales.rows} WHERE is_refund AND copy = 1 AND key IS NOT NULL "
        f"AND excluded IS NULL"
    )


def _read(sales: Sales) -> str:
    """Return the order's amounts under short names, positive or zero where they are silent."""

    def amount(target: str) -> str:
        named = sales.has(target)
        return f"abs({column(ORDER.format(target))})" if named else "CAST(NULL AS BIGINT)"

    given = amount("discount_minor")
    if not sales.has("discount_minor") and sales.line is not None:
        given = "lines_discount"
    return (
        f"coalesce({given}, 0) AS given, coalesce({amount('shipping_minor')}, 0) AS shipped, "
        f"coalesce({amount('tax_minor')}, 0) AS taxed, {amount('refunded_minor')} AS told_back"
    )


def _goods(sales: Sales) -> tuple[str, str]:
    """Return the SQL of the goods after discount, and before it.

    Where the tax is not named, what was paid less shipping bounds the goods; lines that exceed the
    goods by the tax alone are prices that contain it.
    """
    gross, goods, total = (column(ORDER.format(n)) for n in ("gross_minor", "goods", "total"))
    lines = sales.line is not None and bool({"line_gross", "unit_price_minor"} & set(sales.of_line))
    paid = f"{total} - shipped - taxed"
    if sales.has("goods"):
        if sales.has("gross_minor"):
            return goods, f"greatest({goods}, coalesce({gross}, {goods} + given))"
        listed = f"CASE WHEN taxed > 0 AND lines_minor = {goods} + taxed THEN {goods} "
        listed += f"WHEN lines_minor >= {goods} THEN lines_minor ELSE {goods} + given END"
        return goods, listed if lines else f"{goods} + given"
    if sales.has("gross_minor"):
        bounded = sales.has("total") and not sales.has("discount_minor")
        return f"least({gross}, {paid})" if bounded else f"{gross} - given", gross
    if lines:
        return "lines_minor - given", "lines_minor"
    if sales.has("total"):
        return paid, f"{paid} + given"
    return "CAST(NULL AS BIGINT)", "CAST(NULL AS BIGINT)"


def _status(sales: Sales) -> str:
    """Return the SQL of the order's state."""
    paid = "'paid'"
    if sales.has("paid_at"):
        paid = f"CASE WHEN {column(ORDER.format('paid_at'))} IS NULL THEN 'pending' ELSE 'paid' END"
    state = paid
    if sales.has("status"):
        told = column(ORDER.format("status"))
        unsaid = paid if sales.has("paid_at") else "NULL"
        state = (
            f"CASE WHEN {column(ORDER.format('status text'))} IS NULL "
            f"AND {told} IS NULL THEN {unsaid} ELSE {told} END"
        )
    cases = "WHEN is_refund THEN 'cancelled'"
    if sales.has("cancelled_at"):
        cases += f" WHEN {column(ORDER.format('cancelled_at'))} IS NOT NULL THEN 'cancelled'"
    return f"CASE {cases} ELSE {state} END"

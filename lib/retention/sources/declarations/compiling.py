"""A declaration becomes a source format: its headers and the SQL of its tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from retention.sources.base import SourceFormat, TableMapping
from retention.sources.codes import ExclusionCode
from retention.sources.declarations.amounts import (
    amounts_view,
    gathered_view,
    line_discount,
    line_value,
    refund_rows,
)
from retention.sources.declarations.readings import by_target, is_money, kind_of
from retention.sources.declarations.rows import people_columns, row_mapping
from retention.sources.declarations.sales import LINE, ORDER, Sales, rows_view
from retention.sources.declarations.schema import IDENTITIES, Declaration
from retention.sources.fragments import NO_EXCLUSION, NO_MONEY, NO_REASONS, column, sku_columns
from retention.tables import Kind, get

_SALES = ("orders", "order_lines", "customers")
_NONE = {
    Kind.TEXT: "CAST(NULL AS VARCHAR)",
    Kind.FLAG: "CAST(NULL AS BOOLEAN)",
    Kind.TIME: "CAST(NULL AS TIMESTAMP)",
}


def source_format(declaration: Declaration) -> SourceFormat:
    """Return the format that a declaration describes.

    Examples
    --------
    >>> from retention.sources.declarations.schema import declared
    >>> made = source_format(declared({"name": "till", "meaning": "Our till.", "tables": {
    ...     "orders": {"order_key": "No", "ordered_at": "When", "total": "Sum", "email": "Mail"}}}))
    >>> made.required, [mapping.table for mapping in made.tables]
    (('No', 'When', 'Sum', 'Mail'), ['orders', 'refunds', 'customers'])
    """
    headers = declaration.headers
    required = declaration.required or headers
    optional = dict.fromkeys((*headers, *declaration.optional))
    return SourceFormat(
        name=declaration.name,
        meaning=declaration.meaning,
        required=required,
        optional=tuple(name for name in optional if name not in required),
        tables=tuple(_mappings(declaration)),
        dates=_headers_of(declaration, times=True),
        date_order=declaration.date_order,
        money=_headers_of(declaration, times=False),
        currency=declaration.currency,
        aliases=declaration.aliases,
        shop=declaration.shop,
        yields_to=declaration.yields_to,
    )


def _headers_of(declaration: Declaration, *, times: bool) -> tuple[str, ...]:
    """Return the columns that hold times, or money and other numbers."""
    found: list[str] = []
    for name, parts in declaration.tables.items():
        for target, reading in (pair for part in parts for pair in by_target(name, part).items()):
            kind = Kind.NUMBER if is_money(target) else kind_of(get(name), target)
            if kind is (Kind.TIME if times else Kind.NUMBER):
                found += reading.headers[:1] if reading.join else reading.headers
    return tuple(dict.fromkeys(found))


def _mappings(declaration: Declaration) -> Iterable[TableMapping]:
    """Yield the mappings; the first stands for the file's records."""
    tables = declaration.tables
    sells = "orders" in tables or "order_lines" in tables
    if sells:
        yield from _sales_mappings(Sales.of(declaration))
    accounts = not sells
    for name, parts in tables.items():
        others = [] if sells and name in _SALES else list(parts)
        if accounts and others:
            yield row_mapping(name, others.pop(0), accounts=True)
            accounts = False
        if others:
            made = [row_mapping(name, part, accounts=False) for part in others]
            yield replace(made[0], select=" UNION ALL ".join(mapping.select for mapping in made))


def _sales_mappings(sales: Sales) -> Iterable[TableMapping]:
    """Yield the mappings of orders, their lines, refunds and buyers."""
    views = {sales.rows: rows_view(sales)}
    if sales.has_orders:
        views |= {sales.gathered: gathered_view(sales), sales.amounts: amounts_view(sales)}
    if sales.line is not None:
        yield TableMapping("order_lines", _lines(sales), accounts=True, person="", views=views)
    if not sales.has_orders:
        return
    alone = sales.line is None
    orders = _orders(sales)
    yield TableMapping("orders", orders, accounts=alone, views=views if alone else {})
    yield TableMapping("refunds", _refunds(sales), person="")
    if _identities(sales):
        yield TableMapping("customers", _customers(sales), adds_people=False)


def _identities(sales: Sales) -> dict[str, str]:
    """Return the columns that hold the buyer's identities."""
    read = sales.read_orders()
    return {n: column(ORDER.format(f"identity {n}")) for n in IDENTITIES if f"identity {n}" in read}


def _moment(sales: Sales) -> str:
    """Return the SQL of the order's time."""
    known = sales.has("ordered_at")
    return column(ORDER.format("ordered_at")) if known else "CAST(NULL AS TIMESTAMP)"


def _of_order(sales: Sales, target: str, default: str) -> str:
    """Return the SQL of an order's column, or what it is where the declaration is silent."""
    return column(ORDER.format(target)) if target in sales.read_orders() else default


def _orders(sales: Sales) -> str:
    """Return the SELECT of the orders."""
    moment = _moment(sales)
    precision = _of_order(sales, "precision", "'second'")
    exclusion, money = "excluded AS exclusion", NO_MONEY
    if sales.line is None:
        sold = f"SELECT key FROM {sales.rows} WHERE NOT is_refund"
        exclusion = (
            f"coalesce(excluded, CASE WHEN is_refund AND key IN ({sold}) "
            f"THEN '{ExclusionCode.REFUND_ROW}' END) AS exclusion"
        )
        money = "raw_value AS value_minor, code AS value_currency"
    return f"""
SELECT key AS order_key, {_of_order(sales, "shop_id", "shop_id()")} AS shop_id,
  {moment} AS ordered_at, coalesce({precision}, 'second') AS time_precision,
  shop_zone() AS shop_tz, state AS status, code AS currency, gross AS gross_minor,
  gross - goods_paid AS discount_minor, shipped AS shipping_minor, taxed AS tax_minor,
  coalesce({_of_order(sales, "marketplace_tax_minor", "0")}, 0) AS marketplace_tax_minor,
  paid_back AS refunded_minor, goods_paid - paid_back AS net_minor,
  {_of_order(sales, "is_gift", _NONE[Kind.FLAG])} AS is_gift,
  {_of_order(sales, "delivered_late", _NONE[Kind.FLAG])} AS delivered_late,
  line_no, key AS source_record_id, order_reasons AS reasons, {exclusion},
  {moment} AS occurred_at, {money},
{people_columns(_identities(sales))}
FROM {sales.amounts}"""


def _refunds(sales: Sales) -> str:
    """Return the SELECT of what was paid back: by rows of its own, dated, or by order.

    What rows say is counted up to the price of the order's goods, the earliest first, as the order
    counts it.
    """
    tail = f"line_no, {NO_REASONS}, {NO_EXCLUSION}"
    return f"""
SELECT key || ':refund:' || line_no AS refund_key, key AS order_key, moment AS refunded_at,
  code AS currency, amount AS amount_minor, 'exact' AS dating,
  key || ':refund:' || line_no AS source_record_id, {tail}, moment AS occurred_at, {NO_MONEY}
FROM (
  SELECT r.* EXCLUDE (amount), CASE WHEN a.is_refund THEN amount ELSE
      least(paid_back, upto) - least(paid_back, upto - amount) END AS amount
  FROM (SELECT *, CAST(sum(amount) OVER (PARTITION BY key ORDER BY moment, line_no) AS BIGINT)
          AS upto FROM ({refund_rows(sales)})) AS r
  JOIN (SELECT key, max(paid_back) AS paid_back, bool_and(is_refund) AS is_refund
        FROM {sales.amounts} GROUP BY key) AS a ON r.key = a.key)
WHERE amount > 0
UNION ALL
SELECT key || ':refund', key, CAST(NULL AS TIMESTAMP), code, paid_back, 'unknown',
  key || ':refund', {tail.replace(" AS reasons", "").replace(" AS exclusion", "")},
  {_moment(sales)}, {NO_MONEY}
FROM {sales.amounts}
WHERE NOT is_refund AND paid_back > 0 AND rows_back IS NULL AND excluded IS NULL"""


def _customers(sales: Sales) -> str:
    """Return the SELECT of the buyers, one row for each order of somebody."""
    people, moment = _identities(sales), _moment(sales)
    seen = _of_order(sales, "first_seen_at", moment)
    guest = f"{people['platform_id']} IS NULL" if "platform_id" in people else "FALSE"
    known = [sql for name, sql in people.items() if name not in ("name", "postcode")]
    tests = [f"coalesce({', '.join(known)}) IS NOT NULL"] if known else []
    if {"name", "postcode"} <= set(people):
        tests.append(f"({people['name']} IS NOT NULL AND {people['postcode']} IS NOT NULL)")
    return f"""
SELECT coalesce({seen}, {moment}) AS first_seen_at,
  {_of_order(sales, "country", _NONE[Kind.TEXT])} AS country,
  {_of_order(sales, "channel", "shop_id()")} AS channel,
  coalesce({_of_order(sales, "is_guest", guest)}, FALSE) AS is_guest, line_no,
  key AS source_record_id, {NO_REASONS}, excluded AS exclusion, {moment} AS occurred_at, {NO_MONEY},
{people_columns(people)}
FROM {sales.amounts}
WHERE {moment} IS NOT NULL AND ({" OR ".join(tests) or "FALSE"})"""


def _lines(sales: Sales) -> str:
    """Return the SELECT of the order lines: one row of the export each."""
    lines, moment = sales.of_line, _moment(sales)
    quantity = column(LINE.format("quantity")) if "quantity" in lines else "CAST(1 AS BIGINT)"
    value, given = "value_of_line", "given_on_line"
    price = (
        column(LINE.format("unit_price_minor"))
        if "unit_price_minor" in lines
        else (f"rounded_minor(CAST({value} AS DECIMAL(24, 6)) / nullif({quantity}, 0))")
    )
    dated = f"coalesce({moment}, min({moment}) OVER (PARTITION BY key))"
    own = column(LINE.format("order_line_key"))
    named = "order_line_key" in lines
    key = f"shop_id() || ':' || {own}" if named else "key || ':' || place"
    return f"""
SELECT {key} AS order_line_key,{"" if named else " place AS line_place,"} key AS order_key,
  {_product(sales)},
  {quantity} AS quantity, code AS currency, {price} AS unit_price_minor,
  {given} AS line_discount_minor, {value} - {given} AS line_net_minor,
  line_no, {f"CAST({own} AS VARCHAR)" if named else _NONE[Kind.TEXT]} AS source_record_id,
  line_reasons AS reasons,
  coalesce(excluded, CASE WHEN NOT is_item THEN '{ExclusionCode.AGGREGATE_ROW}' END) AS exclusion,
  {dated} AS occurred_at, raw_value AS value_minor, code AS value_currency
FROM (
  SELECT *, {line_value(sales)} AS {value}, {line_discount(sales)} AS {given},
    row_number() OVER (PARTITION BY key, copy, is_item ORDER BY line_no) AS place
  FROM {sales.rows})"""


def _product(sales: Sales) -> str:
    """Return the columns that say what a line is of."""
    lines = sales.of_line

    def named(target: str) -> str:
        return column(LINE.format(target)) if target in lines else _NONE[Kind.TEXT]

    made = "CAST(NULL AS BOOLEAN)"
    if "sku" in lines or "title" in lines:
        derived = sku_columns(named("sku"), named("title"))
        if not {"product_key", "category", "is_made_to_order"} & set(lines):
            return derived
    key = f"coalesce({named('product_key')}, {named('sku')}, {named('title')})"
    if "is_made_to_order" in lines:
        made = column(LINE.format("is_made_to_order"))
    return (
        f"{key} AS product_key, {named('sku')} AS sku, {named('category')} AS category, "
        f"{made} AS is_made_to_order"
    )

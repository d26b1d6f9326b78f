"""Shopify's orders export: one row per line item, totals on an order's first row only.

Continuation rows keep ``Name`` and ``Created at``; they are joined to their order by name, never
filled from the row before. An order that stands in the file twice yields the same line keys twice,
so that the second copy is found. Refunds are per order and undated; a
partial refund is taken to be of goods first. Where prices contain tax (`retention.sources.tax`),
goods, lines and refunds are without it.
"""

from __future__ import annotations

from retention.sources.base import SourceFormat, TableMapping
from retention.sources.codes import ExclusionCode, ReasonCode
from retention.sources.fragments import (
    NO_MONEY,
    NO_REASONS,
    condition,
    identities,
    labels,
    money_parsed,
    reasons,
    refunded_and_net,
    sku_columns,
    unreadable_parsed,
)
from retention.sources.tax import CONVENTION, TAX_IN_PRICES, TAX_OF_GOODS, without_tax

STATUS = {
    "paid": "paid", "partially_refunded": "paid", "partially_paid": "paid", "refunded": "refunded",
    "pending": "pending", "authorized": "pending", "unpaid": "pending", "expired": "cancelled",
    "voided": "cancelled",
}  # fmt: skip

KEY = "shop_id() || ':' || ltrim(text_of(\"Name\"), '#')"

_IS_TEST = """coalesce(regexp_matches(lower("Tags"), '(^|[, ])test([, ]|$)'), FALSE)
  OR coalesce(lower(text_of("Payment Method")) LIKE '%bogus%', FALSE)"""

# Of a row's many columns only those of the line are kept here; those of the order are looked up.
_ROWS = f"""
SELECT line_no, "Name", "Created at", "Lineitem quantity", "Lineitem name", "Lineitem price",
  "Lineitem sku", "Lineitem discount", {KEY} AS order_key,
  "Financial Status" IS NOT NULL OR "Total" IS NOT NULL AS is_head,
  greatest(1, count(*) FILTER ("Financial Status" IS NOT NULL OR "Total" IS NOT NULL)
    OVER (PARTITION BY text_of("Name") ORDER BY line_no)) AS copy
FROM landed"""

_READ = {
    "Subtotal": "goods_paid", "Discount Amount": "given", "Shipping": "shipped", "Taxes": "taxed",
    "Total": "charged", "Refunded Amount": "refunded",
}  # fmt: skip
"""Amounts and the columns that hold them parsed: parsing each once also spares planning."""

_RATE = """CASE WHEN text_of("Tax 2 Name") IS NULL THEN TRY_CAST(replace(
  regexp_extract("Tax 1 Name", '([0-9]{1,2}([.,][0-9]{1,4})?) ?%', 1), ',', '.') AS DOUBLE) END"""

_HEADS = f"""
SELECT *, {money_parsed("code", _READ)}, {_RATE} AS rate
FROM (SELECT landed.*, heads.order_key, heads.copy,
        currency_of(coalesce("Currency", default_currency())) AS code,
        CASE WHEN {_IS_TEST} THEN '{ExclusionCode.TEST_ORDER}' END AS excluded
      FROM landed JOIN (SELECT line_no, order_key, copy FROM shopify_rows WHERE is_head) AS heads
        ON landed.line_no = heads.line_no)"""

_NET = f"""
SELECT line_no, order_key, copy, code, excluded, goods_paid, tax_in_prices,
  {TAX_OF_GOODS} AS goods_tax
FROM (SELECT *, {TAX_IN_PRICES} AS tax_in_prices
      FROM shopify_heads CROSS JOIN shopify_convention)"""

_LINES = """
SELECT r.*, h.code, h.excluded, h.goods_paid, h.goods_tax, h.order_key IS NOT NULL AS has_head,
  time_of("Created at") AS moment, integer_of("Lineitem quantity") AS pieces,
  minor_of("Lineitem price", h.code) AS price,
  abs(minor_of("Lineitem discount", h.code)) AS given,
  row_number() OVER (PARTITION BY r.order_key, r.copy ORDER BY r.line_no) AS line_index
FROM shopify_rows AS r
LEFT JOIN (SELECT order_key, min(code) AS code, min(excluded) AS excluded,
             min_by(goods_paid, line_no) AS goods_paid, min_by(goods_tax, line_no) AS goods_tax
           FROM shopify_net WHERE order_key IS NOT NULL GROUP BY order_key) AS h
  ON r.order_key = h.order_key"""

_SUMS = """
SELECT order_key, copy,
  CASE WHEN count(*) = count(value) THEN CAST(sum(value) AS BIGINT) END AS lines_minor
FROM (SELECT order_key, copy,
        product_of(price, pieces) AS value
      FROM shopify_lines WHERE order_key IS NOT NULL)
GROUP BY order_key, copy"""

_IS_REFUNDED = """coalesce(lower(text_of("Financial Status")) = 'refunded', FALSE)"""
_ALL_IF_REFUNDED = f"CASE WHEN {_IS_REFUNDED} THEN charged END"

_TOTALS = f"""
SELECT *, goods_paid - coalesce(goods_tax, 0) AS goods, {without_tax("listed")} AS gross,
  CASE WHEN {_IS_REFUNDED} OR paid_back >= goods_paid
       THEN goods_paid - coalesce(goods_tax, 0)
       ELSE {without_tax("paid_back")} END AS goods_back
FROM (
  SELECT h.*, n.tax_in_prices, n.goods_tax, time_of("Created at") AS moment,
    coalesce(nullif(abs(refunded), 0), {_ALL_IF_REFUNDED}, 0) AS paid_back,
    CASE WHEN s.lines_minor >= h.goods_paid THEN s.lines_minor
         ELSE h.goods_paid + abs(coalesce(given, 0)) END AS listed
  FROM shopify_heads AS h
  LEFT JOIN shopify_net AS n ON h.line_no = n.line_no
  LEFT JOIN shopify_sums AS s ON h.order_key = s.order_key AND h.copy = s.copy)"""

_ORDERS = f"""
SELECT order_key, shop_id() AS shop_id, moment AS ordered_at, 'second' AS time_precision,
  shop_zone() AS shop_tz,
  CASE WHEN text_of("Cancelled at") IS NOT NULL THEN 'cancelled'
       ELSE {labels('"Financial Status"', STATUS)} END AS status,
  code AS currency, gross AS gross_minor, gross - goods AS discount_minor,
  coalesce(shipped, 0) - CASE WHEN tax_in_prices THEN taxed - goods_tax ELSE 0 END
    AS shipping_minor, coalesce(taxed, 0) AS tax_minor,
  CAST(0 AS BIGINT) AS marketplace_tax_minor, tax_in_prices,
  {refunded_and_net("goods_back", "goods")},
  coalesce(regexp_matches(lower("Tags"), '(^|[, ])gift'), FALSE)
    OR coalesce(contains(lower("Note Attributes"), 'gift'), FALSE) AS is_gift,
  CAST(NULL AS BOOLEAN) AS delivered_late,
  line_no, coalesce(text_of("Id"), text_of("Name")) AS source_record_id,
  {reasons(
      (ReasonCode.UNREADABLE_TIME, "Created at", "moment"),
      *unreadable_parsed(_READ),
      (ReasonCode.UNKNOWN_LABEL, "Financial Status", labels('"Financial Status"', STATUS)),
  )},
  excluded AS exclusion, moment AS occurred_at, {NO_MONEY},
  {identities('"Email"', 'coalesce("Phone", "Billing Phone")', name='"Billing Name"',
              postcode='plain_of("Billing Zip")')}
FROM shopify_totals"""  # fmt: skip

_ORDER_LINES = f"""
SELECT order_key || ':' || line_index AS order_line_key, line_index AS line_place, order_key,
  {sku_columns('"Lineitem sku"', '"Lineitem name"')},
  pieces AS quantity, code AS currency, {without_tax("price")} AS unit_price_minor,
  {without_tax("coalesce(given, 0)")} AS line_discount_minor,
  {without_tax("product_of(pieces, price)")} - {without_tax("coalesce(given, 0)")}
    AS line_net_minor,
  line_no, CAST(NULL AS VARCHAR) AS source_record_id,
  {reasons(
      (ReasonCode.UNREADABLE_TIME, "Created at", "moment"),
      (ReasonCode.UNREADABLE_NUMBER, "Lineitem quantity", "pieces"),
      (ReasonCode.UNREADABLE_MONEY, "Lineitem price", "price"),
      (ReasonCode.UNREADABLE_MONEY, "Lineitem discount", "given"),
      more=[condition("order_key IS NOT NULL AND NOT has_head", ReasonCode.ORPHAN_LINE, "Name")],
  )},
  excluded AS exclusion, moment AS occurred_at,
  coalesce(CAST(product_of(pieces, price) AS DECIMAL(38, 6)),
    line_value("Lineitem quantity", "Lineitem price", code)) AS value_minor,
  code AS value_currency
FROM shopify_lines"""  # fmt: skip

_REFUNDS = f"""
SELECT order_key || ':refund' AS refund_key, order_key, CAST(NULL AS TIMESTAMP) AS refunded_at,
  code AS currency, paid_back AS amount_minor, 'unknown' AS dating,
  line_no, order_key || ':refund' AS source_record_id, {NO_REASONS}, excluded AS exclusion,
  moment AS occurred_at, {NO_MONEY}
FROM shopify_totals WHERE paid_back > 0"""

_CUSTOMERS = f"""
SELECT time_of("Created at") AS first_seen_at,
  coalesce(text_of("Shipping Country"), text_of("Billing Country")) AS country,
  text_of("Source") AS channel,
  coalesce(text_of("Email"), text_of("Phone"), text_of("Billing Phone")) IS NULL AS is_guest,
  line_no, text_of("Name") AS source_record_id, {NO_REASONS}, excluded AS exclusion,
  time_of("Created at") AS occurred_at, {NO_MONEY},
  {
    identities(
        '"Email"',
        'coalesce("Phone", "Billing Phone")',
        name='"Billing Name"',
        postcode='plain_of("Billing Zip")',
    )
}
FROM shopify_heads
WHERE time_of("Created at") IS NOT NULL
  AND (coalesce(text_of("Email"), text_of("Phone"), text_of("Billing Phone")) IS NOT NULL
       OR (text_of("Billing Name") IS NOT NULL AND plain_of("Billing Zip") IS NOT NULL))"""

FORMAT = SourceFormat(
    name="shopify_orders",
    meaning="Shopify admin → Orders → Export (plain CSV).",
    required=("Name", "Financial Status", "Currency", "Subtotal", "Total", "Created at",
              "Lineitem quantity", "Lineitem name", "Lineitem price"),
    optional=("Email", "Shipping", "Taxes", "Discount Code", "Discount Amount", "Lineitem sku",
              "Lineitem discount", "Billing Name", "Billing Zip", "Billing Country",
              "Billing Phone", "Shipping Country", "Phone", "Note Attributes", "Cancelled at",
              "Payment Method", "Refunded Amount", "Id", "Tags", "Source", "Paid at",
              "Fulfillment Status", "Fulfilled at", "Accepts Marketing", "Tax 1 Name",
              "Tax 2 Name"),
    tables=(
        TableMapping(
            "order_lines", _ORDER_LINES, accounts=True, person="",
            views={"shopify_rows": _ROWS, "shopify_heads": _HEADS,
                   "shopify_convention": CONVENTION.format(heads="shopify_heads"),
                   "shopify_net": _NET, "shopify_lines": _LINES, "shopify_sums": _SUMS,
                   "shopify_totals": _TOTALS},
        ),
        TableMapping("orders", _ORDERS),
        TableMapping("refunds", _REFUNDS, person=""),
        TableMapping("customers", _CUSTOMERS, adds_people=False),
    ),
    dates=("Created at",),
    money=("Lineitem price", "Total"),
)  # fmt: skip

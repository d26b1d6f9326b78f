"""WooCommerce orders: the REST interface's JSON, and the CSV of the usual export plugin.

REST: money is text and lines are without tax, ``customer_id`` 0 is a guest, ``date_created_gmt`` is
UTC without saying so, refunds stand within the order.

CSV (Advanced Order Export): one row per item; fields of the order may stand on its first row only
and are joined by the order's number. An item that comes again after other orders is another copy of
the order: two exports pasted into one. Prices contain tax where totals say so
(`retention.sources.tax`).
"""

from __future__ import annotations

from retention.sources.base import SourceFormat, TableMapping
from retention.sources.codes import ReasonCode
from retention.sources.fragments import (
    NO_EXCLUSION,
    NO_MONEY,
    NO_REASONS,
    condition,
    identities,
    labels,
    reasons,
    refunded_and_net,
    sku_columns,
    unreadable_integers,
    unreadable_money,
    unreadable_times,
)
from retention.sources.tax import CONVENTION, TAX_IN_PRICES, TAX_OF_GOODS, without_tax

STATUS = {
    "completed": "paid", "processing": "paid", "on-hold": "pending", "pending": "pending",
    "pending payment": "pending", "on hold": "pending", "checkout-draft": "pending",
    "draft": "pending", "refunded": "refunded", "cancelled": "cancelled", "failed": "cancelled",
    "trash": "cancelled",
}  # fmt: skip

_GMT = """time_of("date_created_gmt"
    || CASE WHEN ends_with("date_created_gmt", 'Z') THEN '' ELSE 'Z' END)"""

_ROWS = f"""
SELECT *, currency_of(coalesce("currency", default_currency())) AS code,
  shop_id() || ':' || text_of("id") AS order_key,
  coalesce({_GMT}, time_of("date_created")) AS moment,
  {labels('"status"', STATUS)} AS state
FROM landed"""

_ITEMS = """
SELECT order_key, code, line_no, moment, unnest(CAST("line_items" AS JSON[])) AS item
FROM woo_rows WHERE order_key IS NOT NULL AND json_valid("line_items")"""

_SUMS = """
SELECT order_key, min(line_no) AS line_no,
  CAST(sum(minor_of(item ->> '$.subtotal', code)) AS BIGINT) AS goods
FROM woo_items GROUP BY order_key"""

_RETURNS = """
SELECT order_key, CAST(sum(abs(minor_of(refund ->> '$.total', code))) AS BIGINT) AS paid_back
FROM (SELECT order_key, code, unnest(CAST("refunds" AS JSON[])) AS refund
      FROM woo_rows WHERE json_valid("refunds"))
GROUP BY order_key"""

_PEOPLE = identities(
    '"billing.email"', '"billing.phone"', "nullif(text_of(\"customer_id\"), '0')",
    "\"billing.first_name\" || ' ' || \"billing.last_name\"", '"billing.postcode"',
)  # fmt: skip

_ORDERS = f"""
WITH amounts AS (
  SELECT r.*, coalesce(s.goods, 0) AS goods,
    CASE WHEN state = 'refunded' THEN coalesce(s.goods, 0) ELSE coalesce(b.paid_back, 0) END
      AS paid_back,
    abs(coalesce(minor_of("discount_total", code), 0)) AS discount_given
  FROM woo_rows AS r
  LEFT JOIN woo_sums AS s ON r.order_key = s.order_key
  LEFT JOIN woo_returns AS b ON r.order_key = b.order_key
)
SELECT order_key, shop_id() AS shop_id, moment AS ordered_at, 'second' AS time_precision,
  shop_zone() AS shop_tz, state AS status, code AS currency, goods AS gross_minor,
  discount_given AS discount_minor, coalesce(minor_of("shipping_total", code), 0) AS shipping_minor,
  coalesce(minor_of("total_tax", code), 0) AS tax_minor,
  CAST(0 AS BIGINT) AS marketplace_tax_minor,
  {refunded_and_net("paid_back", "goods - discount_given")},
  CAST(NULL AS BOOLEAN) AS is_gift, CAST(NULL AS BOOLEAN) AS delivered_late,
  line_no, text_of("id") AS source_record_id,
  {reasons(
      *unreadable_times("date_created_gmt"),
      *unreadable_money("code", "discount_total", "shipping_total", "total_tax", "total"),
      (ReasonCode.UNKNOWN_LABEL, "status", "state"),
  )},
  {NO_EXCLUSION}, moment AS occurred_at, minor_value("total", code) AS value_minor,
  code AS value_currency,
  {_PEOPLE}
FROM amounts"""  # fmt: skip

_LINES = f"""
SELECT order_key || ':' || coalesce(item ->> '$.id', '') AS order_line_key, order_key,
  integer_of(item ->> '$.id') AS line_place,
  coalesce(text_of(item ->> '$.sku'), item ->> '$.product_id', item ->> '$.name') AS product_key,
  text_of(item ->> '$.sku') AS sku,
  nullif(regexp_extract(item ->> '$.sku', '^([A-Za-z]{{2,12}})-', 1), '') AS category,
  integer_of(item ->> '$.quantity') AS quantity, code AS currency,
  rounded_minor(minor_value(item ->> '$.subtotal', code)
    / nullif(decimal_of(item ->> '$.quantity'), 0)) AS unit_price_minor,
  minor_of(item ->> '$.subtotal', code) - minor_of(item ->> '$.total', code)
    AS line_discount_minor,
  minor_of(item ->> '$.total', code) AS line_net_minor, CAST(NULL AS BOOLEAN) AS is_made_to_order,
  line_no, order_key || ':' || coalesce(item ->> '$.id', '') AS source_record_id,
  {NO_REASONS}, {NO_EXCLUSION}, moment AS occurred_at, {NO_MONEY}
FROM woo_items"""

_REFUNDS = f"""
SELECT order_key || ':refund:' || coalesce(refund ->> '$.id', '') AS refund_key, order_key,
  CAST(NULL AS TIMESTAMP) AS refunded_at, code AS currency,
  abs(minor_of(refund ->> '$.total', code)) AS amount_minor, 'unknown' AS dating,
  line_no, order_key || ':refund' AS source_record_id, {NO_REASONS}, {NO_EXCLUSION},
  moment AS occurred_at, {NO_MONEY}
FROM (SELECT order_key, code, line_no, moment, unnest(CAST("refunds" AS JSON[])) AS refund
      FROM woo_rows WHERE order_key IS NOT NULL AND json_valid("refunds"))"""

_CUSTOMERS = f"""
SELECT moment AS first_seen_at, text_of("billing.country") AS country,
  'woocommerce' AS channel, coalesce(text_of("customer_id"), '0') = '0' AS is_guest,
  line_no, text_of("id") AS source_record_id, {NO_REASONS}, {NO_EXCLUSION},
  moment AS occurred_at, {NO_MONEY},
  {_PEOPLE}
FROM woo_rows WHERE moment IS NOT NULL"""

REST = SourceFormat(
    name="woocommerce_orders",
    meaning="WooCommerce REST: GET /wp-json/wc/v3/orders, as a JSON array or JSON lines.",
    required=("id", "status", "line_items", "total"),
    optional=("date_created_gmt", "date_created", "currency", "customer_id", "discount_total",
              "shipping_total", "total_tax", "refunds", "number", "billing", "billing.email",
              "billing.phone", "billing.first_name", "billing.last_name", "billing.postcode",
              "billing.country"),
    tables=(
        TableMapping("orders", _ORDERS, accounts=True,
                     views={"woo_rows": _ROWS, "woo_items": _ITEMS, "woo_sums": _SUMS,
                            "woo_returns": _RETURNS}),
        TableMapping("order_lines", _LINES, person=""),
        TableMapping("refunds", _REFUNDS, person=""),
        TableMapping("customers", _CUSTOMERS, adds_people=False),
    ),
)  # fmt: skip

_CODE = 'currency_of(coalesce("Order Currency", default_currency()))'

_CSV_ROWS = """
SELECT *, shop_id() || ':' || text_of("Order Number") AS order_key,
  row_number() OVER (PARTITION BY text_of("Order Number"), copy ORDER BY line_no) AS position
FROM (
  SELECT *, dense_rank() OVER (
      PARTITION BY text_of("Order Number"), "Item #", "SKU", "Item Name" ORDER BY block) AS copy
  FROM (
    SELECT *, row_number() OVER (ORDER BY line_no)
        - row_number() OVER (PARTITION BY text_of("Order Number") ORDER BY line_no) AS block
    FROM landed))"""

_CSV_HEADS = f"""
SELECT order_key, copy, min({_CODE}) AS code, min(time_of("Order Date")) AS moment,
  min(text_of("Order Date")) AS date_text, min(line_no) AS line_no,
  min(text_of("Order Status")) AS status_text,
  min(text_of("Email (Billing)")) AS email, min(text_of("Phone (Billing)")) AS phone,
  min(text_of("First Name (Billing)") || ' ' || text_of("Last Name (Billing)")) AS full_name,
  min(text_of("Postcode (Billing)")) AS postcode,
  min(text_of("Country Code (Billing)")) AS country,
  min(text_of("Customer User ID")) AS account,
  coalesce(min(abs(minor_of("Cart Discount Amount", {_CODE}))), 0) AS discount_given,
  min(minor_of("Order Total Amount", {_CODE})) AS charged,
  min(minor_of("Order Shipping Amount", {_CODE})) AS shipping_paid,
  min(minor_of("Order Total Tax Amount", {_CODE})) AS tax_paid,
  min(abs(minor_of("Order Refund Amount", {_CODE}))) AS paid_back,
  CASE WHEN count(*) = count(product_of(integer_of("Quantity"), minor_of("Item Cost", {_CODE})))
    THEN CAST(sum(product_of(integer_of("Quantity"), minor_of("Item Cost", {_CODE}))) AS BIGINT)
    END AS goods
FROM woo_csv_rows WHERE order_key IS NOT NULL GROUP BY order_key, copy"""

_CSV_PRICED = """
SELECT *, goods - discount_given AS goods_paid, shipping_paid AS shipped, tax_paid AS taxed,
  0 AS given, CAST(NULL AS DOUBLE) AS rate
FROM woo_csv_heads"""

_CSV_TOTALS = f"""
SELECT *, goods_paid - goods_tax AS net_goods,
  CASE WHEN lower(status_text) = 'refunded' OR paid_back >= goods_paid THEN goods_paid - goods_tax
       ELSE coalesce({without_tax("paid_back")}, 0) END AS goods_back
FROM (SELECT *, {TAX_OF_GOODS} AS goods_tax
      FROM (SELECT *, {TAX_IN_PRICES} AS tax_in_prices
            FROM woo_csv_priced CROSS JOIN woo_csv_convention))"""

_CSV_LINES = f"""
SELECT r.order_key || ':' || position AS order_line_key, position AS line_place, r.order_key,
  {sku_columns('"SKU"', '"Item Name"')},
  integer_of("Quantity") AS quantity, h.code AS currency,
  {without_tax('minor_of("Item Cost", h.code)')} AS unit_price_minor,
  CAST(0 AS BIGINT) AS line_discount_minor,
  {without_tax('product_of(integer_of("Quantity"), minor_of("Item Cost", h.code))')}
    AS line_net_minor,
  r.line_no, CAST(NULL AS VARCHAR) AS source_record_id,
  {reasons(
      *unreadable_integers("Quantity"), *unreadable_money("h.code", "Item Cost"),
      more=[condition("h.order_key IS NULL", ReasonCode.MISSING_VALUE, "Order Number")],
  )},
  {NO_EXCLUSION}, h.moment AS occurred_at, line_value("Quantity", "Item Cost", h.code)
    AS value_minor, h.code AS value_currency
FROM woo_csv_rows AS r LEFT JOIN woo_csv_totals AS h
  ON r.order_key = h.order_key AND r.copy = h.copy"""  # fmt: skip

_CSV_PEOPLE = identities("email", "phone", "nullif(account, '0')", "full_name", "postcode")

_CSV_ORDERS = f"""
SELECT order_key, shop_id() AS shop_id, moment AS ordered_at, precision_of(date_text)
    AS time_precision, shop_zone() AS shop_tz,
  {labels("status_text", STATUS)} AS status, code AS currency,
  {without_tax("goods")} AS gross_minor, {without_tax("goods")} - net_goods AS discount_minor,
  coalesce(shipping_paid, 0) - CASE WHEN tax_in_prices THEN taxed - goods_tax ELSE 0 END
    AS shipping_minor,
  coalesce(tax_paid, 0) AS tax_minor, CAST(0 AS BIGINT) AS marketplace_tax_minor, tax_in_prices,
  {refunded_and_net("goods_back", "net_goods")},
  CAST(NULL AS BOOLEAN) AS is_gift, CAST(NULL AS BOOLEAN) AS delivered_late,
  line_no, order_key AS source_record_id,
  reasons_of(CAST([
    unreadable('{ReasonCode.UNREADABLE_TIME}:Order Date', date_text, moment),
    unreadable('{ReasonCode.UNKNOWN_LABEL}:Order Status', status_text,
               {labels("status_text", STATUS)})] AS VARCHAR[])) AS reasons,
  {NO_EXCLUSION}, moment AS occurred_at, {NO_MONEY},
  {_CSV_PEOPLE}
FROM woo_csv_totals"""

_CSV_CUSTOMERS = f"""
SELECT moment AS first_seen_at, country, 'woocommerce' AS channel,
  coalesce(account, '0') = '0' AS is_guest, line_no, order_key AS source_record_id,
  {NO_REASONS}, {NO_EXCLUSION}, moment AS occurred_at, {NO_MONEY},
  {_CSV_PEOPLE}
FROM woo_csv_heads WHERE moment IS NOT NULL"""

CSV = SourceFormat(
    name="woocommerce_orders_csv",
    meaning="WooCommerce orders by the plugin Advanced Order Export, one row per item.",
    required=("Order Number", "Order Status", "Order Date", "Item Name", "Quantity", "Item Cost"),
    optional=("Order Currency", "Email (Billing)", "Phone (Billing)", "First Name (Billing)",
              "Last Name (Billing)", "Postcode (Billing)", "Country Code (Billing)",
              "Customer User ID", "Cart Discount Amount", "Order Shipping Amount",
              "Order Total Tax Amount", "Order Refund Amount", "Order Total Amount", "SKU",
              "Item #"),
    tables=(
        TableMapping("order_lines", _CSV_LINES, accounts=True, person="",
                     views={"woo_csv_rows": _CSV_ROWS, "woo_csv_heads": _CSV_HEADS,
                            "woo_csv_priced": _CSV_PRICED,
                            "woo_csv_convention": CONVENTION.format(heads="woo_csv_priced"),
                            "woo_csv_totals": _CSV_TOTALS}),
        TableMapping("orders", _CSV_ORDERS),
        TableMapping("customers", _CSV_CUSTOMERS, adds_people=False),
    ),
    dates=("Order Date",),
    money=("Item Cost",),
    shop="woocommerce",
    aliases={"Quantity (- Refund)": "Quantity", "Currency": "Order Currency"},
)  # fmt: skip

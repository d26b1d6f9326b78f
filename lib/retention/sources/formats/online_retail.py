"""UCI Online Retail (and Online Retail II): every invoice line of an online gift shop.

Policy, each counted, so that accepted + quarantined lines are all lines and excluded ones none:

- lines of cancellations (invoices beginning with ``C``) and returns (negative quantities with a
  price) are accepted as negative lines; a cancellation is no purchase: its order is ``cancelled``
  and its money stands among the refunds;
- lines without a customer are accepted, with no person;
- postage, carriage, fees, discounts and manual entries are accepted and named by ``category``; they
  are no goods: only carriage (``shipping``) and discounts enter the order's amounts;
- exact duplicate lines are quarantined (``duplicate_line``), the first stays;
- zero prices (stock movements, gifts) are quarantined (``zero_price``);
- bookings of bad debt and other negative prices are quarantined (``stock_adjustment``).

Some prices have three decimals. Raw values are kept exactly (`value_minor` is a decimal); the
canonical ``*_minor`` columns are rounded once per line.
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
    reasons,
    unreadable_integers,
    unreadable_times,
)

_CODE = "currency_of(default_currency())"

_KIND = """CASE WHEN upper(text_of("StockCode")) IN ('POST', 'DOT', 'C2', 'C3') THEN 'carriage'
  WHEN upper(text_of("StockCode")) = 'D' THEN 'discount'
  WHEN upper(text_of("StockCode")) IN ('BANK CHARGES', 'AMAZONFEE', 'CRUK', 'B', 'S', 'PADS',
       'ADJUST', 'ADJUST2', 'TEST001', 'TEST002') THEN 'fee'
  WHEN upper(text_of("StockCode")) = 'M' THEN 'manual'
  WHEN lower(text_of("StockCode")) LIKE 'gift_0%' THEN 'voucher' END"""

_ROWS = f"""
SELECT *, text_of("InvoiceNo") AS invoice, integer_of("Quantity") AS pieces,
  decimal_of("UnitPrice") AS price, time_of("InvoiceDate") AS moment, {_KIND} AS category,
  starts_with(upper(text_of("InvoiceNo")), 'C') AS is_cancellation,
  regexp_replace(text_of("CustomerID"), '[.]0$', '') AS customer,
  line_value("Quantity", "UnitPrice", {_CODE}) AS value_minor,
  row_number() OVER (PARTITION BY "InvoiceNo", "StockCode", "Description", "Quantity",
    "InvoiceDate", "UnitPrice", "CustomerID", "Country" ORDER BY line_no) AS copy,
  row_number() OVER (PARTITION BY text_of("InvoiceNo") ORDER BY line_no) AS line_index
FROM landed"""

_LINES = f"""
SELECT shop_id() || ':' || invoice || ':' || line_index AS order_line_key,
  shop_id() || ':' || invoice AS order_key, upper(text_of("StockCode")) AS product_key,
  text_of("StockCode") AS sku, category, pieces AS quantity, {_CODE} AS currency,
  rounded_minor(minor_value("UnitPrice", {_CODE})) AS unit_price_minor,
  CAST(0 AS BIGINT) AS line_discount_minor, rounded_minor(value_minor) AS line_net_minor,
  CAST(NULL AS BOOLEAN) AS is_made_to_order,
  line_no, invoice || ':' || line_index AS source_record_id,
  {reasons(
      *unreadable_times("InvoiceDate"), *unreadable_integers("Quantity"),
      (ReasonCode.UNREADABLE_MONEY, "UnitPrice", "price"),
      more=[
          condition('text_of("InvoiceDate") IS NULL',
                    ReasonCode.MISSING_VALUE, "InvoiceDate"),
          condition("copy > 1", ReasonCode.DUPLICATE_LINE, "InvoiceNo"),
          condition("price = 0", ReasonCode.ZERO_PRICE, "UnitPrice"),
          condition("price < 0", ReasonCode.STOCK_ADJUSTMENT, "UnitPrice"),
      ],
  )},
  {NO_EXCLUSION}, moment AS occurred_at, value_minor, {_CODE} AS value_currency
FROM retail_rows"""  # fmt: skip

_INVOICES = """
SELECT invoice, bool_or(is_cancellation) AS is_cancellation, min(moment) AS moment,
  min(customer) AS customer, min(text_of("Country")) AS country, min(line_no) AS line_no,
  CAST(round(coalesce(sum(value_minor) FILTER (category IS NULL OR category IN
    ('manual', 'voucher')), 0), 0) AS BIGINT) AS goods,
  CAST(round(coalesce(sum(value_minor) FILTER (category = 'carriage'), 0), 0) AS BIGINT)
    AS carriage,
  CAST(round(coalesce(sum(-value_minor) FILTER (category = 'discount'), 0), 0) AS BIGINT)
    AS discount,
  CAST(round(sum(value_minor), 0) AS BIGINT) AS total
FROM retail_rows
WHERE copy = 1 AND price > 0 AND pieces IS NOT NULL AND moment IS NOT NULL AND invoice IS NOT NULL
GROUP BY invoice"""

_ORDERS = f"""
SELECT shop_id() || ':' || invoice AS order_key, shop_id() AS shop_id, moment AS ordered_at,
  'second' AS time_precision, shop_zone() AS shop_tz,
  CASE WHEN is_cancellation THEN 'cancelled' ELSE 'paid' END AS status, {_CODE} AS currency,
  goods AS gross_minor, discount AS discount_minor, carriage AS shipping_minor,
  CAST(0 AS BIGINT) AS tax_minor, CAST(0 AS BIGINT) AS marketplace_tax_minor,
  CAST(0 AS BIGINT) AS refunded_minor, goods - discount AS net_minor,
  CAST(NULL AS BOOLEAN) AS is_gift, CAST(NULL AS BOOLEAN) AS delivered_late,
  line_no, invoice AS source_record_id, {NO_REASONS}, {NO_EXCLUSION}, moment AS occurred_at,
  {NO_MONEY},
  {identities(platform_id="customer")}
FROM retail_invoices"""

_REFUNDS = f"""
SELECT shop_id() || ':' || invoice || ':refund' AS refund_key,
  shop_id() || ':' || invoice AS order_key, moment AS refunded_at, {_CODE} AS currency,
  -total AS amount_minor, 'exact' AS dating,
  line_no, invoice || ':refund' AS source_record_id, {NO_REASONS}, {NO_EXCLUSION},
  moment AS occurred_at, {NO_MONEY}
FROM retail_invoices WHERE is_cancellation AND total < 0"""

_CUSTOMERS = f"""
SELECT moment AS first_seen_at, country, CAST(NULL AS VARCHAR) AS channel, FALSE AS is_guest,
  line_no, customer AS source_record_id, {NO_REASONS}, {NO_EXCLUSION}, moment AS occurred_at,
  {NO_MONEY},
  {identities(platform_id="customer")}
FROM retail_invoices WHERE customer IS NOT NULL"""

FORMAT = SourceFormat(
    name="online_retail",
    meaning="UCI Online Retail or Online Retail II, workbook or CSV.",
    required=("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice",
              "CustomerID", "Country"),
    optional=(),
    tables=(
        TableMapping("order_lines", _LINES, accounts=True, person="",
                     views={"retail_rows": _ROWS, "retail_invoices": _INVOICES}),
        TableMapping("orders", _ORDERS),
        TableMapping("refunds", _REFUNDS, person=""),
        TableMapping("customers", _CUSTOMERS),
    ),
    dates=("InvoiceDate",),
    money=("UnitPrice",),
    currency="GBP",
    aliases={"Invoice": "InvoiceNo", "Price": "UnitPrice", "Customer ID": "CustomerID"},
)  # fmt: skip

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

from retention.sources.base import MAXIMUM_PLACE, SourceFormat, TableMapping
from retention.sources.codes import ReasonCode
from retention.sources.fragments import (
    NO_EXCLUSION,
    NO_MONEY,
    NO_REASONS,
    condition,
    identities,
    reasons,
)

_CODE = "currency_of(default_currency())"

_KIND = """CASE WHEN product IN ('POST', 'DOT', 'C2', 'C3') THEN 'carriage'
  WHEN product = 'D' THEN 'discount'
  WHEN product IN ('BANK CHARGES', 'AMAZONFEE', 'CRUK', 'B', 'S', 'PADS',
       'ADJUST', 'ADJUST2', 'TEST001', 'TEST002') THEN 'fee'
  WHEN product = 'M' THEN 'manual'
  WHEN product LIKE 'GIFT_0%' THEN 'voucher' END"""

_COLUMNS = (
    "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID",
    "Country",
)  # fmt: skip
_EVERY = ", ".join(f'"{name}"' for name in _COLUMNS)

_READ = f"""
SELECT line_no, hash({_EVERY}) AS fingerprint, text_of("InvoiceNo") AS invoice,
  text_of("StockCode") AS sku, upper(text_of("StockCode")) AS product, "Quantity", "InvoiceDate",
  "UnitPrice", integer_of("Quantity") AS pieces, minor_of("UnitPrice", {_CODE}) AS minor,
  time_of("InvoiceDate") AS moment, text_of("Country") AS country,
  CASE WHEN ends_with("CustomerID", '0') THEN regexp_replace(text_of("CustomerID"), '[.]0$', '')
       ELSE text_of("CustomerID") END AS customer
FROM landed"""

_ROWS = f"""
SELECT line_no, fingerprint, invoice, sku, product, pieces, moment, country, customer, minor,
  {_KIND} AS category
FROM ({_READ})"""

# Few lines are repeated: they are found by their fingerprints, and only those are compared whole.
_HASHES = "SELECT fingerprint FROM retail_rows"
_ALIKE = f"SELECT fingerprint AS hash FROM ({_HASHES}) GROUP BY ALL HAVING count(*) > 1"

# Nearly every line is told by its whole pieces, whole pence and time. What only the others need,
# their texts and exact amounts, is kept apart with what tells that a line repeats another.
_ODD = f"""
WITH alike AS (
  SELECT line_no FROM retail_rows WHERE fingerprint IN (FROM retail_alike)
), numbered AS (
  SELECT line_no, row_number() OVER (PARTITION BY {_EVERY} ORDER BY line_no) AS copy
  FROM landed SEMI JOIN alike USING (line_no)
), odd AS (
  SELECT line_no FROM numbered WHERE copy > 1
  UNION SELECT line_no FROM retail_rows
  WHERE product_of(pieces, minor) IS NULL OR moment IS NULL
)
SELECT landed.line_no, coalesce(copy > 1, false) AS is_copy, "InvoiceDate", "Quantity", "UnitPrice",
  sign(decimal_of("UnitPrice")) AS price_sign,
  rounded_minor(minor_value("UnitPrice", {_CODE})) AS unit_price_minor,
  line_value("Quantity", "UnitPrice", {_CODE}) AS value_minor
FROM landed SEMI JOIN odd ON landed.line_no = odd.line_no
LEFT JOIN numbered ON landed.line_no = numbered.line_no"""

_PRICE_SIGN = "coalesce(sign(minor), odd.price_sign)"
_VALUE = "coalesce(CAST(product_of(pieces, minor) AS DECIMAL(38, 6)), odd.value_minor)"
_IS_COPY = "coalesce(odd.is_copy, false)"

_IS_SOUND = f"NOT {_IS_COPY} AND {_PRICE_SIGN} > 0 AND pieces IS NOT NULL AND moment IS NOT NULL"

# Lines that are no goods are few: their money is summed by itself, that of all lines only once.
_INVOICES = f"""
WITH lines AS NOT MATERIALIZED (
  SELECT rows.*, {_VALUE} AS value_minor, {_IS_SOUND} AS is_sound
  FROM retail_rows AS rows LEFT JOIN retail_odd AS odd ON rows.line_no = odd.line_no
), no_goods AS (
  SELECT invoice, sum(value_minor) AS value_minor,
    sum(value_minor) FILTER (category = 'carriage') AS carriage,
    sum(-value_minor) FILTER (category = 'discount') AS discount
  FROM lines WHERE is_sound AND category NOT IN ('manual', 'voucher') GROUP BY invoice
), invoices AS (
  SELECT invoice, min(line_no) AS first_line,
    max(line_no) - min(line_no) + 1 = count(*) AS is_together,
    count(*) FILTER (is_sound) AS sound_lines, min(line_no) FILTER (is_sound) AS line_no,
    min(moment) FILTER (is_sound) AS moment, min(customer) FILTER (is_sound) AS customer,
    min(country) FILTER (is_sound) AS country, sum(value_minor) FILTER (is_sound) AS value_minor
  FROM lines WHERE invoice IS NOT NULL GROUP BY invoice
)
SELECT invoices.* EXCLUDE (value_minor), starts_with(upper(invoice), 'C') AS is_cancellation,
  CAST(round(coalesce(invoices.value_minor, 0) - coalesce(no_goods.value_minor, 0), 0) AS BIGINT)
    AS goods,
  CAST(round(coalesce(carriage, 0), 0) AS BIGINT) AS carriage,
  CAST(round(coalesce(discount, 0), 0) AS BIGINT) AS discount,
  CAST(round(invoices.value_minor, 0) AS BIGINT) AS total
FROM invoices LEFT JOIN no_goods USING (invoice)"""

# An invoice's lines stand together as a rule: then a line's place follows from the first's.
_SCATTERED = """
SELECT line_no, row_number() OVER (PARTITION BY invoice ORDER BY line_no) AS line_index
FROM retail_rows SEMI JOIN (SELECT invoice FROM retail_invoices WHERE NOT is_together) AS apart
  ON retail_rows.invoice = apart.invoice"""

_INDEX = "coalesce(scattered.line_index, rows.line_no - invoices.first_line + 1)"

_LINES = f"""
SELECT CASE WHEN {_INDEX} > {MAXIMUM_PLACE}
            THEN shop_id() || ':' || rows.invoice || ':' || {_INDEX} END AS order_line_key,
  shop_id() || ':' || rows.invoice AS order_key, product AS product_key, sku, category,
  pieces AS quantity, {_CODE} AS currency,
  coalesce(minor, odd.unit_price_minor) AS unit_price_minor,
  CAST(0 AS BIGINT) AS line_discount_minor,
  coalesce(product_of(pieces, minor), rounded_minor({_VALUE})) AS line_net_minor,
  CAST(NULL AS BOOLEAN) AS is_made_to_order,
  {_INDEX} AS line_place, rows.line_no, CAST(NULL AS VARCHAR) AS source_record_id,
  {reasons(
      (ReasonCode.UNREADABLE_TIME, "InvoiceDate", "rows.moment"),
      (ReasonCode.UNREADABLE_NUMBER, "Quantity", "pieces"),
      (ReasonCode.UNREADABLE_MONEY, "UnitPrice", _PRICE_SIGN),
      more=[
          condition('rows.moment IS NULL AND text_of("InvoiceDate") IS NULL',
                    ReasonCode.MISSING_VALUE, "InvoiceDate"),
          condition(_IS_COPY, ReasonCode.DUPLICATE_LINE, "InvoiceNo"),
          condition(f"{_PRICE_SIGN} = 0", ReasonCode.ZERO_PRICE, "UnitPrice"),
          condition(f"{_PRICE_SIGN} < 0", ReasonCode.STOCK_ADJUSTMENT, "UnitPrice"),
      ],
      where="odd.line_no IS NOT NULL OR minor <= 0",
  )},
  {NO_EXCLUSION}, rows.moment AS occurred_at, {_VALUE} AS value_minor, {_CODE} AS value_currency
FROM retail_rows AS rows
LEFT JOIN retail_invoices AS invoices ON rows.invoice = invoices.invoice
LEFT JOIN retail_odd AS odd ON rows.line_no = odd.line_no
LEFT JOIN retail_scattered AS scattered ON rows.line_no = scattered.line_no"""  # fmt: skip

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
FROM retail_invoices WHERE sound_lines > 0"""

_REFUNDS = f"""
SELECT shop_id() || ':' || invoice || ':refund' AS refund_key,
  shop_id() || ':' || invoice AS order_key, moment AS refunded_at, {_CODE} AS currency,
  -total AS amount_minor, 'exact' AS dating,
  line_no, invoice || ':refund' AS source_record_id, {NO_REASONS}, {NO_EXCLUSION},
  moment AS occurred_at, {NO_MONEY}
FROM retail_invoices WHERE is_cancellation AND total < 0 AND sound_lines > 0"""

_CUSTOMERS = f"""
SELECT first_seen_at, country, CAST(NULL AS VARCHAR) AS channel, FALSE AS is_guest,
  line_no, customer AS source_record_id, {NO_REASONS}, {NO_EXCLUSION},
  first_seen_at AS occurred_at, {NO_MONEY},
  {identities(platform_id="customer")}
FROM (
  SELECT customer, min(moment) AS first_seen_at, min(line_no) AS line_no,
    max_by(country, (moment, country)) AS country
  FROM retail_invoices WHERE customer IS NOT NULL AND sound_lines > 0 GROUP BY customer
)"""

FORMAT = SourceFormat(
    name="online_retail",
    meaning="UCI Online Retail or Online Retail II, workbook or CSV.",
    required=_COLUMNS,
    optional=(),
    tables=(
        TableMapping("order_lines", _LINES, accounts=True, person="",
                     views={"retail_rows": _ROWS, "retail_alike": _ALIKE,
                            "retail_odd": _ODD, "retail_invoices": _INVOICES,
                            "retail_scattered": _SCATTERED},
                     hashes={"retail_alike": _HASHES},
                     spent={"retail_rows": ("fingerprint", "country", "customer")},
                     constants={"currency": _CODE, "value_currency": _CODE,
                                "line_discount_minor": "0", "is_made_to_order": "NULL",
                                "source_record_id": "NULL", "exclusion": "NULL"},
                     by_line=True, line_views=("retail_rows",)),
        TableMapping("orders", _ORDERS),
        TableMapping("refunds", _REFUNDS, person=""),
        TableMapping("customers", _CUSTOMERS, adds_people=False),
    ),
    dates=("InvoiceDate",),
    money=("UnitPrice",),
    currency="GBP",
    aliases={"Invoice": "InvoiceNo", "Price": "UnitPrice", "Customer ID": "CustomerID"},
)  # fmt: skip

"""Etsy's SoldOrders export: one row per order, days only, no e-mail address.

``Sales Tax`` is 0 where the marketplace collected the tax, although ``Order Total`` contains it; so
goods are counted by ``Order Value`` and the marketplace's tax is what remains of the total.
"""

from __future__ import annotations

from retention.sources.base import SourceFormat, TableMapping
from retention.sources.codes import ReasonCode
from retention.sources.fragments import (
    NO_EXCLUSION,
    NO_MONEY,
    NO_REASONS,
    identities,
    labels,
    money_parsed,
    reasons,
    unreadable_parsed,
)

STATUS = {
    "shipped": "paid", "open": "paid", "completed": "paid", "paid": "paid",
    "unshipped": "paid", "pre-transit": "paid", "in transit": "paid", "delivered": "paid",
    "pending": "pending", "payment processing": "pending", "unpaid": "pending",
    "canceled": "cancelled", "cancelled": "cancelled", "refunded": "refunded",
    "fully refunded": "refunded", "partially refunded": "paid",
}  # fmt: skip

_IDENTITY = identities(
    platform_id='coalesce("Buyer User ID", nullif(regexp_extract("Buyer", '
    "'[(]([^()]+)[)][ ]*$', 1), ''), \"Buyer\")",
    name='"Full Name"',
    postcode='"Ship Zipcode"',
)

_UNSAID = """CASE WHEN text_of("Status") IS NULL THEN 'paid' END"""

_PRICED = """
SELECT *, currency_of(coalesce("Currency", default_currency())) AS code,
  time_of("Sale Date") AS moment, shop_id() || ':' || text_of("Order ID") AS order_key
FROM landed"""

_READ = {
    "Order Value": "gross", "Discount Amount": "given", "Shipping": "shipped",
    "Shipping Discount": "shipping_given", "Sales Tax": "taxed", "Order Total": "total",
    "Adjusted Order Total": "adjusted_total",
}  # fmt: skip
"""Amounts and the columns that hold them parsed: parsing each once also spares planning."""

_AMOUNTS = f"""
SELECT *, coalesce(given, 0) AS discount,
  coalesce(shipped, 0) - coalesce(shipping_given, 0) AS shipping_paid,
  coalesce(taxed, 0) AS tax_paid, total - adjusted_total AS paid_back
FROM (SELECT *, {money_parsed("code", _READ)}
      FROM etsy_orders)"""

_ORDERS = f"""
SELECT order_key, shop_id() AS shop_id, moment AS ordered_at, 'day' AS time_precision,
  shop_zone() AS shop_tz, {labels('"Status"', STATUS, _UNSAID)} AS status,
  code AS currency, gross AS gross_minor, discount AS discount_minor,
  shipping_paid AS shipping_minor, tax_paid AS tax_minor,
  coalesce(greatest(0, total - (gross - discount + shipping_paid + tax_paid)), 0)
    AS marketplace_tax_minor,
  least(greatest(coalesce(paid_back, 0), 0), gross - discount) AS refunded_minor,
  gross - discount - least(greatest(coalesce(paid_back, 0), 0), gross - discount) AS net_minor,
  coalesce(contains(lower("Order Type"), 'gift'), FALSE) AS is_gift,
  CAST(NULL AS BOOLEAN) AS delivered_late,
  line_no, text_of("Order ID") AS source_record_id,
  {reasons(
      (ReasonCode.UNREADABLE_TIME, "Sale Date", "moment"),
      *unreadable_parsed(_READ),
      (ReasonCode.UNKNOWN_LABEL, "Status", labels('"Status"', STATUS)),
  )},
  {NO_EXCLUSION}, moment AS occurred_at, minor_value("Order Value", code) AS value_minor,
  code AS value_currency,
  {_IDENTITY}
FROM etsy_amounts"""  # fmt: skip

_REFUNDS = f"""
SELECT order_key || ':refund' AS refund_key, order_key, CAST(NULL AS TIMESTAMP) AS refunded_at,
  code AS currency, paid_back AS amount_minor, 'unknown' AS dating, line_no,
  order_key || ':refund' AS source_record_id, {NO_REASONS}, {NO_EXCLUSION},
  moment AS occurred_at, {NO_MONEY}
FROM etsy_amounts WHERE paid_back > 0"""

_CUSTOMERS = f"""
SELECT moment AS first_seen_at, text_of("Ship Country") AS country, 'etsy' AS channel,
  text_of("Buyer User ID") IS NULL AND text_of("Buyer") IS NULL AS is_guest,
  line_no, text_of("Order ID") AS source_record_id, {NO_REASONS}, {NO_EXCLUSION},
  moment AS occurred_at, {NO_MONEY},
  {_IDENTITY}
FROM etsy_orders WHERE moment IS NOT NULL"""

FORMAT = SourceFormat(
    name="etsy_sold_orders",
    meaning="Etsy Shop Manager → Settings → Options → Download data → Orders.",
    required=("Sale Date", "Order ID", "Full Name", "Order Value", "Order Total", "Currency"),
    optional=("Buyer User ID", "Buyer", "First Name", "Last Name", "Number of Items",
              "Payment Method", "Date Shipped", "Ship City", "Ship State", "Ship Zipcode",
              "Ship Country", "Coupon Code", "Coupon Details", "Discount Amount",
              "Shipping Discount", "Shipping", "Sales Tax", "Status", "Card Processing Fees",
              "Order Net", "Adjusted Order Total", "Adjusted Card Processing Fees",
              "Adjusted Net Order Amount", "Order Type", "Payment Type", "InPerson Discount",
              "InPerson Location", "SKU", "Street 1", "Street 2"),
    tables=(
        TableMapping("orders", _ORDERS, accounts=True,
                     views={"etsy_orders": _PRICED, "etsy_amounts": _AMOUNTS},
                     by_line=True, line_views=("etsy_orders", "etsy_amounts")),
        TableMapping("refunds", _REFUNDS, person=""),
        TableMapping("customers", _CUSTOMERS, adds_people=False),
    ),
    dates=("Sale Date",),
    date_order="month_first",
    money=("Order Value", "Order Total"),
)  # fmt: skip

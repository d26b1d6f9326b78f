"""Etsy's SoldOrders export: one row per order, days only, no e-mail address.

``Sales Tax`` is 0 where the marketplace collected the tax, although ``Order Total`` contains it; so
goods are counted by ``Order Value`` and the marketplace's tax is what remains of the total.

What was paid back follows from the three Adjusted columns together. Some downloads leave them blank
where nothing was adjusted, others write 0.00, and some write 0.00 into ``Adjusted Order Total`` on
every row while the other two tell the adjustment. So a column that says the same on every row
decides nothing, and a row of zeros means a full refund only among rows that are blank.
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
    refunded_and_net,
    unreadable_parsed,
)

STATUS = {
    "shipped": "paid", "open": "paid", "completed": "paid", "paid": "paid",
    "unshipped": "paid", "pre-transit": "paid", "in transit": "paid", "delivered": "paid",
    "pending": "pending", "payment processing": "pending", "unpaid": "pending",
    "canceled": "cancelled", "cancelled": "cancelled", "refunded": "refunded",
    "fully refunded": "refunded", "partially refunded": "paid",
}  # fmt: skip

BRITISH = {
    "Date Posted": "Date Shipped", "Delivery City": "Ship City", "Delivery State": "Ship State",
    "Delivery Zipcode": "Ship Zipcode", "Delivery Country": "Ship Country",
    "Delivery Discount": "Shipping Discount", "Delivery": "Shipping", "Sales tax": "Sales Tax",
    "Order total": "Order Total", "Delivery Name": "Ship Name",
    "Delivery Address1": "Ship Address1", "Delivery Address2": "Ship Address2",
    "Order Delivery": "Order Shipping", "Order Sales tax": "Order Sales Tax",
    "Order sales tax": "Order Sales Tax", "Item total": "Item Total",
}  # fmt: skip
"""Headers of downloads whose interface is in English of the UK, Canada or Australia."""

_IDENTITY = identities(platform_id="account", name='"Full Name"', postcode='"Ship Zipcode"')

_UNSAID = """CASE WHEN text_of("Status") IS NULL THEN 'paid' END"""

_FACTS = """
WITH read AS (
  SELECT decimal_of("Adjusted Order Total") AS total,
    decimal_of("Adjusted Card Processing Fees") AS fees,
    decimal_of("Adjusted Net Order Amount") AS net, text_of("Buyer User ID") AS account
  FROM landed
), columns AS (
  SELECT count(account) > 0 AS has_accounts, count(*) AS orders,
    count(*) = 1 OR count(DISTINCT total) + (count(total) < count(*))::INT > 1 AS total_varies,
    count(*) = 1 OR count(DISTINCT fees) + (count(fees) < count(*))::INT > 1 AS fees_vary,
    count(*) = 1 OR count(DISTINCT net) + (count(net) < count(*))::INT > 1 AS net_varies
  FROM read
), zeros AS (
  SELECT count(*) FILTER (coalesce(total, fees, net) IS NULL) AS blank,
    count(*) FILTER (coalesce(total, fees, net) IS NOT NULL AND coalesce(total, 0) = 0
      AND coalesce(fees, 0) = 0 AND coalesce(net, 0) = 0) AS zero
  FROM (SELECT CASE WHEN total_varies THEN total END AS total,
          CASE WHEN fees_vary THEN fees END AS fees, CASE WHEN net_varies THEN net END AS net
        FROM read CROSS JOIN columns)
)
SELECT has_accounts, total_varies, fees_vary, net_varies,
  blank > 0 AND zero <= greatest(3, orders / 2) AS zeros_are_refunds
FROM columns CROSS JOIN zeros"""
"""What the file as a whole tells of its columns: one row."""

# Guests have no User ID, and their name alone in Buyer; accounts write "Name (user)" there. Only
# files that know no User ID at all may name the account by Buyer's single word.
_ACCOUNT = """coalesce(text_of("Buyer User ID"),
  nullif(regexp_extract("Buyer", '[(]([^()]+)[)][ ]*$', 1), ''),
  CASE WHEN NOT has_accounts AND NOT contains(text_of("Buyer"), ' ')
    AND lower(text_of("Buyer")) <> lower(coalesce(text_of("Full Name"), '')) THEN "Buyer" END)"""

_PRICED = f"""
SELECT *, currency_of(coalesce("Currency", default_currency())) AS code,
  time_of("Sale Date") AS moment, shop_id() || ':' || text_of("Order ID") AS order_key,
  {_ACCOUNT} AS account
FROM landed CROSS JOIN etsy_facts"""

_READ = {
    "Order Value": "gross", "Discount Amount": "given", "Shipping": "shipped",
    "Shipping Discount": "shipping_given", "Sales Tax": "taxed", "Order Total": "total",
    "Card Processing Fees": "fees", "Order Net": "net_of_fees",
    "Adjusted Order Total": "adjusted_total", "Adjusted Card Processing Fees": "adjusted_fees",
    "Adjusted Net Order Amount": "adjusted_net",
}  # fmt: skip
"""Amounts and the columns that hold them parsed: parsing each once also spares planning."""

_CHANGES = {"now_total": ("adjusted_total", "total_varies"),
            "now_fees": ("adjusted_fees", "fees_vary"),
            "now_net": ("adjusted_net", "net_varies")}  # fmt: skip

_PAID_BACK = """CASE
  WHEN coalesce(now_total, now_fees, now_net) IS NULL THEN 0
  WHEN coalesce(now_total, 0) = 0 AND coalesce(now_fees, 0) = 0 AND coalesce(now_net, 0) = 0
    THEN CASE WHEN zeros_are_refunds THEN total ELSE 0 END
  WHEN now_total > 0 THEN total - now_total
  WHEN now_total = 0 AND coalesce(now_net, 0) <= 0 THEN total
  WHEN now_net IS NOT NULL THEN coalesce(fees, 0) + coalesce(net_of_fees, total - coalesce(fees, 0))
    - coalesce(now_fees, fees, 0) - now_net
  ELSE 0 END"""

_AMOUNTS = f"""
SELECT *, abs(coalesce(given, 0)) AS discount,
  coalesce(shipped, 0) - abs(coalesce(shipping_given, 0)) AS shipping_paid,
  coalesce(taxed, 0) AS tax_paid, greatest(0, coalesce({_PAID_BACK}, 0)) AS paid_back
FROM (
  SELECT *, {", ".join(f"CASE WHEN {varies} THEN {column} END AS {name}"
                       for name, (column, varies) in _CHANGES.items())}
  FROM (SELECT *, {money_parsed("code", _READ)} FROM etsy_orders))"""  # fmt: skip

_ORDERS = f"""
SELECT order_key, shop_id() AS shop_id, moment AS ordered_at, 'day' AS time_precision,
  shop_zone() AS shop_tz, {labels('"Status"', STATUS, _UNSAID)} AS status,
  code AS currency, gross AS gross_minor, discount AS discount_minor,
  shipping_paid AS shipping_minor, tax_paid AS tax_minor,
  coalesce(greatest(0, total - (gross - discount + shipping_paid + tax_paid)), 0)
    AS marketplace_tax_minor,
  {refunded_and_net("paid_back", "gross - discount")},
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
  code AS currency, paid_back AS amount_minor, 'unknown' AS dating,
  line_no, order_key || ':refund' AS source_record_id, {NO_REASONS}, {NO_EXCLUSION},
  moment AS occurred_at, {NO_MONEY}
FROM etsy_amounts WHERE paid_back > 0"""

_CUSTOMERS = f"""
SELECT moment AS first_seen_at, text_of("Ship Country") AS country, 'etsy' AS channel,
  account IS NULL AS is_guest,
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
                     views={"etsy_facts": _FACTS, "etsy_orders": _PRICED,
                            "etsy_amounts": _AMOUNTS},
                     by_line=True, line_views=("etsy_orders", "etsy_amounts")),
        TableMapping("refunds", _REFUNDS, person=""),
        TableMapping("customers", _CUSTOMERS, adds_people=False),
    ),
    dates=("Sale Date",),
    date_order="month_first",
    money=("Order Value", "Order Total"),
    aliases=BRITISH,
)  # fmt: skip

"""Etsy's SoldOrderItems export: one row per line; two date formats in one row; no e-mail."""

from __future__ import annotations

from retention.sources.base import SourceFormat, TableMapping
from retention.sources.formats.etsy_sold_orders import BRITISH
from retention.sources.fragments import (
    NO_EXCLUSION,
    reasons,
    sku_columns,
    unreadable_integers,
    unreadable_money,
    unreadable_times,
)

_ITEMS = """
SELECT *, currency_of(coalesce("Currency", default_currency())) AS code,
  integer_of("Quantity") AS pieces
FROM landed"""

_LINES = f"""
SELECT shop_id() || ':' || text_of("Transaction ID") AS order_line_key,
  shop_id() || ':' || text_of("Order ID") AS order_key,
  {sku_columns('"SKU"', '"Item Name"')},
  pieces AS quantity, code AS currency, minor_of("Price", code) AS unit_price_minor,
  abs(coalesce(minor_of("Discount Amount", code), 0)) AS line_discount_minor,
  product_of(pieces, minor_of("Price", code)) - abs(coalesce(minor_of("Discount Amount", code), 0))
    AS line_net_minor,
  line_no, text_of("Transaction ID") AS source_record_id,
  {reasons(
      *unreadable_times("Sale Date"), *unreadable_integers("Quantity"),
      *unreadable_money("code", "Price", "Discount Amount"),
  )},
  {NO_EXCLUSION}, time_of("Sale Date") AS occurred_at,
  line_value("Quantity", "Price", code) AS value_minor,
  code AS value_currency
FROM etsy_items"""  # fmt: skip

FORMAT = SourceFormat(
    name="etsy_sold_order_items",
    meaning="Etsy Shop Manager → Settings → Options → Download data → Order Items.",
    required=("Sale Date", "Item Name", "Quantity", "Price", "Transaction ID", "Order ID"),
    optional=("Buyer", "Currency", "Coupon Code", "Coupon Details", "Discount Amount",
              "Shipping Discount", "Order Shipping", "Order Sales Tax", "Item Total", "Listing ID",
              "Date Paid", "Date Shipped", "Ship Name", "Ship Address1", "Ship Address2",
              "Ship City", "Ship State", "Ship Zipcode", "Ship Country", "Variations",
              "Order Type", "Listings Type", "Payment Type", "InPerson Discount",
              "InPerson Location", "VAT Paid by Buyer", "SKU"),
    tables=(
        TableMapping("order_lines", _LINES, accounts=True, person="",
                     views={"etsy_items": _ITEMS}, by_line=True, line_views=("etsy_items",)),
    ),
    dates=("Sale Date",),
    date_order="month_first",
    money=("Price", "Item Total"),
    aliases=BRITISH,
)  # fmt: skip

"""Olist's marketplace data: orders, their items and their customers in files of their own.

An order's people are ``customer_unique_id``: ``customer_id`` is drawn anew for every order, and the
customers file alone tells which belong together. So each row of that file gives both: the order's
``customer_id`` as platform id, and, as the lasting identity it stands for, an address in the
reserved domain ``olist.invalid`` made of ``customer_unique_id``. The ingest layer links the one to
the other. An order's money is in the items file, which lies in the same folder.
"""

from __future__ import annotations

from retention.sources.base import SourceFormat, TableMapping
from retention.sources.codes import ReasonCode
from retention.sources.fragments import (
    NO_EXCLUSION,
    NO_MONEY,
    identities,
    labels,
    reasons,
    unreadable_integers,
    unreadable_money,
    unreadable_numbers,
    unreadable_times,
)

STATUS = {
    "delivered": "paid", "shipped": "paid", "invoiced": "paid", "approved": "paid",
    "processing": "paid", "created": "pending", "canceled": "cancelled",
    "unavailable": "cancelled",
}  # fmt: skip

_SUMS = """
SELECT text_of("order_id") AS order_id, CAST(sum(minor_of("price", 'BRL')) AS BIGINT) AS goods,
  CAST(sum(minor_of("freight_value", 'BRL')) AS BIGINT) AS freight
FROM olist_items GROUP BY 1"""

_ORDERS = f"""
SELECT 'olist:' || text_of(o."order_id") AS order_key, shop_id() AS shop_id,
  time_of("order_purchase_timestamp") AS ordered_at, 'second' AS time_precision,
  shop_zone() AS shop_tz, {labels('"order_status"', STATUS)} AS status, 'BRL' AS currency,
  coalesce(goods, 0) AS gross_minor, CAST(0 AS BIGINT) AS discount_minor,
  coalesce(freight, 0) AS shipping_minor, CAST(0 AS BIGINT) AS tax_minor,
  CAST(0 AS BIGINT) AS marketplace_tax_minor, CAST(0 AS BIGINT) AS refunded_minor,
  coalesce(goods, 0) AS net_minor, CAST(NULL AS BOOLEAN) AS is_gift,
  time_of("order_delivered_customer_date") > time_of("order_estimated_delivery_date")
    AS delivered_late,
  line_no, text_of(o."order_id") AS source_record_id,
  {reasons(
      *unreadable_times("order_purchase_timestamp", "order_delivered_customer_date",
                        "order_estimated_delivery_date"),
      (ReasonCode.UNKNOWN_LABEL, "order_status", labels('"order_status"', STATUS)),
  )},
  {NO_EXCLUSION}, time_of("order_purchase_timestamp") AS occurred_at, {NO_MONEY},
  {identities(platform_id='"customer_id"')}
FROM landed AS o LEFT JOIN olist_sums AS s ON text_of(o."order_id") = s.order_id"""  # fmt: skip

_LINES = f"""
SELECT 'olist:' || text_of("order_id") || ':' || integer_of("order_item_id") AS order_line_key,
  integer_of("order_item_id") AS line_place, 'olist:' || text_of("order_id") AS order_key,
  text_of("product_id") AS product_key,
  text_of("product_id") AS sku, CAST(NULL AS VARCHAR) AS category, CAST(1 AS BIGINT) AS quantity,
  'BRL' AS currency, minor_of("price", 'BRL') AS unit_price_minor,
  CAST(0 AS BIGINT) AS line_discount_minor, minor_of("price", 'BRL') AS line_net_minor,
  CAST(NULL AS BOOLEAN) AS is_made_to_order,
  line_no, CAST(NULL AS VARCHAR) AS source_record_id,
  {reasons(*unreadable_integers("order_item_id"), *unreadable_money("'BRL'", "price"))},
  {NO_EXCLUSION}, time_of("shipping_limit_date") AS occurred_at,
  minor_value("price", 'BRL') AS value_minor, 'BRL' AS value_currency
FROM landed"""

_CUSTOMERS = f"""
SELECT CAST(NULL AS TIMESTAMP) AS first_seen_at, 'BR' AS country, 'olist' AS channel,
  FALSE AS is_guest, line_no, text_of("customer_id") AS source_record_id,
  {reasons()}, {NO_EXCLUSION}, CAST(NULL AS TIMESTAMP) AS occurred_at, {NO_MONEY},
  {identities("lasting", platform_id='"customer_id"')}
FROM (SELECT *, text_of("customer_unique_id") || '@olist.invalid' AS lasting FROM landed)"""

_REVIEWS = f"""
SELECT 'olist:' || text_of("review_id") || ':' || text_of("order_id") AS response_key,
  'review' AS instrument, number_of("review_score") AS score, CAST(NULL AS VARCHAR) AS reason_code,
  coalesce(time_of("review_answer_timestamp"), time_of("review_creation_date")) AS answered_at,
  line_no, text_of("review_id") AS source_record_id,
  {reasons(*unreadable_times("review_answer_timestamp", "review_creation_date"),
           *unreadable_numbers("review_score"))},
  {NO_EXCLUSION}, time_of("review_creation_date") AS occurred_at, {NO_MONEY},
  {identities()}
FROM landed"""  # fmt: skip

ITEMS = SourceFormat(
    name="olist_order_items",
    meaning="Olist: olist_order_items_dataset.csv.",
    required=("order_id", "order_item_id", "product_id", "price"),
    optional=("seller_id", "shipping_limit_date", "freight_value"),
    tables=(TableMapping("order_lines", _LINES, accounts=True, person=""),),
)

ORDERS = SourceFormat(
    name="olist_orders",
    meaning="Olist: olist_orders_dataset.csv, beside olist_order_items_dataset.csv.",
    required=("order_id", "customer_id", "order_status", "order_purchase_timestamp"),
    optional=("order_approved_at", "order_delivered_carrier_date",
              "order_delivered_customer_date", "order_estimated_delivery_date"),
    tables=(TableMapping("orders", _ORDERS, accounts=True, views={"olist_sums": _SUMS}),),
    companions={"olist_items": ("olist_order_items_dataset.csv", ITEMS)},
)  # fmt: skip

CUSTOMERS = SourceFormat(
    name="olist_customers",
    meaning="Olist: olist_customers_dataset.csv.",
    required=("customer_id", "customer_unique_id"),
    optional=("customer_zip_code_prefix", "customer_city", "customer_state"),
    tables=(TableMapping("customers", _CUSTOMERS, accounts=True),),
)

REVIEWS = SourceFormat(
    name="olist_reviews",
    meaning="Olist: olist_order_reviews_dataset.csv; comments are not read.",
    required=("review_id", "order_id", "review_score"),
    optional=("review_comment_title", "review_comment_message", "review_creation_date",
              "review_answer_timestamp"),
    tables=(TableMapping("surveys", _REVIEWS, accounts=True),),
)  # fmt: skip

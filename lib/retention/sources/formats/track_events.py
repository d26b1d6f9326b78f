"""Track events as Segment's and Mixpanel's tools write them: one row per event."""

from __future__ import annotations

from retention.sources.base import SourceFormat, TableMapping
from retention.sources.fragments import (
    NO_EXCLUSION,
    NO_MONEY,
    PLAIN_RECORD,
    identities,
    labels,
    reasons,
    unreadable_numbers,
    unreadable_times,
)

NAMES = {
    "Product Viewed": "view_item", "Viewed Product": "view_item", "Product Added": "add_to_cart",
    "Added to Cart": "add_to_cart", "Product Removed": "remove_from_cart",
    "Cart Viewed": "view_cart", "Checkout Started": "begin_checkout",
    "Started Checkout": "begin_checkout", "Order Completed": "purchase",
    "Placed Order": "purchase", "Exit Intent Shown": "exit_intent", "Page": "page_view",
    "Page Viewed": "page_view", "Products Searched": "search", "Session Started": "session_start",
}  # fmt: skip
"""Names of the common track vocabulary, and what the canonical events call them."""

SNAKE = "regexp_replace(lower(text_of(\"event\")), '[^a-z0-9]+', '_', 'g')"

_MAIL = """CASE WHEN contains("userId", '@') THEN "userId" END"""
_OTHER_ID = """CASE WHEN NOT contains("userId", '@') THEN "userId" END"""

_EVENTS = f"""
SELECT 'track:' || text_of("messageId") AS event_key, text_of("anonymousId") AS anon_key,
  text_of("sessionId") AS session_key, {labels('"event"', NAMES, SNAKE)} AS event_name,
  time_of("timestamp") AS event_at, text_of("productId") AS product_key,
  shop_id() || ':' || ltrim(text_of("orderId"), '#') AS order_key, number_of("value") AS value,
  line_no, text_of("messageId") AS source_record_id,
  {reasons(*unreadable_times("timestamp"), *unreadable_numbers("value"))},
  {NO_EXCLUSION}, time_of("timestamp") AS occurred_at, {NO_MONEY},
  {identities(_MAIL, platform_id=_OTHER_ID)}
FROM landed"""  # fmt: skip

FORMAT = SourceFormat(
    name="track_events",
    meaning="Segment or Mixpanel track events, as CSV or JSON lines.",
    required=("messageId", "timestamp", "event", "anonymousId"),
    optional=("userId", "sessionId", "productId", "orderId", "value", "currency", "pagePath"),
    tables=(TableMapping("events", _EVENTS, accounts=True, constants=PLAIN_RECORD),),
    dates=("timestamp",),
    shop="shopify",
    aliases={"$insert_id": "messageId", "insert_id": "messageId", "time": "timestamp",
             "originalTimestamp": "timestamp", "distinct_id": "userId", "$user_id": "userId",
             "$device_id": "anonymousId", "message_id": "messageId",
             "anonymous_id": "anonymousId", "user_id": "userId", "session_id": "sessionId"},
)  # fmt: skip

"""GA4's export to BigQuery: one row per event, as JSON lines or Parquet.

``event_timestamp`` is in microseconds UTC, ``event_date`` in the property's zone and not used.
Events carry no id of their own: the browser, the instant, the name and the batch's position
together stand for one. Daily tables are revised for three days: import them again.
"""

from __future__ import annotations

from retention.sources.base import SourceFormat, TableMapping
from retention.sources.codes import ReasonCode
from retention.sources.fragments import (
    NO_EXCLUSION,
    NO_MONEY,
    PLAIN_RECORD,
    condition,
    identities,
    reasons,
    unreadable_numbers,
)

_PARAMETER = """list_filter(CAST("event_params" AS JSON[]),
    lambda p: (p ->> '$.key') = '{name}')[1] ->> '$.value.{kind}'"""

_SESSION = _PARAMETER.format(name="ga_session_id", kind="int_value")
_MAIL = 'CASE WHEN contains("user_id", \'@\') THEN "user_id" END'
_OTHER_ID = 'CASE WHEN NOT contains("user_id", \'@\') THEN "user_id" END'
_KEY = """concat_ws('|', "user_pseudo_id", "event_timestamp", "event_name",
    "event_bundle_sequence_id", "batch_page_id", "batch_ordering_id", "batch_event_index")"""

_EVENTS = f"""
SELECT 'ga4:' || {_KEY} AS event_key, text_of("user_pseudo_id") AS anon_key,
  text_of("user_pseudo_id") || ':' || ({_SESSION}) AS session_key,
  text_of("event_name") AS event_name, microseconds_of("event_timestamp") AS event_at,
  CAST("items" AS JSON) ->> '$[0].item_id' AS product_key,
  shop_id() || ':' || ltrim(text_of("ecommerce.transaction_id"), '#') AS order_key,
  coalesce(number_of("event_value_in_usd"), number_of("ecommerce.purchase_revenue")) AS value,
  line_no, {_KEY} AS source_record_id,
  {reasons(
      (ReasonCode.UNREADABLE_TIME, "event_timestamp", 'microseconds_of("event_timestamp")'),
      *unreadable_numbers("event_value_in_usd"),
      more=[condition('text_of("event_timestamp") IS NULL', ReasonCode.MISSING_VALUE,
                      "event_timestamp")],
  )},
  {NO_EXCLUSION}, microseconds_of("event_timestamp") AS occurred_at, {NO_MONEY},
  {identities(_MAIL, platform_id=_OTHER_ID)}
FROM landed"""  # fmt: skip

FORMAT = SourceFormat(
    name="ga4_events",
    meaning="GA4 export in BigQuery (events_YYYYMMDD), as JSON lines or Parquet.",
    required=("event_timestamp", "event_name", "user_pseudo_id"),
    optional=("event_date", "event_params", "user_id", "items", "ecommerce",
              "ecommerce.transaction_id", "ecommerce.purchase_revenue", "event_value_in_usd",
              "event_bundle_sequence_id", "batch_page_id", "batch_ordering_id",
              "batch_event_index", "platform", "stream_id", "device", "geo", "traffic_source",
              "user_properties", "user_first_touch_timestamp", "event_previous_timestamp",
              "event_server_timestamp_offset", "user_ltv", "privacy_info", "app_info",
              "event_dimensions", "is_active_user", "collected_traffic_source"),
    tables=(TableMapping("events", _EVENTS, accounts=True, constants=PLAIN_RECORD),),
    shop="shopify",
)  # fmt: skip

"""CDNOW's master file: every purchase of 23,570 customers, in columns parted by blanks."""

from __future__ import annotations

from retention.sources.base import SourceFormat, TableMapping
from retention.sources.codes import ReasonCode
from retention.sources.fragments import (
    NO_EXCLUSION,
    NO_MONEY,
    NO_REASONS,
    identities,
    reasons,
    unreadable_integers,
)

_COLUMNS = ("customer_id", "date", "number_of_cds", "dollar_value")

_ROWS = """
SELECT *, 'cdnow:' || text_of("customer_id") || ':' || row_number() OVER (
    PARTITION BY text_of("customer_id") ORDER BY line_no) AS order_key,
  CASE WHEN regexp_full_match(text_of("date"), '[0-9]{8}')
       THEN time_of(substr(text_of("date"), 1, 4) || '-' || substr(text_of("date"), 5, 2) || '-'
                    || substr(text_of("date"), 7, 2)) END AS moment,
  minor_of("dollar_value", 'USD') AS paid
FROM landed"""

_ORDERS = f"""
SELECT order_key, shop_id() AS shop_id, moment AS ordered_at, 'day' AS time_precision,
  shop_zone() AS shop_tz, 'paid' AS status, 'USD' AS currency, paid AS gross_minor,
  CAST(0 AS BIGINT) AS discount_minor, CAST(0 AS BIGINT) AS shipping_minor,
  CAST(0 AS BIGINT) AS tax_minor, CAST(0 AS BIGINT) AS marketplace_tax_minor,
  CAST(0 AS BIGINT) AS refunded_minor, paid AS net_minor, CAST(NULL AS BOOLEAN) AS is_gift,
  CAST(NULL AS BOOLEAN) AS delivered_late, line_no, order_key AS source_record_id,
  {reasons(
      (ReasonCode.UNREADABLE_TIME, "date", "moment"),
      *unreadable_integers("number_of_cds"),
      (ReasonCode.UNREADABLE_MONEY, "dollar_value", "paid"),
  )},
  {NO_EXCLUSION}, moment AS occurred_at, minor_value("dollar_value", 'USD') AS value_minor,
  'USD' AS value_currency,
  {identities(platform_id='"customer_id"')}
FROM cdnow_rows"""  # fmt: skip

_CUSTOMERS = f"""
SELECT moment AS first_seen_at, CAST(NULL AS VARCHAR) AS country,
  CAST(NULL AS VARCHAR) AS channel, FALSE AS is_guest, line_no, order_key AS source_record_id,
  {NO_REASONS}, {NO_EXCLUSION}, moment AS occurred_at, {NO_MONEY},
  {identities(platform_id='"customer_id"')}
FROM cdnow_rows WHERE moment IS NOT NULL"""

FORMAT = SourceFormat(
    name="cdnow",
    meaning="CDNOW master or sample file (Fader and Hardie), as published or with a header line.",
    required=_COLUMNS,
    optional=(),
    tables=(
        TableMapping("orders", _ORDERS, accounts=True, views={"cdnow_rows": _ROWS}),
        TableMapping("customers", _CUSTOMERS, adds_people=False),
    ),
    currency="USD",
    blank_delimited=True,
    headerless={
        "[0-9]{1,6} [0-9]{8} [0-9]+ [0-9.]+": _COLUMNS,
        "[0-9]{1,6} [0-9]{1,6} [0-9]{8} [0-9]+ [0-9.]+": (_COLUMNS[0], "sample_id", *_COLUMNS[1:]),
    },
)

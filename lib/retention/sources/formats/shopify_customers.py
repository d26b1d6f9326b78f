"""Shopify's customers export: one row per customer record."""

from __future__ import annotations

from retention.sources.base import SourceFormat, TableMapping
from retention.sources.fragments import (
    NO_EXCLUSION,
    NO_MONEY,
    identities,
    reasons,
    unreadable_money,
)

FULL_NAME = '"First Name" || \' \' || "Last Name"'

_CUSTOMERS = f"""
SELECT CAST(NULL AS TIMESTAMP) AS first_seen_at,
  text_of("Default Address Country Code") AS country, 'shopify' AS channel, FALSE AS is_guest,
  line_no, coalesce(plain_of("Customer ID"), text_of("Email"), text_of("Phone"))
    AS source_record_id,
  {reasons(*unreadable_money("coalesce(default_currency(), 'USD')", "Total Spent"))},
  {NO_EXCLUSION}, CAST(NULL AS TIMESTAMP) AS occurred_at, {NO_MONEY},
  {identities('"Email"', 'coalesce(plain_of("Phone"), plain_of("Default Address Phone"))',
              'plain_of("Customer ID")', FULL_NAME,
              'plain_of("Default Address Zip")')}
FROM landed"""  # fmt: skip

FORMAT = SourceFormat(
    name="shopify_customers",
    meaning="Shopify admin → Customers → Export.",
    required=("First Name", "Last Name", "Email", "Total Spent", "Total Orders"),
    optional=("Customer ID", "Accepts Email Marketing", "Default Address Country Code",
              "Default Address Zip", "Default Address Phone", "Phone", "Accepts SMS Marketing",
              "Note", "Tax Exempt", "Tags", "Default Address City",
              "Default Address Province Code", "Default Address Company",
              "Default Address Address1", "Default Address Address2"),
    tables=(TableMapping("customers", _CUSTOMERS, accounts=True),),
    money=("Total Spent",),
    aliases={"Province Code": "Default Address Province Code",
             "Country Code": "Default Address Country Code", "Zip": "Default Address Zip",
             "Accepts Marketing": "Accepts Email Marketing"},
)  # fmt: skip

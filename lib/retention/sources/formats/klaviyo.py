"""Klaviyo's exports: one row per message event, one row per profile."""

from __future__ import annotations

from retention.sources.base import SourceFormat, TableMapping
from retention.sources.codes import ExclusionCode
from retention.sources.fragments import (
    NO_EXCLUSION,
    NO_MONEY,
    WITHOUT_MONEY,
    identities,
    labels,
    reasons,
    unreadable_times,
)

KINDS = {
    "Received Email": "sent", "Opened Email": "opened", "Clicked Email": "clicked",
    "Bounced Email": "bounced", "Dropped Email": "bounced", "Marked Email as Spam": "complained",
    "Unsubscribed": "unsubscribed", "Unsubscribed from Email Marketing": "unsubscribed",
    "Unsubscribed from List": "unsubscribed", "Received SMS": "sent", "Clicked SMS": "clicked",
    "Failed to Deliver SMS": "bounced", "Unsubscribed from SMS Marketing": "unsubscribed",
    "Received Push": "sent", "Opened Push": "opened", "Bounced Push": "bounced",
}  # fmt: skip

FULL_NAME = '"First Name" || \' \' || "Last Name"'

_TOUCHES = f"""
SELECT 'klaviyo:' || text_of("Event ID") AS touch_key, text_of("Campaign Name") AS campaign_key,
  CASE WHEN contains(lower("Event"), 'sms') THEN 'sms'
       WHEN contains(lower("Event"), 'push') THEN 'push' ELSE 'email' END AS channel,
  {labels('"Event"', KINDS)} AS kind, time_of("Timestamp") AS touched_at,
  flag_of("Machine Open") AS is_machine_open,
  line_no, text_of("Event ID") AS source_record_id, {reasons(*unreadable_times("Timestamp"))},
  CASE WHEN text_of("Event") IS NOT NULL AND {labels('"Event"', KINDS)} IS NULL
       THEN '{ExclusionCode.OTHER_EVENT}' END AS exclusion,
  time_of("Timestamp") AS occurred_at, {NO_MONEY},
  {identities('"Email"', platform_id='"Klaviyo ID"')}
FROM landed"""

_PROFILES = f"""
SELECT coalesce(time_of("Profile Created On"), time_of("Date Added")) AS first_seen_at,
  text_of("Country") AS country, text_of("Source") AS channel, TRUE AS is_guest,
  line_no, coalesce(text_of("Klaviyo ID"), text_of("Email")) AS source_record_id,
  {reasons(*unreadable_times("Profile Created On", "Date Added"))},
  {NO_EXCLUSION},
  coalesce(time_of("Profile Created On"), time_of("Date Added")) AS occurred_at, {NO_MONEY},
  {identities('"Email"', '"Phone Number"', '"Klaviyo ID"',
              FULL_NAME, '"Zip Code"')}
FROM landed"""  # fmt: skip

EVENTS = SourceFormat(
    name="klaviyo_events",
    meaning="Klaviyo events, one row per event (Metrics → Export, or the events API as CSV).",
    required=("Event ID", "Timestamp", "Event", "Email"),
    optional=("Klaviyo ID", "Campaign Name", "Message Name", "Subject", "Client", "Machine Open"),
    tables=(TableMapping("touches", _TOUCHES, accounts=True, constants=WITHOUT_MONEY),),
    dates=("Timestamp",),
)

PROFILES = SourceFormat(
    name="klaviyo_profiles",
    meaning="Klaviyo → Lists & segments → Export.",
    required=("Email", "Klaviyo ID"),
    optional=("First Name", "Last Name", "Phone Number", "Address", "Address 2", "City",
              "State / Region", "Country", "Zip Code", "Email Marketing Consent",
              "SMS Marketing Consent", "Profile Created On", "Date Added", "Source"),
    tables=(TableMapping("customers", _PROFILES, accounts=True),),
    dates=("Profile Created On", "Date Added"),
)  # fmt: skip

"""Mailchimp's exports: the audience's members, and what they did with campaigns."""

from __future__ import annotations

from retention.sources.base import SourceFormat, TableMapping
from retention.sources.codes import ExclusionCode
from retention.sources.fragments import (
    NO_EXCLUSION,
    NO_MONEY,
    NO_REASONS,
    identities,
    labels,
    reasons,
    unreadable_times,
)

KINDS = {
    "sent": "sent", "open": "opened", "opened": "opened", "click": "clicked",
    "clicked": "clicked", "bounce": "bounced", "hard bounce": "bounced",
    "soft bounce": "bounced", "unsub": "unsubscribed", "unsubscribed": "unsubscribed",
    "unsubscribe": "unsubscribed", "abuse": "complained", "complaint": "complained",
}  # fmt: skip

_FULL_NAME = '"First Name" || \' \' || "Last Name"'
_SINCE = 'coalesce(time_of("OPTIN_TIME"), time_of("CONFIRM_TIME"))'

_MEMBERS = f"""
SELECT {_SINCE} AS first_seen_at, text_of("CC") AS country, 'mailchimp' AS channel,
  TRUE AS is_guest, line_no, coalesce(text_of("LEID"), text_of("Email Address"))
    AS source_record_id,
  {reasons(*unreadable_times("OPTIN_TIME", "CONFIRM_TIME", "UNSUB_TIME"))},
  {NO_EXCLUSION}, {_SINCE} AS occurred_at, {NO_MONEY},
  {identities('"Email Address"', '"Phone Number"', '"EUID"', _FULL_NAME)}
FROM landed"""

_CONSENTS = " UNION ALL ".join(
    f"""SELECT 'marketing_email' AS purpose, '{state}' AS state, {moment} AS changed_at,
  '{basis}' AS basis, line_no,
  coalesce(text_of("LEID"), text_of("Email Address")) || ':{state}' AS source_record_id,
  {NO_REASONS}, {NO_EXCLUSION}, {moment} AS occurred_at, {NO_MONEY},
  {identities('"Email Address"', platform_id='"EUID"')}
FROM landed WHERE {moment} IS NOT NULL"""
    for state, moment, basis in (
        ("granted", 'coalesce(time_of("CONFIRM_TIME"), time_of("OPTIN_TIME"))', "consent"),
        ("withdrawn", 'time_of("UNSUB_TIME")', "consent"),
    )
)

_WHO = 'lower(text_of("email_address"))'
_TOUCH_KEY = "'mailchimp:' || {campaign} || ':' || {who} || ':' || {kind} || ':' || {when}"

_ACTIVITY = f"""
SELECT {_TOUCH_KEY.format(campaign='"campaign_id"', who=_WHO, kind='"action"', when='"timestamp"')}
    AS touch_key,
  text_of("campaign_id") AS campaign_key, 'email' AS channel, {labels('"action"', KINDS)} AS kind,
  time_of("timestamp") AS touched_at, CAST(NULL AS BOOLEAN) AS is_machine_open,
  line_no, CAST(line_no AS VARCHAR) AS source_record_id,
  {reasons(*unreadable_times("timestamp"))},
  CASE WHEN text_of("action") IS NOT NULL AND {labels('"action"', KINDS)} IS NULL
       THEN '{ExclusionCode.OTHER_EVENT}' END AS exclusion,
  time_of("timestamp") AS occurred_at, {NO_MONEY},
  {identities('"email_address"')}
FROM landed"""

_DONE = """
SELECT text_of("campaign_id") AS campaign, text_of("email_address") AS address, line_no,
  unnest(CAST("activity" AS JSON[])) AS deed
FROM landed WHERE json_valid("activity")"""

_TOUCHES = f"""
SELECT {
    _TOUCH_KEY.format(
        campaign="campaign",
        who="lower(address)",
        kind="(deed ->> '$.action')",
        when="(deed ->> '$.timestamp')",
    )
} AS touch_key,
  campaign AS campaign_key, 'email' AS channel, {labels("(deed ->> '$.action')", KINDS)} AS kind,
  time_of(deed ->> '$.timestamp') AS touched_at, CAST(NULL AS BOOLEAN) AS is_machine_open,
  line_no, CAST(line_no AS VARCHAR) AS source_record_id, {NO_REASONS}, {NO_EXCLUSION},
  time_of(deed ->> '$.timestamp') AS occurred_at, {NO_MONEY},
  {identities("address")}
FROM mailchimp_deeds"""

_PEOPLE = f"""
SELECT CAST(NULL AS TIMESTAMP) AS first_seen_at, CAST(NULL AS VARCHAR) AS country,
  'mailchimp' AS channel, TRUE AS is_guest, line_no,
  text_of("campaign_id") || ':' || {_WHO} AS source_record_id, {NO_REASONS}, {NO_EXCLUSION},
  CAST(NULL AS TIMESTAMP) AS occurred_at, {NO_MONEY},
  {identities('"email_address"')}
FROM landed"""

MEMBERS = SourceFormat(
    name="mailchimp_members",
    meaning="Mailchimp → Audience → Export (one CSV per state of subscription).",
    required=("Email Address", "LEID", "EUID"),
    optional=("First Name", "Last Name", "Phone Number", "MEMBER_RATING", "OPTIN_TIME",
              "OPTIN_IP", "CONFIRM_TIME", "CONFIRM_IP", "LATITUDE", "LONGITUDE", "GMTOFF",
              "DSTOFF", "TIMEZONE", "CC", "REGION", "LAST_CHANGED", "UNSUB_TIME",
              "UNSUB_CAMPAIGN_TITLE", "NOTES", "TAGS"),
    tables=(
        TableMapping("customers", _MEMBERS, accounts=True),
        TableMapping("consents", _CONSENTS),
    ),
    dates=("OPTIN_TIME", "CONFIRM_TIME"),
)  # fmt: skip

ACTIVITY = SourceFormat(
    name="mailchimp_activity",
    meaning="Mailchimp campaign activity, one row per action.",
    required=("email_address", "action", "timestamp", "campaign_id"),
    optional=("url", "ip"),
    tables=(TableMapping("touches", _ACTIVITY, accounts=True),),
    dates=("timestamp",),
    aliases={"Email Address": "email_address", "Action": "action", "Timestamp": "timestamp",
             "Campaign Id": "campaign_id", "Campaign ID": "campaign_id"},
)  # fmt: skip

EMAIL_ACTIVITY = SourceFormat(
    name="mailchimp_email_activity",
    meaning="Mailchimp API: /reports/{campaign_id}/email-activity, its ``emails`` as JSON.",
    required=("campaign_id", "email_address", "activity"),
    optional=("list_id", "email_id"),
    tables=(
        TableMapping("customers", _PEOPLE, accounts=True, views={"mailchimp_deeds": _DONE}),
        TableMapping("touches", _TOUCHES),
    ),
)

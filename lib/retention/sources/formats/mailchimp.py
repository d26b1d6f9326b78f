"""What Mailchimp's members did with campaigns: as rows, or as the interface's JSON."""

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

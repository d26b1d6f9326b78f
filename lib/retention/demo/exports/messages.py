"""Klaviyo's exports: e-mail events and profiles."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from retention.demo.calendar import DAY_S, START_S
from retention.demo.headers import KLAVIYO_EVENTS, KLAVIYO_PROFILES
from retention.demo.people import Integers, People
from retention.demo.touches import Touches
from retention.demo.writing import Writer, lookup, stamp, words

KINDS = (
    "Received Email",
    "Opened Email",
    "Clicked Email",
    "Bounced Email",
    "Unsubscribed from Email Marketing",
    "Marked Email as Spam",
)


def write_events(writer: Writer, names: pa.Table, touches: Touches) -> int:
    """Write klaviyo/events.csv in order of time."""
    rows = pa.table(
        {
            "number": np.arange(len(touches.customer)),
            "at_s": touches.at_s,
            "machine": touches.is_machine,
            "kind": touches.kind,
            "event": words(KINDS, touches.kind),
            "campaign": words(touches.campaign_names, touches.campaign),
            "email": lookup(names, "email", touches.customer),
            "klaviyo_id": lookup(names, "klaviyo_id", touches.customer),
        }
    )
    columns = {
        "Event ID": "'e' || (1000000 + number)",
        "Timestamp": stamp("at_s", "+00:00"),
        "Event": "event",
        "Email": "email",
        "Klaviyo ID": "klaviyo_id",
        "Campaign Name": "campaign",
        "Message Name": "campaign",
        "Subject": "CASE WHEN campaign IS NOT NULL THEN 'News from the workshop' END",
        "Client": "CASE WHEN machine THEN 'Apple Mail' WHEN kind IN (1, 2) THEN 'Gmail' END",
        "Machine Open": "CASE WHEN kind = 1 THEN CAST(machine AS VARCHAR) END",
    }
    return writer.csv("klaviyo/events.csv", KLAVIYO_EVENTS, columns, rows)


def write_profiles(
    writer: Writer, people: People, names: pa.Table, unsubscribed_s: Integers
) -> int:
    """Write klaviyo/profiles.csv: everyone with an e-mail address."""
    mine = np.flatnonzero(people.has_email)
    state = np.where(unsubscribed_s >= 0, 2, np.where(people.consents, 0, 1))[mine]
    first_s = START_S + (people.first_day * DAY_S).astype(np.int64)
    rows = names.take(pa.array(mine))
    rows = rows.append_column(
        "consent", words(("SUBSCRIBED", "NEVER_SUBSCRIBED", "UNSUBSCRIBED"), state)
    )
    rows = rows.append_column("at_s", pa.array(first_s[mine]))
    columns = {
        "Email": "email",
        "Klaviyo ID": "klaviyo_id",
        "First Name": "first_name",
        "Last Name": "last_name",
        "Address": "address",
        "City": "city",
        "State / Region": "province",
        "Country": "country",
        "Zip Code": "zip",
        "Email Marketing Consent": "consent",
        "SMS Marketing Consent": "'NEVER_SUBSCRIBED'",
        "Profile Created On": stamp("at_s"),
        "Date Added": stamp("at_s"),
        "Source": "'Shopify'",
    }
    return writer.csv("klaviyo/profiles.csv", KLAVIYO_PROFILES, columns, rows)

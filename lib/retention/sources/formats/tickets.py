"""Help-desk tickets, as Zendesk and its like export them; ingest drops subjects unless asked."""

from __future__ import annotations

from retention.sources.base import SourceFormat, TableMapping
from retention.sources.fragments import (
    NO_EXCLUSION,
    NO_MONEY,
    PLAIN_RECORD,
    identities,
    reasons,
    unreadable_integers,
    unreadable_times,
)

_TICKETS = f"""
SELECT 'ticket:' || text_of("Id") AS ticket_key, time_of("Created at") AS opened_at,
  coalesce(time_of("First reply at"), time_of("Created at")
    + to_seconds(integer_of("First reply time in minutes") * 60)) AS first_response_at,
  time_of("Solved at") AS closed_at,
  regexp_replace(lower(text_of("Reason")), '[^a-z0-9]+', '_', 'g') AS reason_code,
  text_of("Subject") AS subject, line_no, text_of("Id") AS source_record_id,
  {
    reasons(
        *unreadable_times("Created at", "First reply at", "Solved at"),
        *unreadable_integers("First reply time in minutes"),
    )
},
  {NO_EXCLUSION}, time_of("Created at") AS occurred_at, {NO_MONEY},
  {identities('"Requester email"')}
FROM landed"""

FORMAT = SourceFormat(
    name="tickets",
    meaning="Help-desk tickets (Zendesk and the like), one row per ticket.",
    required=("Id", "Created at"),
    optional=("Requester email", "First reply at", "First reply time in minutes", "Solved at",
              "Reason", "Status", "Subject", "Summation column", "Requester id",
              "Requester external id", "Requester domain", "Submitter", "Assignee",
              "Priority", "Via", "Updated at", "Assigned at", "Organization", "Due date",
              "Initially assigned at", "Resolution time", "Requester", "Group",
              "Satisfaction Score", "Order Name", "Tags"),
    tables=(TableMapping("tickets", _TICKETS, accounts=True, constants=PLAIN_RECORD),),
    dates=("Created at",),
    aliases={"Ticket ID": "Id", "ID": "Id", "Created At": "Created at", "Solved At": "Solved at",
             "Requester Email": "Requester email", "Ticket form": "Reason", "Type": "Reason",
             "Ticket type": "Reason"},
)  # fmt: skip

"""Web and loyalty events, survey answers and tickets, as their tools export them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from retention.demo.baskets import Baskets, catalogue
from retention.demo.exports.shopify import order_numbers
from retention.demo.headers import SURVEY_ANSWERS, TICKETS, WEB_EVENTS
from retention.demo.loyalty import EVENT_NAMES as LOYALTY_NAMES
from retention.demo.loyalty import Loyalty
from retention.demo.people import People
from retention.demo.visits import COMPLETED, EVENT_NAMES, EXIT, Visits
from retention.demo.voices import (
    COMMENTS,
    REASONS,
    SUBJECTS,
    SURVEYS,
    TICKET_REASONS,
    Answers,
    Tickets,
)
from retention.demo.writing import Writer, iso, lookup, money, stamp, words


def _numbers(baskets: Baskets, order: np.ndarray) -> pa.Array:
    """Return order numbers by position, NULL below 0."""
    return pa.array(order_numbers(baskets)[np.maximum(order, 0)], mask=order < 0)


def write_web_events(
    writer: Writer, people: People, names: pa.Table, baskets: Baskets, visits: Visits
) -> int:
    """Write web/events.csv; visitors are known by e-mail in half of the visits without an order."""
    known = (visits.session * 2_654_435_761 % 100 < 55) | (visits.event == COMPLETED)
    who = np.where(known & people.has_email[visits.customer], visits.customer, -1)
    sold = np.where(
        visits.order >= 0,
        baskets.total[np.maximum(visits.order, 0)],
        catalogue().price[visits.product],
    )
    rows = pa.table(
        {
            "number": np.arange(len(visits.at_s)),
            "at_s": visits.at_s,
            "session": visits.session,
            "event_kind": visits.event,
            "event": words(EVENT_NAMES, visits.event),
            "customer": visits.customer,
            "email": lookup(names, "email", who),
            "sku": words(catalogue().sku, visits.product),
            "order_number": _numbers(baskets, visits.order),
            "value": sold,
        }
    )
    columns = {
        "messageId": "'m-' || (1000000 + number)",
        "timestamp": iso("at_s"),
        "event": "event",
        "anonymousId": "'a-' || (customer * 48271 % 2147483647)",
        "userId": "email",
        "sessionId": "'s-' || session",
        "productId": f"CASE WHEN event_kind NOT IN ({COMPLETED}, {EXIT}) THEN sku END",
        "orderId": "order_number",
        "value": f"CASE WHEN event_kind <> {EXIT} THEN {money('value')} END",
        "currency": f"CASE WHEN event_kind <> {EXIT} THEN 'USD' END",
        "pagePath": f"CASE WHEN event_kind >= 2 AND event_kind <> {EXIT} THEN '/checkout' ELSE '/products/' || lower(sku) END",  # noqa: E501
    }
    return writer.csv("web/events.csv", WEB_EVENTS, columns, rows)


def write_loyalty(writer: Writer, names: pa.Table, loyalty: Loyalty) -> int:
    """Write loyalty/events.csv: the programme's bookings, as track events without a session."""
    rows = pa.table(
        {
            "number": np.arange(len(loyalty.at_s)),
            "at_s": loyalty.at_s,
            "event": words(LOYALTY_NAMES, loyalty.kind),
            "customer": loyalty.customer,
            "email": lookup(names, "email", loyalty.customer),
            "points": pa.array(loyalty.points, mask=loyalty.points == 0),
        }
    )
    columns = {
        "messageId": "'y-' || (1000000 + number)",
        "timestamp": iso("at_s"),
        "event": "event",
        "anonymousId": "'a-' || (customer * 48271 % 2147483647)",
        "userId": "email",
        "value": "points",
    }
    return writer.csv("loyalty/events.csv", WEB_EVENTS, columns, rows)


def write_answers(writer: Writer, names: pa.Table, baskets: Baskets, answers: Answers) -> int:
    """Write surveys/answers.csv in order of time."""
    rows = pa.table(
        {
            "number": np.arange(len(answers.at_s)),
            "at_s": answers.at_s,
            "survey": words(SURVEYS, answers.survey),
            "score": pa.array(answers.score, mask=answers.score < 0),
            "reason": words(REASONS, answers.reason),
            "comment": words(COMMENTS, answers.comment),
            "email": lookup(names, "email", answers.customer),
            "order_number": _numbers(baskets, answers.order),
        }
    )
    columns = {
        "Response ID": "'r' || (100000 + number)",
        "Submitted At": stamp("at_s"),
        "Survey": "survey",
        "Email": "email",
        "Score": "score",
        "Reason": "reason",
        "Comment": "comment",
        "Order Name": "'#' || order_number",
    }
    return writer.csv("surveys/answers.csv", SURVEY_ANSWERS, columns, rows)


def write_tickets(writer: Writer, names: pa.Table, baskets: Baskets, tickets: Tickets) -> int:
    """Write tickets/tickets.csv in order of time."""
    rows = pa.table(
        {
            "number": np.arange(len(tickets.opened_s)),
            "opened_s": tickets.opened_s,
            "replied_s": tickets.replied_s,
            "solved_s": tickets.solved_s,
            "reason": words(TICKET_REASONS, tickets.reason),
            "subject": words(SUBJECTS, tickets.reason),
            "satisfaction": words(("bad", "good"), tickets.satisfaction),
            "email": lookup(names, "email", tickets.customer),
            "full_name": lookup(names, "full_name", tickets.customer),
            "order_number": _numbers(baskets, tickets.order),
        }
    )
    columns = {
        "Id": "70000 + number",
        "Status": "'closed'",
        "Subject": "subject",
        "Requester": "full_name",
        "Requester email": "email",
        "Created at": stamp("opened_s", " UTC"),
        "First reply at": stamp("replied_s", " UTC"),
        "Solved at": stamp("solved_s", " UTC"),
        "Group": "'Support'",
        "Reason": "reason",
        "Satisfaction Score": "satisfaction",
        "Order Name": "'#' || order_number",
    }
    return writer.csv("tickets/tickets.csv", TICKETS, columns, rows)

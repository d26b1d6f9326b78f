"""Survey answers: one row per answer; ingest drops the free text unless asked for it."""

from __future__ import annotations

from retention.sources.base import SourceFormat, TableMapping
from retention.sources.fragments import (
    NO_EXCLUSION,
    NO_MONEY,
    PLAIN_RECORD,
    identities,
    reasons,
    unreadable_numbers,
    unreadable_times,
)

SNAKE = "regexp_replace(lower(text_of(\"{name}\")), '[^a-z0-9]+', '_', 'g')"

_ANSWERS = f"""
SELECT 'survey:' || text_of("Response ID") AS response_key,
  {SNAKE.format(name="Survey")} AS instrument, number_of("Score") AS score,
  {SNAKE.format(name="Reason")} AS reason_code, time_of("Submitted At") AS answered_at,
  text_of("Comment") AS comment, line_no, text_of("Response ID") AS source_record_id,
  {reasons(*unreadable_times("Submitted At"), *unreadable_numbers("Score"))},
  {NO_EXCLUSION}, time_of("Submitted At") AS occurred_at, {NO_MONEY},
  {identities('"Email"')}
FROM landed"""

FORMAT = SourceFormat(
    name="surveys",
    meaning="Survey answers (Zigpoll, Typeform and the like): exit intent, post purchase, NPS.",
    required=("Response ID", "Submitted At", "Survey"),
    optional=("Email", "Score", "Reason", "Comment", "Order Name"),
    tables=(TableMapping("surveys", _ANSWERS, accounts=True, constants=PLAIN_RECORD),),
    dates=("Submitted At",),
    aliases={"#": "Response ID", "Token": "Response ID", "Response Id": "Response ID",
             "Submit Date (UTC)": "Submitted At", "Submit Date": "Submitted At",
             "Date": "Submitted At", "Customer Email": "Email", "email": "Email",
             "NPS": "Score", "Rating": "Score"},
)  # fmt: skip

_FORM = _ANSWERS.replace(SNAKE.format(name="Survey"), "coalesce("
                         + SNAKE.format(name="Survey") + ", 'typeform')")  # fmt: skip

TYPEFORM = SourceFormat(
    name="typeform_answers",
    meaning="Typeform → Results → Download: name the questions with columns ('Score = How …').",
    required=("Response ID", "Started At", "Submitted At"),
    optional=("Email", "Score", "Reason", "Comment", "Survey", "Stage Date (UTC)", "Network ID",
              "Response Type", "Tags", "Ending"),
    tables=(TableMapping("surveys", _FORM, accounts=True),),
    dates=("Submitted At",),
    aliases={"#": "Response ID", "Start Date (UTC)": "Started At",
             "Submit Date (UTC)": "Submitted At", "email": "Email"},
)  # fmt: skip

"""What another system holds about a customer: scores it gave, contracts it keeps."""

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

_SCORES = f"""
SELECT text_of("Score ID") AS score_key, coalesce(text_of("Model"), 'legacy_crm') AS model,
  number_of("Score") AS score, time_of("Scored At") AS scored_at,
  line_no, text_of("Score ID") AS source_record_id,
  {reasons(*unreadable_times("Scored At"), *unreadable_numbers("Score"))},
  {NO_EXCLUSION}, time_of("Scored At") AS occurred_at, {NO_MONEY},
  {identities('"Email"', '"Phone"', '"Customer ID"')}
FROM landed"""

_CONTRACTS = f"""
SELECT text_of("Contract ID") AS contract_key, lower(text_of("Kind")) AS kind,
  time_of("Started At") AS started_at, time_of("Ended At") AS ended_at,
  line_no, text_of("Contract ID") AS source_record_id,
  {reasons(*unreadable_times("Started At", "Ended At"))},
  {NO_EXCLUSION}, time_of("Started At") AS occurred_at, {NO_MONEY},
  {identities('"Email"', '"Phone"', '"Customer ID"')}
FROM landed"""

SCORES = SourceFormat(
    name="model_scores",
    meaning="Scores that another system gave customers, such as an old churn score.",
    required=("Score ID", "Score", "Scored At"),
    optional=("Email", "Phone", "Customer ID", "Model"),
    tables=(TableMapping("scores", _SCORES, accounts=True, constants=PLAIN_RECORD),),
    dates=("Scored At",),
)

CONTRACTS = SourceFormat(
    name="contracts",
    meaning="Subscriptions and loyalty tiers: when each began, and when it ended.",
    required=("Contract ID", "Kind", "Started At", "Ended At"),
    optional=("Email", "Phone", "Customer ID"),
    tables=(TableMapping("contracts", _CONTRACTS, accounts=True),),
    dates=("Started At", "Ended At"),
)

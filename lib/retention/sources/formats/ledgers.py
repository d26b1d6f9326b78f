"""The workspace's own small ledgers: consents, campaign assignments and costs."""

from __future__ import annotations

from retention.sources.base import SourceFormat, TableMapping
from retention.sources.codes import ReasonCode
from retention.sources.fragments import (
    NO_EXCLUSION,
    NO_MONEY,
    PLAIN_RECORD,
    identities,
    reasons,
    unreadable_numbers,
    unreadable_times,
)

_CONSENTS = f"""
SELECT lower(text_of("purpose")) AS purpose, lower(text_of("state")) AS state,
  time_of("changed_at") AS changed_at, coalesce(lower(text_of("basis")), 'unknown') AS basis,
  line_no, coalesce(text_of("email"), text_of("customer_id")) || ':' || line_no
    AS source_record_id,
  {reasons(*unreadable_times("changed_at"))},
  {NO_EXCLUSION}, time_of("changed_at") AS occurred_at, {NO_MONEY},
  {identities('"email"', '"phone"', '"customer_id"')}
FROM landed"""

_ASSIGNMENTS = f"""
SELECT text_of("experiment") AS experiment_key, text_of("arm") AS arm,
  time_of("assigned_at") AS assigned_at, number_of("probability") AS propensity,
  text_of("stratum") AS stratum, time_of("exposed_at") AS exposed_at,
  line_no, coalesce(text_of("email"), text_of("customer_id")) || ':' || text_of("experiment")
    AS source_record_id,
  {reasons(*unreadable_times("assigned_at", "exposed_at"), *unreadable_numbers("probability"))},
  {NO_EXCLUSION}, time_of("assigned_at") AS occurred_at, {NO_MONEY},
  {identities('"email"', '"phone"', '"customer_id"')}
FROM landed"""

_COSTS = f"""
SELECT text_of("cost_id") AS cost_key, time_of("incurred_at") AS incurred_at,
  lower(text_of("kind")) AS kind, lower(text_of("scope_type")) AS scope_type,
  text_of("scope_key") AS scope_key,
  currency_of(coalesce("currency", default_currency())) AS currency,
  minor_of("amount", currency_of(coalesce("currency", default_currency()))) AS amount_minor,
  line_no, text_of("cost_id") AS source_record_id,
  {reasons(
      *unreadable_times("incurred_at"),
      (ReasonCode.UNREADABLE_MONEY, "amount",
       'minor_of("amount", currency_of(coalesce("currency", default_currency())))'),
  )},
  {NO_EXCLUSION}, time_of("incurred_at") AS occurred_at,
  minor_value("amount", currency_of(coalesce("currency", default_currency()))) AS value_minor,
  currency_of(coalesce("currency", default_currency())) AS value_currency
FROM landed"""  # fmt: skip

CONSENTS = SourceFormat(
    name="consents",
    meaning="Changes of consent: who, for what purpose, granted or withdrawn, when.",
    required=("purpose", "state", "changed_at"),
    optional=("email", "phone", "customer_id", "basis", "source"),
    tables=(TableMapping("consents", _CONSENTS, accounts=True, constants=PLAIN_RECORD),),
    dates=("changed_at",),
)

ASSIGNMENTS = SourceFormat(
    name="assignments",
    meaning="Who was given which arm of a campaign test, and when.",
    required=("experiment", "arm", "assigned_at"),
    optional=("email", "phone", "customer_id", "probability", "stratum", "exposed_at"),
    tables=(
        TableMapping(
            "assignments", _ASSIGNMENTS, accounts=True, person="unit_key", constants=PLAIN_RECORD
        ),
    ),
    dates=("assigned_at",),
)

COSTS = SourceFormat(
    name="costs",
    meaning="Costs: advertising, goods, messages, tools, and what each belongs to.",
    required=("cost_id", "incurred_at", "kind", "amount"),
    optional=("scope_type", "scope_key", "currency", "note"),
    tables=(TableMapping("costs", _COSTS, accounts=True, person=""),),
    dates=("incurred_at",),
    money=("amount",),
)

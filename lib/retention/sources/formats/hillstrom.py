"""K. Hillstrom's e-mail test: one row per customer, arm, covariates and outcomes side by side."""

from __future__ import annotations

from retention.sources.base import SourceFormat, TableMapping
from retention.sources.codes import ReasonCode
from retention.sources.fragments import (
    NO_EXCLUSION,
    NO_MONEY,
    NO_REASONS,
    condition,
    labels,
    reasons,
    unreadable_integers,
    unreadable_numbers,
)

ARMS = {"Mens E-Mail": "mens_email", "Womens E-Mail": "womens_email", "No E-Mail": "no_email"}
OUTCOMES = ("visit", "conversion", "spend")
NUMBERS = ("recency", "history", "mens", "womens", "newbie")
LABELS = ("history_segment", "zip_code", "channel")

_ROWS = f"""
SELECT *, 'hillstrom:' || printf('%06d', line_no - 1) AS unit_key,
  {labels('coalesce("treatment", "segment")', ARMS)} AS arm
FROM landed"""

_TAIL = f"""line_no, unit_key AS source_record_id, {{reasons}}, {NO_EXCLUSION},
  CAST(NULL AS TIMESTAMP) AS occurred_at, {NO_MONEY}"""

_ASSIGNMENTS = f"""
SELECT 'hillstrom' AS experiment_key, unit_key, arm, CAST(NULL AS TIMESTAMP) AS assigned_at,
  CAST(1.0 / 3 AS DOUBLE) AS propensity, CAST(NULL AS VARCHAR) AS stratum,
  CAST(NULL AS TIMESTAMP) AS exposed_at,
  line_no, unit_key AS source_record_id,
  {reasons(
      *unreadable_integers("recency", "mens", "womens", "newbie", "visit", "conversion"),
      *unreadable_numbers("history", "spend"),
      more=[condition("arm IS NULL", ReasonCode.UNKNOWN_LABEL, "treatment")],
  )},
  {NO_EXCLUSION}, CAST(NULL AS TIMESTAMP) AS occurred_at,
  minor_value("spend", default_currency()) AS value_minor,
  default_currency() AS value_currency
FROM hillstrom_rows"""  # fmt: skip

_OUTCOMES = " UNION ALL ".join(
    f"""SELECT 'hillstrom' AS experiment_key, unit_key, '{name}' AS metric,
  number_of("{name}") AS value, {_TAIL.format(reasons=NO_REASONS)}
FROM hillstrom_rows WHERE arm IS NOT NULL"""
    for name in OUTCOMES
)

_COVARIATES = " UNION ALL ".join(
    f"""SELECT 'hillstrom' AS experiment_key, unit_key, '{name}' AS name,
  {f'number_of("{name}")' if name in NUMBERS else "CAST(NULL AS DOUBLE)"} AS value_number,
  {f'text_of("{name}")' if name in LABELS else "CAST(NULL AS VARCHAR)"} AS value_text,
  {_TAIL.format(reasons=NO_REASONS)}
FROM hillstrom_rows WHERE arm IS NOT NULL"""
    for name in (*NUMBERS, *LABELS)
)

FORMAT = SourceFormat(
    name="hillstrom",
    meaning="MineThatData e-mail challenge (2008), CSV.",
    required=("recency", "history", "mens", "womens", "newbie", "visit", "conversion", "spend"),
    optional=("treatment", "segment", "history_segment", "zip_code", "channel"),
    tables=(
        TableMapping("assignments", _ASSIGNMENTS, accounts=True, person="",
                     views={"hillstrom_rows": _ROWS}),
        TableMapping("outcomes", _OUTCOMES, person=""),
        TableMapping("covariates", _COVARIATES, person=""),
    ),
    money=("spend",),
    currency="USD",
)  # fmt: skip

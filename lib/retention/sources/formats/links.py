"""Declared links: two identities that someone knows to be one person, or not to be.

Each identity is an e-mail address, a telephone number, or a platform's own id written as
``platform:id`` (``etsy:mira77``). ``state`` is ``linked`` or ``unlinked``; the latest word on a
pair holds, so that a link is undone by declaring it unlinked.
"""

from __future__ import annotations

from retention.sources.base import SourceFormat, TableMapping
from retention.sources.codes import ReasonCode
from retention.sources.fragments import (
    NO_EXCLUSION,
    NO_MONEY,
    condition,
    reasons,
    unreadable_times,
)

_NONE = "CAST(NULL AS VARCHAR)"
_MISSING = [
    condition(f'text_of("{name}") IS NULL', ReasonCode.MISSING_VALUE, name)
    for name in ("identity", "same_as", "state", "declared_at")
]


def _side(side: str, column: str) -> str:
    """Return the SELECT of one side of each statement."""
    text = f'text_of("{column}")'
    is_phone = f"regexp_full_match({text}, '[-+0-9 ().]+')"
    is_email = f"contains({text}, '@')"
    return f"""
SELECT text_of("identity") || '|' || text_of("same_as") || '|' || text_of("declared_at") || '|'
    || coalesce(text_of("state"), '') AS link_key, '{side}' AS side,
  lower(text_of("state")) AS state, time_of("declared_at") AS declared_at,
  coalesce(lower(text_of("declared_by")), 'shop') AS declared_by,
  line_no, line_no || ':{side}' AS source_record_id,
  {reasons(*unreadable_times("declared_at"), more=_MISSING)},
  {NO_EXCLUSION}, time_of("declared_at") AS occurred_at, {NO_MONEY},
  CASE WHEN {is_email} THEN {text} END AS identity_email,
  CASE WHEN {is_phone} THEN {text} END AS identity_phone,
  CASE WHEN NOT {is_email} AND NOT {is_phone} THEN {text} END AS identity_platform_id,
  {_NONE} AS identity_name, {_NONE} AS identity_postcode
FROM landed"""


FORMAT = SourceFormat(
    name="links",
    meaning="Declared links: two identities of one person (or not), who said so, and when.",
    required=("identity", "same_as", "state", "declared_at"),
    optional=("declared_by",),
    tables=(
        TableMapping("declared_links", _side("one", "identity"), accounts=True),
        TableMapping("declared_links", _side("other", "same_as")),
    ),
    dates=("declared_at",),
)

"""Relative dates in parameters, resolved once per run so that the manifest can record them."""

from __future__ import annotations

import re
from datetime import date, timedelta

PATTERN = re.compile(r"^(?:(?P<back>-\d+)?(?P<unit>month_start|week_start|days?)|today|yesterday)$")
"""``today``, ``yesterday``, ``-30days``, ``month_start``, ``-1month_start``, ``-2week_start``."""


def is_relative(text: object) -> bool:
    """Tell whether a parameter is a relative date."""
    return isinstance(text, str) and bool(PATTERN.match(text))


def resolve(text: str, today: date) -> str:
    """Return a relative date as ISO date.

    Examples
    --------
    >>> resolve("-1month_start", date(2026, 3, 15)), resolve("-30days", date(2026, 3, 15))
    ('2026-02-01', '2026-02-13')
    """
    match = PATTERN.match(text)
    if match is None:
        raise ValueError(f"{text!r} is no relative date")
    if match["unit"] is None:
        return (today - timedelta(days=int(text == "yesterday"))).isoformat()
    back = -int(match["back"] or 0)
    if match["unit"].startswith("day"):
        return (today - timedelta(days=back)).isoformat()
    if match["unit"] == "week_start":
        return (today - timedelta(days=today.weekday() + 7 * back)).isoformat()
    months = today.year * 12 + today.month - 1 - back
    return date(months // 12, months % 12 + 1, 1).isoformat()

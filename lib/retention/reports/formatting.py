"""How figures are written for people: money with its currency, shares as percent, n with commas."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from retention.quantities import is_currency
from retention.results import MISSING, Metric, percent

WITHOUT_CENTS = 100_000
"""Amounts from which cents are left out, major units."""

SUPPRESSED = "< k"
"""Shown where a cell is too small to publish."""


def money(amount: float | None, currency: str, digits: int | None = None) -> str:
    """Write an amount in major units with its currency; large ones without cents by default.

    Examples
    --------
    >>> money(-1234.5, "USD"), money(0.1234, "USD"), money(2_500_000.0, "GBP")
    ('-USD 1,234.50', 'USD 0.12', 'GBP 2,500,000')
    """
    if amount is None or not math.isfinite(amount):
        return MISSING
    sign = "-" if amount < 0 else ""
    digits = _cents(amount) if digits is None else digits
    return f"{sign}{currency} {abs(amount):,.{digits}f}"


def _cents(*amounts: float) -> int:
    """Return the decimals that amounts are written with together."""
    return 0 if max(abs(amount) for amount in amounts) >= WITHOUT_CENTS else 2


def money_of_minor(currency: str, minor_per_major: int) -> Callable[[float], str]:
    """Return what writes an amount in minor units (cents) as money in major ones.

    Examples
    --------
    >>> money_of_minor("USD", 100)(123456), money_of_minor("JPY", 1)(2500)
    ('USD 1,234.56', 'JPY 2,500.00')
    """
    return lambda amount: money(amount / minor_per_major, currency)


def number(value: Any) -> str:
    """Write a number with as many digits as a reader can use.

    Examples
    --------
    >>> number(12345), number(12345.678), number(0.012345), number(3.14159)
    ('12,345', '12,346', '0.01235', '3.142')
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    size = abs(float(value))
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if size < 10 else f"{value:,.2f}"


def with_unit(value: Any, unit: str) -> str:
    """Write a value in its unit: ``share``, an ISO currency, or a word."""
    if value is None or isinstance(value, str):
        return MISSING if value is None else value
    if unit == "share":
        return percent(float(value))
    if unit == "ratio":
        return f"{percent(float(value), 0)}"
    if is_currency(unit):
        return money(float(value), unit)
    return f"{number(value)} {unit}".strip()


def interval_text(low: Any, high: Any, unit: str) -> str:
    """Write an interval; a unit that is a word is not said twice.

    Examples
    --------
    >>> interval_text(2257, 2448, "customers"), interval_text(0.1, 0.2, "share")
    ('2,257 to 2,448', '10.0 % to 20.0 %')
    >>> interval_text(97_322.9, 111_231, "USD")
    'USD 97,323 to USD 111,231'
    """
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    if is_currency(unit):
        return " to ".join(money(end, unit, _cents(low, high)) for end in (low, high))
    if unit in ("share", "ratio"):
        return f"{with_unit(low, unit)} to {with_unit(high, unit)}"
    if min(abs(low), abs(high)) >= 100:
        return f"{low:,.0f} to {high:,.0f}"
    return f"{number(low)} to {number(high)}"


def metric_text(metric: Metric) -> str:
    """Write a metric with its interval and n.

    Examples
    --------
    >>> metric_text(Metric("churn_rate", 0.438, "share", 0.42, 0.455, 3317))
    '43.8 % (42.0 % to 45.5 %), n = 3,317'
    """
    text = with_unit(metric.value, metric.unit)
    if metric.ci_low is not None and metric.ci_high is not None:
        text += f" ({interval_text(metric.ci_low, metric.ci_high, metric.unit)})"
    return text if metric.n is None else f"{text}, n = {metric.n:,}"


def value_and_unit(value: Any, unit: str) -> tuple[str, str]:
    """Write a value and its unit apart, so that a column of both can stand in line.

    Examples
    --------
    >>> value_and_unit(0.31, "share"), value_and_unit(-12.5, "USD"), value_and_unit(3, "orders")
    (('31.0', '%'), ('-12.50', 'USD'), ('3', 'orders'))
    """
    text = with_unit(value, unit)
    if unit in ("share", "ratio") and text.endswith(" %"):
        return text.removesuffix(" %"), "%"
    if is_currency(unit):
        return text.replace(f"{unit} ", "", 1), unit
    is_word = bool(unit) and text.endswith(f" {unit}")
    return (text.removesuffix(f" {unit}"), unit) if is_word else (text, "")


WRITTEN_NUMBER = re.compile(r"^(?P<head>.*?\d)(?P<fraction>\.\d+)?(?P<tail>\D*)$")
FIGURE_SPACE, POINT_SPACE = "\u2007", "\u2008"
"""Blanks as wide as a digit and as a point."""


def aligned(texts: Sequence[str]) -> list[str]:
    """Pad written numbers of one right-aligned column so that their decimal points stand in line.

    Examples
    --------
    >>> [len(text) for text in aligned(["1.25", "300", "–"])]
    [4, 6, 1]
    """
    found = [WRITTEN_NUMBER.match(text) for text in texts]
    digits = max((len(match["fraction"] or "") for match in found if match), default=0)
    tails = max((len(match["tail"]) for match in found if match), default=0)
    return [
        _padded(match, digits, tails) if match else text
        for match, text in zip(found, texts, strict=True)
    ]


def _padded(match: re.Match[str], digits: int, tails: int) -> str:
    """Fill a number's missing decimals with blanks of their width."""
    fraction, tail = match["fraction"] or "", match["tail"]
    point = POINT_SPACE if digits and not fraction else ""
    blanks = FIGURE_SPACE * (digits - len(fraction) - len(point))
    return f"{match['head']}{fraction}{tail}{point}{blanks}{FIGURE_SPACE * (tails - len(tail))}"

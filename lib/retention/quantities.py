"""How figures are written in sentences: money, shares, percentage points, other units."""

from __future__ import annotations

from retention.results import percent, points, points_between

ZERO_DECIMALS = (
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV",
    "XAF", "XOF", "XPF",
)  # fmt: skip
THREE_DECIMALS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")


def quantity(value: float, unit: str, *, signed: bool = False) -> str:
    """Return a figure with its unit; differences of shares are percentage points.

    Examples
    --------
    >>> quantity(1234.5, "USD"), quantity(0.0766, "share", signed=True), quantity(0.1, "share")
    ('USD 1,234.50', '+7.66 points', '10.00 %')
    """
    sign = "+" if signed else ""
    if unit == "share":
        return points(value, 2, signed=True) if signed else percent(value, 2)
    if is_currency(unit):
        return f"{unit} {value:{sign},.2f}"
    return f"{value:{sign},.4g} {unit}".rstrip()


def between(low: float, high: float, unit: str) -> str:
    """Return the ends of an interval of a difference, the unit once.

    Examples
    --------
    >>> between(-1.07, 7.886, "USD"), between(0.001, 0.0674, "share"), between(-1.2, 0.5, "days")
    ('USD -1.07 to +7.89', '+0.10 to +6.74 points', '-1.2 to +0.5 days')
    """
    if unit == "share":
        return points_between(low, high, 2)
    first, second = (quantity(value, unit, signed=True) for value in (low, high))
    if is_currency(unit):
        return f"{first} to {second.removeprefix(unit).strip()}"
    return f"{first.removesuffix(unit).strip()} to {second}"


def is_currency(unit: str) -> bool:
    """Tell an ISO 4217 code from other units."""
    return len(unit) == 3 and unit.isalpha() and unit.isupper()


def minor_units(currency: str) -> int:
    """Return how many minor units make one major unit of a currency (ISO 4217).

    Examples
    --------
    >>> minor_units("USD"), minor_units("JPY")
    (100, 1)
    """
    if currency in ZERO_DECIMALS:
        return 1
    return 1000 if currency in THREE_DECIMALS else 100

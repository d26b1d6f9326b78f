"""How figures are written in sentences: money, shares, percentage points, other units."""

from __future__ import annotations

import math

from retention.results import percent, points, points_between

ZERO_DECIMALS = (
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV",
    "XAF", "XOF", "XPF",
)  # fmt: skip
THREE_DECIMALS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")


def quantity(
    value: float,
    unit: str,
    *,
    signed: bool = False,
    difference: bool = False,
    error: float | None = None,
) -> str:
    """Return a figure with its unit; differences of shares are percentage points.

    Parameters
    ----------
    value, unit
        The figure; ``"share"`` is written in per cent, a currency's code before its amount.
    signed
        Whether a gain has a plus; a signed figure is a difference.
    difference
        Whether an unsigned figure is a difference (a margin, an expected loss).
    error
        Standard error: a money amount or a share keeps two significant digits of it.

    Examples
    --------
    >>> quantity(1234.5, "USD"), quantity(0.0766, "share", signed=True), quantity(0.1, "share")
    ('USD 1,234.50', '+7.66 points', '10.00 %')
    >>> quantity(0.00512, "USD", signed=True, error=0.0012)
    'USD +0.0051'
    >>> quantity(0.02, "share", difference=True)
    '2.00 points'
    """
    sign = "+" if signed else ""
    if unit == "share":
        decimals = _decimals(None if error is None else 100 * error)
        if signed or difference:
            return points(value, decimals, signed=signed)
        return percent(value, decimals)
    if is_currency(unit):
        return f"{unit} {value:{sign},.{_decimals(error)}f}"
    return f"{value:{sign},.4g} {unit}".rstrip()


def _decimals(error: float | None) -> int:
    """Return the decimals that show two significant digits of an error, two at least."""
    if error is None or not (0 < error < math.inf):
        return 2
    return min(max(2, 1 - math.floor(math.log10(error))), 8)


def between(low: float, high: float, unit: str, error: float | None = None) -> str:
    """Return the ends of an interval of a difference, the unit once.

    Examples
    --------
    >>> between(-1.07, 7.886, "USD"), between(0.001, 0.0674, "share"), between(-1.2, 0.5, "days")
    ('USD -1.07 to +7.89', '+0.10 to +6.74 points', '-1.2 to +0.5 days')
    """
    if unit == "share":
        return points_between(low, high, _decimals(None if error is None else 100 * error))
    first, second = (quantity(value, unit, signed=True, error=error) for value in (low, high))
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

"""Amounts of memory as the params write them."""

from __future__ import annotations


def megabytes(text: str) -> float:
    """Return an amount of memory in megabytes.

    Examples
    --------
    >>> megabytes("4GB"), megabytes("900MB")
    (4000.0, 900.0)
    """
    return float(text[:-2]) * (1_000 if text.endswith("GB") else 1)

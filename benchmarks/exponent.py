"""How a cost grows with size, as one number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def exponent(rows: list[dict[str, Any]], column: str) -> float:
    """Return the slope of log cost on log customers; NaN for a single size.

    Examples
    --------
    >>> rows = [{"customers": n, "s": n**2} for n in (10, 100)]
    >>> round(exponent(rows, "s"), 6)
    2.0
    """
    if len(rows) < 2:
        return math.nan
    size = np.log([row["customers"] for row in rows])
    cost = np.log([max(row[column], 1e-3) for row in rows])
    return float(np.polyfit(size, cost, 1)[0])

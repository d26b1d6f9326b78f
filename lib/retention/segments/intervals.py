"""Intervals that segments and their reports share; one definition each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retention.intervals import NORMAL_95

Numbers = NDArray[np.float64]


def wilson(successes: ArrayLike, n: ArrayLike, z: float = NORMAL_95) -> tuple[Any, Any]:
    """Return the score interval of a share.

    Parameters
    ----------
    successes, n
        Counts, scalars or arrays; where n is 0 the interval is (0, 1).
    z
        Standard normal quantile.

    Notes
    -----
    Wilson (1927), equation 4; it stays within 0 and 1 and holds for small n.

    Examples
    --------
    >>> low, high = wilson(5, 10)
    >>> round(float(low), 4), round(float(high), 4)
    (0.2366, 0.7634)
    """
    count, size = np.asarray(successes, dtype=float), np.asarray(n, dtype=float)
    total = np.maximum(size, 1.0)
    share = count / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * np.sqrt(share * (1 - share) / total + z * z / (4 * total**2)) / (1 + z * z / total)
    low = np.where(size > 0, np.where(count > 0, centre - half, 0.0), 0.0)
    high = np.where(size > 0, np.where(count < size, centre + half, 1.0), 1.0)
    return low, high

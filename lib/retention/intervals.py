"""What every 95 % interval shares: the normal quantile, and the difference of two estimates."""

from __future__ import annotations

from typing import Any

import numpy as np

NORMAL_95 = 1.959963984540054
"""97.5 % point of the normal distribution: a two-sided 95 % interval reaches so many errors."""

Bounded = tuple[Any, Any, Any]
"""An estimate with the lower and upper end of its interval: numbers or arrays of one shape."""


def difference(one: Bounded, other: Bounded) -> Bounded:
    """Return one estimate less another, with the interval of both combined.

    Parameters
    ----------
    one, other
        Value, lower and upper end of each, in the same unit; NaN in either gives NaN.

    Returns
    -------
    tuple
        The difference with its lower and upper end, of the shape given.

    Notes
    -----
    Square-and-add of the two intervals (Zou and Donner 2008, equation 5); with Wilson's intervals
    of two shares this is method 10 of Newcombe (1998). The two are taken as independent; where the
    same customers stand behind both, the true interval is narrower, not wider.

    Examples
    --------
    >>> value, low, high = difference((0.5, 0.4, 0.6), (0.2, 0.1, 0.3))
    >>> value, round(float(low), 4), round(float(high), 4)
    (0.3, 0.1586, 0.4414)
    """
    (p, p_low, p_high), (q, q_low, q_high) = one, other
    gap = p - q
    return gap, gap - np.hypot(p - p_low, q_high - q), gap + np.hypot(p_high - p, q - q_low)

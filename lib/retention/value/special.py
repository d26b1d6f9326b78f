"""Special functions that stay accurate where the textbook formulas overflow or cancel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retention.errors import EvidenceError

Floats = NDArray[np.float64]

_MOST_TERMS = 50_000
_LOOK_EVERY = 8
"""Terms between two looks at which series have ended: looking costs more than a term."""

_NEGATIVE_LIMIT = -20.0
_LARGEST_EXPONENT = 500.0


def expected_geometric_purchases(
    r: Floats, alpha: Floats, a: Floats, b: Floats, t: Floats
) -> Floats:
    r"""Return E[X(t)] of a living buyer whose rates are gamma(r, alpha) and dropout beta(a, b).

    The buyer purchases at rate :math:`\lambda` and drops out after each purchase with probability
    p, so that :math:`E[X(t)|\lambda,p] = (1-e^{-\lambda p t})/p` (Fader, Hardie and Lee 2005,
    equation 9). Averaged over the two priors, with :math:`q=\alpha/(\alpha+t)`, :math:`z=1-q`:

    .. math:: E[X(t)] = \frac{a+b-1}{a-1}\left[1-q^r\,{}_2F_1(r,b;a+b-1;z)\right].

    Euler's transformation gives :math:`q^r\,{}_2F_1 = q^{a-1}\,{}_2F_1(a+b-1-r,a-1;a+b-1;z)`,
    whose parameters do not grow with the number of purchases, and whose first term takes the pole
    at a = 1 out of the sum.

    Parameters
    ----------
    r, alpha, a, b
        Parameters of the two distributions, positive, broadcastable against each other; ``alpha``
        and ``t`` in the same time unit.
    t
        Length of the period.

    Returns
    -------
    numpy.ndarray
        Expected purchases in the period.

    Examples
    --------
    >>> float(expected_geometric_purchases(*map(np.array, [0.243, 4.414, 0.793, 2.426, 52.0])))
    1.44...
    """
    r, alpha, a, b, t = np.broadcast_arrays(*(np.asarray(v, float) for v in (r, alpha, a, b, t)))
    log_q = -np.log1p(t / alpha)
    first, third = a + b - 1 - r, a + b - 1
    result = np.empty(r.shape)
    tame = (first >= _NEGATIVE_LIMIT) & ((1 - a) * log_q < _LARGEST_EXPONENT)
    for chosen, formula in ((tame, _without_pole), (~tame & (third > 0), _by_positive_series),
                            (~tame & (third <= 0), _by_shifted_series)):  # fmt: skip
        if chosen.any():
            result[chosen] = formula(*(v[chosen] for v in (r, a, b, t / (alpha + t), log_q)))
    return result


def _without_pole(r: Floats, a: Floats, b: Floats, z: Floats, log_q: Floats) -> Floats:
    """Return E[X(t)] from the transformed series; it overflows where q**(a-1) vanishes."""
    tail = _series_without_pole(a + b - 1 - r, a, a + b - 1, z)
    shrunk = -_relative_expm1((a - 1) * log_q, a - 1, log_q)
    return (a + b - 1) * (shrunk - np.exp((a - 1) * log_q) * tail)


def _by_positive_series(r: Floats, a: Floats, b: Floats, z: Floats, log_q: Floats) -> Floats:
    """Return E[X(t)] from the series as it stands, on a logarithmic scale; for a + b > 1."""
    lost = -np.expm1(r * log_q + log_positive_2f1(r, b, a + b - 1, z))
    return (a + b - 1) / (a - 1) * lost


def _by_shifted_series(r: Floats, a: Floats, b: Floats, z: Floats, log_q: Floats) -> Floats:
    """Return E[X(t)] for a + b <= 1, where all but the first term of the series are negative."""
    later = np.exp(r * log_q + _log_series(r + 1, b + 1, a + b, z, start=2))
    return ((1 - a - b) * -np.expm1(r * log_q) + r * b * z * later) / (1 - a)


def _relative_expm1(exponent: Floats, factor: Floats, log_q: Floats) -> Floats:
    """Return (q**factor - 1)/factor with its limit log(q) at factor 0."""
    safe = np.where(factor == 0, 1.0, factor)
    return np.where(factor == 0, log_q, np.expm1(exponent) / safe)


def _series_without_pole(first: Floats, a: Floats, third: Floats, z: Floats) -> Floats:
    """Return ({}_2F_1(first, a-1; third; z) - 1)/(a-1), term by term and without the division."""
    term = first / third * z
    part, total = term.copy(), np.empty(len(term))
    active = np.arange(len(term))
    f, s, c, x = first, a, third, z
    for n in range(1, _MOST_TERMS):
        term = term * ((f + n) * (s + (n - 1)) / ((c + n) * (n + 1)) * x)
        part += term
        if n % _LOOK_EVERY:
            continue
        going = np.abs(term) > 1e-17 * np.abs(part) * (1 - x)
        if not going.all():
            total[active[~going]] = part[~going]
            active = active[going]
            term, part, f, s, c, x = (v[going] for v in (term, part, f, s, c, x))
            if not len(active):
                return total
    raise _too_long()


def log_positive_2f1(a: Floats, b: Floats, c: Floats, z: Floats) -> Floats:
    """Return ln 2F1(a, b; c; z) for positive a, b, c and 0 <= z < 1.

    Every term of the series is positive, so nothing cancels; terms and sum are rescaled as they
    grow, so nothing overflows either.

    Raises
    ------
    EvidenceError
        If z is so close to 1 that the series does not end.

    Examples
    --------
    >>> import math
    >>> round(float(log_positive_2f1(*map(np.atleast_1d, [1.0, 1.0, 2.0, 0.5]))[0]), 12)
    0.32663425997...
    """
    return _log_series(a, b, c, z, start=1)


def _log_series(a: Floats, b: Floats, c: Floats, z: Floats, *, start: int) -> Floats:
    """Return ln of the sum over n of (a)_n (b)_n z^n / ((c)_n (start)_n), all terms positive."""
    shape = np.broadcast_shapes(np.shape(a), np.shape(b), np.shape(c), np.shape(z))
    a, b, c, z = (np.broadcast_to(v, shape).astype(float) for v in (a, b, c, z))
    term, total, shift = np.ones(shape), np.ones(shape), np.zeros(shape)
    for n in range(_MOST_TERMS):
        ratio = (a + n) * (b + n) / ((c + n) * (start + n)) * z
        term = term * ratio
        total = total + term
        large = total > 1e200
        if large.any():
            scale = np.where(large, total, 1.0)
            term, total, shift = term / scale, total / scale, shift + np.log(scale)
        if (term <= 1e-17 * total * (1 - z)).all() and (ratio < 1).all():
            return shift + np.log(total)
    raise _too_long()


def _too_long() -> EvidenceError:
    """Return the error for a horizon out of all proportion to the fitted time scale."""
    return EvidenceError(
        "The horizon is a thousand times and more the fitted time between purchases.",
        "Give the horizon in days, and check the unit of the purchase summary.",
    )

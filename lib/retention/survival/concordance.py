"""Concordance: how often the customer with the higher predicted risk left first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from retention.errors import EvidenceError, InputError
from retention.survival.counts import Array
from retention.survival.inputs import check_durations, customers_of, times_of, weights_of
from retention.survival.scores import CensoringCurve

Whole = npt.NDArray[np.int64]


def concordance(
    risk: Array,
    duration: Array,
    event: Array,
    *,
    horizon: float | None = None,
    frequency: Array | None = None,
    weight: Array | None = None,
) -> float:
    """Return the share of comparable pairs in which the higher risk left first (Uno 2011).

    Parameters
    ----------
    risk
        Predicted risk, higher means sooner; ties count one half.
    duration, event
        What happened. Who was censored at the time of a departure outlived it.
    horizon
        Pairs whose first departure is later are left out; None takes all.
    frequency
        How many customers each row stands for (whole numbers).
    weight
        Sampling weights; a pair weighs the product of its two.

    Raises
    ------
    InputError
        If the arrays differ in length, or a value is missing or impossible.
    EvidenceError
        If no pair can be compared.

    Notes
    -----
    Each pair weighs 1/G(T-)² of its first departure, so that the figure does not depend on who was
    censored (Uno et al. 2011, eq. 5); without censoring it is Harrell's. Two departures at one time
    are no pair. The cost is of the order of n log n times the logarithm of the distinct times.

    Examples
    --------
    >>> concordance(np.array([3.0, 2.0, 1.0]), np.array([1.0, 2.0, 3.0]), np.array([1, 1, 0]))
    1.0
    """
    rows = _checked(risk, duration, event, frequency, weight)
    end, left = rows["duration"].to_numpy(dtype=float), rows["event"].to_numpy(dtype=bool)
    customers = rows["customers"].to_numpy()
    before = CensoringCurve.of(end, left, customers).before(end)
    first = left & (end < (np.inf if horizon is None else horizon))
    slots = 2 * np.unique(end, return_inverse=True)[1].ravel() + ~left
    ranks = np.unique(rows["risk"], return_inverse=True)[1].ravel()
    pairs = _Pairs(slots, ranks, customers, first, customers * first / before**2)
    parts = [(0.0, 0.0, 0.0), *(pairs.at(bit) for bit in pairs.bits())]
    below, equal, total = np.sum(parts, axis=0)
    if not total:
        raise EvidenceError("No two customers can be compared.", "Follow them for longer.")
    return float((below + equal / 2) / total)


def _checked(
    risk: Array, duration: Array, event: Array, frequency: Array | None, weight: Array | None
) -> pd.DataFrame:
    """Return the rows with the customers that each stands for, refusing what cannot be ranked."""
    columns = {"risk": risk, "duration": duration, "event": event,
               "frequency": frequency, "weight": weight}  # fmt: skip
    given = {name: np.asarray(values) for name, values in columns.items() if values is not None}
    if len({len(values) for values in given.values()}) > 1:
        raise InputError("Predictions and outcomes differ in length.", "Give one of each per row.")
    rows = pd.DataFrame(given)
    check_durations(rows, "duration", "event")
    scores = times_of(rows["risk"])
    if np.isnan(scores).any():
        raise InputError(
            f"{int(np.isnan(scores).sum()):,} risks are missing.",
            "Predict all rows.",
            column="risk",
        )
    customers = np.ones(len(rows))
    counted = customers_of(rows, None if frequency is None else "frequency")
    weighed = weights_of(rows, None if weight is None else "weight")
    for factor in (counted, weighed):
        customers = customers if factor is None else customers * factor
    rows = rows.assign(risk=scores, duration=times_of(rows["duration"]), customers=customers)
    return rows[customers > 0]


@dataclass(frozen=True)
class _Pairs:
    """Rows in slots of time: departures of a time, then who was censored at it.

    A pair is a departure and a row of any later slot. Two slots differ first in some bit: for each
    bit, blocks of slots that agree above it are compared, lower half with upper half, by one sort.
    """

    slots: Whole
    ranks: Whole
    customers: Array
    first: npt.NDArray[np.bool_]
    weight: Array

    def bits(self) -> range:
        """Return the bits in which two slots can differ."""
        return range(int(self.slots.max()).bit_length())

    def at(self, bit: int) -> tuple[float, float, float]:
        """Return the weight of pairs with later risk below, equal, and of all, for one bit."""
        upper = (self.slots >> bit) & 1 == 1
        early = np.flatnonzero(self.first & ~upper)
        late = np.flatnonzero(upper)
        size = int(self.ranks.max()) + 1
        start = (self.slots[early] >> (bit + 1)) * size
        keys = (self.slots[late] >> (bit + 1)) * size + self.ranks[late]
        order = np.argsort(keys, kind="stable")
        keys, mass = keys[order], np.append(0.0, np.cumsum(self.customers[late][order]))
        own, weight = start + self.ranks[early], self.weight[early]
        bottom, top = (mass[np.searchsorted(keys, edge)] for edge in (start, start + size))
        under, upto = (mass[np.searchsorted(keys, own, side=s)] for s in ("left", "right"))
        return (
            float(weight @ (under - bottom)),
            float(weight @ (upto - under)),
            float(weight @ (top - bottom)),
        )

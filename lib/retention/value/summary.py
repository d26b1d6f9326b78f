"""Purchase histories as unique (frequency, recency, tenure) rows with weights.

Every model of this package sees a customer only through these three figures, so customers who
share them share one row, and the cost of a fit follows the distinct rows, not the customers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.errors import InputError

Floats = NDArray[np.float64]

_LARGEST_TABLE = 4_000_000
"""Integer codes up to here are looked up in a table instead of being sorted."""


@dataclass(frozen=True)
class PurchaseSummary:
    """Unique purchase histories of a customer base.

    Parameters
    ----------
    frequency
        Repeat purchases x (purchases after the first), one per unique row.
    recency
        Time from the first to the last purchase, in time units; 0 where ``frequency`` is 0.
    tenure
        Time from the first purchase to the as-of date, in time units.
    weight
        Customers (or any other non-negative weight) on each row.
    row
        For each customer the index of its unique row: the way back from rows to customers.
    unit_days
        Length of the time unit in days (1 for days, 7 for weeks).
    covariates
        Static covariates, one line per unique row and one column per name.
    covariate_names
        Names of those columns.
    """

    frequency: Floats
    recency: Floats
    tenure: Floats
    weight: Floats
    row: NDArray[np.int64]
    unit_days: float = 1.0
    covariates: Floats | None = None
    covariate_names: tuple[str, ...] = ()

    @property
    def customers(self) -> float:
        """Sum of the weights: the number of customers unless weights were given."""
        return float(self.weight.sum())

    @property
    def rows(self) -> int:
        """Number of unique rows."""
        return len(self.frequency)

    @property
    def mean_gap(self) -> float:
        """Observed time per repeat purchase, in time units."""
        purchases = float(self.weight @ self.frequency)
        return float(self.weight @ self.tenure) / max(purchases, 1e-9)

    def expand(self, values: Floats) -> Floats:
        """Return one value per customer from one value per unique row."""
        return values[self.row]

    def reweighted(self, weight: Floats) -> PurchaseSummary:
        """Return the same rows with other weights (a bootstrap resample, a segment)."""
        return replace(self, weight=np.asarray(weight, dtype=np.float64))

    def in_units_of(self, length: float) -> PurchaseSummary:
        """Return the same histories with time measured in ``length`` of today's units."""
        return replace(
            self,
            recency=self.recency / length,
            tenure=self.tenure / length,
            unit_days=self.unit_days * length,
        )

    def without_covariates(self) -> PurchaseSummary:
        """Return the same histories without their covariates."""
        return replace(self, covariates=None, covariate_names=())

    def without_recency(self) -> PurchaseSummary:
        """Return the rows that differ in more than recency; its ``expand`` leads back to these.

        What a living customer is expected to do does not depend on recency, and such rows are few.
        """
        parts = [] if self.covariates is None else list(self.covariates.T)
        row, chosen = _unique_rows([self.frequency, self.tenure, *parts])
        return replace(
            self,
            frequency=chosen[0],
            recency=np.zeros(len(chosen[0])),
            tenure=chosen[1],
            weight=np.bincount(row, self.weight, len(chosen[0])).astype(np.float64),
            row=row,
            covariates=None if self.covariates is None else np.column_stack(chosen[2:]),
        )

    def of_at_most(self, customers: int) -> PurchaseSummary:
        """Return the histories of so many customers to fit to; all where there are no more.

        They are evenly spaced in the frame's order, which is that of the pseudonyms: as good as
        drawn, and the same ones every time. Each line of the frame must be one customer.

        Examples
        --------
        >>> frame = pd.DataFrame({"frequency": [0, 1, 2], "recency": [0, 4, 5], "tenure": 9})
        >>> compress(frame).of_at_most(2).frequency.tolist()
        [0.0, 2.0]
        """
        if len(self.row) <= customers:
            return self
        chosen = self.row[np.linspace(0, len(self.row) - 1, customers).astype(np.int64)]
        weight = np.bincount(chosen, minlength=self.rows).astype(np.float64)
        kept = weight > 0
        return replace(
            self,
            frequency=self.frequency[kept],
            recency=self.recency[kept],
            tenure=self.tenure[kept],
            weight=weight[kept],
            row=(np.cumsum(kept) - 1)[chosen],
            covariates=None if self.covariates is None else self.covariates[kept],
        )

    def every(self, step: int) -> PurchaseSummary:
        """Return every ``step``-th unique row: a systematic sample for a first, cheap fit."""
        part = slice(step // 2, None, step)
        return replace(
            self,
            frequency=self.frequency[part],
            recency=self.recency[part],
            tenure=self.tenure[part],
            weight=self.weight[part],
            covariates=None if self.covariates is None else self.covariates[part],
        )


def compress(
    frame: pd.DataFrame,
    *,
    unit_days: float = 1.0,
    weight: str | None = None,
    covariates: tuple[str, ...] = (),
) -> PurchaseSummary:
    """Return the unique purchase histories of a frame with one line per customer.

    Parameters
    ----------
    frame
        Columns ``frequency`` (repeat purchases), ``recency`` and ``tenure`` (time units).
    unit_days
        Length of the frame's time unit in days.
    weight
        Column of customer weights; None counts each line once.
    covariates
        Columns of static covariates; customers share a row only if these agree too.

    Raises
    ------
    InputError
        If a column is missing, empty, not finite, or if recency exceeds tenure.

    Examples
    --------
    >>> frame = pd.DataFrame({"frequency": [0, 2, 0], "recency": [0, 5, 0], "tenure": [9, 9, 9]})
    >>> summary = compress(frame)
    >>> summary.rows, summary.weight.tolist()
    (2, [2.0, 1.0])
    """
    columns = ["frequency", "recency", "tenure", *covariates]
    _check(frame, [*columns, *([weight] if weight else [])])
    arrays = [frame[name].to_numpy(dtype=np.float64) for name in columns]
    _check_times(*arrays[:3])
    row, chosen = _unique_rows(arrays)
    amounts = None if weight is None else frame[weight].to_numpy(dtype=np.float64)
    return PurchaseSummary(
        frequency=chosen[0],
        recency=chosen[1],
        tenure=chosen[2],
        weight=np.bincount(row, weights=amounts, minlength=len(chosen[0])).astype(np.float64),
        row=row,
        unit_days=unit_days,
        covariates=np.column_stack(chosen[3:]) if covariates else None,
        covariate_names=tuple(covariates),
    )


def _check(frame: pd.DataFrame, columns: list[str]) -> None:
    """Refuse a frame that lacks a column, has no line, or has values that are not finite."""
    for name in columns:
        if name not in frame.columns:
            raise InputError(
                "The purchase summary lacks a column.",
                "Give frequency, recency and tenure, one line per customer.",
                column=name,
            )
        if not np.isfinite(frame[name].to_numpy(dtype=np.float64)).all():
            raise InputError(
                "The purchase summary holds a value that is missing or not finite.",
                "Leave customers without a first purchase out.",
                column=name,
            )
    if frame.empty:
        raise InputError(
            "The purchase summary has no customers.", "Check the as-of date and the orders table."
        )


def _check_times(frequency: Floats, recency: Floats, tenure: Floats) -> None:
    """Refuse histories that cannot have happened."""
    if (frequency < 0).any() or (recency < 0).any():
        raise InputError("A purchase history is negative.", "Check how the summary was made.")
    if (recency > tenure * (1 + 1e-12)).any():
        raise InputError(
            "A customer's last purchase lies after the as-of date.",
            "Compute recency and tenure up to the same as-of date.",
            column="recency",
        )
    if ((frequency == 0) & (recency > 0)).any():
        raise InputError(
            "A customer without a repeat purchase has a recency above zero.",
            "Recency is the time from the first to the last purchase.",
            column="recency",
        )


def _unique_rows(arrays: list[Floats]) -> tuple[NDArray[np.int64], list[Floats]]:
    """Return each line's unique-row index and the unique rows' columns, in sorted order."""
    levels: list[Floats] = []
    key, size = np.zeros(len(arrays[0]), dtype=np.int64), 1
    for array in arrays:
        codes, values = _codes(array)
        if size * len(values) >= 2**62:
            raise InputError(
                "There are too many distinct purchase histories to tell apart.",
                "Give times in whole days or weeks and covariates of few values.",
            )
        key = codes if size == 1 else key * len(values) + codes
        size *= len(values)
        levels.append(values)
    row, found = _ranks(key, size)
    columns = []
    for values in reversed(levels):
        found, codes = np.divmod(found, len(values))
        columns.append(values[codes])
    return row, columns[::-1]


def _codes(values: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return codes in the order of the values, and the value of each code.

    Whole numbers of a small range are their own codes; that some of them do not occur costs less
    than finding out which.
    """
    whole = values.astype(np.int64)
    low = int(whole.min())
    span = int(whole.max()) - low + 1
    if span <= _LARGEST_TABLE and np.array_equal(whole, values):
        return whole - low, np.arange(low, low + span, dtype=np.float64)
    codes, uniques = pd.factorize(values, sort=True)
    return codes.astype(np.int64), uniques


def _ranks(key: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rank of each key among the distinct ones, and the distinct ones in order."""
    if size > _LARGEST_TABLE:
        codes, uniques = pd.factorize(key, sort=True)
        return codes.astype(np.int64), uniques
    seen = np.zeros(size, dtype=np.bool_)
    seen[key] = True
    uniques = np.flatnonzero(seen)
    rank = np.empty(size, dtype=np.int64)
    rank[uniques] = np.arange(len(uniques))
    return rank[key], uniques

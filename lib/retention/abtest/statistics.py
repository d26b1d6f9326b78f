"""Sufficient statistics: n, sums and cross-products, frozen and addable.

Every estimate of this package is arithmetic on these, so that a day, a segment or a shop can be
added to what is there without going back to the units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.errors import EvidenceError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """First and second moments of some columns over n units.

    Parameters
    ----------
    columns
        Names, in the order of ``sums``.
    n
        Number of units (clusters, where units come in clusters).
    sums
        Sum of each column, shape (k,).
    products
        Sums of squares and cross-products, shape (k, k).

    Examples
    --------
    >>> a = Moments.of(("y",), np.array([[1.0], [2.0]]))
    >>> b = Moments.of(("y",), np.array([[6.0]]))
    >>> float((a + b).mean[0]), (a + b).n
    (3.0, 3)
    """

    columns: tuple[str, ...]
    n: int
    sums: Array
    products: Array

    def __post_init__(self) -> None:
        """Make the arrays read-only copies."""
        for name in ("sums", "products"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def of(cls, columns: Iterable[str], values: Array) -> Moments:
        """Return the moments of unit-level values, shape (n, k)."""
        values = np.asarray(values, dtype=np.float64)
        return cls(tuple(columns), len(values), values.sum(axis=0), values.T @ values)

    @classmethod
    def of_sums(cls, column: str, n: int, total: float, total_of_squares: float) -> Moments:
        """Return the moments of one column from its published sums."""
        return cls((column,), n, np.array([total]), np.array([[total_of_squares]]))

    @classmethod
    def of_counts(cls, column: str, successes: int, n: int) -> Moments:
        """Return the moments of a 0/1 column from its counts."""
        return cls.of_sums(column, n, successes, successes)

    def __add__(self, other: Moments) -> Moments:
        """Return the statistics of the union of two disjoint sets of units."""
        if self.columns != other.columns:
            raise ValueError(f"moments of {self.columns} and of {other.columns} do not add up")
        return Moments(
            self.columns, self.n + other.n, self.sums + other.sums, self.products + other.products
        )

    @property
    def mean(self) -> Array:
        """Means, shape (k,)."""
        return np.asarray(self.sums / self.n) if self.n else np.full(len(self.sums), np.nan)

    @property
    def covariance(self) -> Array:
        """Sample covariance (divisor n - 1), shape (k, k); never below zero on the diagonal."""
        if self.n < 2:
            raise EvidenceError(
                f"A variance of {', '.join(self.columns)} needs two units; there is {self.n}.",
                "Wait for more units, or leave this arm or segment out.",
            )
        centred = self.products - np.outer(self.sums, self.sums) / self.n
        # Subtracting two large numbers leaves rounding noise; below it the variance is zero.
        noise = 8 * np.finfo(float).eps * np.abs(np.diag(self.products))
        diagonal = np.where(np.diag(centred) > noise, np.diag(centred), 0.0)
        np.fill_diagonal(centred, diagonal)
        return np.asarray(centred / (self.n - 1))

    def index(self, column: str) -> int:
        """Return the position of a column."""
        return self.columns.index(column)

    def select(self, columns: Iterable[str]) -> Moments:
        """Return the moments of some of the columns."""
        names = tuple(columns)
        at = [self.index(name) for name in names]
        return Moments(names, self.n, self.sums[at], self.products[np.ix_(at, at)])


@dataclass(frozen=True)
class Cell:
    """What one set of moments belongs to; a dimension that was not asked for is empty."""

    metric: str
    arm: str
    segment: str = ""
    day: int | None = None


@dataclass(frozen=True, eq=False)
class Statistics:
    """Moments per metric, arm, segment and day; addable like the moments themselves."""

    cells: Mapping[Cell, Moments] = field(default_factory=dict)

    def __add__(self, other: Statistics) -> Statistics:
        """Return the statistics of the union of two disjoint sets of units."""
        keys = sorted({*self.cells, *other.cells}, key=_order)
        return Statistics(
            {k: _sum(s.cells[k] for s in (self, other) if k in s.cells) for k in keys}
        )

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms, sorted."""
        return tuple(sorted({cell.arm for cell in self.cells}))

    @property
    def segments(self) -> tuple[str, ...]:
        """Segments, sorted."""
        return tuple(sorted({cell.segment for cell in self.cells}))

    @property
    def days(self) -> tuple[int, ...]:
        """Days, sorted; empty where none were asked for."""
        return tuple(sorted({cell.day for cell in self.cells if cell.day is not None}))

    def of(
        self, metric: str, arm: str, segment: str | None = None, day: int | None = None
    ) -> Moments:
        """Return the moments of an arm, over all segments and days unless one is named.

        Raises
        ------
        EvidenceError
            If the arm has no unit there.
        """
        found = [
            moments
            for cell, moments in self.cells.items()
            if cell.metric == metric
            and cell.arm == arm
            and segment in (None, cell.segment)
            and day in (None, cell.day)
        ]
        if not found:
            raise EvidenceError(
                f"Arm {arm!r} has no unit with metric {metric!r}"
                + (f" in segment {segment!r}." if segment else "."),
                "Check the arm's name and that its units were assigned.",
            )
        return _sum(found)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per metric, arm, segment, day and column: n, sum, mean, variance."""
        rows = [
            (c.metric, c.arm, c.segment, c.day, name, m.n, m.sums[i], m.products[i, i])
            for c, m in self.cells.items()
            for i, name in enumerate(m.columns)
        ]
        names = ["metric", "arm", "segment", "day", "column", "n", "sum", "sum_of_squares"]
        return pd.DataFrame(rows, columns=names)

    def summary(self) -> str:
        """Say how many units and arms the statistics stand on."""
        metrics = sorted({cell.metric for cell in self.cells})
        counts = ", ".join(f"{arm} {self.of(metrics[0], arm).n:,}" for arm in self.arms)
        return f"{len(metrics)} metrics over {len(self.arms)} arms: {counts} units."


def _sum(moments: Iterable[Moments]) -> Moments:
    """Add moments up."""
    return reduce(Moments.__add__, moments)


def _order(cell: Cell) -> tuple[str, str, str, int]:
    """Sort key that stands empty days."""
    return (cell.metric, cell.arm, cell.segment, -1 if cell.day is None else cell.day)

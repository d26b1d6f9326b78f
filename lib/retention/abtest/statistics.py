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

CLUSTER_SIZE = "units in cluster"
"""Moment column that holds the number of units of a cluster."""


@dataclass(frozen=True, eq=False)
class Moments:
    """First and second moments of some columns over n units, held about an origin near the mean.

    The sum of squares less the squared sum loses all digits where the mean is large against the
    deviation. So values are counted from an origin, and squares are kept about the mean.

    Parameters
    ----------
    columns
        Names, in the order of ``shift``.
    n
        Number of units (clusters, where units come in clusters).
    shift
        Mean of each column, counted from ``origin``, shape (k,).
    scatter
        Sums of squares and cross-products about the mean, shape (k, k).
    origin
        What was taken off each unit's value before it was summed, shape (k,); zero if not given.
        In clusters a cluster's sum is short of the origin times its number of units.

    Examples
    --------
    >>> a = Moments.of(("y",), np.array([[1.0], [2.0]]))
    >>> b = Moments.of(("y",), np.array([[6.0]]))
    >>> float((a + b).mean[0]), (a + b).n
    (3.0, 3)
    """

    columns: tuple[str, ...]
    n: int
    shift: Array
    scatter: Array
    origin: Array = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        """Make the arrays read-only copies."""
        if not self.origin.size:
            object.__setattr__(self, "origin", np.zeros(len(self.columns)))
        for name in ("shift", "scatter", "origin"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def of(cls, columns: Iterable[str], values: Array) -> Moments:
        """Return the moments of unit-level values, shape (n, k), in two passes."""
        values = np.asarray(values, dtype=np.float64)
        names = tuple(columns)
        if not len(values):
            return cls(names, 0, np.zeros(len(names)), np.zeros((len(names),) * 2))
        # Of clusters the values are sums, from which an origin per unit was not taken off.
        origin = np.zeros(len(names)) if CLUSTER_SIZE in names else values[0]
        near = values - origin
        shift = near.mean(axis=0)
        rest = near - shift
        return cls(names, len(values), shift, rest.T @ rest, origin)

    @classmethod
    def about(
        cls,
        columns: Iterable[str],
        n: int,
        sums: Array,
        products: Array,
        origin: Array | None = None,
    ) -> Moments:
        """Return the moments from sums and sums of products of values less an origin.

        Parameters
        ----------
        columns, n
            Names and number of units.
        sums, products
            Of the values less ``origin``, shapes (k,) and (k, k).
        origin
            Near the mean, or zero where the mean is not large against the deviation.
        """
        sums, products = (np.asarray(v, dtype=np.float64) for v in (sums, products))
        scatter = products - np.outer(sums, sums) / max(n, 1)
        # Subtracting two large numbers leaves rounding noise; below it the variance is zero.
        noise = 8 * np.finfo(float).eps * np.abs(np.diag(products))
        diagonal = np.where(np.diag(scatter) > noise, np.diag(scatter), 0.0)
        np.fill_diagonal(scatter, diagonal)
        return cls(tuple(columns), n, sums / max(n, 1), scatter, _or_zero(origin, sums))

    @classmethod
    def of_sums(cls, column: str, n: int, total: float, total_of_squares: float) -> Moments:
        """Return the moments of one column from its published sums."""
        return cls.about((column,), n, np.array([total]), np.array([[total_of_squares]]))

    @classmethod
    def of_counts(cls, column: str, successes: int, n: int) -> Moments:
        """Return the moments of a 0/1 column from its counts."""
        return cls.of_sums(column, n, successes, successes)

    def __add__(self, other: Moments) -> Moments:
        """Return the statistics of the union of two disjoint sets of units.

        Chan, Golub & LeVeque (1983), "Algorithms for computing the sample variance", eq. 2.1.
        """
        if self.columns != other.columns:
            raise ValueError(f"moments of {self.columns} and of {other.columns} do not add up")
        if not (self.n and other.n):
            return self if self.n else other
        other = other.from_origin(self.origin)
        n, gap = self.n + other.n, other.shift - self.shift
        return Moments(
            self.columns, n, self.shift + gap * (other.n / n),
            self.scatter + other.scatter + np.outer(gap, gap) * (self.n * other.n / n),
            self.origin,
        )  # fmt: skip

    @property
    def sizes(self) -> Array | None:
        """Row of the identity that picks a cluster's number of units; None without clusters."""
        if CLUSTER_SIZE not in self.columns:
            return None
        return np.eye(len(self.columns))[self.index(CLUSTER_SIZE)]

    def from_origin(self, origin: Array) -> Moments:
        """Return the same moments counted from another origin."""
        change = self.origin - origin
        if not change.any():
            return self
        if self.sizes is None:
            return Moments(self.columns, self.n, self.shift + change, self.scatter, origin)
        by = np.eye(len(change)) + np.outer(change, self.sizes)
        return Moments(self.columns, self.n, by @ self.shift, by @ self.scatter @ by.T, origin)

    def combined(self, weights: Array, column: str) -> Moments:
        """Return the moments of one column that is a weighted sum of the columns."""
        centred = self.from_origin(np.zeros(len(self.columns)))
        return Moments(
            (column,), self.n, np.array([weights @ centred.shift]),
            np.array([[weights @ centred.scatter @ weights]]),
        )  # fmt: skip

    def scaled(self, factors: Array) -> Moments:
        """Return the moments after each column was multiplied by its factor."""
        return Moments(
            self.columns, self.n, self.shift * factors, self.scatter * np.outer(factors, factors),
            self.origin * factors,
        )  # fmt: skip

    @property
    def mean(self) -> Array:
        """Means, shape (k,)."""
        if not self.n:
            return np.full(len(self.shift), np.nan)
        per_row = 1.0 if self.sizes is None else float(self.sizes @ self.shift)
        return np.asarray(self.shift + self.origin * per_row)

    @property
    def sums(self) -> Array:
        """Sums, shape (k,)."""
        total = np.asarray(self.mean * self.n if self.n else np.zeros(len(self.shift)))
        total.setflags(write=False)
        return total

    @property
    def products(self) -> Array:
        """Sums of squares and cross-products about zero, shape (k, k)."""
        plain = self.from_origin(np.zeros(len(self.columns)))
        return np.asarray(plain.scatter + self.n * np.outer(plain.shift, plain.shift))

    @property
    def covariance(self) -> Array:
        """Sample covariance (divisor n - 1), shape (k, k), of values less the origin.

        In clusters the origin is taken off per unit, so that :attr:`linear` has to be used.
        """
        if self.n < 2:
            raise EvidenceError(
                f"A variance of {', '.join(self.columns)} needs two units; there is {self.n}.",
                "Wait for more units, or leave this arm or segment out.",
            )
        return np.asarray(self.scatter / (self.n - 1))

    def linear(self, weights: Array) -> Array:
        """Return the map of the columns as held that gives these weighted sums of the columns.

        Parameters
        ----------
        weights
            Shape (terms, k), of the columns counted from zero.
        """
        if self.sizes is None:
            return weights
        return np.asarray(weights + np.outer(weights @ self.origin, self.sizes))

    def index(self, column: str) -> int:
        """Return the position of a column."""
        return self.columns.index(column)


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


def _or_zero(origin: Array | None, like: Array) -> Array:
    """Return the origin, zero if none is given."""
    return np.zeros(len(like)) if origin is None else np.asarray(origin, dtype=np.float64)


def _sum(moments: Iterable[Moments]) -> Moments:
    """Add moments up."""
    return reduce(Moments.__add__, moments)


def _order(cell: Cell) -> tuple[str, str, str, int]:
    """Sort key that stands empty days."""
    return (cell.metric, cell.arm, cell.segment, -1 if cell.day is None else cell.day)

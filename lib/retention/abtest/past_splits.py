"""Past units split at random, and what a test would read of each split: one class per estimator.

Means, rates and ratios are read off sums, so that a block of splits is one matrix product;
quantiles and times to an event need the units' values. All of them hand over a contrast and a
p-value, by the very functions that judge a real experiment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.abtest.collect import UnitSums, unit_sums
from retention.abtest.columns import metric_columns
from retention.abtest.contrasts import Contrast, contrast
from retention.abtest.estimates import p_value_of, t_interval
from retention.abtest.estimators import adjusted_outcomes, independent_contrast
from retention.abtest.metrics import MetricDefinition, MetricKind, NullPolicy
from retention.abtest.quantiles import quantile_effect
from retention.abtest.rerandomisation import (
    DRAWS,
    TOLERATED,
    difference_skewness,
    redrawn_statistics,
)
from retention.abtest.statistics import Array, Cell, Moments, Statistics
from retention.abtest.stratification import post_stratified
from retention.abtest.time_to_event import restricted_mean
from retention.abtest.unit_values import (
    caps_of,
    labels_of,
    numbers,
    outcome_values,
    stratum_labels,
    unit_outcomes,
)
from retention.engine import Engine

TABLE = "rehearsal_units"
ALL = "all"
Marks = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Split:
    """One random split so far at one look: which rows are in control and which in treatment.

    ``is_whole`` tells that every row is in one of them, so that one's sums tell the other's.
    """

    control: Marks
    treatment: Marks
    is_whole: bool = False


Read = tuple[Contrast, float]
"""Contrast and two-sided p-value at a fixed horizon."""


class Material(Protocol):
    """Past units as one estimator reads them; rows are units, or clusters that are drawn as one."""

    @property
    def draw_within(self) -> Marks:
        """Code of the stratum within which each row is drawn, shape (n,)."""
        ...

    def read(self, splits: list[Split], lift: float) -> Iterator[tuple[Read, Read]]:
        """Yield what is read of each split, as it is and after a lift of the treated."""
        ...


def material_of(
    engine: Engine,
    units: pd.DataFrame,
    metric: MetricDefinition,
    *,
    share: float,
    cluster: str | None = None,
    stratify_by: str | None = None,
    seed: int = 0,
) -> Material:
    """Return past units as the estimator of a metric reads them.

    Parameters
    ----------
    engine
        Engine that applies null policies and caps.
    units
        Past units, one row each.
    metric
        What the test will compare; its kind and strata decide.
    share
        Share of treatment, which decides whether a mean is too skewed for Student's t.
    cluster
        Column of clusters that are drawn as one.
    stratify_by
        Column within which units are split evenly.
    seed
        Seed of redrawn assignments and of the injected successes of rates.
    """
    if stratify_by is not None:
        units = units.assign(**{"drawn within": labels_of(units[stratify_by])})
    if metric.of_units:
        return _of_units(units, metric, cluster)
    return _of_sums(engine, units, metric, share, cluster, seed)


@dataclass(frozen=True, eq=False)
class Sums:
    """Rows of counts, sums and products; ``strata`` are those of post-stratification.

    ``reference`` holds the studentised statistic of redrawn assignments, empty where Student's t is
    trusted.
    """

    metric: MetricDefinition
    units: UnitSums
    strata: Marks
    draw_within: Marks
    reference: Array
    generator: np.random.Generator

    def read(self, splits: list[Split], lift: float) -> Iterator[tuple[Read, Read]]:
        """Yield what is read of each split, as it is and after a lift of the treated."""
        parts = [np.flatnonzero(self.strata == k) for k in range(int(self.strata.max()) + 1)]
        b = [self._summed([s.treatment for s in splits], part) for part in parts]
        if all(split.is_whole for split in splits):
            a = [
                self.units.rows[part].sum(axis=0) - sums
                for part, sums in zip(parts, b, strict=True)
            ]
        else:
            a = [self._summed([s.control for s in splits], part) for part in parts]
        for i in range(len(splits)):
            control = [self.units.moments(sums[i]) for sums in a]
            treatment = [self.units.moments(sums[i]) for sums in b]
            moved = [self._moved(moments, lift) for moments in treatment]
            yield self._compared(control, treatment), self._compared(control, moved)

    def _summed(self, sides: list[Marks], part: Marks) -> Array:
        """Return the sums of one side's rows in a part of all rows, shape (splits, columns)."""
        whole = len(part) == len(self.units.rows)
        marks = np.array(sides if whole else [side[part] for side in sides], dtype=float)
        return np.asarray(marks @ (self.units.rows if whole else self.units.rows[part]))

    def _compared(self, a: list[Moments], b: list[Moments]) -> Read:
        """Return contrast and p-value of two arms, by stratum where there are several."""
        if len(a) > 1:
            cells = {
                Cell(self.metric.name, arm, f"{k:04d}"): moments
                for arm, side in (("a", a), ("b", b))
                for k, moments in enumerate(side)
            }
            both = post_stratified(Statistics(cells), self.metric, "a", "b")
            return both, t_interval(both, 0.05, "")[2]
        both = contrast(a[0], b[0], self.metric)
        if len(self.reference):
            seen = both.difference / both.standard_error
            tail = min(np.sum(self.reference >= seen), np.sum(self.reference <= seen))
            return both, min(1.0, 2 * (1 + float(tail)) / (len(self.reference) + 1))
        return both, p_value_of(a[0], b[0], self.metric, both)

    def _moved(self, moments: Moments, lift: float) -> Moments:
        """Return the moments after the treatment has moved the metric by a relative lift."""
        metric = self.metric
        if metric.kind is MetricKind.PROPORTION and not metric.covariates:
            successes = round(float(moments.sums[0]))
            moved = self.generator.binomial(successes, abs(lift)) * int(np.sign(lift))
            return Moments.of_counts(metric.column, min(successes + moved, moments.n), moments.n)
        scale = np.ones(len(moments.columns))
        scale[moments.index(metric.column)] = 1 + lift
        return moments.scaled(scale)


@dataclass(frozen=True, eq=False)
class Quantiles:
    """Values of the units, read by a quantile; rows that are drawn as one share a cluster."""

    metric: MetricDefinition
    values: Array
    clusters: Marks | None
    draw_within: Marks

    def read(self, splits: list[Split], lift: float) -> Iterator[tuple[Read, Read]]:
        """Yield what is read of each split, as it is and after a lift of the treated."""
        for split in splits:
            sides = [side if self.clusters is None else side[self.clusters]
                     for side in (split.control, split.treatment)]  # fmt: skip
            a, b = (self.values[side] for side in sides)
            of_a, of_b = (None if self.clusters is None else self.clusters[side] for side in sides)
            yield self._compared(a, b, of_a, of_b), self._compared(a, b * (1 + lift), of_a, of_b)

    def _compared(self, a: Array, b: Array, of_a: Marks | None, of_b: Marks | None) -> Read:
        """Return contrast and p-value of two arms' values."""
        found = quantile_effect(
            a, b, float(self.metric.quantile or 0.5), control_clusters=of_a,
            treatment_clusters=of_b,
        )  # fmt: skip
        both = independent_contrast(
            found.control, found.treatment, found.control_error, found.treatment_error,
            len(a), len(b),
        )  # fmt: skip
        return both, found.p_value


@dataclass(frozen=True, eq=False)
class Times:
    """Waiting times and whether the event was seen, read by the restricted mean."""

    metric: MetricDefinition
    durations: Array
    events: Array
    draw_within: Marks

    def read(self, splits: list[Split], lift: float) -> Iterator[tuple[Read, Read]]:
        """Yield what is read of each split; a lift stretches the times of the treated."""
        horizon = float(self.metric.horizon or 0.0)
        stretched = self.durations * (1 + lift)
        # Who waited to the horizon did so after the stretch, too; who is moved beyond it is not
        # seen any more.
        late = (stretched > horizon) | (self.durations >= horizon)
        moved = np.where(late, horizon, stretched)
        seen = np.where(late, 0.0, self.events)
        plain = _Counted.of(self.durations, self.events)
        after = _Counted.of(moved, seen)
        for split in splits:
            b = np.flatnonzero(split.treatment)
            of_b = plain.among(b)
            # Where all are in, one arm is what the other is not.
            of_a = plain.counts - of_b if split.is_whole else plain.among(
                np.flatnonzero(split.control)
            )  # fmt: skip
            control, treated = (plain.mean(counts, horizon) for counts in (of_a, of_b))
            lifted = after.mean(after.among(b), horizon)
            sizes = int(of_a.sum()), len(b)
            yield _of_times(control, treated, sizes), _of_times(control, lifted, sizes)


@dataclass(frozen=True, eq=False)
class _Counted:
    """Units by distinct time and by whether their event was seen: twice the time's code, plus 1."""

    times: Array
    codes: Marks
    counts: Array

    @classmethod
    def of(cls, durations: Array, events: Array) -> _Counted:
        """Code times and events."""
        times, place = np.unique(durations, return_inverse=True)
        codes = (2 * place + (events > 0)).astype(np.int32)
        return cls(times, codes, np.bincount(codes, minlength=2 * len(times)).astype(np.float64))

    def among(self, units: Marks) -> Array:
        """Return how many of these units have each code."""
        counts = np.bincount(self.codes[units], minlength=len(self.counts))
        return counts.astype(np.float64)

    def mean(self, counts: Array, horizon: float) -> tuple[float, float]:
        """Return the restricted mean of units by their codes, and its variance."""
        seen = counts[1::2]
        return restricted_mean(self.times, counts[::2] + seen, seen, horizon)


def _of_times(a: tuple[float, float], b: tuple[float, float], sizes: tuple[int, int]) -> Read:
    """Return contrast and p-value of two restricted means with their variances."""
    both = independent_contrast(a[0], b[0], a[1] ** 0.5, b[1] ** 0.5, *sizes)
    return both, t_interval(both, 0.05, "")[2]


def _of_units(units: pd.DataFrame, metric: MetricDefinition, cluster: str | None) -> Material:
    """Return the units' values for quantiles and times to an event."""
    frame = units.assign(arm=ALL)
    if metric.nulls is NullPolicy.DROP:
        frame = frame[numbers(frame, metric.outcome_columns).notna().all(axis=1)]
    within = _codes(frame)
    if metric.kind is MetricKind.TIME_TO_EVENT:
        values = outcome_values(frame, metric, ALL)
        return Times(metric, values[:, 0], values[:, 1], within)
    values, clusters = unit_outcomes(frame, metric, ALL, cluster)
    if clusters is None:
        return Quantiles(metric, values, None, within)
    names, codes = np.unique(clusters.astype(str), return_inverse=True)
    return Quantiles(metric, values, codes, np.zeros(len(names), dtype=int))


def _of_sums(
    engine: Engine,
    units: pd.DataFrame,
    metric: MetricDefinition,
    share: float,
    cluster: str | None,
    seed: int,
) -> Sums:
    """Return the units' sums, in blocks of one stratum each, so that each row's is known."""
    reference = _reference(units, metric, share, cluster, seed)
    units, plain = _capped(units, metric)
    labels = stratum_labels(units, metric) if metric.strata else units
    frame = labels.assign(
        **{"read within": labels[metric.strata].astype(str) if metric.strata else ""}
    )
    if "drawn within" not in frame or cluster is not None:
        frame = frame.assign(**{"drawn within": ""})
    rows: list[UnitSums] = []
    read: list[str] = []
    drawn: list[str] = []
    engine.register(TABLE, frame)
    columns = metric_columns(engine, TABLE, [plain])[plain.name]
    for key, block in frame.groupby(["read within", "drawn within"], sort=True):
        engine.register(TABLE, block.drop(columns=["read within", "drawn within"]))
        found = unit_sums(engine, TABLE, plain, cluster, columns)
        rows.append(found)
        read += [str(key[0])] * len(found.rows)
        drawn += [str(key[1])] * len(found.rows)
    whole = replace(rows[0], rows=np.concatenate([part.rows for part in rows]))
    return Sums(
        plain, whole, np.unique(read, return_inverse=True)[1],
        np.unique(drawn, return_inverse=True)[1], reference, np.random.default_rng([seed, 1]),
    )  # fmt: skip


def _capped(units: pd.DataFrame, metric: MetricDefinition) -> tuple[pd.DataFrame, MetricDefinition]:
    """Return the units under the metric's pooled cap, and the metric as a plain one."""
    if metric.winsorise_at is None:
        return units, metric
    caps = caps_of(units, metric)
    capped = {column: units[column].astype(float).clip(upper=cap) for column, cap in caps.items()}
    kind = MetricKind.MEAN if metric.kind is MetricKind.WINSORISED else metric.kind
    return units.assign(**capped), replace(metric, kind=kind, winsorise_at=None)


def _reference(
    units: pd.DataFrame, metric: MetricDefinition, share: float, cluster: str | None, seed: int
) -> Array:
    """Return the redrawn statistic of a mean too skewed for Student's t, else nothing.

    Where nothing was done the pooled values are the same in every split, and so is the law of the
    redrawn statistic: it is drawn once.
    """
    means = (MetricKind.MEAN, MetricKind.WINSORISED)
    if metric.kind not in means or metric.strata or cluster is not None:
        return np.zeros(0)
    halves = units.assign(arm=np.where(np.arange(len(units)) % 2, "b", "a"))
    first, second = _moments(halves, metric)
    both = contrast(first, second, metric)
    a, b = adjusted_outcomes(halves, metric, "a", "b", both.coefficients)
    pooled = np.concatenate([a, b])
    treated = round(share * len(pooled))
    if difference_skewness(pooled, len(pooled) - treated, treated) <= TOLERATED:
        return np.zeros(0)
    return redrawn_statistics(pooled, share, DRAWS, np.random.default_rng(seed))[0]


def _moments(halves: pd.DataFrame, metric: MetricDefinition) -> tuple[Moments, Moments]:
    """Return the moments of two halves of the past, for the covariates' coefficients."""
    capped, plain = _capped(halves, metric)
    names = tuple(term.numerator for term in plain.terms)
    a, b = (Moments.of(names, outcome_values(capped, plain, arm)) for arm in ("a", "b"))
    return a, b


def _codes(frame: pd.DataFrame) -> Marks:
    """Return the code of the stratum within which each unit is drawn, one where there is none."""
    if "drawn within" not in frame:
        return np.zeros(len(frame), dtype=int)
    return np.asarray(np.unique(frame["drawn within"].to_numpy(str), return_inverse=True)[1])

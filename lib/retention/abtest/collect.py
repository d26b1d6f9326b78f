"""From unit-level rows to sufficient statistics, by one query of the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pyarrow as pa

from retention.abtest.columns import Column, condition_of, metric_columns, quoted
from retention.abtest.metrics import MetricDefinition, NullPolicy
from retention.abtest.statistics import CLUSTER_SIZE, Array, Cell, Moments, Statistics
from retention.engine import Engine, query_text
from retention.errors import InputError


@dataclass(frozen=True)
class _Plan:
    """What a metric asks of the engine: the columns of its moments and their aggregates.

    ``inner`` are the sums per cluster, empty where units are independent.
    """

    names: tuple[str, ...]
    origin: tuple[float, ...]
    aggregates: tuple[str, ...]
    inner: tuple[str, ...] = ()


def collect(
    engine: Engine,
    table: str,
    metrics: Sequence[MetricDefinition],
    *,
    arm: str = "arm",
    segment: str | None = None,
    day: str | None = None,
    cluster: str | None = None,
) -> Statistics:
    """Return the sufficient statistics of each metric per arm, segment and day.

    Parameters
    ----------
    engine
        Engine that knows ``table`` (a DataFrame, an Arrow table or Parquet files).
    table
        Name of the table with one row per unit.
    metrics
        What to measure; equal columns are summed once.
    arm, segment, day, cluster
        Columns of the table. With ``cluster`` the statistics count clusters, whose sums are the
        independent draws.

    Raises
    ------
    InputError
        If a column under the strict policy has nulls, or is not there.

    Examples
    --------
    >>> engine = Engine()
    >>> engine.register("units", pa.table({"arm": ["a", "a", "b", "b"], "y": [1, 2, 3, 5]}))
    >>> collect(engine, "units", [MetricDefinition("y", "y")]).of("y", "b").n
    2
    """
    _require_columns(engine, table, metrics, (arm, segment, day, cluster))
    groups = {"arm": arm, "segment": segment, "day": day}
    asked = {name: column for name, column in groups.items() if column is not None}
    columns = metric_columns(engine, table, metrics)
    plans = {m.name: _plan(m, columns[m.name], clustered=cluster is not None) for m in metrics}
    text = (
        _unit_query(table, metrics, plans, asked)
        if cluster is None
        else _cluster_query(table, metrics, plans, asked, cluster)
    )
    answer = engine.sql(text).arrow()
    _refuse_nulls(engine, answer, table, _strict(metrics))
    return _statistics(answer, plans, asked)


@dataclass(frozen=True, eq=False)
class UnitSums:
    """Count, values and products of each unit (or cluster) as rows, ready to be summed.

    Summing rows (any subset, any number of times) and reading the sum with :meth:`moments` gives
    the statistics of that subset: the basis of re-randomisation.
    """

    names: tuple[str, ...]
    origin: Array
    rows: Array

    def moments(self, row: Array) -> Moments:
        """Return the moments that a sum of rows holds."""
        return moments_of(row, self.names, self.origin)


def unit_sums(
    engine: Engine,
    table: str,
    metric: MetricDefinition,
    cluster: str | None = None,
    columns: Sequence[Column] | None = None,
) -> UnitSums:
    """Return count, values and products of each unit; with ``cluster`` of each cluster.

    Parameters
    ----------
    engine, table, metric, cluster
        As in :func:`collect`.
    columns
        The metric's columns, from :func:`~retention.abtest.columns.metric_columns`, where parts of
        one table are to be counted from one origin.

    Raises
    ------
    InputError
        As :func:`collect` does.
    """
    _require_columns(engine, table, [metric], (cluster,))
    columns = columns or metric_columns(engine, table, [metric])[metric.name]
    plan = _plan(metric, columns, clustered=cluster is not None)
    if cluster is not None:
        text = _cluster_query(table, [metric], {metric.name: plan}, {"cluster": cluster}, cluster)
    else:
        numbered = f"(SELECT *, row_number() OVER () AS unit_number FROM {quoted(table)}) AS units"
        text = query_text("abtest_statistics").format(
            groups='"unit_number"', group_names='"unit_number"', units=numbered,
            aggregates=_listed(_null_count([metric]) | {sql: sql for sql in plan.aggregates}),
        )  # fmt: skip
    answer = engine.sql(text).arrow()
    _refuse_nulls(engine, answer, table, _strict([metric]))
    return UnitSums(plan.names, np.array(plan.origin), _matrix(answer, plan.aggregates))


def _require_columns(
    engine: Engine,
    table: str,
    metrics: Sequence[MetricDefinition],
    groups: Sequence[str | None],
) -> None:
    """Refuse a table that lacks a column somebody asked for."""
    there = set(engine.sql(f"SELECT * FROM {quoted(table)}").columns())
    wanted = [g for g in groups if g]
    wanted += [c for m in metrics for c in (*m.outcome_columns, *m.covariates)]
    for name in wanted:
        if name not in there:
            raise InputError(
                f"Table {table!r} has no column {name!r}.",
                f"It has {', '.join(sorted(there))}.",
                column=name,
            )


def _plan(metric: MetricDefinition, columns: Sequence[Column], *, clustered: bool) -> _Plan:
    """Return what a metric asks of the engine."""
    condition = condition_of(metric)
    if clustered:
        one = f"CASE WHEN {condition} THEN 1.0 END" if condition else "1.0"
        columns = [*columns, Column(CLUSTER_SIZE, one, "")]
    names, origin = tuple(c.name for c in columns), tuple(c.origin for c in columns)
    counted = [c.counted for c in columns]
    if not clustered:
        return _Plan(names, origin, _sums(counted, condition))
    inner = tuple(f"sum({sql})" for sql in counted)
    summed = [f"CAST({quoted(sql)} AS DOUBLE)" for sql in inner]
    # A cluster whose units all were dropped has NULL sums and does not count.
    return _Plan(names, origin, _sums(summed, f"{summed[-1]} IS NOT NULL"), inner)


def _strict(metrics: Sequence[MetricDefinition]) -> list[str]:
    """Return the columns that may not hold a null, sorted."""
    names = {c for m in metrics if m.nulls is NullPolicy.STRICT for c in m.outcome_columns}
    names |= {c for m in metrics if m.covariate_nulls is NullPolicy.STRICT for c in m.covariates}
    return sorted(names)


def _unit_query(
    table: str,
    metrics: Sequence[MetricDefinition],
    plans: Mapping[str, _Plan],
    groups: Mapping[str, str],
) -> str:
    """Return the query where each row is an independent unit."""
    aggregates = _null_count(metrics)
    for plan in plans.values():
        aggregates |= {sql: sql for sql in plan.aggregates}
    return query_text("abtest_statistics").format(
        groups=", ".join(f"{quoted(c)} AS {quoted(g)}" for g, c in groups.items()),
        group_names=", ".join(quoted(c) for c in groups.values()),
        aggregates=_listed(aggregates),
        units=quoted(table),
    )


def _cluster_query(
    table: str,
    metrics: Sequence[MetricDefinition],
    plans: Mapping[str, _Plan],
    groups: Mapping[str, str],
    cluster: str,
) -> str:
    """Return the query where rows are summed to clusters first."""
    inner = _null_count(metrics)
    outer = {f"sum({quoted(name)})": name for name in inner.values()}
    for plan in plans.values():
        inner |= {sql: sql for sql in plan.inner}
        outer |= {sql: sql for sql in plan.aggregates}
    clusters = query_text("abtest_clusters").format(
        groups=", ".join(f"{quoted(c)} AS {quoted(g)}" for g, c in groups.items()),
        group_names=", ".join(quoted(c) for c in groups.values()),
        aggregates=_listed(inner),
        cluster=quoted(cluster),
        units=quoted(table),
    )
    return query_text("abtest_statistics").format(
        groups=", ".join(quoted(g) for g in groups),
        group_names=", ".join(quoted(g) for g in groups),
        aggregates=_listed(outer),
        units=f"({clusters}) AS clusters",
    )


def _sums(columns: Sequence[str], condition: str) -> tuple[str, ...]:
    """Return count, sums and sums of products; an aggregate is known by its own text."""
    count = f"count(CASE WHEN {condition} THEN 1 END)" if condition else "count(*)"
    pairs = combinations_with_replacement(columns, 2)
    products = (f"sum({a} * {b})" for a, b in pairs)
    return (count, *(f"sum({c})" for c in columns), *products)


NULLS = "units with nulls"
"""Column of the answer that tells, above zero, of units with a null where none may be."""


def _null_count(metrics: Sequence[MetricDefinition]) -> dict[str, str]:
    """Return one aggregate above zero where any column under the strict policy has a null.

    Counting what a column holds costs next to nothing: engines keep where its nulls are.
    """
    strict = _strict(metrics)
    if not strict:
        return {}
    counts = [f"count({quoted(c)})" for c in strict]
    fewest = counts[0] if len(counts) == 1 else f"least({', '.join(counts)})"
    return {f"count(*) - {fewest}": NULLS}


def _listed(aggregates: Mapping[str, str]) -> str:
    """Return aggregates under their names; equal ones are computed once."""
    return ", ".join(f"{sql} AS {quoted(name)}" for sql, name in aggregates.items())


def _refuse_nulls(engine: Engine, answer: pa.Table, table: str, strict: Sequence[str]) -> None:
    """Raise where a column under the strict policy has nulls, naming column and count."""
    if NULLS not in answer.column_names or not sum(answer.column(NULLS).to_pylist()):
        return
    counts = ", ".join(f"count(*) - count({quoted(c)}) AS {quoted(c)}" for c in strict)
    found = engine.sql(f"SELECT {counts} FROM {quoted(table)}").frame().iloc[0]
    column = str(next(name for name in strict if found[name]))
    raise InputError(
        f"Table {table!r} has {int(found[column]):,} nulls in column {column!r}.",
        "Say what a null means: nulls = zero, drop or (covariates) missing-is-own-stratum.",
        column=column,
    )


def _matrix(answer: pa.Table, names: Sequence[str]) -> Array:
    """Return some columns of the answer side by side; a sum over nothing is zero."""
    # Cast by Arrow: whole sums come as decimals, which NumPy would take for Python's objects.
    columns = [answer.column(n).cast(pa.float64()).to_numpy(zero_copy_only=False) for n in names]
    return np.nan_to_num(np.column_stack(columns))


def _statistics(
    answer: pa.Table, plans: Mapping[str, _Plan], groups: Mapping[str, str]
) -> Statistics:
    """Turn the rows of the answer into cells of moments."""
    keys = {name: answer.column(name).to_pylist() for name in groups}
    cells = {}
    for name, plan in plans.items():
        for at, row in enumerate(_matrix(answer, plan.aggregates)):
            if row[0]:
                cell = _cell(name, {group: values[at] for group, values in keys.items()})
                cells[cell] = moments_of(row, plan.names, np.array(plan.origin))
    return Statistics(cells)


def moments_of(row: Array, names: tuple[str, ...], origin: Array) -> Moments:
    """Return the moments that a row holds: count, sums, upper triangle of the products."""
    k = len(names)
    upper = np.zeros((k, k))
    upper[np.triu_indices(k)] = row[1 + k :]
    products = upper + np.triu(upper, 1).T
    return Moments.about(names, int(row[0]), row[1 : 1 + k], products, origin)


def _cell(metric: str, key: Mapping[str, Any]) -> Cell:
    """Return the cell a row belongs to."""
    day = None if key.get("day") is None else int(key["day"])
    return Cell(metric, str(key["arm"]), str(key.get("segment", "")), day)

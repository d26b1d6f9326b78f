"""From unit-level rows to sufficient statistics, by one query of the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retention.abtest.metrics import MetricDefinition, NullPolicy, missing_name
from retention.abtest.statistics import Cell, Moments, Statistics
from retention.engine import Engine, query_text
from retention.errors import InputError

CLUSTER_SIZE = "units in cluster"
"""Moment column that holds the number of units of a cluster."""


@dataclass(frozen=True)
class _Column:
    """One column of moments as SQL over units."""

    name: str
    sql: str


@dataclass(frozen=True)
class _Plan:
    """What a metric asks of the engine: the columns of its moments and their aggregates.

    ``inner`` are the sums per cluster, empty where units are independent.
    """

    names: tuple[str, ...]
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
    caps = pooled_caps(engine, table, metrics)
    plans = {m.name: _plan(m, caps, clustered=cluster is not None) for m in metrics}
    text = (
        _unit_query(table, metrics, plans, asked)
        if cluster is None
        else _cluster_query(table, metrics, plans, asked, cluster)
    )
    answer = engine.sql(text).arrow()
    _refuse_nulls(engine, answer, table, _strict(metrics))
    return _statistics(answer, plans, asked)


def unit_matrix(
    engine: Engine, table: str, metric: MetricDefinition, cluster: str | None = None
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return the names of the moment columns, and count, columns and products of each unit.

    With ``cluster`` each row is a cluster: what is drawn as one.

    Summing rows of the matrix (any subset, any number of times) and reading the sum with
    :func:`moments_of` gives the statistics of that subset: the basis of re-randomisation.

    Raises
    ------
    InputError
        As :func:`collect` does.
    """
    _require_columns(engine, table, [metric], (cluster,))
    caps = pooled_caps(engine, table, [metric])
    if cluster is not None:
        return _cluster_matrix(engine, table, metric, caps, cluster)
    plan = _plan(metric, caps, clustered=False)
    numbered = f"(SELECT *, row_number() OVER () AS unit_number FROM {_quoted(table)}) AS numbered"
    aggregates = _null_count([metric]) | {sql: sql for sql in plan.aggregates}
    answer = engine.sql(
        query_text("abtest_statistics").format(
            groups='"unit_number"', group_names='"unit_number"',
            aggregates=_listed(aggregates), units=numbered,
        )
    ).arrow()  # fmt: skip
    _refuse_nulls(engine, answer, table, _strict([metric]))
    return plan.names, _matrix(answer, plan.aggregates)


def _cluster_matrix(
    engine: Engine,
    table: str,
    metric: MetricDefinition,
    caps: Mapping[tuple[str, float], float],
    cluster: str,
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return count, sums and products of each cluster."""
    plan = _plan(metric, caps, clustered=True)
    text = _cluster_query(table, [metric], {metric.name: plan}, {"cluster": cluster}, cluster)
    answer = engine.sql(text).arrow()
    _refuse_nulls(engine, answer, table, _strict([metric]))
    return plan.names, _matrix(answer, plan.aggregates)


def pooled_caps(
    engine: Engine, table: str, metrics: Sequence[MetricDefinition]
) -> Mapping[tuple[str, float], float]:
    """Return the cap of each winsorised column: its exact quantile over all arms together."""
    wanted = sorted(
        {(c, m.winsorise_at) for m in metrics if m.winsorise_at for c in m.outcome_columns}
    )
    if not wanted:
        return {}
    quantiles = ", ".join(
        f"quantile_cont(CAST({_quoted(c)} AS DOUBLE), {p}) AS q{i}"
        for i, (c, p) in enumerate(wanted)
    )
    text = query_text("abtest_cap").format(quantiles=quantiles, units=_quoted(table))
    values = engine.sql(text).frame().iloc[0]
    return {key: float(values[f"q{i}"]) for i, key in enumerate(wanted)}


def _require_columns(
    engine: Engine,
    table: str,
    metrics: Sequence[MetricDefinition],
    groups: Sequence[str | None],
) -> None:
    """Refuse a table that lacks a column somebody asked for."""
    there = set(engine.sql(f"SELECT * FROM {_quoted(table)}").columns())
    wanted = [g for g in groups if g]
    wanted += [c for m in metrics for c in (*m.outcome_columns, *m.covariates)]
    for name in wanted:
        if name not in there:
            raise InputError(
                f"Table {table!r} has no column {name!r}.",
                f"It has {', '.join(sorted(there))}.",
                column=name,
            )


def _plan(
    metric: MetricDefinition, caps: Mapping[tuple[str, float], float], *, clustered: bool
) -> _Plan:
    """Return what a metric asks of the engine."""
    columns, condition = _columns(metric, caps), _kept(metric)
    if clustered:
        columns.append(_Column(CLUSTER_SIZE, "1.0"))
    if condition:
        columns = [_Column(c.name, f"CASE WHEN {condition} THEN {c.sql} END") for c in columns]
    names = tuple(c.name for c in columns)
    if not clustered:
        return _Plan(names, _sums(columns, condition))
    inner = tuple(f"sum({c.sql})" for c in columns)
    summed = [
        _Column(n, f"CAST({_quoted(sql)} AS DOUBLE)") for n, sql in zip(names, inner, strict=True)
    ]
    # A cluster whose units all were dropped has NULL sums and does not count.
    return _Plan(names, _sums(summed, f"{summed[-1].sql} IS NOT NULL"), inner)


def _columns(metric: MetricDefinition, caps: Mapping[tuple[str, float], float]) -> list[_Column]:
    """Return the moment columns of a metric."""
    columns = []
    for name in metric.outcome_columns:
        sql = _filled(name, metric.nulls)
        cap = caps.get((name, metric.winsorise_at)) if metric.winsorise_at else None
        columns.append(_Column(name, sql if cap is None else f"least({sql}, {cap!r})"))
    for name in metric.covariates:
        columns.append(_Column(name, _filled(name, metric.covariate_nulls)))
    if metric.covariate_nulls is NullPolicy.OWN_STRATUM:
        columns += [
            _Column(missing_name(c), f"CASE WHEN {_quoted(c)} IS NULL THEN 1.0 ELSE 0.0 END")
            for c in metric.covariates
        ]
    return columns


def _filled(column: str, policy: NullPolicy) -> str:
    """Return the column as DOUBLE, with nulls as the policy says."""
    number = f"CAST({_quoted(column)} AS DOUBLE)"
    filled = (NullPolicy.ZERO, NullPolicy.OWN_STRATUM)
    return f"coalesce({number}, 0.0)" if policy in filled else number


def _kept(metric: MetricDefinition) -> str:
    """Return the condition under which a unit counts, empty where every unit does."""
    dropped = list(metric.outcome_columns) if metric.nulls is NullPolicy.DROP else []
    dropped += list(metric.covariates) if metric.covariate_nulls is NullPolicy.DROP else []
    return " AND ".join(f"{_quoted(name)} IS NOT NULL" for name in dropped)


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
        groups=", ".join(f"{_quoted(c)} AS {_quoted(g)}" for g, c in groups.items()),
        group_names=", ".join(_quoted(c) for c in groups.values()),
        aggregates=_listed(aggregates),
        units=_quoted(table),
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
    outer = {f"sum({_quoted(name)})": name for name in inner.values()}
    for plan in plans.values():
        inner |= {sql: sql for sql in plan.inner}
        outer |= {sql: sql for sql in plan.aggregates}
    clusters = query_text("abtest_clusters").format(
        groups=", ".join(f"{_quoted(c)} AS {_quoted(g)}" for g, c in groups.items()),
        group_names=", ".join(_quoted(c) for c in groups.values()),
        aggregates=_listed(inner),
        cluster=_quoted(cluster),
        units=_quoted(table),
    )
    return query_text("abtest_statistics").format(
        groups=", ".join(_quoted(g) for g in groups),
        group_names=", ".join(_quoted(g) for g in groups),
        aggregates=_listed(outer),
        units=f"({clusters}) AS clusters",
    )


def _sums(columns: Sequence[_Column], condition: str) -> tuple[str, ...]:
    """Return count, sums and sums of products; an aggregate is known by its own text."""
    count = f"count(CASE WHEN {condition} THEN 1 END)" if condition else "count(*)"
    pairs = combinations_with_replacement(columns, 2)
    products = (f"sum({a.sql} * {b.sql})" for a, b in pairs)
    return (count, *(f"sum({c.sql})" for c in columns), *products)


NULLS = "units with nulls"
"""Column of the answer that tells, above zero, of units with a null where none may be."""


def _null_count(metrics: Sequence[MetricDefinition]) -> dict[str, str]:
    """Return one aggregate above zero where any column under the strict policy has a null.

    Counting what a column holds costs next to nothing: engines keep where its nulls are.
    """
    strict = _strict(metrics)
    if not strict:
        return {}
    counts = [f"count({_quoted(c)})" for c in strict]
    fewest = counts[0] if len(counts) == 1 else f"least({', '.join(counts)})"
    return {f"count(*) - {fewest}": NULLS}


def _listed(aggregates: Mapping[str, str]) -> str:
    """Return aggregates under their names; equal ones are computed once."""
    return ", ".join(f"{sql} AS {_quoted(name)}" for sql, name in aggregates.items())


def _quoted(name: str) -> str:
    """Return an identifier in quotes, so that no name is read as SQL."""
    return '"' + name.replace('"', '""') + '"'


def _refuse_nulls(engine: Engine, answer: pa.Table, table: str, strict: Sequence[str]) -> None:
    """Raise where a column under the strict policy has nulls, naming column and count."""
    if NULLS not in answer.column_names or not sum(answer.column(NULLS).to_pylist()):
        return
    counts = ", ".join(f"count(*) - count({_quoted(c)}) AS {_quoted(c)}" for c in strict)
    found = engine.sql(f"SELECT {counts} FROM {_quoted(table)}").frame().iloc[0]
    column = str(next(name for name in strict if found[name]))
    raise InputError(
        f"Table {table!r} has {int(found[column]):,} nulls in column {column!r}.",
        "Say what a null means: nulls = zero, drop or (covariates) missing-is-own-stratum.",
        column=column,
    )


def _matrix(answer: pa.Table, names: Sequence[str]) -> NDArray[np.float64]:
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
                cells[cell] = moments_of(row, plan.names)
    return Statistics(cells)


def moments_of(row: NDArray[np.float64], names: tuple[str, ...]) -> Moments:
    """Return the moments that a row holds: count, sums, upper triangle of the products."""
    k = len(names)
    upper = np.zeros((k, k))
    upper[np.triu_indices(k)] = row[1 + k :]
    return Moments(names, int(row[0]), row[1 : 1 + k], upper + np.triu(upper, 1).T)


def _cell(metric: str, key: Mapping[str, Any]) -> Cell:
    """Return the cell a row belongs to."""
    day = None if key.get("day") is None else int(key["day"])
    return Cell(metric, str(key["arm"]), str(key.get("segment", "")), day)

"""Columns of a metric as SQL over units: nulls as the policy says, capped, counted from an origin.

Values whose mean is large against their spread are summed less an origin near the mean, since a sum
of squares less a squared sum would lose their digits. The origin is found by one query beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from retention.abtest.metrics import MetricDefinition, NullPolicy, missing_name
from retention.engine import Engine, query_text
from retention.errors import InputError

LARGEST = 1e150
"""Value whose square, summed over units, a double still holds."""

WIDTHS_OF_SPAN = 64
"""Steps of the grid that origins lie on, over the span of the values: whole numbers stay whole."""


@dataclass(frozen=True)
class Column:
    """One column of moments as SQL over units; ``source`` is the units' column it is made of."""

    name: str
    sql: str
    source: str
    origin: float = 0.0

    @property
    def counted(self) -> str:
        """Return the SQL of the value less its origin."""
        return f"({self.sql} - {self.origin!r})" if self.origin else self.sql


def metric_columns(
    engine: Engine, table: str, metrics: Sequence[MetricDefinition]
) -> dict[str, list[Column]]:
    """Return the columns of each metric's moments, by the metric's name.

    Raises
    ------
    InputError
        If a column holds values that are not finite, or too large to be squared.
    """
    caps = pooled_caps(engine, table, metrics)
    columns = {m.name: [*_outcomes(m, caps), *_covariates(m)] for m in metrics}
    origins = _origins(engine, table, [c for own in columns.values() for c in own])
    return {
        name: [replace(c, origin=origins.get(c.sql, 0.0)) for c in own]
        for name, own in columns.items()
    }


def pooled_caps(
    engine: Engine, table: str, metrics: Sequence[MetricDefinition]
) -> Mapping[tuple[str, float], float]:
    """Return the cap of each winsorised column by its SQL: its exact quantile over all arms.

    It is the quantile of what is averaged: nulls that count as zero are among the values, units
    that are dropped are not.
    """
    wanted = sorted(
        {(column.sql, m.winsorise_at) for m in metrics if m.winsorise_at for column in _outcomes(m)}
    )
    if not wanted:
        return {}
    quantiles = ", ".join(
        f"quantile_cont({sql}, {share}) AS q{i}" for i, (sql, share) in enumerate(wanted)
    )
    text = query_text("abtest_cap").format(quantiles=quantiles, units=quoted(table))
    values = engine.sql(text).frame().iloc[0]
    return {key: float(values[f"q{i}"]) for i, key in enumerate(wanted)}


def condition_of(metric: MetricDefinition) -> str:
    """Return the condition under which a unit counts, empty where every unit does."""
    dropped = list(metric.outcome_columns) if metric.nulls is NullPolicy.DROP else []
    dropped += list(metric.covariates) if metric.covariate_nulls is NullPolicy.DROP else []
    return " AND ".join(f"{quoted(name)} IS NOT NULL" for name in dropped)


def quoted(name: str) -> str:
    """Return an identifier in quotes, so that no name is read as SQL."""
    return '"' + name.replace('"', '""') + '"'


def _outcomes(
    metric: MetricDefinition, caps: Mapping[tuple[str, float], float] | None = None
) -> list[Column]:
    """Return the outcome columns, under their caps where these are known."""
    columns = []
    for name in metric.outcome_columns:
        value = _filled(name, metric.nulls)
        cap = (caps or {}).get((_kept(metric, value), metric.winsorise_at or 0.0))
        # The cap within the condition: an engine's least() of NULL and a number is the number.
        capped = value if cap is None else f"least({value}, {cap!r})"
        columns.append(Column(name, _kept(metric, capped), name))
    return columns


def _covariates(metric: MetricDefinition) -> list[Column]:
    """Return the covariates, and the flags of their gaps where gaps are a stratum."""
    columns = [
        Column(name, _kept(metric, _filled(name, metric.covariate_nulls)), name)
        for name in metric.covariates
    ]
    if metric.covariate_nulls is NullPolicy.OWN_STRATUM:
        columns += [
            Column(
                missing_name(c),
                _kept(metric, f"CASE WHEN {quoted(c)} IS NULL THEN 1.0 ELSE 0.0 END"),
                c,
            )
            for c in metric.covariates
        ]
    return columns


def _filled(column: str, policy: NullPolicy) -> str:
    """Return the column as DOUBLE, with nulls as the policy says."""
    number = f"CAST({quoted(column)} AS DOUBLE)"
    filled = (NullPolicy.ZERO, NullPolicy.OWN_STRATUM)
    return f"coalesce({number}, 0.0)" if policy in filled else number


def _kept(metric: MetricDefinition, sql: str) -> str:
    """Return the value of the units that count, NULL of the others."""
    condition = condition_of(metric)
    return f"CASE WHEN {condition} THEN {sql} END" if condition else sql


def _origins(engine: Engine, table: str, columns: Iterable[Column]) -> dict[str, float]:
    """Return the origin of each distinct value, by its SQL."""
    distinct = {column.sql: column for column in columns}
    if not distinct:
        return {}
    aggregates = ", ".join(
        f"min({sql}) AS low{i}, max({sql}) AS high{i}, "
        f"avg(CASE WHEN abs({sql}) <= {LARGEST!r} THEN {sql} END) AS mean{i}"
        for i, sql in enumerate(distinct)
    )
    text = query_text("abtest_origin").format(aggregates=aggregates, units=quoted(table))
    found = engine.sql(text).arrow().to_pylist()[0]
    origins = {}
    for i, (sql, column) in enumerate(distinct.items()):
        low, high, mean = (found[f"{name}{i}"] for name in ("low", "high", "mean"))
        if low is None:
            continue
        if not (low >= -LARGEST and high <= LARGEST):
            raise _not_finite(engine, table, column)
        origins[sql] = origin_of(low, high, mean)
    return origins


def origin_of(low: float, high: float, mean: float) -> float:
    """Return a round number near the mean, zero where the mean is no larger than the spread.

    Examples
    --------
    >>> origin_of(0.0, 900.0, 40.0), origin_of(1e9 - 3, 1e9 + 3, 1e9 + 0.01)
    (0.0, 1000000000.0)
    """
    span = high - low
    if span == 0:
        return low
    if abs(mean) <= span / 4:
        return 0.0
    step = 2.0 ** math.floor(math.log2(span / WIDTHS_OF_SPAN))
    return round(mean / step) * step


def _not_finite(engine: Engine, table: str, column: Column) -> InputError:
    """Return the error about values that cannot be summed."""
    text = query_text("abtest_origin").format(
        aggregates=f"count(CASE WHEN abs({column.sql}) > {LARGEST!r} THEN 1 END) AS n",
        units=quoted(table),
    )
    count = int(engine.sql(text).arrow().to_pylist()[0]["n"])
    return InputError(
        f"Column {column.source!r} of table {table!r} holds {count:,} values that are infinite, "
        f"not a number or beyond {LARGEST:g}.",
        "Correct them at their source, or set them to NULL and say what a null means.",
        column=column.source,
    )

"""Values of single units under a metric's null policies, where sums are not enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.abtest.metrics import MetricDefinition, NullPolicy
from retention.abtest.statistics import Array
from retention.errors import InputError

MISSING = "missing"
"""Stratum of the units whose stratum is not known."""

OTHER, SMALLEST_STRATUM = "other", 20
"""Strata of fewer units are taken together, by their size alone, before any outcome is read."""

LARGEST_SPLIT = 4
"""Distinct numbers up to which each is a group of its own; beyond, quartiles are."""


def outcome_values(units: pd.DataFrame, metric: MetricDefinition, arm: str) -> Array:
    """Return outcome columns, covariates and flags of missing covariates of an arm's units.

    Raises
    ------
    InputError
        If a column is missing, or has nulls that its policy forbids.
    """
    rows = units[units["arm"] == arm]
    outcomes = _filled(rows, metric.outcome_columns, metric.nulls)
    known = _filled(rows, metric.covariates, metric.covariate_nulls)
    values = pd.concat([outcomes, known], axis=1)
    if metric.covariate_nulls is NullPolicy.OWN_STRATUM:
        flags = numbers(rows, metric.covariates).isna().astype(float)
        values = pd.concat([values, flags.add_suffix(" is missing")], axis=1)
    return np.asarray(values.dropna().to_numpy(dtype=float))


def unit_outcomes(
    units: pd.DataFrame, metric: MetricDefinition, arm: str, cluster: str | None
) -> tuple[Array, NDArray[Any] | None]:
    """Return an arm's outcome values, and the cluster of each where there are clusters."""
    rows = units[units["arm"] == arm]
    values = _filled(rows, metric.outcome_columns, metric.nulls)[metric.column].dropna()
    clusters = None if cluster is None else rows.loc[values.index, cluster].to_numpy()
    return values.to_numpy(dtype=float), clusters


def caps_of(units: pd.DataFrame, metric: MetricDefinition) -> dict[str, float]:
    """Return the cap of each outcome column: the pooled quantile of the values that are analysed.

    The same as :func:`~retention.abtest.columns.pooled_caps` gives in the engine.
    """
    known = _filled(units, metric.outcome_columns, metric.nulls)
    if metric.nulls is NullPolicy.DROP:
        dropped = [*metric.outcome_columns]
        dropped += metric.covariates if metric.covariate_nulls is NullPolicy.DROP else []
        known = known[numbers(units, dropped).notna().all(axis=1)]
    at = metric.winsorise_at or 1.0
    return {c: float(known[c].quantile(at)) for c in metric.outcome_columns}


def stratum_labels(units: pd.DataFrame, metric: MetricDefinition) -> pd.DataFrame:
    """Return the units with their stratum as text, missing ones as the policy says.

    Raises
    ------
    InputError
        If strata are missing under the strict policy, or the column is not there.
    """
    column = str(metric.strata)
    _require(units, column)
    gaps = units[column].isna()
    if gaps.any() and metric.covariate_nulls is NullPolicy.STRICT:
        raise _nulls(column, int(gaps.sum()))
    if metric.covariate_nulls is NullPolicy.DROP:
        units, gaps = units[~gaps], gaps[~gaps]
    labels = labels_of(units[column])
    counts = labels.map(labels.value_counts())
    return units.assign(**{column: labels.mask(counts < SMALLEST_STRATUM, OTHER)})


def labels_of(values: pd.Series) -> pd.Series:
    """Return values as text: labels as they are, many numbers by quartile, gaps as missing."""
    gaps = values.isna()
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > LARGEST_SPLIT:
        values = _quartiles(values.astype(float))
    elif pd.api.types.is_float_dtype(values):
        values = values.map(lambda number: f"{number:g}", na_action="ignore")
    return values.astype("string").mask(gaps, MISSING).astype(str)


def _quartiles(values: pd.Series) -> pd.Series:
    """Return each value's quarter as text, told by the smallest and largest value in it."""
    quarter = pd.qcut(values, 4, duplicates="drop", labels=False)
    ends = values.groupby(quarter).agg(["min", "max"])
    names = [
        f"{low:,.4g}" if low == high else f"{low:,.4g} to {high:,.4g}"
        for low, high in zip(ends["min"], ends["max"], strict=True)
    ]
    return quarter.map(dict(zip(ends.index, names, strict=True)))


def _filled(rows: pd.DataFrame, columns: tuple[str, ...], policy: NullPolicy) -> pd.DataFrame:
    """Return columns as numbers with their nulls filled, left (to be dropped) or refused."""
    values = numbers(rows, columns)
    for column in columns:
        if policy is NullPolicy.STRICT and values[column].isna().any():
            raise _nulls(column, int(values[column].isna().sum()))
    return values if policy in (NullPolicy.STRICT, NullPolicy.DROP) else values.fillna(0.0)


def numbers(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return columns as plain floats; what is not finite is missing, whatever holds it.

    Raises
    ------
    InputError
        If a column is not there.
    """
    for column in columns:
        _require(rows, column)
    found = {c: rows[c].astype("float64").to_numpy(dtype=float, na_value=np.nan) for c in columns}
    values = pd.DataFrame(found, index=rows.index, columns=list(columns), dtype=float)
    return values.where(np.isfinite(values))


def _require(rows: pd.DataFrame, column: str) -> None:
    """Refuse units that lack a column."""
    if column not in rows:
        raise InputError(
            f"The units have no column {column!r}.",
            f"They have {', '.join(sorted(map(str, rows)))}.",
            column=column,
        )


def _nulls(column: str, count: int) -> InputError:
    """Return the error about nulls that nobody said the meaning of."""
    return InputError(
        f"There are {count:,} nulls in column {column!r}.",
        "Say what a null means: nulls = zero, drop or (covariates) missing-is-own-stratum.",
        column=column,
    )

"""Experiments that come as sums by day and arm, as the units that these sums stand for.

Means, proportions and their tests rest on counts, sums and sums of squares alone. So a day's row is
spread into as many units as it counts, with values that have exactly its sums: every such figure
is the one that the units themselves would have given. What rests on more (quantiles, caps,
outliers, covariates) cannot be known.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.engine import Engine
from retention.errors import InputError
from retention.tables import SQUARES, UNITS_IN_CELL

MOST_UNITS = 5_000_000
"""Units beyond which sums are not spread: they would not fit into a small machine's memory."""


def spread_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Return an experiment frame with one row per unit; as it is where its rows are units.

    Parameters
    ----------
    frame
        Experiment frame; where its outcomes hold ``units in cell`` a row sums up many units, and
        ``<outcome> squared`` is the sum of squares of an outcome.

    Raises
    ------
    InputError
        If there are more than `MOST_UNITS` units.

    Examples
    --------
    >>> cells = pd.DataFrame({"unit_key": ["a"], "arm": ["A"], UNITS_IN_CELL: [4.0],
    ...                       "y": [6.0], "y squared": [14.0]})
    >>> cells.attrs = {"covariates": [], "outcomes": ["y", "y squared", UNITS_IN_CELL]}
    >>> units = spread_cells(cells)
    >>> len(units), float(units["y"].sum()), round(float((units["y"] ** 2).sum()), 9)
    (4, 6.0, 14.0)
    """
    if UNITS_IN_CELL not in frame:
        return frame
    counts = _counts(frame)
    outcomes = [name for name in frame.attrs["outcomes"] if SQUARES.format(name) in frame]
    rows = np.repeat(np.arange(len(frame)), counts)
    kept = [c for c in frame if c not in frame.attrs["outcomes"]]
    spread = frame[kept].iloc[rows].reset_index(drop=True)
    spread["unit_key"] = _unit_keys(spread["unit_key"], counts)
    values = {name: _values(counts, frame[name], frame[SQUARES.format(name)]) for name in outcomes}
    spread = spread.assign(**values)
    spread.attrs = {**frame.attrs, "outcomes": outcomes, "summed_up": True}
    return spread


def spread_log(engine: Engine, log: pd.DataFrame, experiment_key: str) -> pd.DataFrame:
    """Return the assignments of an experiment with one row per unit, as `spread_cells` names them.

    Parameters
    ----------
    engine
        Engine with ``outcomes``, where the export brings them.
    log
        Assignments, with ``unit_key``.
    experiment_key
        The experiment.
    """
    if not engine.has("outcomes"):
        return log
    cells = engine.sql(
        f'SELECT unit_key, value AS "{UNITS_IN_CELL}" FROM outcomes '
        f"WHERE experiment_key = $experiment_key AND metric = '{UNITS_IN_CELL}'",
        experiment_key=experiment_key,
    ).frame()
    if cells.empty:
        return log
    counted = log.merge(cells, "left", "unit_key").sort_values("unit_key", kind="stable")
    counts = _counts(counted.fillna({UNITS_IN_CELL: 0}))
    spread = log.loc[np.repeat(counted.index.to_numpy(), counts)].reset_index(drop=True)
    return spread.assign(unit_key=_unit_keys(spread["unit_key"], counts))


def _counts(frame: pd.DataFrame) -> NDArray[np.int64]:
    """Return how many units each row sums up."""
    counts = np.asarray(frame[UNITS_IN_CELL], dtype=np.float64).astype(np.int64)
    if counts.sum() > MOST_UNITS:
        raise InputError(
            f"The rows sum up {counts.sum():,} units; {MOST_UNITS:,} can be read.",
            "Export fewer days, or compare the sums with the library's `abtest` functions.",
            column=UNITS_IN_CELL,
        )
    return counts


def _unit_keys(keys: pd.Series, counts: NDArray[np.int64]) -> pd.Series:
    """Return a key for every unit of every row."""
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    numbers = pd.Series(np.arange(len(keys)) - starts, index=keys.index)
    return keys + ":" + numbers.astype(str).str.zfill(8)


def _values(counts: NDArray[np.int64], sums: pd.Series, squares: pd.Series) -> NDArray[np.float64]:
    """Return values of every row's units with exactly its sum and its sum of squares."""
    parts = [
        _cell(int(n), float(total), float(square))
        for n, total, square in zip(counts, sums, squares, strict=True)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _cell(n: int, total: float, square: float) -> NDArray[np.float64]:
    """Return the values of one row: zeros and ones, or half above the mean and half below."""
    if n == 0:
        return np.zeros(0)
    if square == total and total == int(total) and 0 <= total <= n:
        return (np.arange(n) < total).astype(np.float64)
    mean, half = total / n, n // 2
    spread = max(square - total**2 / n, 0.0)
    distance = np.sqrt(spread / (2 * half)) if half else 0.0
    middle = np.full(n - 2 * half, mean)
    return np.concatenate([np.full(half, mean + distance), middle, np.full(half, mean - distance)])

"""What every survival analysis asks of its rows: durations, events, entries, counts and weights.

``frequency`` is how many customers a row stands for; ``weight`` is the inverse of a row's chance of
being in the sample. The first adds evidence, the second only shifts whom it speaks for.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from retention.engine.finite import numbers
from retention.errors import EvidenceError, InputError

Array = npt.NDArray[np.float64]


def require_column(frame: pd.DataFrame, column: str) -> None:
    """Refuse a frame without a column, naming those it has.

    Raises
    ------
    InputError
        If the column is missing.
    """
    if column not in frame:
        raise InputError(
            f"There is no column {column!r}.", f"Columns: {list(frame.columns)}.", column=column
        )


def check_durations(
    frame: pd.DataFrame, duration: str, event: str, entry: str | None = None
) -> None:
    """Refuse rows that no survival estimate can use, naming the first of them.

    Raises
    ------
    InputError
        If a column is missing, or a value is impossible.
    EvidenceError
        If there are no rows.
    """
    for column in filter(None, (duration, event, entry)):
        require_column(frame, column)
    if frame.empty:
        raise EvidenceError(
            "There are no customers to follow.", "Check the as-of date and filters."
        )
    times = times_of(frame[duration])
    late = "Durations run from the start to the as-of date: look for dates after it."
    if times.dtype.kind not in "iu" or times.min() < 0:
        bad = ~np.isfinite(times) | (times < 0)
        _refuse(bad, duration, "is missing, negative or infinite", late)
    if frame[event].dtype != bool:
        happened = numbers(frame[event])
        bad = ~((happened == 0) | (happened == 1))
        _refuse(bad, event, "is neither 0 nor 1", "Code the event as 0 or 1.")
    if entry is not None:
        late_entries = numbers(frame[entry])
        _refuse(
            ~np.isfinite(late_entries), entry, "is missing or infinite", "Give 0 for the start."
        )
        _refuse(
            ~(late_entries < times),
            entry,
            "is not before the end",
            "Drop customers who left before they came under observation.",
        )


def times_of(values: pd.Series) -> npt.NDArray:
    """Return durations as numbers: whole ones as they are, all others as floats."""
    plain = values.to_numpy()
    return plain if plain.dtype.kind in "iu" else numbers(values)


def customers_of(frame: pd.DataFrame, frequency: str | None) -> Array | None:
    """Return how many customers each row stands for; None where each is one.

    Raises
    ------
    InputError
        If a frequency is missing, negative or no whole number.
    EvidenceError
        If the rows stand for nobody.
    """
    if frequency is None:
        return None
    require_column(frame, frequency)
    counted = numbers(frame[frequency])
    bad = ~np.isfinite(counted) | (counted < 0) | (counted != np.round(counted))
    mend = "It counts customers; a sampling weight is given as `weight`."
    _refuse(bad, frequency, "is missing, negative or no whole number", mend)
    if not counted.sum():
        raise EvidenceError("All frequencies are zero.", "Leave the column out, or count again.")
    return counted


def weights_of(frame: pd.DataFrame, weight: str | None) -> Array | None:
    """Return the sampling weights, scaled to a mean of one; None where all weigh the same.

    Raises
    ------
    InputError
        If a weight is missing, negative or infinite.
    EvidenceError
        If all weights are zero.
    """
    if weight is None:
        return None
    require_column(frame, weight)
    weighed = numbers(frame[weight])
    bad = ~np.isfinite(weighed) | (weighed < 0)
    mend = "It is the inverse of a row's chance of being sampled."
    _refuse(bad, weight, "is missing, negative or infinite", mend)
    if not weighed.sum():
        raise EvidenceError("All weights are zero.", "Leave the column out, or weigh again.")
    return weighed / weighed.mean()


def one_row_each(frame: pd.DataFrame, frequency: str | None) -> pd.DataFrame:
    """Return a row for each customer that the rows stand for."""
    counted = customers_of(frame, frequency)
    if counted is None:
        return frame
    return frame.iloc[np.repeat(np.arange(len(frame)), counted.astype(int))].reset_index(drop=True)


def _refuse(bad: npt.NDArray[np.bool_], column: str, problem: str, mend: str) -> None:
    """Raise for the first bad row, if there is any."""
    if bad.any():
        row = int(np.argmax(bad)) + 1
        raise InputError(
            f"The {column} of {int(bad.sum()):,} rows {problem}.", mend, line=row, column=column
        )

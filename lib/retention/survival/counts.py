"""Compress (duration, event) pairs to counts: cost follows distinct times, not customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retention.errors import EvidenceError, InputError
from retention.results import Check, Status
from retention.survival.codes import SurvivalCode

Array = npt.NDArray[Any]

MOST_CODES = 100_000
"""Group numbers within so narrow a range are looked up instead of hashed."""

DENSE_CELLS = 20_000_000
"""Largest group x time table that is counted densely; beyond it only the cells that occur."""


@dataclass(frozen=True)
class EventCounts:
    """Numbers at risk, leaving and censored at each distinct time of each group.

    Parameters
    ----------
    frame
        Columns ``group`` (text), ``time``, ``at_risk``, ``events``, ``censored``, sorted by group
        and time. ``at_risk`` counts those whose entry is before and whose end is at or after
        ``time``.
    unit
        Unit of the times, such as ``"days"``.
    """

    frame: pd.DataFrame
    unit: str = "days"

    @property
    def groups(self) -> list[str]:
        """Names of the groups, sorted."""
        return list(dict.fromkeys(self.frame["group"]))

    def of(self, group: str) -> pd.DataFrame:
        """Return the rows of one group.

        Raises
        ------
        EvidenceError
            If the group has nobody in it.
        """
        rows = self.frame[self.frame["group"] == group]
        if rows.empty:
            raise EvidenceError(f"Group {group!r} is empty.", f"Choose one of {self.groups}.")
        return rows

    def totals(self) -> pd.DataFrame:
        """Return ``group``, ``n``, ``events`` and ``last_time``, one row per group."""
        rows = self.frame.assign(n=self.frame["events"] + self.frame["censored"])
        total = rows.groupby("group", sort=True).agg(
            n=("n", "sum"), events=("events", "sum"), last_time=("time", "max")
        )
        return total.reset_index()

    def check(self, minimum: int = 100) -> Check:
        """Return whether enough customers left in every group for a curve to mean something."""
        totals = self.totals()
        thin = totals.loc[totals["events"] < minimum, "group"].tolist()
        if not thin:
            return Check(
                SurvivalCode.ENOUGH_EVENTS,
                Status.PASS,
                f"At least {totals['events'].min():,.0f} departures in every group.",
            )
        return Check(
            SurvivalCode.ENOUGH_EVENTS,
            Status.WARN,
            f"Fewer than {minimum} departures: {', '.join(thin)}.",
            "Read these curves with their intervals, or merge the groups.",
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the counts as a DataFrame."""
        return self.frame.copy()

    def summary(self) -> str:
        """Say how many were followed, how many left and how long was looked."""
        n, events = self.frame[["events", "censored"]].sum().sum(), self.frame["events"].sum()
        last = self.frame["time"].max()
        if not events:
            return f"None of {n:,.0f} customers left within {last:,.0f} {self.unit}."
        return (
            f"{events:,.0f} of {n:,.0f} customers left; the others were last seen within "
            f"{last:,.0f} {self.unit} and may leave later."
        )


def count_events(
    frame: pd.DataFrame,
    *,
    duration: str = "duration",
    event: str = "event",
    group: str | None = None,
    entry: str | None = None,
    weight: str | None = None,
    unit: str = "days",
) -> EventCounts:
    """Count events and censorings at each distinct time, by group.

    Parameters
    ----------
    frame
        One row per customer, or per distinct (duration, event) pair with its ``weight``.
    duration, event
        Columns of the time on test (finite, not negative) and of whether it ended in the event.
    group
        Column that splits the customers; None puts all into the group ``"all"``.
    entry
        Column of the time from which a customer is under observation (left truncation);
        None means from 0. A customer counts as at risk on ``(entry, duration]``.
    weight
        Column with the number of customers a row stands for.
    unit
        Unit of the durations, for wording.

    Raises
    ------
    InputError
        If a column is missing or a duration, event or entry is impossible.
    EvidenceError
        If there are no rows.

    Examples
    --------
    >>> counts = count_events(pd.DataFrame({"duration": [1, 2, 2], "event": [1, 1, 0]}))
    >>> counts.to_frame()[["time", "at_risk", "events"]].values.tolist()
    [[1.0, 3.0, 1.0], [2.0, 2.0, 1.0]]
    """
    check_durations(frame, duration, event, entry)
    codes, labels = _group_codes(frame, group)
    times, position = _distinct_times(frame[duration].to_numpy())
    weights = None if weight is None else frame[weight].to_numpy(dtype=float)
    happened = frame[event].to_numpy().astype(bool)
    cell, ended, events = _tally(
        codes * len(times) + position, happened, weights, len(labels) * len(times)
    )
    group_of, time_of = cell // len(times), times[cell % len(times)]
    at_risk = _remaining(group_of, ended)
    if entry is not None:
        late = frame[entry].to_numpy(dtype=float)
        at_risk = at_risk - _not_yet_entered(group_of, time_of, codes, late, weights)
    table = pd.DataFrame(
        {
            "group": labels[group_of],
            "time": time_of,
            "at_risk": at_risk,
            "events": events,
            "censored": ended - events,
        }
    )
    return EventCounts(table, unit)


def evenly_spaced(rows: pd.DataFrame, most_rows: int) -> pd.DataFrame:
    """Return evenly spaced rows of a larger frame, at most so many; a smaller one as it is.

    A regression of a few covariates gains nothing from more: its errors are small already, and its
    cost would go on growing.
    """
    step = -(-len(rows) // most_rows)
    return rows.iloc[::step] if step > 1 else rows


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
        if column not in frame:
            raise InputError(
                f"There is no column {column!r}.", f"Columns: {list(frame.columns)}.", column=column
            )
    if frame.empty:
        raise EvidenceError(
            "There are no customers to follow.", "Check the as-of date and filters."
        )
    times = frame[duration].to_numpy()
    late = "Durations run from the start to the as-of date: look for dates after it."
    if times.dtype.kind not in "iu" or times.min() < 0:
        times = times.astype(float)
        bad = ~np.isfinite(times) | (times < 0)
        _refuse(bad, duration, "is missing, negative or infinite", late)
    happened = frame[event].to_numpy()
    if happened.dtype != bool:
        bad = ~((happened == 0) | (happened == 1))
        _refuse(bad, event, "is neither 0 nor 1", "Code the event as 0 or 1.")
    if entry is not None:
        _refuse(
            ~(frame[entry].to_numpy(dtype=float) < times),
            entry,
            "is not before the end",
            "Drop customers who left before they came under observation.",
        )


def _refuse(bad: npt.NDArray[np.bool_], column: str, problem: str, mend: str) -> None:
    """Raise for the first bad row, if there is any."""
    if bad.any():
        row = int(np.argmax(bad)) + 1
        raise InputError(
            f"The {column} of {int(bad.sum()):,} rows {problem}.", mend, line=row, column=column
        )


def _group_codes(
    frame: pd.DataFrame, group: str | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.object_]]:
    """Return each row's group number and the sorted names of the groups."""
    if group is None:
        return np.zeros(len(frame), dtype=np.int64), np.array(["all"], dtype=object)
    if frame[group].isna().any():
        raise InputError("Some customers have no group.", "Name the missing group.", column=group)
    values = frame[group].to_numpy()
    if values.dtype.kind in "iu" and int(values.max()) - int(values.min()) < MOST_CODES:
        shifted = values - values.min()
        present = np.flatnonzero(np.bincount(shifted))
        place = np.zeros(int(present[-1]) + 1, dtype=np.int64)
        place[present] = np.arange(len(present))
        names = [str(label) for label in present + values.min()]
        return place[shifted], np.array(names, dtype=object)
    codes, labels = pd.factorize(frame[group], sort=True)
    return codes.astype(np.int64), np.array([str(label) for label in labels], dtype=object)


def _distinct_times(values: npt.NDArray) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return the distinct times and each row's position among them; whole numbers need no sort."""
    if values.dtype.kind in "iu" and values.max() <= 4 * len(values) + 100_000:
        return np.arange(int(values.max()) + 1, dtype=float), values.astype(np.int64, copy=False)
    times, position = np.unique(values.astype(float), return_inverse=True)
    return times, position


def _tally(
    keys: npt.NDArray[np.int64], happened: npt.NDArray[np.bool_], weights: Array | None, cells: int
) -> tuple[npt.NDArray[np.int64], Array, Array]:
    """Return the cells that occur, with the (weighted) rows and events in each."""
    if cells > DENSE_CELLS:
        found, keys = np.unique(keys, return_inverse=True)
        cells = len(found)
    else:
        found = np.arange(cells)
    if weights is None:
        pairs = keys + keys
        pairs += happened
        both = np.bincount(pairs, minlength=2 * cells).reshape(-1, 2)
        ended, events = both.sum(axis=1).astype(float), both[:, 1].astype(float)
    else:
        ended = np.bincount(keys, weights, minlength=cells)
        events = np.bincount(keys, weights * happened, minlength=cells)
    kept = np.flatnonzero(ended)
    return found[kept], ended[kept], events[kept]


def _remaining(group_of: npt.NDArray[np.int64], ended: Array) -> Array:
    """Return how many of the group end at this row's time or later (rows sorted by group, time)."""
    total = np.cumsum(ended[::-1])[::-1]
    last_of_group = np.searchsorted(group_of, group_of, side="right")
    return total - np.append(total, 0.0)[last_of_group]


def _not_yet_entered(
    group_of: npt.NDArray[np.int64],
    time_of: Array,
    codes: npt.NDArray[np.int64],
    entry: Array,
    weights: Array | None,
) -> Array:
    """Return how many of the row's group come under observation at its time or later."""
    waiting = np.zeros(len(group_of))
    counted = np.ones(len(entry)) if weights is None else weights
    for code in np.unique(group_of):
        mine, rows = group_of == code, codes == code
        order = np.argsort(entry[rows], kind="stable")
        later = np.append(np.cumsum(counted[rows][order][::-1])[::-1], 0.0)
        waiting[mine] = later[np.searchsorted(entry[rows][order], time_of[mine], side="left")]
    return waiting

"""Compress (duration, event) pairs to counts: cost follows distinct times, not customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retention.engine.finite import numbers
from retention.errors import EvidenceError, InputError
from retention.results import Check, Status
from retention.survival.codes import SurvivalCode
from retention.survival.inputs import check_durations, customers_of, times_of, weights_of

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
        ``time``. With sampling weights the numbers are effective ones.
    unit
        Unit of the times, such as ``"days"``.
    entries
        Columns ``group``, ``time``, ``entered``: how many came under observation when; None where
        all did at 0.
    is_weighted
        Whether sampling weights were given.
    """

    frame: pd.DataFrame
    unit: str = "days"
    entries: pd.DataFrame | None = None
    is_weighted: bool = False

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

    def at_risk(self, group: str, times: Array) -> Array:
        """Return how many of a group are under observation just before each of any times."""
        part = self.of(group)
        own = part["time"].to_numpy()
        if self.entries is None:
            return np.append(part["at_risk"].to_numpy(), 0.0)[np.searchsorted(own, times)]
        late = self.entries[self.entries["group"] == group]
        entered = np.append(0.0, np.cumsum(late["entered"].to_numpy()))
        gone = np.append(0.0, np.cumsum((part["events"] + part["censored"]).to_numpy()))
        before = entered[np.searchsorted(late["time"].to_numpy(), times, side="left")]
        return before - gone[np.searchsorted(own, times, side="left")]

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
    frequency: str | None = None,
    weight: str | None = None,
    unit: str = "days",
) -> EventCounts:
    """Count events and censorings at each distinct time, by group.

    Parameters
    ----------
    frame
        One row per customer, or per distinct (duration, event) pair with its ``frequency``.
    duration, event
        Columns of the time on test (finite, not negative) and of whether it ended in the event.
    group
        Column that splits the customers; None puts all into the group ``"all"``.
    entry
        Column of the time from which a customer is under observation (left truncation);
        None means from 0. A customer counts as at risk on ``(entry, duration]``.
    frequency
        Column with the number of customers a row stands for (whole numbers).
    weight
        Column of sampling weights (inverse chances of being in the sample). The numbers at risk
        and leaving become effective ones, (Σw)²/Σw² of those at risk, so that errors computed
        from them are those of the sample.
    unit
        Unit of the durations, for wording.

    Raises
    ------
    InputError
        If a column is missing or a duration, event, entry, frequency or weight is impossible.
    EvidenceError
        If there are no rows, or they stand for nobody.

    Notes
    -----
    Effective numbers: Xie and Liu 2005, *Statistics in Medicine* 24, section 2.

    Examples
    --------
    >>> counts = count_events(pd.DataFrame({"duration": [1, 2, 2], "event": [1, 1, 0]}))
    >>> counts.to_frame()[["time", "at_risk", "events"]].values.tolist()
    [[1.0, 3.0, 1.0], [2.0, 2.0, 1.0]]
    """
    check_durations(frame, duration, event, entry)
    counted, weighed = customers_of(frame, frequency), weights_of(frame, weight)
    if counted is not None and not counted.all():
        return count_events(
            frame[counted > 0], duration=duration, event=event, group=group, entry=entry,
            frequency=frequency, weight=weight, unit=unit,
        )  # fmt: skip
    codes, labels = _group_codes(frame, group)
    rows = _Rows(
        codes,
        labels,
        times_of(frame[duration]),
        frame[event].to_numpy().astype(bool),
        None if entry is None else numbers(frame[entry]),
    )
    if weighed is None:
        return EventCounts(rows.table(counted), unit, rows.entries(counted))
    customers = np.ones(len(frame)) if counted is None else counted
    table = rows.table(customers * weighed)
    squared = rows.table(customers * weighed**2)["at_risk"]
    effective = np.divide(table["at_risk"], squared, out=np.ones(len(table)), where=squared > 0)
    columns = ["at_risk", "events", "censored"]
    scaled = table.assign(**{column: table[column] * effective for column in columns})
    return EventCounts(scaled, unit, rows.entries(customers * weighed), is_weighted=True)


@dataclass(frozen=True)
class _Rows:
    """Checked rows: group numbers and their names, times, events and entries."""

    codes: npt.NDArray[np.int64]
    labels: npt.NDArray[np.object_]
    times: npt.NDArray
    happened: npt.NDArray[np.bool_]
    entry: Array | None

    def table(self, customers: Array | None) -> pd.DataFrame:
        """Return the numbers at risk, leaving and censored, by group and time."""
        times, position = _distinct_times(self.times)
        cell, ended, events = _tally(
            self.codes * len(times) + position,
            self.happened,
            customers,
            len(self.labels) * len(times),
        )
        group_of, time_of = cell // len(times), times[cell % len(times)]
        at_risk = _remaining(group_of, ended)
        if self.entry is not None:
            at_risk = at_risk - _not_yet_entered(
                group_of, time_of, self.codes, self.entry, customers
            )
        return pd.DataFrame(
            {
                "group": self.labels[group_of],
                "time": time_of,
                "at_risk": at_risk,
                "events": events,
                "censored": ended - events,
            }
        )

    def entries(self, customers: Array | None) -> pd.DataFrame | None:
        """Return how many of each group come under observation when."""
        if self.entry is None:
            return None
        rows = pd.DataFrame(
            {
                "group": self.labels[self.codes],
                "time": self.entry,
                "entered": 1.0 if customers is None else customers,
            }
        )
        return rows.groupby(["group", "time"], sort=True)["entered"].sum().reset_index()


def evenly_spaced(rows: pd.DataFrame, most_rows: int) -> pd.DataFrame:
    """Return evenly spaced rows of a larger frame, at most so many; a smaller one as it is.

    A regression of a few covariates gains nothing from more: its errors are small already, and its
    cost would go on growing.
    """
    step = -(-len(rows) // most_rows)
    return rows.iloc[::step] if step > 1 else rows


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

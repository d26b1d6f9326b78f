"""Cumulative incidence where customers can end in several ways (Aalen-Johansen)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from retention.errors import EvidenceError, ParameterError
from retention.results import percent
from retention.survival.counts import Array, count_events
from retention.survival.inputs import check_durations, require_column


@dataclass(frozen=True)
class CumulativeIncidence:
    """Share that has ended in each way, over time and by group.

    Parameters
    ----------
    frame
        Columns ``group``, ``cause``, ``time``, ``incidence``, ``standard_error``, ``ci_low``,
        ``ci_high``; sorted by group, cause and time.
    n
        Customers followed.
    unit
        Unit of the times.
    """

    frame: pd.DataFrame
    n: int
    unit: str

    def at(self, time: float) -> pd.DataFrame:
        """Return each group's and cause's row that holds at a time."""
        before = self.frame[self.frame["time"] <= time]
        return before.groupby(["group", "cause"], sort=True).tail(1).reset_index(drop=True)

    def quantiles(self, share: float = 0.1) -> pd.DataFrame:
        """Return the time by which a share of all has ended in each way, with its interval.

        Parameters
        ----------
        share
            Share of the customers, above 0 and below 1.

        Returns
        -------
        pandas.DataFrame
            Columns ``group``, ``cause``, ``quantile``, ``ci_low``, ``ci_high``: the first times at
            which the incidence, and its upper and lower limits, reach the share (Brookmeyer and
            Crowley's way); missing where they do not.

        Raises
        ------
        ParameterError
            If the share is none.
        """
        if not 0 < share < 1:
            raise ParameterError(
                f"A share of {share} has no quantile.", "Give one between 0 and 1.", column="share"
            )
        rows = []
        for (group, cause), part in self.frame.groupby(["group", "cause"], sort=True):
            ends = [
                _first_reaching(part, name, share) for name in ("incidence", "ci_high", "ci_low")
            ]
            rows.append((group, cause, *ends))
        return pd.DataFrame(rows, columns=["group", "cause", "quantile", "ci_low", "ci_high"])

    def to_frame(self) -> pd.DataFrame:
        """Return the incidences."""
        return self.frame.copy()

    def summary(self) -> str:
        """Say what share ended in each way by the end of the follow-up."""
        last = self.at(float(self.frame["time"].max()))
        told = "; ".join(
            f"{'' if r['group'] == 'all' else r['group'] + ', '}{r['cause']} "
            f"{percent(r['incidence'])} "
            f"({percent(r['ci_low'])} to {percent(r['ci_high'])})"
            for r in last.to_dict("records")
        )
        return (f"By {self.frame['time'].max():,.0f} {self.unit}: {told} (n = {self.n:,}; ends of "
                "other kinds are taken into account, not treated as censored).")  # fmt: skip


def _first_reaching(part: pd.DataFrame, column: str, share: float) -> float:
    """Return the first time at which a column is at or above a share, NaN if never."""
    reached = part[column].to_numpy() >= share - 1e-12
    return float(part["time"].to_numpy()[np.argmax(reached)]) if reached.any() else float("nan")


def cumulative_incidence(
    frame: pd.DataFrame,
    *,
    duration: str = "duration",
    cause: str = "cause",
    group: str | None = None,
    entry: str | None = None,
    frequency: str | None = None,
    weight: str | None = None,
    unit: str = "days",
    confidence: float = 0.95,
) -> CumulativeIncidence:
    """Estimate the cumulative incidence of each cause.

    Parameters
    ----------
    frame
        One row per customer (or distinct row with its ``frequency``).
    duration, group, entry, frequency, weight, unit
        As in :func:`~retention.survival.counts.count_events`.
    cause
        Column of the way it ended; missing or empty where it had not ended.
    confidence
        Level of the log-log intervals.

    Raises
    ------
    InputError
        If there is no cause column.
    EvidenceError
        If nothing ended.

    Notes
    -----
    F_k(t) sums S(u-) d_k(u)/n(u), S the Kaplan-Meier curve of all ends together (Aalen and
    Johansen 1978); the variance is Aalen's (Marubini and Valsecchi 1995, eq. 10.12).

    Examples
    --------
    >>> data = pd.DataFrame({"duration": [1, 2, 3, 4], "cause": ["left", "erased", "left", None]})
    >>> cumulative_incidence(data).at(3).incidence.tolist()
    [0.25, 0.5]
    """
    data = _with_ends(frame, duration, cause, entry)
    columns: dict[str, Any] = {
               "duration": duration, "event": "_ended", "group": group, "entry": entry,
               "frequency": frequency, "weight": weight, "unit": unit}  # fmt: skip
    every = count_events(data, **columns)
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    parts = []
    for name in sorted(data.loc[data["_ended"] == 1, cause].unique()):
        one = count_events(data.assign(_ended=data[cause].eq(name).astype(int)), **columns)
        for label in every.groups:
            own = one.of(label)["events"].to_numpy()
            parts.append(_incidence(every.of(label), own, label, str(name), z))
    table = pd.concat(parts, ignore_index=True)
    table = table.sort_values(["group", "cause", "time"], kind="stable", ignore_index=True)
    return CumulativeIncidence(table, int(every.totals()["n"].sum()), unit)


def _with_ends(frame: pd.DataFrame, duration: str, cause: str, entry: str | None) -> pd.DataFrame:
    """Mark the rows that ended in any way, refusing what cannot be followed."""
    require_column(frame, cause)
    ended = frame[cause].notna() & frame[cause].ne("")
    data = frame.assign(_ended=ended.astype(int))
    check_durations(data, duration, "_ended", entry)
    if not ended.any():
        raise EvidenceError("Nothing has ended yet.", "Follow the customers for longer.")
    return data


def _incidence(part: pd.DataFrame, own: Array, group: str, cause: str, z: float) -> pd.DataFrame:
    """Return one cause's incidence in one group with Aalen's variance, in running sums."""
    n, d = part["at_risk"].to_numpy(), part["events"].to_numpy()
    before = np.concatenate([[1.0], np.cumprod(1 - d / n)[:-1]])
    incidence = np.cumsum(before * own / n)
    a = np.divide(d, n * (n - d), out=np.zeros_like(d), where=n > d)
    b = before**2 * own * (n - own) / n**3
    c = before * own / n**2
    variance = (
        incidence**2 * np.cumsum(a) - 2 * incidence * np.cumsum(incidence * a)
        + np.cumsum(incidence**2 * a) + np.cumsum(b)
        - 2 * incidence * np.cumsum(c) + 2 * np.cumsum(incidence * c)
    )  # fmt: skip
    error = np.sqrt(np.maximum(variance, 0.0))
    inside = (incidence > 0) & (incidence < 1)
    f = np.where(inside, incidence, 0.5)
    shift = np.exp(z * error / (f * np.abs(np.log(f))))
    low = np.where(inside, f**shift, incidence)
    high = np.where(inside, f ** (1 / shift), incidence)
    return pd.DataFrame({"group": group, "cause": cause, "time": part["time"].to_numpy(),
                         "incidence": incidence, "standard_error": error, "ci_low": low,
                         "ci_high": high})  # fmt: skip

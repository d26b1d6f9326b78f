"""Kaplan-Meier retention curves with log-log bands and numbers at risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats

from retention.engine.finite import numbers
from retention.errors import EvidenceError
from retention.results import percent
from retention.survival.counts import Array, EventCounts, count_events
from retention.survival.inputs import check_durations

THIN_EVENTS = 10
"""Fewer events than this and the summary says that the curve rests on little."""


@dataclass(frozen=True)
class RetentionCurves:
    """One Kaplan-Meier curve per group.

    Parameters
    ----------
    frame
        Columns ``group``, ``time``, ``at_risk``, ``events``, ``censored``, ``survival``,
        ``standard_error`` (Greenwood), ``ci_low``, ``ci_high``; sorted by group and time.
    confidence
        Level of the pointwise bands.
    unit
        Unit of the times.
    counts
        The numbers that the curves were estimated from.
    """

    frame: pd.DataFrame
    confidence: float
    unit: str
    counts: EventCounts = field(repr=False)

    @property
    def groups(self) -> list[str]:
        """Names of the groups, sorted."""
        return list(dict.fromkeys(self.frame["group"]))

    def at(self, times: Sequence[float]) -> pd.DataFrame:
        """Return survival, band and numbers at risk at the given times, for every group.

        Beyond a group's last follow-up the figures are missing: the curve does not reach there.
        """
        wanted = np.asarray(times, dtype=float)
        names = self.frame["group"].to_numpy()
        starts = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]]))
        ends = np.append(starts[1:], len(names))
        columns = {name: self.frame[name].to_numpy() for name in _READ}
        parts = [_read({name: values[a:b] for name, values in columns.items()}, wanted)
                 for a, b in zip(starts, ends, strict=True)]  # fmt: skip
        joined = {name: np.concatenate([part[name] for part in parts]) for name in _READ}
        if self.counts.entries is not None:  # some may have come after the time that is asked for
            joined["at_risk"] = np.concatenate(
                [self.counts.at_risk(group, wanted) for group in names[starts]]
            )
        return pd.DataFrame({"group": np.repeat(names[starts], len(wanted)), **joined})

    def known_at(self, times: Sequence[float]) -> pd.DataFrame:
        """Return what :meth:`at` does, for times that every group's follow-up reaches.

        Raises
        ------
        EvidenceError
            If a group was not followed for so long.
        """
        found = self.at(times)
        short = found[found["survival"].isna()]
        if not short.empty:
            last = self.frame.groupby("group")["time"].max()[short["group"].iloc[0]]
            raise EvidenceError(
                f"Customers were followed for {last:,.0f} {self.unit} at most, "
                f"not {short['time'].iloc[0]:,.0f}.",
                "Ask for an earlier time, or wait.",
            )
        return found

    def medians(self) -> pd.DataFrame:
        """Return the time by which half have left, with its interval (Brookmeyer and Crowley 1982).

        Missing where the curve or its band does not come down to one half.
        """
        rows = [
            {"group": group, **{
                name: _first_at_or_below(part["time"], part[column])
                for name, column in
                (("median", "survival"), ("ci_low", "ci_low"), ("ci_high", "ci_high"))}}
            for group, part in self.frame.groupby("group", sort=True)
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def to_frame(self) -> pd.DataFrame:
        """Return the curves as a DataFrame."""
        return self.frame.copy()

    def summary(self) -> str:
        """Say, for each group, what share is retained at its last well-supported time."""
        return " ".join(self._sentence(group) for group in self.groups)

    def _sentence(self, group: str) -> str:
        """Word one group's curve."""
        part = self.frame[self.frame["group"] == group]
        n, events = int((part["events"] + part["censored"]).sum()), part["events"].sum()
        who = "Of all customers" if group == "all" else f"Of {group}"
        if not events:
            return f"{who} ({n:,}), none was seen to leave: the data cannot say when they do."
        supported = part[part["at_risk"] >= min(THIN_EVENTS, part["at_risk"].max())].iloc[-1]
        thin = f" This rests on {events:,.0f} departures only." if events < THIN_EVENTS else ""
        thin += _emptied(part, self.unit)
        return (
            f"{who} ({n:,}), {percent(supported.survival)} are retained after "
            f"{supported.time:,.0f} "
            f"{self.unit} ({percent(self.confidence, 0)} interval {percent(supported.ci_low)} "
            f"to "
            f"{percent(supported.ci_high)}).{thin}"
        )


def _emptied(part: pd.DataFrame, unit: str) -> str:
    """Say that a curve fell to zero while others were still to come under observation."""
    gone = part[part["survival"] <= 0]
    if gone.empty or len(gone) == 1:
        return ""
    first = gone.iloc[0]
    return (
        f" The curve is zero from {first['time']:,.0f} {unit} on, when all {first['at_risk']:,.0f} "
        "customers then under observation left; others came later: start the curve after that time."
    )


def kaplan_meier(counts: EventCounts, *, confidence: float = 0.95) -> RetentionCurves:
    """Estimate the share retained over time in each group.

    Parameters
    ----------
    counts
        Compressed durations from :func:`~retention.survival.counts.count_events`.
    confidence
        Level of the pointwise log-log bands (Kalbfleisch and Prentice 1980, eq. 1.13).

    Notes
    -----
    S(t) is the product of 1 - d/n over event times up to t (Kaplan and Meier 1958). Before the
    first event the log-log band is undefined; there the exact bound for 0 events among those
    still at risk is given, so that "nobody left yet" is not mistaken for certainty.

    Examples
    --------
    >>> from retention.survival import count_events
    >>> data = pd.DataFrame({"duration": [1, 2, 2, 3], "event": [1, 1, 0, 0]})
    >>> kaplan_meier(count_events(data)).to_frame().survival.round(3).tolist()
    [0.75, 0.5, 0.5]
    """
    frame = counts.frame
    starts = np.flatnonzero(frame["group"].ne(frame["group"].shift()))
    ends = np.append(starts[1:], len(frame))
    at_risk, events = frame["at_risk"].to_numpy(), frame["events"].to_numpy()
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    parts = [_estimate(at_risk[a:b], events[a:b], z) for a, b in zip(starts, ends, strict=True)]
    columns = ("survival", "standard_error", "ci_low", "ci_high")
    estimates = {c: np.concatenate([p[i] for p in parts]) for i, c in enumerate(columns)}
    return RetentionCurves(frame.assign(**estimates), confidence, counts.unit, counts)


def median_follow_up(
    frame: pd.DataFrame,
    *,
    duration: str = "duration",
    event: str = "event",
    group: str | None = None,
    entry: str | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return for how long customers were followed: the median, had nobody left.

    Parameters
    ----------
    frame, duration, event, group, entry
        As in :func:`~retention.survival.counts.count_events`.
    confidence
        Level of the interval.

    Returns
    -------
    pandas.DataFrame
        Columns ``group``, ``median``, ``ci_low``, ``ci_high``; missing where more than half were
        seen to leave before.

    Notes
    -----
    Kaplan and Meier's curve with departure and censoring exchanged (Schemper and Smith 1996).

    Examples
    --------
    >>> data = pd.DataFrame({"duration": [2, 4, 6, 8], "event": [1, 0, 0, 0]})
    >>> median_follow_up(data)["median"].tolist()
    [6.0]
    """
    check_durations(frame, duration, event, entry)
    followed = frame.assign(**{event: (numbers(frame[event]) == 0).astype(int)})
    counts = count_events(followed, duration=duration, event=event, group=group, entry=entry)
    return kaplan_meier(counts, confidence=confidence).medians()


def greenwood_terms(at_risk: Array, events: Array) -> Array:
    """Return d / (n (n - d)) per time; 0 where everyone left, for the curve is 0 from there on."""
    rest = at_risk - events
    return np.divide(events, at_risk * rest, out=np.zeros_like(events), where=rest > 0)


def _estimate(at_risk: Array, events: Array, z: float) -> tuple[Array, Array, Array, Array]:
    """Return survival, standard error and band for one group."""
    survival = np.cumprod(1 - events / at_risk)
    variance = np.cumsum(greenwood_terms(at_risk, events))
    low, high = _log_log_band(survival, variance, z)
    untouched = survival == 1
    low[untouched] = stats.norm.sf(z) ** (1 / at_risk[untouched])
    return survival, survival * np.sqrt(variance), low, high


def _log_log_band(survival: Array, variance: Array, z: float) -> tuple[Array, Array]:
    """Return S ** exp(±z se) on the log(-log) scale; at S = 0 the last upper bound stays."""
    inside = (survival > 0) & (survival < 1)
    log = np.log(survival, out=np.full_like(survival, -1.0), where=inside)
    shift = np.exp(z * np.sqrt(variance) / np.abs(log))
    low = np.where(inside, np.exp(log * shift), np.where(survival == 1, 1.0, 0.0))
    high = np.where(inside, np.exp(log / shift), 1.0)
    gone = survival == 0
    if gone.any():
        first = int(np.argmax(gone))
        high[gone] = high[first - 1] if first else 1.0
    return low, high


_READ = ("time", "at_risk", "survival", "standard_error", "ci_low", "ci_high")


def _read(curve: dict[str, Array], wanted: Array) -> dict[str, Array]:
    """Return one group's figures at the given times; missing beyond its follow-up."""
    own = curve["time"]
    before = np.searchsorted(own, wanted, side="right")
    beyond = wanted > own[-1]
    answer = {
        "time": wanted,
        "at_risk": np.append(curve["at_risk"], 0.0)[np.searchsorted(own, wanted)],
    }
    for name in _READ[2:]:
        start = 0.0 if name == "standard_error" else 1.0
        values = np.concatenate([[start], curve[name]])[before]
        answer[name] = np.where(beyond, np.nan, values)
    return answer


def _first_at_or_below(times: pd.Series, values: pd.Series, level: float = 0.5) -> float:
    """Return the first time at which the values are at or below the level, NaN if never."""
    reached = values.to_numpy() <= level + 1e-12
    return float(times.to_numpy()[np.argmax(reached)]) if reached.any() else float("nan")

"""Brier score of survival predictions under censoring, reweighted for who was censored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from retention.errors import EvidenceError, InputError
from retention.results import percent
from retention.survival.counts import Array, count_events


@dataclass(frozen=True)
class BrierScores:
    """Mean squared error of predicted survival at given times.

    Parameters
    ----------
    frame
        Columns ``time``, ``brier``, ``standard_error``, ``reference`` (Kaplan-Meier for all).
    integrated
        Mean over the time span, by the trapezoidal rule; NaN for a single time.
    n
        Customers scored.
    """

    frame: pd.DataFrame
    integrated: float
    n: int

    def to_frame(self) -> pd.DataFrame:
        """Return the scores."""
        return self.frame.copy()

    def summary(self) -> str:
        """Compare with the curve that treats everybody alike."""
        gain = 1 - self.frame["brier"].mean() / self.frame["reference"].mean()
        word = "less" if gain > 0 else "more"
        return (f"Squared error {percent(abs(gain))} {word} than one retention curve for all "
                f"({self.n:,} customers, censoring reweighted).")  # fmt: skip


def brier_scores(
    survival: Array,
    duration: Array,
    event: Array,
    times: Sequence[float],
    *,
    just_before: bool = True,
) -> BrierScores:
    """Score predicted survival with inverse-probability-of-censoring weights.

    Parameters
    ----------
    survival
        Predicted share retained, rows x times.
    duration, event
        What happened to those rows.
    times
        Times of the columns, increasing, within the follow-up.
    just_before
        Weigh departures by 1/G(T-): departures precede censorings at equal times, which matters
        where times are whole days. False weighs by 1/G(T), as R's ``survival::brier`` does.

    Notes
    -----
    Graf et al. 1999, eq. 6: those who left by t weigh 1/G(T-), those still there 1/G(t), G the
    Kaplan-Meier curve of the censoring times.
    """
    end, left = np.asarray(duration, dtype=float), np.asarray(event).astype(bool)
    at = np.asarray(times, dtype=float)
    if survival.shape != (len(end), len(at)):
        raise InputError("Predictions and outcomes differ in shape.", "Give rows x times.")
    if at.max() > end.max():
        raise EvidenceError("A time lies beyond the follow-up.", "Score earlier times only.")
    censoring = CensoringCurve.of(end, left)
    gone = (end[:, None] <= at) & left[:, None]
    stays = end[:, None] > at
    of_departure = censoring.before(end) if just_before else censoring.at(end)
    weight = gone / of_departure[:, None] + stays / censoring.at(at)
    error = weight * (stays - survival) ** 2
    reference = weight * (stays - _km(end, left, at)) ** 2
    spread = error.std(axis=0, ddof=1) / np.sqrt(len(end))
    frame = pd.DataFrame({"time": at, "brier": error.mean(axis=0), "standard_error": spread,
                          "reference": reference.mean(axis=0)})  # fmt: skip
    span = at[-1] - at[0]
    integrated = float(np.trapezoid(frame["brier"], at) / span) if span > 0 else float("nan")
    return BrierScores(frame, integrated, len(end))


@dataclass(frozen=True)
class CensoringCurve:
    """Kaplan-Meier curve of the censoring times, departures first at ties."""

    times: Array
    values: Array

    @classmethod
    def of(
        cls, duration: Array, event: npt.NDArray[np.bool_], customers: Array | None = None
    ) -> CensoringCurve:
        """Estimate the curve, each row standing for so many customers."""
        data = pd.DataFrame({"duration": duration, "event": event})
        weight = None if customers is None else "customers"
        counts = count_events(data.assign(customers=customers), weight=weight).frame
        still = counts["at_risk"].to_numpy() - counts["events"].to_numpy()
        censored = counts["censored"].to_numpy()
        share = np.divide(censored, still, out=np.zeros_like(still), where=still > 0)
        return cls(counts["time"].to_numpy(), np.cumprod(1 - share))

    def at(self, times: Array) -> Array:
        """Return G(t)."""
        return self._read(times, "right")

    def before(self, times: Array) -> Array:
        """Return G(t-)."""
        return self._read(times, "left")

    def _read(self, times: Array, side: Literal["left", "right"]) -> Array:
        """Return the step function's value on one side of each time."""
        steps = np.concatenate([[1.0], self.values])
        where = np.searchsorted(self.times, times, side=side)
        return np.maximum(steps[where], 1e-12)


def _km(duration: Array, event: npt.NDArray[np.bool_], times: Array) -> Array:
    """Return the Kaplan-Meier curve of all rows at the given times."""
    counts = count_events(pd.DataFrame({"duration": duration, "event": event})).frame
    curve = np.concatenate([[1.0], np.cumprod(1 - counts["events"] / counts["at_risk"])])
    return curve[np.searchsorted(counts["time"], times, side="right")]

"""Cox's partial likelihood with Efron's ties: value, score and information, by strata and entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from retention.survival.counts import Array

Whole = npt.NDArray[np.int64]

STEPS = 60


@dataclass(frozen=True)
class Stratum:
    """The rows of one stratum, located on its distinct event times."""

    event_times: Array
    x: Array
    risk: Array
    last: Whole  # index of the last event time at which the row is at risk, -1 if none
    died: npt.NDArray[np.bool_]
    entered: Whole | None  # index of the first event time at which the row is at risk

    @classmethod
    def of(cls, time: Array, died: Array, start: Array | None, x: Array, risk: Array) -> Stratum:
        """Locate the rows."""
        event_times = np.unique(time[died])
        last = np.searchsorted(event_times, time, side="right") - 1
        entered = None if start is None else np.searchsorted(event_times, start, side="right")
        if entered is not None:  # who left between two event times was at risk at neither
            entered = np.minimum(entered, last + 1)
        return cls(event_times, x, risk, last, died, entered)

    def at_risk_sum(self, values: Array) -> Array:
        """Sum values over those at risk at each event time."""
        size = len(self.event_times) + 1
        total = np.bincount(self.last + 1, values, size)
        if self.entered is not None:
            total = total - np.bincount(self.entered, values, size)
        return np.cumsum(total[::-1])[::-1][1:]

    def died_sum(self, values: Array) -> Array:
        """Sum values over those who left at each event time."""
        return np.bincount(self.last[self.died], values[self.died], len(self.event_times))

    def gathered(self, per_event: Array) -> Array:
        """Sum a figure of the event times over those at which each row was at risk."""
        total = np.concatenate([[0.0], np.cumsum(per_event)])
        upto = total[self.last + 1]
        return upto if self.entered is None else upto - total[self.entered]


def efron_sums(stratum: Stratum) -> tuple[list[Array], list[Array], Array]:
    """Return, per event time, the sums over its tied deaths that Efron's method needs.

    With c = 0, 1/d, ... and s = S0 - c·D0: the sums of c^m / s for m = 0, 1, those of c^m / s² for
    m = 0, 1, 2, and the number of deaths d.
    """
    s0, d0 = stratum.at_risk_sum(stratum.risk), stratum.died_sum(stratum.risk)
    deaths = stratum.died_sum(np.ones(len(stratum.risk)))
    which = np.repeat(np.arange(len(deaths)), deaths.astype(int))
    first = np.repeat(np.cumsum(deaths) - deaths, deaths.astype(int))
    c = (np.arange(len(which)) - first) / deaths[which]
    s = s0[which] - c * d0[which]
    b = [np.bincount(which, c**m / s) for m in range(2)]
    a = [np.bincount(which, c**m / s**2) for m in range(3)]
    return b, a, deaths


def covariance_sum(
    stratum: Stratum, weight: Array, b: list[Array], a: list[Array], s1: Array, d1: Array
) -> Array:
    """Return the weighted sum over deaths of the covariates' variance among those at risk."""
    per_row = stratum.gathered(weight * b[0])
    dead = stratum.died
    per_row[dead] -= (weight * b[1])[stratum.last[dead]]
    second = stratum.x.T @ (stratum.x * (stratum.risk * per_row)[:, None])
    cross = s1.T @ (d1 * (weight * a[1])[:, None])
    first = s1.T @ (s1 * (weight * a[0])[:, None]) - cross - cross.T
    return second - first - d1.T @ (d1 * (weight * a[2])[:, None])


@dataclass(frozen=True)
class PartialLikelihood:
    """The partial likelihood of some rows, with Firth's penalty where it is asked for.

    Parameters
    ----------
    strata
        The rows, located on their event times; the covariates are centred and scaled to a
        standard deviation of one.
    scale
        Standard deviations of the covariates.
    firth
        Whether half the logarithm of the information's determinant is added (Firth 1993; Heinze
        and Schemper 2001): the estimate is then finite where a covariate separates.
    """

    strata: tuple[Stratum, ...]
    scale: Array
    firth: bool = False

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        covariates: Sequence[str],
        *,
        duration: str,
        event: str,
        entry: str | None = None,
        strata: Sequence[str] = (),
        firth: bool = False,
    ) -> PartialLikelihood:
        """Gather the rows of a frame that has been checked."""
        x = frame[list(covariates)].to_numpy(dtype=float)
        scale = x.std(axis=0)
        x = (x - x.mean(axis=0)) / scale
        groups = [np.arange(len(frame))]
        if strata:
            places = frame.groupby(list(strata), sort=True, dropna=False).indices
            groups = [np.asarray(rows) for rows in places.values()]
        time, died = frame[duration].to_numpy(dtype=float), frame[event].to_numpy().astype(bool)
        start = None if entry is None else frame[entry].to_numpy(dtype=float)
        found = [
            Stratum.of(time[r], died[r], None if start is None else start[r], x[r], np.ones(len(r)))
            for r in groups
        ]
        return cls(tuple(s for s in found if len(s.event_times)), scale, firth)

    def at(self, beta: Array) -> tuple[float, Array, Array]:
        """Return value, score and information at coefficients of the scaled covariates."""
        value, score, information = self._plain(beta)
        if self.firth:
            value += float(np.linalg.slogdet(information)[1]) / 2
            inverse = np.linalg.pinv(information, hermitian=True)
            step = 1e-5
            for axis, unit in enumerate(step * np.eye(len(beta))):
                change = self._plain(beta + unit)[2] - self._plain(beta - unit)[2]
                score[axis] += float(np.sum(inverse * change)) / (4 * step)
        return value, score, information

    def _plain(self, beta: Array) -> tuple[float, Array, Array]:
        """Return value, score and information without a penalty."""
        p = len(beta)
        value, score, information = 0.0, np.zeros(p), np.zeros((p, p))
        for part in self.strata:
            line = part.x @ beta
            top = float(line.max())
            now = replace(part, risk=np.exp(line - top))
            b, a, deaths = efron_sums(now)
            s1 = np.column_stack([now.at_risk_sum(now.risk * column) for column in now.x.T])
            d1 = np.column_stack([now.died_sum(now.risk * column) for column in now.x.T])
            value += float(line[part.died].sum()) - top * deaths.sum() - log_denominators(now)
            score += part.x[part.died].sum(axis=0)
            score -= (s1 * b[0][:, None] - d1 * b[1][:, None]).sum(axis=0)
            information += covariance_sum(now, np.ones(len(deaths)), b, a, s1, d1)
        return value, score, information

    def maximum(self, start: Array, held: int | None = None) -> tuple[Array, float, Array, bool]:
        """Return coefficients, value, information and whether a peak was found.

        Parameters
        ----------
        start
            Coefficients to start from, scaled.
        held
            Coefficient that stays as it is: the others are profiled out.
        """
        free = np.arange(len(start)) != (-1 if held is None else held)
        beta = np.array(start, dtype=float)
        value, score, information = self.at(beta)
        if not free.any():
            return beta, value, information, True
        for _ in range(STEPS):
            step = np.zeros(len(beta))
            step[free] = np.linalg.lstsq(information[np.ix_(free, free)], score[free], rcond=None)[
                0
            ]
            step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
            gain = float(step @ score)
            if gain < 1e-10:
                return beta, value, information, True
            for _ in range(20):
                trial = self.at(beta + step)
                if trial[0] >= value - 1e-12 * abs(value):
                    break
                step /= 2
            beta, (value, score, information) = beta + step, trial
        return beta, value, information, False


def log_denominators(part: Stratum) -> float:
    """Return the sum over departures of the logarithm of Efron's denominators."""
    s0, d0 = part.at_risk_sum(part.risk), part.died_sum(part.risk)
    deaths = part.died_sum(np.ones(len(part.risk))).astype(int)
    which = np.repeat(np.arange(len(deaths)), deaths)
    first = np.repeat(np.cumsum(deaths) - deaths, deaths)
    c = (np.arange(len(which)) - first) / deaths[which]
    return float(np.log(s0[which] - c * d0[which]).sum())

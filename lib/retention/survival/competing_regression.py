"""Regression for competing ends: cause-specific hazards, and Fine and Gray's subdistribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from retention.errors import EvidenceError
from retention.survival.counts import Array
from retention.survival.cox import CoxModel, check_covariates, coefficient_table, fit_cox
from retention.survival.inputs import check_durations, require_column, times_of
from retention.survival.scores import CensoringCurve

EVENT = "_event"
STEPS = 50


@dataclass(frozen=True)
class FineGrayModel:
    """A fitted regression of the subdistribution hazard.

    Parameters
    ----------
    coefficients
        Columns ``covariate``, ``coefficient``, ``standard_error`` (robust), ``hazard_ratio`` (of
        the subdistribution), ``ci_low``, ``ci_high``, ``p_value``.
    of
        The end that is explained.
    baseline
        Columns ``time`` and ``hazard``: cumulative subdistribution hazard of covariates zero.
    n, events
        Customers, and how many of them ended so.
    """

    coefficients: pd.DataFrame
    of: str
    baseline: pd.DataFrame
    n: int
    events: int

    def incidence(self, frame: pd.DataFrame, times: Sequence[float]) -> Array:
        """Return the predicted share that has ended so: rows x times."""
        names = list(self.coefficients["covariate"])
        line = frame[names].to_numpy(dtype=float) @ self.coefficients["coefficient"].to_numpy()
        place = np.searchsorted(self.baseline["time"], np.asarray(times, float), side="right")
        hazard = np.append(0.0, self.baseline["hazard"].to_numpy())[place]
        return -np.expm1(-np.exp(line)[:, None] * hazard)

    def to_frame(self) -> pd.DataFrame:
        """Return the coefficients."""
        return self.coefficients.copy()

    def summary(self) -> str:
        """Say which covariates clearly go with more or fewer ends of this kind."""
        clear = self.coefficients[self.coefficients["p_value"] < 0.05]
        said = " ".join(
            f"Per unit of {row['covariate']}, {'more' if row['coefficient'] > 0 else 'fewer'} "
            f"customers end as '{self.of}': subdistribution hazard ratio {row['hazard_ratio']:.2f} "
            f"({row['ci_low']:.2f} to {row['ci_high']:.2f})."
            for row in clear.to_dict("records")
        )
        none = f"No covariate clearly changes how many end as '{self.of}'."
        return f"{said or none} {self.n:,} customers, {self.events:,} of whom ended so."


def fit_cause_specific(
    frame: pd.DataFrame,
    covariates: Sequence[str],
    *,
    of: str,
    duration: str = "duration",
    cause: str = "cause",
    entry: str | None = None,
    strata: Sequence[str] = (),
    confidence: float = 0.95,
) -> CoxModel:
    """Fit the hazard of one end among those who have not ended yet (Prentice et al. 1978).

    Answers what moves customers towards this end while they are there; other ends are censorings.
    It says nothing of how many end so: that is :func:`fit_fine_gray`.

    Parameters
    ----------
    frame, covariates, duration, entry, strata, confidence
        As in :func:`~retention.survival.cox.fit_cox`.
    of
        The end that is explained: a value of ``cause``.
    cause
        Column of the way it ended; missing or empty where it had not ended.

    Raises
    ------
    InputError
        If a column is missing or a covariate cannot be used.
    EvidenceError
        If nobody ended so.
    """
    ended = _ends(frame, duration, cause, of)
    data = frame.assign(**{EVENT: (ended == 1).astype(int)})
    return fit_cox(data, covariates, duration=duration, event=EVENT, entry=entry, strata=strata,
                   confidence=confidence)  # fmt: skip


def fit_fine_gray(
    frame: pd.DataFrame,
    covariates: Sequence[str],
    *,
    of: str,
    duration: str = "duration",
    cause: str = "cause",
    confidence: float = 0.95,
) -> FineGrayModel:
    """Fit the subdistribution hazard of one end (Fine and Gray 1999).

    Answers which customers end so more often, all ends considered: a ratio above 1 goes with a
    higher cumulative incidence.

    Parameters
    ----------
    frame, covariates, duration, confidence
        As in :func:`~retention.survival.cox.fit_cox`; every duration is positive.
    of, cause
        As in :func:`fit_cause_specific`.

    Raises
    ------
    InputError
        If a column is missing or a covariate cannot be used.
    EvidenceError
        If nobody ended so, or the regression has no peak.

    Notes
    -----
    Who ended otherwise stays at risk with the weight G(t-)/G(T-), G the Kaplan-Meier curve of the
    censoring times. The weight factorises, so that all risk sets are running sums. Ties are
    Breslow's, as in R's ``cmprsk::crr``; errors are robust and take G as known, as those of
    ``survival::finegray`` with clusters do (Geskus 2011).

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> data = pd.DataFrame({"duration": random.exponential(10, 400), "x": random.normal(size=400)})
    >>> data["cause"] = random.choice(["left", "erased"], 400)
    >>> fit_fine_gray(data, ["x"], of="left").n
    400
    """
    ended = _ends(frame, duration, cause, of)
    check_covariates(frame, covariates)
    time = np.asarray(times_of(frame[duration]), dtype=float)
    x = frame[list(covariates)].to_numpy(dtype=float)
    centre, scale = x.mean(axis=0), x.std(axis=0)
    sets = _RiskSets.of(time, ended, (x - centre) / scale)
    beta, covariance = _fit(sets)
    errors = pd.Series(np.sqrt(np.diag(covariance)) / scale, index=list(covariates))
    coefficients = pd.Series(beta / scale, index=list(covariates))
    table = coefficient_table(coefficients, errors, confidence)
    at_zero = np.cumsum(sets.deaths / sets.sums(beta)[0]) * np.exp(-centre @ (beta / scale))
    baseline = pd.DataFrame({"time": sets.times, "hazard": at_zero})
    return FineGrayModel(table, of, baseline, len(frame), int((ended == 1).sum()))


def _ends(frame: pd.DataFrame, duration: str, cause: str, of: str) -> npt.NDArray[np.int64]:
    """Return 0 for those who have not ended, 1 for the end in question, 2 for any other."""
    require_column(frame, cause)
    over = (frame[cause].notna() & frame[cause].ne("")).to_numpy()
    check_durations(frame.assign(**{EVENT: over}), duration, EVENT)
    ended = np.where(over, np.where(frame[cause].eq(of).to_numpy(dtype=bool), 1, 2), 0)
    if not (ended == 1).any():
        names = sorted({str(name) for name in frame.loc[over, cause]})
        raise EvidenceError(f"Nobody ended as {of!r}.", f"There are: {', '.join(names) or 'none'}.")
    return ended.astype(np.int64)


@dataclass(frozen=True)
class _RiskSets:
    """Who is at risk at each time of the end in question, with what weight."""

    x: Array
    first: npt.NDArray[np.bool_]
    other: npt.NDArray[np.bool_]
    times: Array
    deaths: Array
    upto: npt.NDArray[np.int64]  # how many event times lie at or before the row's own
    curve: Array  # G(t-) at the event times
    inverse: Array  # 1 / G(T-) of those who ended otherwise, 0 for the rest

    @classmethod
    def of(cls, time: Array, ended: npt.NDArray[np.int64], x: Array) -> _RiskSets:
        """Locate the rows on the event times."""
        first, other = ended == 1, ended == 2
        times, deaths = np.unique(time[first], return_counts=True)
        censoring = CensoringCurve.of(time, ended != 0)
        inverse = np.where(other, 1 / censoring.before(time), 0.0)
        upto = np.searchsorted(times, time, side="right")
        return cls(x, first, other, times, deaths, upto, censoring.before(times), inverse)

    def total(self, values: Array) -> Array:
        """Return the weighted sum over those at risk at each event time."""
        size = len(self.times) + 1
        there = np.cumsum(np.bincount(self.upto, values, size)[::-1])[::-1][1:]
        gone = np.cumsum(np.bincount(self.upto, values * self.inverse, size))[:-1]
        return there + self.curve * gone

    def sums(self, beta: Array) -> tuple[Array, Array, Array]:
        """Return the sums of the risk, of risk times x, and of risk times x x'."""
        risk, p = np.exp(self.x @ beta), len(beta)
        s1 = np.column_stack([self.total(risk * column) for column in self.x.T])
        s2 = np.empty((len(self.times), p, p))
        for i in range(p):
            for j in range(i, p):
                s2[:, i, j] = s2[:, j, i] = self.total(risk * self.x[:, i] * self.x[:, j])
        return self.total(risk), s1, s2

    def score_residuals(self, beta: Array) -> Array:
        """Return each customer's part in the score."""
        s0, s1, _ = self.sums(beta)
        mean, step = s1 / s0[:, None], self.deaths / s0
        risk = np.exp(self.x @ beta)
        own = np.zeros_like(self.x)
        own[self.first] = self.x[self.first] - mean[self.upto[self.first] - 1]
        before = self._gathered(step, mean)[self.upto]
        late = self._gathered(step * self.curve, mean)
        after = (late[-1] - late[self.upto]) * self.inverse[:, None]
        gathered = before + after
        return own - risk[:, None] * (self.x * gathered[:, :1] - gathered[:, 1:])

    @staticmethod
    def _gathered(step: Array, mean: Array) -> Array:
        """Return running sums of the hazard's steps, alone and times the mean covariates."""
        parts = np.column_stack([step, step[:, None] * mean])
        return np.vstack([np.zeros(parts.shape[1]), np.cumsum(parts, axis=0)])


def _fit(sets: _RiskSets) -> tuple[Array, Array]:
    """Return coefficients and their robust covariance, by Newton's method."""
    beta = np.zeros(sets.x.shape[1])
    observed = sets.x[sets.first].sum(axis=0)
    for _ in range(STEPS):
        s0, s1, s2 = sets.sums(beta)
        mean = s1 / s0[:, None]
        spread = s2 / s0[:, None, None] - mean[:, :, None] * mean[:, None, :]
        information = (sets.deaths[:, None, None] * spread).sum(axis=0)
        score = observed - sets.deaths @ mean
        step = np.linalg.lstsq(information, score, rcond=None)[0]
        if abs(float(step @ score)) < 1e-12:
            break
        beta = beta + step / max(1.0, float(np.abs(step).max()))
    if np.abs(score).max() > 1e-4 or np.linalg.eigvalsh(information).min() < 1e-8 * len(sets.x):
        raise EvidenceError(
            "A covariate separates those who ended so from the others.",
            "Leave it out, merge its levels, or compare cumulative incidences.",
        )
    inverse = np.linalg.inv(information)
    residuals = sets.score_residuals(beta)
    return beta, inverse @ (residuals.T @ residuals) @ inverse

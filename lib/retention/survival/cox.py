"""Cox regression: lifelines fits it, we word it and predict from it."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from retention.choices import choice
from retention.engine.finite import numbers
from retention.errors import EvidenceError, InputError, ParameterError
from retention.results import percent
from retention.survival.counts import Array, count_events
from retention.survival.inputs import check_durations, one_row_each, require_column, weights_of
from retention.survival.partial_likelihood import PartialLikelihood
from retention.survival.profile import firth_table, with_likelihood_ratios

MOST = 30.0
"""Largest coefficient that predictions are made with, where the estimate is infinite."""

STRATUM = "stratum of all"
"""Column that stands for several columns of strata."""


class Penalty(StrEnum):
    """What is added to the partial likelihood."""

    RIDGE = "ridge"
    FIRTH = "firth"


@dataclass(frozen=True)
class CoxModel:
    """A fitted Cox regression.

    Parameters
    ----------
    coefficients
        Columns ``covariate``, ``coefficient``, ``standard_error``, ``hazard_ratio``, ``ci_low``,
        ``ci_high`` (of the hazard ratio), ``p_value`` (Wald's), ``likelihood_ratio_p`` (that of
        leaving the covariate out; missing with weights, clusters or a ridge, and beyond 100,000
        rows). Where a covariate separates, the ratio is 0 or infinite, and both p-values are the
        likelihood ratio's.
    log_likelihood
        Partial log-likelihood (Efron's ties).
    likelihood_ratio, likelihood_ratio_p
        Test against the model without covariates.
    n, events
        Rows and events behind the fit.
    duration, event, entry, strata
        Columns the model was fitted on.
    fitter
        The lifelines fitter, for predictions; None with Firth's penalty.
    warnings
        What keeps the figures from being taken at face value, in sentences.
    baseline
        Event times and cumulative baseline hazard, where there is no fitter.
    """

    coefficients: pd.DataFrame
    log_likelihood: float
    likelihood_ratio: float
    likelihood_ratio_p: float
    n: int
    events: int
    duration: str
    event: str
    entry: str | None
    strata: tuple[str, ...]
    fitter: Any = field(repr=False)
    warnings: tuple[str, ...] = ()
    baseline: tuple[Array, Array] | None = field(default=None, repr=False)

    @property
    def concordance(self) -> float:
        """Harrell's concordance on the training rows; NaN with entry times, which pair no rows.

        lifelines computes it when it is first asked for: it costs as much as the fit.
        """
        unknown = self.entry is not None or self.fitter is None
        return float("nan") if unknown else float(self.fitter.concordance_index_)

    @property
    def covariates(self) -> list[str]:
        """Names of the covariates, in the order of the coefficients."""
        return list(self.coefficients["covariate"])

    def survival(self, frame: pd.DataFrame, times: Sequence[float]) -> Array:
        """Return the predicted share retained: rows x times."""
        if self.fitter is None:
            return self._survival_from_baseline(frame, times)
        rows, _ = _one_stratum_each(frame, self.strata)
        predicted = self.fitter.predict_survival_function(rows, times=list(times))
        return predicted.to_numpy().T

    def _survival_from_baseline(self, frame: pd.DataFrame, times: Sequence[float]) -> Array:
        """Predict by Breslow's baseline, where lifelines did not fit."""
        if self.baseline is None:
            raise EvidenceError(
                "Firth's fit predicts without strata only.", "Use the ridge penalty with strata."
            )
        hazard = np.append(0.0, self.baseline[1])
        at = hazard[np.searchsorted(self.baseline[0], np.asarray(times, float), side="right")]
        return np.exp(-np.exp(self.log_risk(frame))[:, None] * at)

    def log_risk(self, frame: pd.DataFrame) -> Array:
        """Return the linear predictor of each row (higher leaves sooner)."""
        beta = np.clip(self.coefficients["coefficient"].to_numpy(), -MOST, MOST)
        return frame[self.covariates].to_numpy(dtype=float) @ beta

    def to_frame(self) -> pd.DataFrame:
        """Return the coefficients."""
        return self.coefficients.copy()

    def summary(self) -> str:
        """Tell the clear hazard ratios in words, and how well the model ranks."""
        ratio = self.coefficients["likelihood_ratio_p"]
        clear = self.coefficients[ratio.fillna(self.coefficients["p_value"]) < 0.05]
        told = " ".join(hazard_ratio_sentence(row) for row in clear.to_dict("records"))
        ranks = "" if np.isnan(self.concordance) else f"Concordance {self.concordance:.3f}; "
        none = "No covariate clearly changes the pace at which customers leave."
        thin = " Fewer than ten departures per covariate: take it as a hint." * (
            self.events < 10 * len(self.coefficients))  # fmt: skip
        warned = "".join(f" {sentence}" for sentence in self.warnings)
        return f"{told or none} {ranks}{self.n:,} rows, {self.events:,} departures.{thin}{warned}"


def hazard_ratio_sentence(row: Mapping[Hashable, Any]) -> str:
    """Tell one hazard ratio in plain words with its interval.

    Examples
    --------
    >>> hazard_ratio_sentence({"covariate": "fin", "hazard_ratio": 0.68, "ci_low": 0.47,
    ...                        "ci_high": 0.996})
    'Per unit of fin, customers leave at 0.68 times the pace (0.47 to 1.00): 32 % slower.'
    """
    if row["hazard_ratio"] == 0 or np.isinf(row["hazard_ratio"]):
        less = row["hazard_ratio"] == 0
        limit = row["ci_high"] if less else row["ci_low"]
        return (
            f"Per unit of {row['covariate']}, customers leave at {'most' if less else 'least'} "
            f"{limit:.2f} times the pace; there is no finite estimate."
        )
    change = row["hazard_ratio"] - 1
    pace = f"{percent(abs(change), 0)} {'faster' if change > 0 else 'slower'}"
    return (
        f"Per unit of {row['covariate']}, customers leave at {row['hazard_ratio']:.2f} times the "
        f"pace ({row['ci_low']:.2f} to {row['ci_high']:.2f}): {pace}."
    )


def fit_cox(
    frame: pd.DataFrame,
    covariates: Sequence[str],
    *,
    duration: str = "duration",
    event: str = "event",
    entry: str | None = None,
    strata: Sequence[str] = (),
    frequency: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    penalty: Penalty | str = "ridge",
    penalizer: float = 0.0,
    confidence: float = 0.95,
) -> CoxModel:
    """Fit a Cox regression with Efron's treatment of ties.

    Parameters
    ----------
    frame
        One row per customer.
    covariates
        Numeric columns.
    duration, event, entry
        As in :func:`~retention.survival.counts.count_events`.
    strata
        Columns whose values each have a baseline of their own (remedy for a covariate that does
        not act proportionally).
    frequency
        Column with the number of customers a row stands for.
    weight, cluster
        Columns of sampling weights and of clusters (robust errors).
    penalty
        ``ridge``, or ``firth``: finite and less biased where a covariate separates, or events are
        few (Firth 1993; Heinze and Schemper 2001); its intervals are the profile likelihood's.
    penalizer
        Strength of the ridge.
    confidence
        Level of the intervals.

    Raises
    ------
    InputError
        If a covariate is missing, not numeric or constant.
    EvidenceError
        If nobody left.
    """
    kind = choice(Penalty, penalty, "penalty")
    check_durations(frame, duration, event, entry)
    frame = one_row_each(frame, frequency)
    weighed = weights_of(frame, weight)
    frame = frame if weighed is None else frame[weighed > 0]
    check_covariates(frame, covariates)
    if not frame[event].sum():
        raise EvidenceError("Nobody left: there is no pace to explain.", "Follow them for longer.")
    columns: dict[str, Any] = {"duration": duration, "event": event, "entry": entry}
    if kind is Penalty.FIRTH:
        if weight or cluster or penalizer:
            raise ParameterError(
                "Firth's penalty knows no weights, clusters or ridge.",
                "Leave them out, or take the ridge penalty.",
                column="penalty",
            )
        return _firth(frame, covariates, columns, strata, confidence)
    robust = {"weights_col": weight, "cluster_col": cluster, "robust": bool(weight or cluster)}
    fitter, said = _lifelines(frame, covariates, columns, strata, robust, penalizer, confidence)
    table = coefficient_table(fitter.params_, fitter.standard_errors_, confidence)
    table, lost = table.assign(likelihood_ratio_p=np.nan), list[str]()
    if not (penalizer or weight or cluster):
        likelihood = PartialLikelihood.of(frame, covariates, **columns, strata=strata)
        table, lost = with_likelihood_ratios(table, likelihood, confidence)
    ratio = fitter.log_likelihood_ratio_test()
    return CoxModel(
        table, float(fitter.log_likelihood_),
        float(ratio.test_statistic), float(ratio.p_value), len(frame), int(frame[event].sum()),
        duration, event, entry, tuple(strata), fitter,
        warnings=tuple(separation_sentence(name) for name in lost) or said,
    )  # fmt: skip


def separation_sentence(covariate: str) -> str:
    """Say that a covariate has no finite estimate, and what helps."""
    return (
        f"{covariate} separates those who left from those who stayed: its effect has no finite "
        'estimate; test and limit are the likelihood ratio\'s, penalty="firth" gives a finite one.'
    )


def _lifelines(
    frame: pd.DataFrame,
    covariates: Sequence[str],
    columns: Mapping[str, str | None],
    strata: Sequence[str],
    robust: Mapping[str, Any],
    penalizer: float,
    confidence: float,
) -> tuple[Any, tuple[str, ...]]:
    """Fit by lifelines; return the fitter and what it warned of."""
    from lifelines import CoxPHFitter

    rows, named = _one_stratum_each(frame, strata)
    extra = [*columns.values(), robust["weights_col"], robust["cluster_col"], *named]
    used = list(dict.fromkeys([*covariates, *(c for c in extra if c is not None)]))
    fitter = CoxPHFitter(penalizer=penalizer, alpha=1 - confidence)
    with told_convergence(), heard_warnings() as said:
        fitter.fit(rows[used], duration_col=columns["duration"], event_col=columns["event"],
                   entry_col=columns["entry"], strata=named or None, **robust)  # fmt: skip
    return fitter, tuple(said)


def _firth(
    frame: pd.DataFrame,
    covariates: Sequence[str],
    columns: Mapping[str, Any],
    strata: Sequence[str],
    confidence: float,
) -> CoxModel:
    """Fit by Firth's penalised partial likelihood."""
    likelihood = PartialLikelihood.of(frame, covariates, **columns, strata=strata, firth=True)
    table, value, ratio = firth_table(likelihood, covariates, confidence)
    events = int(frame[columns["event"]].sum())
    return CoxModel(
        table, value, ratio, float(stats.chi2.sf(ratio, len(table))), len(frame), events,
        columns["duration"], columns["event"], columns["entry"], tuple(strata), None,
        baseline=None if strata else _baseline(frame, table, columns),
    )  # fmt: skip


def _baseline(
    frame: pd.DataFrame, table: pd.DataFrame, columns: Mapping[str, Any]
) -> tuple[Array, Array]:
    """Return event times and the cumulative hazard of covariates zero (Breslow 1972)."""
    line = frame[list(table["covariate"])].to_numpy(dtype=float) @ table["coefficient"].to_numpy()
    risk = frame.assign(_risk=np.exp(line))
    counts = count_events(frame, **columns).frame
    happened = counts[counts["events"] > 0]
    start = 0.0 if columns["entry"] is None else risk[columns["entry"]].to_numpy(dtype=float)
    end = risk[columns["duration"]].to_numpy(dtype=float)
    times = happened["time"].to_numpy()
    at_risk = [risk["_risk"].to_numpy()[(start < t) & (end >= t)].sum() for t in times]
    return times, np.cumsum(happened["events"].to_numpy() / np.array(at_risk))


def _one_stratum_each(frame: pd.DataFrame, strata: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows with all strata in one column, and its name; one or none stay as they are.

    lifelines looks its rows up by stratum in every step; by several columns that takes most of the
    time of a fit.
    """
    if len(strata) < 2:
        return frame, list(strata)
    groups = frame.groupby(list(strata), sort=True, dropna=False)
    firsts = frame[list(strata)].astype(str).groupby(groups.ngroup()).first()
    names = firsts.agg(" / ".join, axis=1)
    return frame.assign(**{STRATUM: groups.ngroup().map(names)}), [STRATUM]


@contextmanager
def heard_warnings() -> Iterator[list[str]]:
    """Collect what lifelines warns of, a sentence each, for the result to say."""
    from lifelines.exceptions import ApproximationWarning, ConvergenceWarning, StatisticalWarning

    heard: list[str] = []
    own = (ApproximationWarning, ConvergenceWarning, StatisticalWarning)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield heard
    for warning in caught:
        if issubclass(warning.category, own):
            heard.append(" ".join(str(warning.message).split()).split(". ")[0].rstrip(".") + ".")
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )


@contextmanager
def told_convergence() -> Iterator[None]:
    """Turn a fit that does not converge into an answer: the data do not carry the model."""
    from lifelines.exceptions import ConvergenceError

    try:
        yield
    except ConvergenceError as error:
        raise EvidenceError(
            "The model does not converge on these customers.",
            'Use fewer covariates, more customers, or penalty="firth".',
        ) from error


def check_covariates(frame: pd.DataFrame, covariates: Sequence[str]) -> None:
    """Refuse covariates that are absent, not numeric, missing in places, or constant.

    Raises
    ------
    InputError
        Naming the first such column.
    """
    for column in covariates:
        require_column(frame, column)
        if not (
            pd.api.types.is_numeric_dtype(frame[column])
            and np.isfinite(numbers(frame[column])).all()
        ):
            raise InputError(
                "A covariate is not a number everywhere.",
                "Code labels as 0/1 and fill what is missing.",
                column=column,
            )
        if frame[column].nunique() < 2:
            raise InputError(
                "A covariate is the same for everybody.", "Leave it out.", column=column
            )


def coefficient_table(
    coefficients: pd.Series, errors: pd.Series, confidence: float
) -> pd.DataFrame:
    """Return coefficients with hazard ratios, intervals and Wald p-values."""
    z = stats.norm.ppf(0.5 + confidence / 2)
    beta, error = coefficients.to_numpy(), errors.to_numpy()
    with np.errstate(over="ignore"):  # where a covariate separates, the upper limit is infinite
        low, high = np.exp(beta - z * error), np.exp(beta + z * error)
    return pd.DataFrame({
        "covariate": [str(name) for name in coefficients.index],
        "coefficient": beta,
        "standard_error": error,
        "hazard_ratio": np.exp(beta),
        "ci_low": low,
        "ci_high": high,
        "p_value": 2 * stats.norm.sf(np.abs(beta / error)),
    })  # fmt: skip

"""Cox regression: lifelines fits it, we word it and predict from it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from retention.engine.finite import numbers
from retention.errors import EvidenceError, InputError
from retention.results import percent
from retention.survival.counts import Array
from retention.survival.inputs import check_durations, one_row_each, require_column, weights_of

STRATUM = "stratum of all"
"""Column that stands for several columns of strata."""


@dataclass(frozen=True)
class CoxModel:
    """A fitted Cox regression.

    Parameters
    ----------
    coefficients
        Columns ``covariate``, ``coefficient``, ``standard_error``, ``hazard_ratio``, ``ci_low``,
        ``ci_high`` (of the hazard ratio), ``p_value``.
    log_likelihood
        Partial log-likelihood (Efron's ties).
    likelihood_ratio, likelihood_ratio_p
        Test against the model without covariates; None where there are strata.
    n, events
        Rows and events behind the fit.
    duration, event, entry, strata
        Columns the model was fitted on.
    fitter
        The lifelines fitter, for predictions.
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

    @property
    def concordance(self) -> float:
        """Harrell's concordance on the training rows; NaN with entry times, which pair no rows.

        lifelines computes it when it is first asked for: it costs as much as the fit.
        """
        return float("nan") if self.entry else float(self.fitter.concordance_index_)

    @property
    def covariates(self) -> list[str]:
        """Names of the covariates, in the order of the coefficients."""
        return list(self.coefficients["covariate"])

    def survival(self, frame: pd.DataFrame, times: Sequence[float]) -> Array:
        """Return the predicted share retained: rows x times."""
        rows, _ = _one_stratum_each(frame, self.strata)
        predicted = self.fitter.predict_survival_function(rows, times=list(times))
        return predicted.to_numpy().T

    def log_risk(self, frame: pd.DataFrame) -> Array:
        """Return the linear predictor of each row (higher leaves sooner)."""
        beta = self.coefficients["coefficient"].to_numpy()
        return frame[self.covariates].to_numpy(dtype=float) @ beta

    def to_frame(self) -> pd.DataFrame:
        """Return the coefficients."""
        return self.coefficients.copy()

    def summary(self) -> str:
        """Tell the clear hazard ratios in words, and how well the model ranks."""
        clear = self.coefficients[self.coefficients["p_value"] < 0.05]
        told = " ".join(hazard_ratio_sentence(row) for row in clear.to_dict("records"))
        ranks = "" if np.isnan(self.concordance) else f"Concordance {self.concordance:.3f}; "
        none = "No covariate clearly changes the pace at which customers leave."
        thin = " Fewer than ten departures per covariate: take it as a hint." * (
            self.events < 10 * len(self.coefficients))  # fmt: skip
        return f"{told or none} {ranks}{self.n:,} rows, {self.events:,} departures.{thin}"


def hazard_ratio_sentence(row: Mapping[Hashable, Any]) -> str:
    """Tell one hazard ratio in plain words with its interval.

    Examples
    --------
    >>> hazard_ratio_sentence({"covariate": "fin", "hazard_ratio": 0.68, "ci_low": 0.47,
    ...                        "ci_high": 0.996})
    'Per unit of fin, customers leave at 0.68 times the pace (0.47 to 1.00): 32 % slower.'
    """
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
    penalizer
        Ridge penalty.
    confidence
        Level of the intervals.

    Raises
    ------
    InputError
        If a covariate is missing, not numeric or constant.
    EvidenceError
        If nobody left.
    """
    from lifelines import CoxPHFitter

    check_durations(frame, duration, event, entry)
    frame = one_row_each(frame, frequency)
    weighed = weights_of(frame, weight)
    frame = frame if weighed is None else frame[weighed > 0]
    check_covariates(frame, covariates)
    if not frame[event].sum():
        raise EvidenceError("Nobody left: there is no pace to explain.", "Follow them for longer.")
    rows, named = _one_stratum_each(frame, strata)
    extra = [c for c in (duration, event, entry, weight, cluster, *named) if c is not None]
    columns = list(dict.fromkeys([*covariates, *extra]))
    fitter = CoxPHFitter(penalizer=penalizer, alpha=1 - confidence)
    with told_convergence():
        fitter.fit(rows[columns], duration_col=duration, event_col=event, entry_col=entry,
                   strata=named or None, weights_col=weight, cluster_col=cluster,
                   robust=bool(weight or cluster))  # fmt: skip
    ratio = fitter.log_likelihood_ratio_test()
    return CoxModel(
        coefficient_table(fitter.params_, fitter.standard_errors_, confidence),
        float(fitter.log_likelihood_),
        float(ratio.test_statistic), float(ratio.p_value), len(frame), int(frame[event].sum()),
        duration, event, entry, tuple(strata), fitter,
    )  # fmt: skip


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
def told_convergence() -> Iterator[None]:
    """Turn a fit that does not converge into an answer: the data do not carry the model."""
    from lifelines.exceptions import ConvergenceError

    try:
        yield
    except ConvergenceError as error:
        raise EvidenceError(
            "The model does not converge on these customers.",
            "Use fewer covariates, more customers or a penalty.",
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
    return pd.DataFrame({
        "covariate": [str(name) for name in coefficients.index],
        "coefficient": beta,
        "standard_error": error,
        "hazard_ratio": np.exp(beta),
        "ci_low": np.exp(beta - z * error),
        "ci_high": np.exp(beta + z * error),
        "p_value": 2 * stats.norm.sf(np.abs(beta / error)),
    })  # fmt: skip

"""Accelerated failure time models: covariates stretch or shorten the time until leaving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from retention.choices import choice
from retention.errors import EvidenceError, InputError
from retention.optimise import newton_finished
from retention.survival.counts import Array, evenly_spaced
from retention.survival.cox import check_covariates, told_convergence
from retention.survival.inputs import check_durations, one_row_each, weights_of


class Distribution(StrEnum):
    """Distribution of the time until leaving."""

    WEIBULL = "weibull"
    LOG_NORMAL = "log_normal"
    LOG_LOGISTIC = "log_logistic"


@dataclass(frozen=True)
class AcceleratedModel:
    """A fitted accelerated failure time model.

    Parameters
    ----------
    coefficients
        Columns ``covariate`` (``intercept`` first), ``coefficient``, ``standard_error``,
        ``time_ratio``, ``ci_low``, ``ci_high`` (of the time ratio), ``p_value``.
    scale
        Scale of log time, as R's ``survreg`` gives it.
    distribution, log_likelihood, aic, n, events
        What was fitted, how well, on how much.
    time_unit
        Durations were divided by it for the fit (their geometric mean), so that days and
        milliseconds are fitted alike.
    fitter
        The lifelines fitter of the divided durations, for predictions.
    """

    coefficients: pd.DataFrame
    scale: float
    distribution: Distribution
    log_likelihood: float
    aic: float
    n: int
    events: int
    time_unit: float
    fitter: Any = field(repr=False)

    def survival(self, frame: pd.DataFrame, times: Sequence[float]) -> Array:
        """Return the predicted share retained: rows x times."""
        at = np.asarray(times, dtype=float) / self.time_unit
        return self.fitter.predict_survival_function(frame, times=list(at)).to_numpy().T

    def to_frame(self) -> pd.DataFrame:
        """Return the coefficients."""
        return self.coefficients.copy()

    def summary(self) -> str:
        """Tell the clear time ratios in words."""
        rows = self.coefficients[self.coefficients["covariate"] != "intercept"]
        told = " ".join(
            f"Per unit of {r.covariate}, customers stay {r.time_ratio:.2f} times as long "
            f"({r.ci_low:.2f} to {r.ci_high:.2f})."
            for r in rows[rows["p_value"] < 0.05].itertuples()
        )
        return (
            f"{told or 'No covariate clearly stretches or shortens the time.'} "
            f"{self.distribution.replace('_', '-').capitalize()} times, AIC {self.aic:,.1f}, "
            f"{self.n:,} customers, {self.events:,} of whom left."
        )


def fit_accelerated(
    frame: pd.DataFrame,
    covariates: Sequence[str],
    *,
    distribution: Distribution = Distribution.WEIBULL,
    duration: str = "duration",
    event: str = "event",
    entry: str | None = None,
    frequency: str | None = None,
    weight: str | None = None,
    penalizer: float = 0.0,
    confidence: float = 0.95,
) -> AcceleratedModel:
    """Fit an accelerated failure time model by maximum likelihood.

    Parameters
    ----------
    frame, covariates, duration, event, entry, frequency, weight, confidence
        As in :func:`~retention.survival.cox.fit_cox`; durations must be positive.
    distribution
        Distribution of the time.
    penalizer
        Ridge penalty, for collinear covariates.

    Raises
    ------
    InputError
        If a duration is zero or a covariate cannot be used.
    EvidenceError
        If nobody left.
    """
    distribution = choice(Distribution, distribution, "distribution")
    check_durations(frame, duration, event, entry)
    frame = one_row_each(frame, frequency)
    weighed = weights_of(frame, weight)
    frame = frame if weighed is None else frame[weighed > 0]
    check_covariates(frame, covariates)
    if (frame[duration] == 0).any():
        raise InputError(
            "A duration is zero, whose logarithm does not exist.",
            "Count the day of leaving as a whole day.",
            column=duration,
        )
    if not frame[event].sum():
        raise EvidenceError("Nobody left: there is no time to model.", "Follow them for longer.")
    unit = float(np.exp(np.log(frame[duration].to_numpy(dtype=float)).mean()))
    columns = [*covariates, *(c for c in (duration, event, entry, weight) if c is not None)]
    divided = {c: frame[c].astype(float) / unit for c in (duration, entry) if c is not None}
    fitter = _fitter(distribution)(alpha=1 - confidence, penalizer=penalizer)
    fitter._scipy_fit_method = newton_finished
    with told_convergence():
        fitter.fit(frame[columns].assign(**divided), duration_col=duration, event_col=event,
                   entry_col=entry, weights_col=weight, robust=weight is not None)  # fmt: skip
    counted = frame[event] if weight is None else frame[event] * frame[weight]
    shift = float(counted.sum()) * np.log(unit)
    return AcceleratedModel(_table(fitter, distribution, covariates, confidence, np.log(unit)),
                            _scale(fitter, distribution), distribution,
                            float(fitter.log_likelihood_) - shift,
                            float(fitter.AIC_) + 2 * shift, len(frame), int(frame[event].sum()),
                            unit, fitter)  # fmt: skip


def best_accelerated(
    frame: pd.DataFrame,
    covariates: Sequence[str],
    *,
    duration: str = "duration",
    event: str = "event",
    most_customers: int = 20_000,
) -> AcceleratedModel:
    """Fit every distribution to the same customers and keep the one with the lowest AIC.

    Parameters
    ----------
    frame, covariates, duration, event
        As in :func:`fit_accelerated`.
    most_customers
        Evenly spaced rows are taken from a larger frame: three fits of all would cost minutes.

    Raises
    ------
    EvidenceError
        If no distribution can be fitted; one that does not converge is left out.
    """
    some = evenly_spaced(frame, most_customers)
    fits, refused = [], None
    for kind in Distribution:
        try:
            fits.append(fit_accelerated(some, covariates, distribution=kind, duration=duration,
                                        event=event))  # fmt: skip
        except EvidenceError as error:
            refused = error
    if refused is not None and not fits:
        raise refused
    return min(fits, key=lambda model: model.aic)


def _fitter(distribution: Distribution) -> Any:
    """Return the lifelines class of a distribution."""
    import lifelines

    return {
        Distribution.WEIBULL: lifelines.WeibullAFTFitter,
        Distribution.LOG_NORMAL: lifelines.LogNormalAFTFitter,
        Distribution.LOG_LOGISTIC: lifelines.LogLogisticAFTFitter,
    }[distribution]


def _location(distribution: Distribution) -> str:
    """Return lifelines' name of the parameter that covariates act on."""
    return {Distribution.WEIBULL: "lambda_", Distribution.LOG_NORMAL: "mu_",
            Distribution.LOG_LOGISTIC: "alpha_"}[distribution]  # fmt: skip


def _scale(fitter: Any, distribution: Distribution) -> float:
    """Return the scale of log time from lifelines' log shape."""
    name = {Distribution.WEIBULL: "rho_", Distribution.LOG_NORMAL: "sigma_",
            Distribution.LOG_LOGISTIC: "beta_"}[distribution]  # fmt: skip
    value = float(np.exp(fitter.params_[name]["Intercept"]))
    return value if distribution is Distribution.LOG_NORMAL else 1 / value


def _table(
    fitter: Any,
    distribution: Distribution,
    covariates: Sequence[str],
    confidence: float,
    log_unit: float,
) -> pd.DataFrame:
    """Return coefficients with time ratios, the intercept first and in the data's unit of time."""
    part = _location(distribution)
    beta, error = fitter.params_[part], fitter.standard_errors_[part]
    order = ["Intercept", *covariates]
    b, se = beta[order].to_numpy(copy=True), error[order].to_numpy()
    b[0] += log_unit
    z = stats.norm.ppf(0.5 + confidence / 2)
    return pd.DataFrame({
        "covariate": ["intercept", *order[1:]],
        "coefficient": b,
        "standard_error": se,
        "time_ratio": np.exp(b),
        "ci_low": np.exp(b - z * se),
        "ci_high": np.exp(b + z * se),
        "p_value": 2 * stats.norm.sf(np.abs(b / se)),
    })  # fmt: skip

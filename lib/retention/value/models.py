"""What every purchase model can do, and a fitted one with its figures and its honesty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.errors import EvidenceError, ParameterError
from retention.intervals import NORMAL_95
from retention.optimise import Objective, Optimum, covariance_of, maximise
from retention.value.summary import PurchaseSummary

Floats = NDArray[np.float64]

SAMPLE_ROWS = 4_000
"""Above this many unique rows the search for the optimum begins on a systematic sample."""


class PurchaseModel(Protocol):
    """A "buy till you die" model of repeat purchases; all times in the summary's unit."""

    @property
    def name(self) -> str:
        """Name in the literature."""

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Positive parameters, in order; coefficients of covariates come after them."""

    @property
    def scale_parameters(self) -> tuple[str, ...]:
        """Those of them that are measured in time units."""

    def names(self, summary: PurchaseSummary) -> tuple[str, ...]:
        """Return all parameters' names for such a summary, covariates' coefficients included."""

    def starts(self, summary: PurchaseSummary) -> list[Floats]:
        """Return starting points: logarithms of the positive parameters, then coefficients."""

    def objective(self, summary: PurchaseSummary) -> Objective:
        """Return the mean log-likelihood with its gradient."""

    def probability_alive(self, parameters: Floats, summary: PurchaseSummary) -> Floats:
        """Return P(alive) at the as-of date for each unique row."""

    def expected_purchases(self, parameters: Floats, time: Floats) -> Floats:
        """Return E[X(t)] of a new customer, whose covariates are all zero if there are any."""

    def expected_if_alive(
        self, parameters: Floats, summary: PurchaseSummary, horizon: float
    ) -> Floats:
        """Return the purchases a living customer makes within the horizon, per unique row."""

    def silence_if_alive(
        self, parameters: Floats, summary: PurchaseSummary, horizon: float
    ) -> Floats:
        """Return the probability that a living customer buys nothing within the horizon."""


@dataclass(frozen=True)
class PurchaseFit:
    """A purchase model fitted by maximum likelihood.

    Parameters
    ----------
    model
        The model's formulas.
    parameters
        Estimates in the order of ``names``, times in units of ``unit_days``.
    names
        Names of the parameters.
    covariance
        Asymptotic covariance of the *working* parameters (logarithms of positive ones).
    log_likelihood
        Log-likelihood at the optimum, penalty excluded, times in units of ``unit_days``.
    customers, rows
        Customers (weights) and unique rows behind it.
    repeat_purchases
        Repeat purchases behind it.
    unit_days
        Length of the time unit in days.
    converged, plateau, gradient_norm, starts
        How the search ended; see :class:`retention.value.optimise.Optimum`.
    penalty
        Strength of the quadratic penalty on the working parameters, per customer; 0 is none.
    """

    model: PurchaseModel
    parameters: Floats
    names: tuple[str, ...]
    covariance: Floats
    log_likelihood: float
    customers: float
    rows: int
    repeat_purchases: float
    unit_days: float
    converged: bool
    plateau: NDArray[np.bool_]
    gradient_norm: float
    starts: int
    penalty: float

    @property
    def positive(self) -> int:
        """How many parameters are positive, and so estimated as logarithms."""
        return len(self.model.parameter_names)

    @property
    def working(self) -> Floats:
        """Parameters as estimated: logarithms of the positive ones."""
        head = np.log(self.parameters[: self.positive])
        return np.concatenate([head, self.parameters[self.positive :]])

    @property
    def identified(self) -> bool:
        """Whether the data pin down every parameter."""
        return not self.plateau.any()

    @property
    def working_errors(self) -> Floats:
        """Standard errors of the working parameters; NaN where the data do not identify one."""
        return np.where(self.plateau, np.nan, np.sqrt(np.maximum(np.diag(self.covariance), 0)))

    @property
    def standard_errors(self) -> Floats:
        """Asymptotic standard errors on the natural scale (delta method), NaN if unidentified."""
        spread = self.working_errors
        scale = np.ones(len(self.names))
        scale[: self.positive] = self.parameters[: self.positive]
        return np.asarray(spread * scale, dtype=np.float64)

    @property
    def information_criterion(self) -> float:
        """Bayesian information criterion; smaller is better among models of the same data."""
        return len(self.names) * float(np.log(self.customers)) - 2 * self.log_likelihood

    def at(self, working: Floats) -> Floats:
        """Return natural parameters from working ones (used by intervals)."""
        head = np.exp(working[: self.positive])
        return np.concatenate([head, working[self.positive :]])

    def expected_purchases(self, days: Floats | float) -> Floats:
        """Return E[X(t)] of a new customer after each number of days.

        With covariates it is that of a customer who has zero in all of them, which is not the mean
        of the customers: the curve is not linear in them. See :meth:`expected_by_covariates`.
        """
        time = np.atleast_1d(np.asarray(days, dtype=np.float64)) / self.unit_days
        return self.model.expected_purchases(self.parameters, time)

    def expected_by_covariates(self, days: Floats, covariates: Floats) -> Floats:
        """Return E[X(t)] of new customers with such covariates, shape (lines, days).

        Parameters
        ----------
        days
            Numbers of days since the first purchase.
        covariates
            One line per kind of customer, one column per covariate in the order of the fit.
        """
        kinds = len(covariates)
        nothing = np.zeros(kinds)
        new = PurchaseSummary(
            nothing, nothing, nothing, np.ones(kinds), np.arange(kinds), self.unit_days, covariates
        )
        return np.column_stack([self.expected_future(new, float(day)) for day in days])

    def probability_alive(self, summary: PurchaseSummary) -> Floats:
        """Return P(alive) per unique row. BG/NBD's is 1 without repeats: never rank by it."""
        return self.model.probability_alive(self.parameters, self._same_unit(summary))

    def expected_future(self, summary: PurchaseSummary, days: float) -> Floats:
        """Return E[X(H) | history] per unique row: the purchases expected in the next days."""
        return expected_future(
            self.model, self.parameters, self._same_unit(summary), days / self.unit_days
        )

    def probability_of_none(self, summary: PurchaseSummary, days: float) -> Floats:
        """Return P(X(H) = 0 | history) per unique row: no purchase in the next days."""
        summary = self._same_unit(summary)
        alive = self.model.probability_alive(self.parameters, summary)
        silent = self.model.silence_if_alive(self.parameters, summary, days / self.unit_days)
        return 1 - alive * (1 - silent)

    def to_frame(self) -> pd.DataFrame:
        """Return one line per parameter: estimate, standard error and 95 % interval."""
        spread = self.working_errors * NORMAL_95
        return pd.DataFrame(
            {
                "model": self.model.name,
                "parameter": list(self.names),
                "estimate": self.parameters,
                "standard_error": self.standard_errors,
                "ci_low": self.at(self.working - spread),
                "ci_high": self.at(self.working + spread),
            }
        )

    def summary(self) -> str:
        """Return in words how the fit went."""
        if not self.converged:
            ending = "The search did NOT converge, so none of its figures should be used"
        elif self.identified:
            ending = "The search converged"
        else:
            ending = (
                "The search converged on a plateau: forecasts hold, but the data do not identify "
                "every parameter (as when hardly anyone is seen to leave)"
            )
        shrunk = (
            f"with a penalty of {self.penalty:g} per customer"
            if self.penalty
            else "without regularisation"
        )
        return (
            f"{self.model.name} by maximum likelihood {shrunk}: log-likelihood "
            f"{self.log_likelihood:,.3f} on {self.customers:,.0f} customers "
            f"({self.rows:,} distinct histories, {self.repeat_purchases:,.0f} repeat purchases). "
            f"{ending} (best of {self.starts} starts, gradient {self.gradient_norm:.1e})."
        )

    def _same_unit(self, summary: PurchaseSummary) -> PurchaseSummary:
        """Refuse a summary in another time unit than the fit's."""
        if not np.isclose(summary.unit_days, self.unit_days, rtol=1e-9):
            raise ParameterError(
                f"The model was fitted in units of {self.unit_days:g} days, the summary is in "
                f"units of {summary.unit_days:g}.",
                "Summarise both with the same unit_days.",
            )
        return summary


def expected_future(
    model: PurchaseModel, parameters: Floats, summary: PurchaseSummary, horizon: float
) -> Floats:
    """Return E[X(H) | history] per unique row, horizon in the summary's time unit."""
    alive = model.probability_alive(parameters, summary)
    return alive * model.expected_if_alive(parameters, summary, horizon)


def fit_purchases(
    model: PurchaseModel, summary: PurchaseSummary, *, penalty: float = 0.0
) -> PurchaseFit:
    """Fit a purchase model by maximum likelihood on unique rows with weights.

    Time is scaled by the mean tenure for the search, so that the result does not depend on the
    unit; the log-likelihood is reported in the summary's own unit.

    Parameters
    ----------
    model
        ``GeometricDropout()``, ``GeometricDropout(coin_at_start=True)`` or ``ParetoDropout()``.
    summary
        Unique rows with weights.
    penalty
        Strength of a quadratic penalty on the working parameters, per customer (0: none).

    Raises
    ------
    EvidenceError
        If there is no repeat purchase, or no observed time, to learn from.

    Examples
    --------
    >>> from retention.value import GeometricDropout, compress
    >>> frame = pd.DataFrame(
    ...     {
    ...         "frequency": [0, 1, 4, 0, 2, 7],
    ...         "recency": [0, 3, 20, 0, 30, 38],
    ...         "tenure": [39, 39, 39, 30, 38, 39],
    ...     }
    ... )
    >>> fit = fit_purchases(GeometricDropout(), compress(frame, unit_days=7), penalty=0.1)
    >>> fit.names
    ('r', 'alpha', 'a', 'b')
    """
    purchases = float(summary.weight @ summary.frequency)
    exposure = float(summary.weight @ summary.tenure)
    if purchases <= 0 or exposure <= 0:
        raise EvidenceError(
            "No customer has bought a second time, so there is no purchase rate to learn.",
            "Take a longer history or an earlier cohort.",
        )
    scale = exposure / summary.customers
    scaled = summary.in_units_of(scale)
    objective = _penalised(model.objective(scaled), penalty)
    step = scaled.rows // SAMPLE_ROWS
    rough = _penalised(model.objective(scaled.every(step)), penalty) if step > 1 else None
    best = maximise(objective, model.starts(scaled), rough=rough)
    return _fit_from(model, summary, best, scale=scale, penalty=penalty)


def _penalised(objective: Objective, penalty: float) -> Objective:
    """Subtract half the penalty times the squared working parameters."""
    if not penalty:
        return objective

    def penalised(point: Floats) -> tuple[float, Floats]:
        value, gradient = objective(point)
        return value - penalty / 2 * float(point @ point), gradient - penalty * point

    return penalised


def _fit_from(
    model: PurchaseModel,
    summary: PurchaseSummary,
    best: Optimum,
    *,
    scale: float,
    penalty: float,
) -> PurchaseFit:
    """Turn an optimum in scaled time into a fit in the summary's own time unit."""
    names = model.names(summary)
    positive = len(model.parameter_names)
    parameters = best.point.copy()
    parameters[:positive] = np.exp(parameters[:positive])
    for name in model.scale_parameters:
        parameters[names.index(name)] *= scale
    purchases = float(summary.weight @ summary.frequency)
    mean = best.value + penalty / 2 * float(best.point @ best.point)
    return PurchaseFit(
        model=model,
        parameters=parameters,
        names=names,
        covariance=covariance_of(-best.hessian * summary.customers),
        log_likelihood=mean * summary.customers - purchases * float(np.log(scale)),
        customers=summary.customers,
        rows=summary.rows,
        repeat_purchases=purchases,
        unit_days=summary.unit_days,
        converged=best.converged,
        plateau=best.plateau,
        gradient_norm=best.gradient_norm,
        starts=best.starts,
        penalty=penalty,
    )

"""Two arms side by side: their values, adjusted for covariates, with their sampling covariance."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from retention.abtest.metrics import MetricDefinition, MetricKind, Term
from retention.abtest.statistics import CLUSTER_SIZE, Array, Moments
from retention.errors import EvidenceError


@dataclass(frozen=True, eq=False)
class ArmValues:
    """Value of each term in one arm and the per-unit covariance of their linearisations.

    A ratio of sums R = Σy/Σd is, to first order, the mean of (y - R d)/mean(d) around R (delta
    method; Deng, Knoblich & Lu, KDD 2018, eq. 4). A mean is the ratio with d = 1; in clusters d is
    the cluster's number of units.
    """

    n: int
    values: Array
    covariance: Array
    degrees_of_freedom: float | None = None

    @property
    def degrees(self) -> float:
        """Degrees of freedom of the covariance: n - 1 unless it is known better."""
        return self.n - 1 if self.degrees_of_freedom is None else self.degrees_of_freedom

    @property
    def of_mean(self) -> Array:
        """Sampling covariance of the values, shape (k, k)."""
        return np.asarray(self.covariance / self.n)


def arm_values(moments: Moments, terms: tuple[Term, ...]) -> ArmValues:
    """Return the value of each term and the covariance of their linearisations."""
    values, linear = linearised(moments, terms)
    return ArmValues(moments.n, values, linear @ moments.covariance @ linear.T)


def linearised(moments: Moments, terms: tuple[Term, ...]) -> tuple[Array, Array]:
    """Return the value of each term, and the map of the columns as held to its linearisation."""
    clustered = CLUSTER_SIZE in moments.columns
    linear = np.zeros((len(terms), len(moments.columns)))
    values, mean = np.zeros(len(terms)), moments.mean
    for j, term in enumerate(terms):
        at = moments.index(term.numerator)
        below = term.denominator or (CLUSTER_SIZE if clustered else None)
        if below is None:
            values[j], linear[j, at] = mean[at], 1.0
            continue
        mean_below = mean[moments.index(below)]
        if mean_below == 0:
            raise EvidenceError(
                f"The denominator {below!r} of {term.numerator!r} adds up to zero.",
                "Choose a denominator that is seen in every arm.",
            )
        values[j] = mean[at] / mean_below
        linear[j, at] += 1 / mean_below
        linear[j, moments.index(below)] -= values[j] / mean_below
    return values, moments.linear(linear)


@dataclass(frozen=True, eq=False)
class Contrast:
    """Two arms' values (after adjustment), their joint sampling covariance, degrees of freedom.

    ``coefficients`` are the CUPED coefficients; ``variance_reduction`` is the share of the
    difference's variance that they removed; ``left_out`` are strata in which nothing can be
    compared.
    """

    control: float
    treatment: float
    covariance: Array
    degrees_of_freedom: float
    n_control: int
    n_treatment: int
    coefficients: Array
    variance_reduction: float
    left_out: tuple[str, ...] = ()

    @property
    def difference(self) -> float:
        """Treatment minus control."""
        return self.treatment - self.control

    @property
    def standard_error(self) -> float:
        """Standard error of the difference."""
        c = self.covariance
        return math.sqrt(max(float(c[0, 0] + c[1, 1] - 2 * c[0, 1]), 0.0))


def contrast(
    control: Moments, treatment: Moments, metric: MetricDefinition, *, may_be_constant: bool = False
) -> Contrast:
    """Compare two arms on a metric, adjusted for its covariates.

    The coefficients minimise the variance of the adjusted difference, β = S_xx⁻¹ S_xy with
    S = C_control/n_control + C_treatment/n_treatment (CUPED: Deng et al., WSDM 2013, eq. 4; equal
    to the pooled regression for equal arms). Each arm's value is moved to the covariates' pooled
    mean, so that the relative lift has an adjusted base too.

    ``may_be_constant`` lets a part in which nothing varies (a stratum) stand with variance zero.

    Raises
    ------
    EvidenceError
        If an arm has fewer than two units, or neither arm varies.
    """
    a, b = arm_values(control, metric.terms), arm_values(treatment, metric.terms)
    both = compare(a, b, metric)
    if both.covariance[0, 0] + both.covariance[1, 1] > 0 or may_be_constant:
        return both
    if not is_scored(control, metric):
        raise constant(metric)
    return replace(both, covariance=np.diag([_rate_variance(m) for m in (control, treatment)]))


def compare(a: ArmValues, b: ArmValues, metric: MetricDefinition) -> Contrast:
    """Return the contrast of two arms' values, adjusted for the metric's covariates."""
    spread = a.of_mean + b.of_mean
    beta = np.zeros(0)
    if metric.covariates:
        beta = np.linalg.pinv(spread[1:, 1:]) @ spread[1:, 0]
    maps = _adjustment(beta, a.n / (a.n + b.n))
    stacked = np.zeros((2 * len(beta) + 2,) * 2)
    half = len(beta) + 1
    stacked[:half, :half], stacked[half:, half:] = a.of_mean, b.of_mean
    values = maps @ np.concatenate([a.values, b.values])
    covariance = maps @ stacked @ maps.T
    whole = float(spread[0, 0])
    removed = 1 - float(_variance(beta, spread)) / whole if whole > 0 else 0.0
    degrees = _welch(a, b, beta)
    return Contrast(
        float(values[0]), float(values[1]), covariance, degrees, a.n, b.n, beta, removed
    )


def constant(metric: MetricDefinition) -> EvidenceError:
    """Return the error about a metric that has one value."""
    cap = "" if metric.winsorise_at is None else f" under its cap at {metric.winsorise_at}"
    return EvidenceError(
        f"Metric {metric.name!r} does not vary in either arm{cap}.",
        "Every unit has the same value: check that the column was filled"
        + (", or cap at a higher quantile." if cap else "."),
        column=metric.column,
    )


def _rate_variance(moments: Moments) -> float:
    """Return the sampling variance of a rate of 0 or 1 (Agresti & Caffo 2000: one more of each)."""
    successes, n = float(moments.sums[0]), moments.n
    rate = (successes + 1) / (n + 2)
    return rate * (1 - rate) / (n + 2)


def _adjustment(beta: Array, share: float) -> Array:
    """Return the map from both arms' raw values to both adjusted values, shape (2, 2 + 2k)."""
    first = np.concatenate([[1.0], -beta * (1 - share), [0.0], beta * (1 - share)])
    second = np.concatenate([[0.0], beta * share, [1.0], -beta * share])
    return np.vstack([first, second])


def _variance(beta: Array, covariance: Array) -> float:
    """Return the variance of value - β'covariates."""
    weights = np.concatenate([[1.0], -beta])
    return max(float(weights @ covariance @ weights), 0.0)


def _welch(a: ArmValues, b: ArmValues, beta: Array) -> float:
    """Return Welch-Satterthwaite degrees of freedom, one less for each covariate."""
    first, second = _variance(beta, a.of_mean), _variance(beta, b.of_mean)
    below = first**2 / a.degrees + second**2 / b.degrees
    degrees = (first + second) ** 2 / below if below > 0 else a.degrees + b.degrees
    return max(degrees - len(beta), 1.0)


def is_scored(control: Moments, metric: MetricDefinition) -> bool:
    """Tell whether the score method judges the metric: a rate of units, without covariates."""
    rate = metric.kind is MetricKind.PROPORTION and not metric.covariates
    return rate and CLUSTER_SIZE not in control.columns

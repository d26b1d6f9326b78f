"""From sufficient statistics to an effect with its interval and test.

The test is on the absolute scale. The relative lift gets its own interval (see relative.py), and
never a test of its own: on that scale the delta method can contradict the absolute test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from retention.abtest.metrics import MetricDefinition, MetricKind, Term
from retention.abtest.relative import RelativeLift, relative_lift, t_quantile
from retention.abtest.statistics import CLUSTER_SIZE, Array, Moments
from retention.errors import EvidenceError
from retention.quantities import quantity
from retention.results import percent


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

    @property
    def of_mean(self) -> Array:
        """Sampling covariance of the values, shape (k, k)."""
        return np.asarray(self.covariance / self.n)


def arm_values(moments: Moments, terms: tuple[Term, ...]) -> ArmValues:
    """Return the value of each term and the covariance of their linearisations."""
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
    linear = moments.linear(linear)
    return ArmValues(moments.n, values, linear @ moments.covariance @ linear.T)


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
    if not (covariance[0, 0] + covariance[1, 1] > 0 or may_be_constant):
        if not is_scored(control, metric):
            raise _constant(metric)
        covariance = np.diag([_rate_variance(m) for m in (control, treatment)])
    whole = float(spread[0, 0])
    removed = 1 - float(_variance(beta, spread)) / whole if whole > 0 else 0.0
    degrees = _welch(_variance(beta, a.of_mean), a.n, _variance(beta, b.of_mean), b.n, len(beta))
    return Contrast(
        float(values[0]), float(values[1]), covariance, degrees, a.n, b.n, beta, removed
    )


def _constant(metric: MetricDefinition) -> EvidenceError:
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


def _welch(first: float, n: int, second: float, m: int, covariates: int) -> float:
    """Return Welch-Satterthwaite degrees of freedom, one less for each covariate."""
    below = first**2 / (n - 1) + second**2 / (m - 1)
    degrees = (first + second) ** 2 / below if below > 0 else n + m - 2
    return max(degrees - covariates, 1.0)


@dataclass(frozen=True)
class Estimate:
    """One arm against control on one metric.

    ``difference`` and its interval are in the metric's unit; ``relative`` is the lift as a share of
    the control's value. ``p_value`` tests a difference of zero, two-sided; ``adjusted_p_value`` is
    it after the correction for several questions (equal to it until corrected).
    """

    metric: str
    arm: str
    control_arm: str
    unit: str
    control_value: float
    treatment_value: float
    difference: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float
    adjusted_p_value: float
    relative: RelativeLift
    alpha: float
    n_control: int
    n_treatment: int
    method: str
    variance_reduction: float = 0.0
    higher_is_better: bool = True
    degrees_of_freedom: float = math.inf
    corrected_alpha: float | None = None
    reason: str = ""

    @property
    def readable(self) -> bool:
        """Whether there is an effect to read; ``reason`` says why not."""
        return not self.reason

    @property
    def corrected_interval(self) -> tuple[float, float]:
        """Interval that holds for all comparisons of its family at once; it decides.

        At the level that the correction leaves to one comparison, by the ratio of Student's
        quantiles; the interval itself where there is one comparison.
        """
        if self.corrected_alpha is None or self.corrected_alpha == self.alpha:
            return self.ci_low, self.ci_high
        wider, own = (
            t_quantile(1 - level / 2, self.degrees_of_freedom)
            for level in (self.corrected_alpha, self.alpha)
        )
        ends = (self.difference + (end - self.difference) * wider / own
                for end in (self.ci_low, self.ci_high))  # fmt: skip
        low, high = ends
        return low, high

    @property
    def significant(self) -> bool:
        """Whether the corrected test refuses a difference of zero."""
        return self.adjusted_p_value < self.alpha

    def to_frame(self) -> pd.DataFrame:
        """Return the estimate as one row."""
        row = {k: v for k, v in vars(self).items() if k not in ("relative", "corrected_alpha")}
        row["corrected_ci_low"], row["corrected_ci_high"] = self.corrected_interval
        row |= {f"relative_{k}": v for k, v in vars(self.relative).items()}
        return pd.DataFrame([row])

    def summary(self) -> str:
        """Say the effect with its interval and how sure it is."""
        if not self.readable:
            return f"{self.metric}, {self.arm}: cannot be read. {self.reason}"
        level = percent(1 - self.alpha, 0)
        lift = self.relative.summary()
        verdict = "differs from" if self.significant else "is not shown to differ from"
        return (
            f"{self.metric}: {self.arm} {verdict} {self.control_arm} by "
            f"{self._written(self.difference)} ({level} interval {self._written(self.ci_low)} to "
            f"{self._written(self.ci_high)}; {lift}; "
            f"p = {self.adjusted_p_value:.3g}; n = {self.n_treatment:,} against "
            f"{self.n_control:,}; {self.method})."
        )

    def _written(self, value: float) -> str:
        """Return a difference with the digits that its standard error leaves it."""
        return quantity(value, self.unit, signed=True, error=self.standard_error)


def unreadable(
    metric: MetricDefinition, arm: str, control_arm: str, alpha: float, reason: str
) -> Estimate:
    """Return the place of an estimate that the data cannot give, with the reason."""
    nothing = math.nan
    return Estimate(
        metric=metric.name, arm=arm, control_arm=control_arm, unit=metric.unit,
        control_value=nothing, treatment_value=nothing, difference=nothing,
        standard_error=nothing, ci_low=nothing, ci_high=nothing, p_value=1.0, adjusted_p_value=1.0,
        relative=RelativeLift(nothing, nothing, nothing, "none"), alpha=alpha, n_control=0,
        n_treatment=0, method="not read", higher_is_better=metric.higher_is_better, reason=reason,
    )  # fmt: skip


def estimate(
    control: Moments,
    treatment: Moments,
    metric: MetricDefinition,
    *,
    arm: str = "treatment",
    control_arm: str = "control",
    alpha: float = 0.05,
    relative_method: str = "log",
) -> Estimate:
    """Return the effect of an arm on a metric at a fixed horizon.

    Means and ratios use Welch's t; proportions without covariates the score interval and test of
    Miettinen & Nurminen (1985), which hold their level at rates of a fraction of a per cent, too.

    Parameters
    ----------
    control, treatment
        Moments of the two arms.
    metric
        What is compared.
    arm, control_arm
        Names for the sentence.
    alpha
        Two-sided level of interval and test.
    relative_method
        ``"log"``, ``"fieller"`` or ``"delta"``.

    Examples
    --------
    >>> a = Moments.of_sums("y", 3407, 1396.87, 52377.9767)
    >>> b = Moments.of_sums("y", 3461, 2422.7, 134698.29)
    >>> e = estimate(a, b, MetricDefinition("y", "y"))
    >>> round(e.ci_low, 5), round(e.ci_high, 5), round(e.p_value, 5)
    (0.04538, 0.53462, 0.02016)
    """
    both = contrast(control, treatment, metric)
    found = _interval(control, treatment, metric, both, alpha)
    return of_contrast(
        both, metric, found, arm=arm, control_arm=control_arm, alpha=alpha,
        relative_method=relative_method,
    )  # fmt: skip


Interval = tuple[float, float, float, str]
"""Lower end, upper end, p-value and the method's name."""


def of_contrast(
    both: Contrast,
    metric: MetricDefinition,
    interval: Interval | None = None,
    *,
    arm: str = "treatment",
    control_arm: str = "control",
    alpha: float = 0.05,
    relative_method: str = "log",
    method: str = "",
) -> Estimate:
    """Return the estimate of a contrast that was found in whatever way.

    Parameters
    ----------
    both
        The two arms' values with their sampling covariance.
    metric
        What is compared.
    interval
        Interval, p-value and method; Student's t on the contrast's degrees of freedom if not given.
    method
        Name of the method where no interval is given.
    """
    low, high, p_value, name = interval or t_interval(both, alpha, method)
    return Estimate(
        metric=metric.name, arm=arm, control_arm=control_arm, unit=metric.unit,
        control_value=both.control, treatment_value=both.treatment, difference=both.difference,
        standard_error=both.standard_error, ci_low=low, ci_high=high,
        p_value=p_value, adjusted_p_value=p_value,
        relative=relative_lift(both.control, both.treatment, both.covariance,
                               both.degrees_of_freedom, alpha, relative_method),
        alpha=alpha, n_control=both.n_control, n_treatment=both.n_treatment, method=name,
        variance_reduction=both.variance_reduction, higher_is_better=metric.higher_is_better,
        degrees_of_freedom=both.degrees_of_freedom,
    )  # fmt: skip


def t_interval(both: Contrast, alpha: float, method: str) -> Interval:
    """Return Student's interval and two-sided p-value of a contrast."""
    half = t_quantile(1 - alpha / 2, both.degrees_of_freedom) * both.standard_error
    distance = abs(both.difference) / both.standard_error
    if math.isinf(both.degrees_of_freedom):
        p_value = 2 * float(special.ndtr(-distance))
    else:
        p_value = 2 * float(special.stdtr(both.degrees_of_freedom, -distance))
    return both.difference - half, both.difference + half, p_value, method


def _interval(
    control: Moments, treatment: Moments, metric: MetricDefinition, both: Contrast, alpha: float
) -> tuple[float, float, float, str]:
    """Return interval, p-value and the name of the method."""
    if is_scored(control, metric):
        from retention.abtest.proportions import score_interval, score_test

        counts = _counts(control, treatment)
        return (*score_interval(*counts, alpha=alpha), score_test(*counts), "score test")
    clustered = CLUSTER_SIZE in control.columns
    return t_interval(both, alpha, _method(metric, clustered=clustered))


def p_value_of(
    control: Moments, treatment: Moments, metric: MetricDefinition, both: Contrast
) -> float:
    """Return the p-value that :func:`estimate` gives two arms whose contrast is known already."""
    if is_scored(control, metric):
        from retention.abtest.proportions import score_test

        return score_test(*_counts(control, treatment))
    return t_interval(both, 0.05, "")[2]


def is_scored(control: Moments, metric: MetricDefinition) -> bool:
    """Tell whether the score method judges the metric: a rate of units, without covariates."""
    rate = metric.kind is MetricKind.PROPORTION and not metric.covariates
    return rate and CLUSTER_SIZE not in control.columns


def _counts(control: Moments, treatment: Moments) -> tuple[int, int, int, int]:
    """Return successes and units of both arms."""
    return round(control.sums[0]), control.n, round(treatment.sums[0]), treatment.n


def _method(metric: MetricDefinition, *, clustered: bool) -> str:
    """Return the name of the method for means and ratios."""
    name = "Welch's t" if metric.kind is not MetricKind.RATIO else "delta method"
    name += f" under the cap at {percent(metric.winsorise_at, 1)}" if metric.winsorise_at else ""
    name += f", CUPED on {', '.join(metric.covariates)}" if metric.covariates else ""
    return name + (", clusters" if clustered else "")

"""From sufficient statistics to an effect with its interval and test.

The test is on the absolute scale. The relative lift gets its own interval (see relative.py), and
never a test of its own: on that scale the delta method can contradict the absolute test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd
from scipy import special

from retention.abtest.contrasts import Contrast, contrast, is_scored
from retention.abtest.metrics import MetricDefinition, MetricKind
from retention.abtest.relative import RelativeLift, relative_lift, t_quantile
from retention.abtest.statistics import CLUSTER_SIZE, Moments
from retention.quantities import quantity
from retention.results import percent


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
    drawn = "clusters" if CLUSTER_SIZE in control.columns else ""
    return t_interval(both, alpha, method_name(metric, drawn))


def p_value_of(
    control: Moments, treatment: Moments, metric: MetricDefinition, both: Contrast
) -> float:
    """Return the p-value that :func:`estimate` gives two arms whose contrast is known already."""
    if is_scored(control, metric):
        from retention.abtest.proportions import score_test

        return score_test(*_counts(control, treatment))
    return t_interval(both, 0.05, "")[2]


def _counts(control: Moments, treatment: Moments) -> tuple[int, int, int, int]:
    """Return successes and units of both arms."""
    return round(control.sums[0]), control.n, round(treatment.sums[0]), treatment.n


def method_name(metric: MetricDefinition, drawn: str = "") -> str:
    """Return the name of the method for means and ratios, with what was drawn if not units."""
    name = "Welch's t" if metric.kind is not MetricKind.RATIO else "delta method"
    name += f" under the cap at {percent(metric.winsorise_at, 1)}" if metric.winsorise_at else ""
    name += f", CUPED on {', '.join(metric.covariates)}" if metric.covariates else ""
    return name + (f", {drawn}" if drawn else "")

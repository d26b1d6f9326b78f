"""How large must the test be? Units, power, detectable effect and duration.

Normal-theory design: at n units in all, the difference of two arms has variance
(σ₀²/w₀ + σ₁²/w₁)·D/n, with shares w of the units and design effect D of the clusters. Means,
proportions, ratio metrics (variance of the linearisation) and CUPED (variance of the residual)
differ in the σ² alone; see baseline.py for σ² from the shop's own past.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from retention.abtest.sequential import crossing_probabilities, equal_looks, sequential_plan
from retention.errors import ParameterError
from retention.quantities import quantity
from retention.results import percent


@dataclass(frozen=True)
class Design:
    """What is tested, how, and with which errors.

    Parameters
    ----------
    variance_control, variance_treatment
        Per-unit variance of the metric in each arm.
    null_variance
        Common per-unit variance under "no effect"; None uses the arms' own (Welch).
    share_control, share_treatment
        Share of all units that each of the two arms gets; with k arms they add up to less than 1.
    alpha
        Two-sided level of the family of comparisons.
    power
        Probability of seeing the effect.
    comparisons
        Number of treatments compared with control, or of primary metrics: α/comparisons each.
    margin
        Non-inferiority margin (positive, in the metric's unit); 0 tests for a difference. The test
        is then one-sided at α/2, the lower end of the two-sided interval.
    cluster_size, intraclass_correlation, cluster_size_variation
        Mean units per cluster, correlation within, coefficient of variation of the sizes.
    looks, spending, information
        Looks of a group sequential design, 1 for a fixed horizon; the share of the final units at
        each look, rising to 1, empty for equally spaced ones.
    """

    variance_control: float
    variance_treatment: float
    null_variance: float | None = None
    share_control: float = 0.5
    share_treatment: float = 0.5
    alpha: float = 0.05
    power: float = 0.8
    comparisons: int = 1
    margin: float = 0.0
    cluster_size: float = 1.0
    intraclass_correlation: float = 0.0
    cluster_size_variation: float = 0.0
    looks: int = 1
    spending: str = "obrien_fleming"
    information: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse designs that no number of units can fill."""
        shares = self.share_control + self.share_treatment
        if min(self.share_control, self.share_treatment) <= 0 or shares > 1 + 1e-9:
            raise ParameterError(
                f"The arms' shares {self.share_control} and {self.share_treatment} are impossible.",
                "Give positive shares that add up to at most 1.",
            )
        if not (0 < self.alpha < 1 and self.alpha / 2 < self.power < 1):
            raise ParameterError(
                f"Level {self.alpha} and power {self.power} are impossible.",
                "Choose a level such as 0.05 and a power such as 0.8.",
            )
        if min(self.variance_control, self.variance_treatment) <= 0:
            raise ParameterError(
                "The metric's variance is not above zero.",
                "Estimate it from past data, or give a baseline between 0 and 1.",
            )
        if self.information and (len(self.information) != self.looks or self.information[-1] != 1):
            raise ParameterError(
                f"{self.looks} look(s) cannot be taken at the shares {list(self.information)}.",
                "Give one rising share of the units for each look, the last 1.",
            )

    @property
    def fractions(self) -> tuple[float, ...]:
        """Share of the final units at each look."""
        return self.information or equal_looks(self.looks)

    @property
    def level(self) -> float:
        """Two-sided level of one comparison."""
        return self.alpha / self.comparisons

    @property
    def design_effect(self) -> float:
        """Variance inflation by clusters, 1 + ((1 + cv²) m - 1) ρ (Eldridge et al. 2006, eq. 2)."""
        size = (1 + self.cluster_size_variation**2) * self.cluster_size
        return 1 + max(size - 1, 0.0) * self.intraclass_correlation

    @property
    def unit_variance(self) -> float:
        """Variance of the difference times the number of units, under the effect."""
        return self.design_effect * (
            self.variance_control / self.share_control
            + self.variance_treatment / self.share_treatment
        )

    @property
    def unit_null_variance(self) -> float:
        """Variance of the difference times the number of units, under no effect."""
        if self.null_variance is None:
            return self.unit_variance
        shares = 1 / self.share_control + 1 / self.share_treatment
        return self.design_effect * self.null_variance * shares

    def summary(self) -> str:
        """Say the design's terms."""
        kind = "non-inferiority" if self.margin else "difference"
        return (
            f"Test of {kind} at {percent(self.alpha, 0)} two-sided, "
            f"power {percent(self.power, 0)}, {self.comparisons} comparison(s), "
            f"{self.looks} look(s)."
        )


def equal_arms(
    control_share: float, treatments: int, **terms: float | int | str | tuple[float, ...]
) -> Design:
    """Return the terms of a test whose treatments share equally what control leaves.

    Shares are of the two arms of one comparison, so units are those of control and one treatment;
    the variances are placeholders for a baseline's (:func:`retention.abtest.plan_sizes`).

    Examples
    --------
    >>> equal_arms(0.5, 2).share_treatment
    0.3333333333333333
    """
    if treatments < 1 or not 0 < control_share < 1:
        raise ParameterError(
            f"{treatments} treatments with a control share of {control_share} are impossible.",
            "Give at least one treatment and a share between 0 and 1.",
        )
    other = (1 - control_share) / treatments
    both = control_share + other
    plain = Design(1.0, 1.0, share_control=control_share / both, share_treatment=other / both)
    return replace(plain, comparisons=treatments, **terms)  # type: ignore[arg-type]


def proportion_design(
    baseline: float, effect: float, *, null_variance: str = "own", **terms: float | int | str
) -> Design:
    """Return the design for a rate that moves from ``baseline`` by ``effect`` (both shares).

    ``null_variance`` is ``"own"`` (each arm's own variance, as the interval has it) or
    ``"baseline"`` (both arms at the baseline under no effect, as common web calculators have it).

    Examples
    --------
    >>> d = proportion_design(0.20, 0.05, null_variance="baseline")
    >>> round(required_units(d, 0.05) / 2, 1)
    1030.2
    """
    if not (0 < baseline < 1 and 0 < baseline + effect < 1):
        raise ParameterError(
            f"A rate cannot move from {baseline:.4g} by {effect:+.4g}.",
            "Give both as shares between 0 and 1, such as 0.20 and 0.05.",
        )
    after = baseline + effect
    own = Design(baseline * (1 - baseline), after * (1 - after))
    null = baseline * (1 - baseline) if null_variance == "baseline" else None
    return replace(own, null_variance=null, **terms)  # type: ignore[arg-type]


def required_units(design: Design, effect: float) -> float:
    """Return the number of units in all (both arms) that shows the effect with the design's power.

    Parameters
    ----------
    design
        Terms of the test.
    effect
        True difference in the metric's unit; for non-inferiority the expected one, often 0.

    Raises
    ------
    ParameterError
        If the effect (plus margin) is zero, which no number of units shows.

    Examples
    --------
    >>> round(required_units(Design(100, 100, power=0.85), 0.3))
    39904
    """
    distance = _distance(design, effect)
    if distance <= 0:
        raise ParameterError(
            f"No number of units shows an effect of {effect:.4g} with a margin of "
            f"{design.margin:.4g}.",
            "Name the smallest effect that would be worth acting on.",
        )
    below = stats.norm.ppf(1 - design.level / 2) * math.sqrt(design.unit_null_variance)
    above = stats.norm.ppf(design.power) * math.sqrt(design.unit_variance)
    return float(((below + above) / distance) ** 2 * sequential_inflation(design))


def power_at(design: Design, effect: float, units: float) -> float:
    """Return the probability that the test, at that many units in all, shows the effect.

    Two-sided tests count a refusal on the effect's side only.
    """
    n = units / sequential_inflation(design)
    bar = stats.norm.ppf(1 - design.level / 2) * math.sqrt(design.unit_null_variance / n)
    return float(
        stats.norm.sf((bar - _distance(design, effect)) / math.sqrt(design.unit_variance / n))
    )


def detectable_effect(design: Design, units: float) -> float:
    """Return the smallest effect (in the metric's unit) that ``units`` in all show.

    The arms' variances are taken as given; for a rate far from its baseline use
    :func:`required_units` with :func:`proportion_design`.
    """
    n = units / sequential_inflation(design)
    below = stats.norm.ppf(1 - design.level / 2) * math.sqrt(design.unit_null_variance / n)
    above = stats.norm.ppf(design.power) * math.sqrt(design.unit_variance / n)
    return float(below + above - design.margin)


def duration_days(units: float, units_per_day: float, outcome_days: float = 0.0) -> int:
    """Return the days until the test can be read: time to enrol plus the outcome's own window."""
    if units_per_day <= 0:
        raise ParameterError(
            f"At {units_per_day} units a day no test ends.", "Give the shop's daily traffic."
        )
    return math.ceil(units / units_per_day + outcome_days)


def optimal_share(design: Design) -> float:
    """Return the control's share of the two arms that needs the fewest units (Neyman 1934)."""
    a, b = math.sqrt(design.variance_control), math.sqrt(design.variance_treatment)
    return a / (a + b)


def sequential_inflation(design: Design) -> float:
    """Return by how much looking early inflates the maximum number of units (1 at one look)."""
    if design.looks == 1:
        return 1.0
    plan = sequential_plan(design.fractions, alpha=design.level, spending=design.spending)
    fixed = float(stats.norm.ppf(1 - design.level / 2) + stats.norm.ppf(design.power))
    low, high = fixed, 2 * fixed
    while high - low > 1e-7:
        middle = (low + high) / 2
        reached = crossing_probabilities(plan.fractions, plan.bounds, middle).sum()
        low, high = (low, middle) if reached > design.power else (middle, high)
    return (high / fixed) ** 2


@dataclass(frozen=True, eq=False)
class PowerCurve:
    """Power over effects at some numbers of units, with what the chosen number can show."""

    metric: str
    unit: str
    baseline: float
    design: Design
    units: int
    curve: pd.DataFrame
    detectable: float

    def to_frame(self) -> pd.DataFrame:
        """Return units, effect, relative effect and power."""
        return self.curve

    def summary(self) -> str:
        """Say what this many units can and cannot show."""
        relative = (
            f" ({percent(self.detectable / self.baseline, 1, signed=True)})"
            if self.baseline
            else ""
        )
        return (
            f"{self.metric}: {self.units:,} units in both arms show a change of "
            f"{quantity(self.detectable, self.unit, signed=True)}{relative} or more with power "
            f"{percent(self.design.power, 0)}; a smaller one will mostly be missed."
        )


def power_curve(
    design: Design, *, metric: str, baseline: float, units: int, unit: str = "", points: int = 41
) -> PowerCurve:
    """Return power over effects up to twice the detectable one, for half to double the units."""
    detectable = detectable_effect(design, units)
    effects = np.linspace(0.0, 2 * detectable, points)
    curve = pd.DataFrame(
        [
            (n, e, e / baseline if baseline else np.nan, power_at(design, float(e), n))
            for n in (units // 2, units, 2 * units)
            for e in effects
        ],
        columns=["units", "effect", "relative_effect", "power"],
    )
    return PowerCurve(metric, unit, baseline, design, units, curve, detectable)


def _distance(design: Design, effect: float) -> float:
    """Return how far the truth lies from the hypothesis to refuse."""
    return effect + design.margin if design.margin else abs(effect)

"""The shop's own past as the basis of a design: what a metric is today and how much it varies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import stats

from retention.abtest.codes import AbtestCode
from retention.abtest.collect import collect
from retention.abtest.contrasts import arm_values
from retention.abtest.design import (
    Design,
    PowerCurve,
    detectable_effect,
    duration_days,
    power_curve,
    required_units,
)
from retention.abtest.metrics import MetricDefinition, MetricKind, NullPolicy
from retention.abtest.statistics import Moments
from retention.engine import Engine
from retention.errors import EvidenceError
from retention.features import (
    customer_features,
    experiment_frame,
    future_purchases,
    minor_per_major,
    shifted,
)
from retention.features.dates import DAY_S, epoch_of
from retention.quantities import quantity
from retention.results import Check, Metric, Status, percent


@dataclass(frozen=True)
class Baseline:
    """Value of a metric over n past units, its per-unit variance, and what CUPED leaves of it."""

    metric: str
    kind: MetricKind
    unit: str
    value: float
    ci_low: float
    ci_high: float
    variance: float
    residual_variance: float
    n: int

    @property
    def variance_reduction(self) -> float:
        """Share of the variance that the covariates explain."""
        return 1 - self.residual_variance / self.variance

    def summary(self) -> str:
        """Say the metric's level and how far its covariates shorten a test."""
        return (
            f"{self.metric}: {quantity(self.value, self.unit)} ({quantity(self.ci_low, self.unit)} "
            f"to {quantity(self.ci_high, self.unit)}, n = {self.n:,}); what is known beforehand "
            f"explains {percent(self.variance_reduction, 0)} of its variance."
        )


def baseline(engine: Engine, units: pd.DataFrame, metric: MetricDefinition) -> Baseline:
    """Return level and variance of a metric over past units.

    Parameters
    ----------
    engine
        Engine to aggregate with.
    units
        One row per unit; every row counts, whatever its arm.
    metric
        The metric; its covariates are what CUPED would use.

    Raises
    ------
    EvidenceError
        If the metric does not vary.
    """
    engine.register("baseline_units", units.assign(arm="all"))
    moments = collect(engine, "baseline_units", [metric]).of(metric.name, "all")
    return baseline_of(moments, metric)


def baseline_of(moments: Moments, metric: MetricDefinition) -> Baseline:
    """Return level and variance of a metric from its sufficient statistics."""
    arm = arm_values(moments, metric.terms)
    spread = arm.covariance
    if not spread[0, 0] > 0:
        raise EvidenceError(
            f"Metric {metric.name!r} does not vary over {arm.n:,} past units.",
            "Choose a longer window or another metric.",
            column=metric.column,
        )
    beta = np.linalg.pinv(spread[1:, 1:]) @ spread[1:, 0]
    residual = float(spread[0, 0] - beta @ spread[1:, 0])
    half = float(stats.norm.ppf(0.975) * np.sqrt(spread[0, 0] / arm.n))
    value = float(arm.values[0])
    return Baseline(
        metric.name, metric.kind, metric.unit, value, value - half, value + half,
        float(spread[0, 0]), residual, arm.n,
    )  # fmt: skip


def past_units(
    engine: Engine, as_of: str, horizon_days: int, only: Collection[str] | None = None
) -> pd.DataFrame:
    """Return the customers as a test started ``horizon_days`` ago would have found them.

    Covariates are the features as of that day; outcomes are ``purchased``, ``orders``, ``revenue``
    (major units), ``days_to_order`` and ``ordered`` (whether it came) in the days since. Nothing
    was tried on them, so what varies here is what a test has to see through.

    Parameters
    ----------
    engine
        Engine with the snapshot's tables.
    as_of
        ISO date at which the outcome window ends.
    horizon_days
        Length of the outcome window.
    only
        Features that are wanted; None for all.
    """
    start = shifted(as_of, -horizon_days)
    units = customer_features(engine, start, only=only).merge(
        future_purchases(engine, start, horizon_days), "left", "customer_key"
    )
    if units.empty:
        raise EvidenceError(
            f"No customer was known on {start}.", "Choose a later as-of date or a shorter horizon."
        )
    revenue = units.pop("revenue_minor") / minor_per_major(engine)
    units = units.rename(columns={"customer_key": "unit_key", "purchases": "orders"}).assign(
        purchased=lambda frame: (frame["orders"] > 0).astype("int64"), revenue=revenue
    )
    return _with_waiting(engine, units, start, horizon_days)


def _with_waiting(
    engine: Engine, units: pd.DataFrame, start: str, horizon_days: int
) -> pd.DataFrame:
    """Return the units with the days to their next order, cut at the horizon, and if it came."""
    since, horizon = epoch_of(start), float(horizon_days)
    waited = engine.query(
        "abtest_waiting", as_of_s=since, until_s=since + horizon_days * DAY_S
    ).frame()
    days = units[["unit_key"]].merge(waited, "left", "unit_key")["first_order_s"]
    first = days.astype("Float64").to_numpy(float, na_value=np.inf) / DAY_S
    return units.assign(
        days_to_order=np.minimum(first, horizon), ordered=(first < horizon).astype("int64")
    )


def untreated_units(
    engine: Engine, as_of: str, horizon_days: int, past_experiment: str = "", control: str = "",
    only: Collection[str] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return units to whom nothing was done: a past test's control arm, or past customers.

    Of past customers those features are fetched that are named; None for all.

    Raises
    ------
    EvidenceError
        If the past experiment has no such arm.
    """
    if not past_experiment:
        return past_units(engine, as_of, horizon_days, only)
    frame = experiment_frame(engine, past_experiment, horizon_days)
    units = frame[frame["arm"] == control].reset_index(drop=True)
    if units.empty:
        raise EvidenceError(
            f"Experiment {past_experiment!r} has no arm {control!r}.",
            f"Its arms are {', '.join(sorted(frame['arm'].unique()))}.",
        )
    return units


def design_metrics(
    rate_column: str,
    value_column: str,
    currency: str,
    covariates: Sequence[str],
    winsorise_at: float,
    denominator: str = "",
) -> list[MetricDefinition]:
    """Return the metrics a shop designs for: a rate, money per customer, capped, and per order.

    The last is there where a ``denominator`` is named.
    """
    money = f"{value_column} per customer"
    plain = [
        MetricDefinition(f"{rate_column} rate", rate_column, MetricKind.PROPORTION, unit="share"),
        MetricDefinition(money, value_column, unit=currency),
        MetricDefinition(
            f"{money}, capped", value_column, MetricKind.WINSORISED, unit=currency,
            winsorise_at=winsorise_at,
        ),
    ]  # fmt: skip
    if denominator:
        name = f"{value_column} per {denominator.removesuffix('s')}"
        plain.append(MetricDefinition(
            name, value_column, MetricKind.RATIO, denominator=denominator, unit=currency
        ))  # fmt: skip
    return [
        replace(m, covariates=tuple(covariates), covariate_nulls=NullPolicy.OWN_STRATUM)
        for m in plain
    ]


def baselines_table(baselines: Sequence[Baseline]) -> pd.DataFrame:
    """Return level, spread and explained share of each metric."""
    return pd.DataFrame(
        [
            {
                "metric": b.metric,
                "today": quantity(b.value, b.unit),
                "interval": f"{quantity(b.ci_low, b.unit)} to {quantity(b.ci_high, b.unit)}",
                "standard_deviation": f"{np.sqrt(b.variance):,.4g}",
                "explained_beforehand": percent(b.variance_reduction, 1),
                "n": b.n,
            }
            for b in baselines
        ]
    )


def curve_of(base: Baseline, terms: Design, *, units: int) -> PowerCurve:
    """Return the power curve of a metric, adjusted by what is known beforehand."""
    spread = base.residual_variance
    design = replace(terms, variance_control=spread, variance_treatment=spread)
    return power_curve(design, metric=base.metric, baseline=base.value, units=units, unit=base.unit)


@dataclass(frozen=True, eq=False)
class SizePlan:
    """For each metric: units and days that show the wanted lift; what the units at hand show."""

    table: pd.DataFrame
    units_available: int
    relative_effect: float
    terms: Design
    units: Mapping[str, str] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per metric, plain and adjusted for covariates."""
        return self.table

    def display(self) -> pd.DataFrame:
        """Return the table as it is shown, today's value with its unit, lifts in per cent."""
        table, units = self.table, self.units
        return pd.DataFrame({
            "metric": table["metric"], "analysis": table["analysis"],
            "today": [quantity(v, units[m]) for m, v in zip(table["metric"], table["baseline"],
                                                            strict=True)],
            "customers_required": table["units_required"], "days": table["days"],
            "lift_shown_by_customers_at_hand": [
                percent(v, 1) for v in table["detectable_relative_effect"]
            ],
        })  # fmt: skip

    def metrics(self) -> list[Metric]:
        """Return the sizes as figures for the result file."""
        return [
            Metric(f"units required, {metric}, {analysis}", int(units), "customers")
            for metric, analysis, units in zip(
                self.table["metric"],
                self.table["analysis"],
                self.table["units_required"],
                strict=True,
            )
        ]

    def check(self) -> Check:
        """Return whether the units at hand suffice for any metric."""
        enough = bool((self.table["units_required"] <= self.units_available).any())
        return Check(
            AbtestCode.SAMPLE_SIZE,
            Status.PASS if enough else Status.WARN,
            self.summary(),
            "" if enough else "Test a bolder change, wait for more customers, or do not test.",
        )

    def summary(self) -> str:
        """Say which metric the units at hand can decide, or that none can."""
        enough = self.table[self.table["units_required"] <= self.units_available]
        power = percent(self.terms.power, 0)
        lift = f"a lift of {percent(self.relative_effect, 0)} with power {power}"
        if enough.empty:
            best = self.table.loc[self.table["detectable_relative_effect"].idxmin()]
            return (
                f"The {self.units_available:,} customers at hand do not suffice to show {lift} on "
                f"any metric; {best['metric']} ({best['analysis']}) comes closest: it shows "
                f"{percent(float(best['detectable_relative_effect']), 0)} or more."
            )
        best = enough.loc[enough["units_required"].idxmin()]
        return (
            f"{best['units_required']:,} of the {self.units_available:,} customers at hand suffice "
            f"to show {lift} on {best['metric']} ({best['analysis']})."
        )


def plan_sizes(
    baselines: Sequence[Baseline],
    terms: Design,
    *,
    relative_effect: float,
    units_available: int,
    units_per_day: float | None = None,
    outcome_days: int = 0,
) -> SizePlan:
    """Return what each metric needs and what the units at hand can show.

    Parameters
    ----------
    baselines
        From :func:`baseline`.
    terms
        Level, power, shares, comparisons, looks; its variances are replaced by the baselines'.
    relative_effect
        Smallest lift worth acting on, as a share of today's value.
    units_available
        Units that could be assigned to the two arms.
    units_per_day
        New units a day; None where all can be assigned at once.
    outcome_days
        Days after assignment until an outcome is complete.
    """
    rows = []
    for base in baselines:
        for analysis, variance in _analyses(base):
            effect = relative_effect * base.value
            after = _variance_after(base, effect) * variance / base.variance
            design = replace(terms, variance_control=variance, variance_treatment=after)
            units = int(np.ceil(required_units(design, effect)))
            smallest = detectable_effect(design, units_available)
            days = (
                outcome_days if units_per_day is None
                else duration_days(units, units_per_day, outcome_days)
            )  # fmt: skip
            rows.append((base.metric, analysis, base.value, effect, units, days, smallest,
                         smallest / base.value))  # fmt: skip
    columns = [
        "metric", "analysis", "baseline", "effect", "units_required", "days",
        "detectable_effect", "detectable_relative_effect",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    return SizePlan(
        table, units_available, relative_effect, terms, {b.metric: b.unit for b in baselines}
    )


def _analyses(base: Baseline) -> list[tuple[str, float]]:
    """Return the plain analysis and, where covariates explain something, the adjusted one."""
    plain = [("plain", base.variance)]
    adjusted = [("adjusted by what is known beforehand", base.residual_variance)]
    return plain + (adjusted if base.variance_reduction > 0 else [])


def _variance_after(base: Baseline, effect: float) -> float:
    """Return the treated arm's variance: p(1 - p) of the new rate, else as today."""
    if base.kind is MetricKind.PROPORTION:
        rate = min(base.value + effect, 1 - 1e-9)
        return rate * (1 - rate)
    return base.variance

"""Which estimator a declared metric gets: its kind, strata and covariates, and the analysis decide.

Every estimator hands over a contrast, so that fixed, group sequential and always-valid reading work
alike on a mean, a quantile and a restricted mean time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import special

from retention.abtest.blocks import blocked_contrast
from retention.abtest.clusters import MOST_CLUSTERS, cluster_values
from retention.abtest.collect import collect, unit_sums
from retention.abtest.columns import metric_columns
from retention.abtest.confidence_sequence import always_valid
from retention.abtest.contrasts import Contrast, compare, constant, contrast
from retention.abtest.estimates import Estimate, estimate, method_name, of_contrast
from retention.abtest.experiment import Analysis, Experiment
from retention.abtest.metrics import MetricDefinition, MetricKind
from retention.abtest.quantiles import quantile_effect
from retention.abtest.relative import relative_lift
from retention.abtest.rerandomisation import DRAWS, TOLERATED, difference_skewness, redrawn
from retention.abtest.sequential import SequentialPlan, sequential_plan
from retention.abtest.statistics import Array, Statistics
from retention.abtest.stratification import post_stratified
from retention.abtest.time_to_event import time_to_event_effect
from retention.abtest.unit_values import caps_of, outcome_values, stratum_labels, unit_outcomes
from retention.engine import Engine
from retention.errors import EvidenceError
from retention.results import percent

TABLE = "experiment_units"
MOST_TIED = 0.01
"""Share of units at one value up to which a quantile counts as continuous."""

FEWEST_TAIL_DRAWS = 20
"""Draws that have to lie beyond each end of an interval for it to be read off them."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the estimates stand on: units, statistics of all metrics, and of those with strata."""

    engine: Engine
    units: pd.DataFrame
    experiment: Experiment
    statistics: Statistics
    strata: Mapping[str, Statistics]
    seed: int


def gather(engine: Engine, units: pd.DataFrame, experiment: Experiment, seed: int) -> Evidence:
    """Collect the sufficient statistics of every declared metric.

    One query serves all metrics without strata, one more each metric with.

    Raises
    ------
    InputError
        If a column is missing, or has nulls that its policy forbids.
    """
    engine.register(TABLE, units)
    metrics = [m for m in experiment.metrics if not m.of_units]
    statistics = collect(engine, TABLE, metrics, cluster=experiment.cluster)
    strata = {}
    for metric in metrics:
        if metric.strata:
            engine.register("strata_units", stratum_labels(units, metric))
            strata[metric.name] = collect(engine, "strata_units", [metric], segment=metric.strata)
    return Evidence(engine, units, experiment, statistics, strata, seed)


def estimate_arm(
    evidence: Evidence, metric: MetricDefinition, arm: str, looks_taken: int = 1
) -> Estimate:
    """Return the effect of an arm on a metric by the estimator and analysis that were declared.

    Parameters
    ----------
    evidence
        From :func:`gather`.
    metric, arm
        What is compared with control.
    looks_taken
        Looks so far, this one included; a group sequential test uses this look's level.
    """
    plan = evidence.experiment
    alpha = plan.alpha
    if plan.analysis is Analysis.GROUP_SEQUENTIAL:
        alpha = float(look_plan(plan).to_frame()["nominal_p_value"].iloc[_at(plan, looks_taken)])
    if metric.kind is MetricKind.QUANTILE:
        return _quantile(evidence, metric, arm, alpha)
    both, method = _compared(evidence, metric, arm)
    if plan.analysis is Analysis.ALWAYS_VALID and plan.tuned_at:
        return _any_time(both, metric, plan, arm, method)
    terms = {"arm": arm, "control_arm": plan.control, "alpha": alpha}
    if not method:
        of = evidence.statistics.of
        found = estimate(of(metric.name, plan.control), of(metric.name, arm), metric, **terms)  # type: ignore[arg-type]
        return _redrawn(evidence, metric, both, found)
    return of_contrast(both, metric, method=method, **terms)  # type: ignore[arg-type]


def look_plan(experiment: Experiment) -> SequentialPlan:
    """Return the bounds of the experiment's looks, at their declared shares of the information."""
    return sequential_plan(
        experiment.fractions, alpha=experiment.alpha, spending=experiment.spending,
        power=experiment.futility_power,
    )  # fmt: skip


def is_futile(experiment: Experiment, primary: Estimate, looks_taken: int) -> bool:
    """Tell whether the primary effect lies below this look's futility bound."""
    if experiment.futility_power is None or looks_taken >= experiment.looks:
        return False
    z = primary.difference / primary.standard_error * (1 if primary.higher_is_better else -1)
    return bool(z < look_plan(experiment).futility[_at(experiment, looks_taken)])


def _at(experiment: Experiment, looks_taken: int) -> int:
    """Return the position of a look; looks beyond the plan are judged as the last one."""
    return min(looks_taken, experiment.looks) - 1


def _compared(
    evidence: Evidence, metric: MetricDefinition, arm: str
) -> tuple[Contrast, str]:  # fmt: skip
    """Return the contrast of an arm, and its method where it is not one of plain sums."""
    control = evidence.experiment.control
    if metric.kind is MetricKind.TIME_TO_EVENT:
        return _time(evidence, metric, arm)
    if metric.strata:
        both = post_stratified(evidence.strata[metric.name], metric, control, arm)
        adjusted = f", CUPED on {', '.join(metric.covariates)}" if metric.covariates else ""
        lost = f", without {', '.join(both.left_out)} (an arm is missing)" if both.left_out else ""
        return both, f"post-stratified by {metric.strata}{adjusted}{lost}"
    if evidence.experiment.block:
        return _blocked(evidence, metric, arm)
    of = evidence.statistics.of
    a, b = of(metric.name, control), of(metric.name, arm)
    if evidence.experiment.cluster and a.n + b.n <= MOST_CLUSTERS:
        return _clustered(evidence, metric, arm), method_name(metric, "clusters, CR2")
    return contrast(a, b, metric), ""


def _blocked(evidence: Evidence, metric: MetricDefinition, arm: str) -> tuple[Contrast, str]:
    """Return the contrast of an arm over the blocks that it shares with control."""
    plan = evidence.experiment
    both = blocked_contrast(
        evidence.units, metric, (plan.control, arm), str(plan.block), plan.count
    )
    blocks = f"{both.degrees_of_freedom + 1:,.0f} blocks of {plan.block}"
    return both, f"paired by {blocks}"


def _clustered(evidence: Evidence, metric: MetricDefinition, arm: str) -> Contrast:
    """Return the contrast of an arm whose clusters are few enough to be looked at one by one."""
    engine, plan = evidence.engine, evidence.experiment
    columns = metric_columns(engine, TABLE, [metric])[metric.name]
    sides = []
    for name in (plan.control, arm):
        engine.register("cluster_units", evidence.units[evidence.units["arm"] == name])
        sums = unit_sums(engine, "cluster_units", metric, plan.cluster, columns)
        sides.append(cluster_values(sums, metric))
    both = compare(sides[0], sides[1], metric)
    if not both.standard_error > 0:
        raise constant(metric)
    return both


def _quantile(evidence: Evidence, metric: MetricDefinition, arm: str, alpha: float) -> Estimate:
    """Return the effect on a quantile, by the order statistics around it."""
    plan, level = evidence.experiment, float(metric.quantile or 0.5)
    (a, of_a), (b, of_b) = (
        unit_outcomes(evidence.units, metric, name, plan.cluster) for name in (plan.control, arm)
    )
    found = quantile_effect(
        a, b, level, unit=metric.unit, alpha=alpha, control_clusters=of_a, treatment_clusters=of_b
    )
    both = independent_contrast(
        found.control, found.treatment, found.control_error, found.treatment_error, len(a), len(b)
    )
    method = f"quantile {100 * level:g} %, Woodruff" + (", clusters" if plan.cluster else "")
    if plan.analysis is Analysis.ALWAYS_VALID:
        _require_smooth(np.concatenate([a, b]), level)
        return _any_time(both, metric, plan, arm, method)
    interval = found.ci_low, found.ci_high, found.p_value, method
    return of_contrast(both, metric, interval, arm=arm, control_arm=plan.control, alpha=alpha)


def _require_smooth(values: Array, quantile: float) -> None:
    """Refuse an always-valid reading of a quantile that many units share."""
    middle = np.quantile(values, quantile, method="inverted_cdf")
    if (share := float(np.mean(values == middle))) > MOST_TIED:
        raise EvidenceError(
            f"{percent(share, 0)} of the units have the value of the quantile itself, and no "
            "always-valid interval holds for a quantile of tied values.",
            "Compare the mean, or the share of units above a value, or read at planned looks.",
        )


def _time(
    evidence: Evidence, metric: MetricDefinition, arm: str
) -> tuple[Contrast, str]:  # fmt: skip
    """Return the contrast of a restricted mean time."""
    a, b = (
        outcome_values(evidence.units, metric, name) for name in (evidence.experiment.control, arm)
    )
    found = time_to_event_effect(
        (a[:, 0], a[:, 1]), (b[:, 0], b[:, 1]), float(metric.horizon or 0.0)
    )
    both = independent_contrast(
        found.control, found.treatment, found.control_error, found.treatment_error, len(a), len(b)
    )
    rank = f"log-rank p = {found.log_rank_p_value:.3g}"
    return both, f"restricted mean time to {metric.horizon:g}, {rank}"


def independent_contrast(
    control: float, treatment: float, of_control: float, of_treatment: float, n: int, m: int
) -> Contrast:
    """Return the contrast of two independent values with normal errors.

    Parameters
    ----------
    control, treatment
        Value of each arm.
    of_control, of_treatment
        Standard error of each.
    n, m
        Units of each.
    """
    covariance = np.diag([of_control**2, of_treatment**2])
    return Contrast(control, treatment, covariance, math.inf, n, m, np.zeros(0), 0.0)


def _any_time(
    both: Contrast, metric: MetricDefinition, plan: Experiment, arm: str, method: str
) -> Estimate:
    """Return the estimate with its confidence sequence, for the relative lift, too."""
    valid = always_valid(both, int(plan.tuned_at or 1), plan.alpha)
    half = (valid.ci_high - valid.ci_low) / 2
    level = 2 * float(special.ndtr(-half / both.standard_error))
    name = "confidence sequence" + (f", {method}" if method else "")
    found = of_contrast(
        both, metric, (valid.ci_low, valid.ci_high, valid.p_value, name),
        arm=arm, control_arm=plan.control, alpha=plan.alpha,
    )  # fmt: skip
    relative = relative_lift(both.control, both.treatment, both.covariance, math.inf, level)
    return replace(found, relative=relative)


def _redrawn(
    evidence: Evidence, metric: MetricDefinition, both: Contrast, found: Estimate
) -> Estimate:
    """Return the estimate from redrawn assignments where its mean is too skewed for Student's t."""
    if metric.kind not in (MetricKind.MEAN, MetricKind.WINSORISED) or evidence.experiment.cluster:
        return found
    if found.alpha / 2 * (DRAWS + 1) < FEWEST_TAIL_DRAWS:
        return found
    control = evidence.experiment.control
    a, b = adjusted_outcomes(evidence.units, metric, control, found.arm, both.coefficients)
    if difference_skewness(np.concatenate([a, b]), len(a), len(b)) <= TOLERATED:
        return found
    anew = redrawn(a, b, both, alpha=found.alpha, seed=evidence.seed)
    low, high, p_value, name = anew.interval
    return replace(
        found, ci_low=low, ci_high=high, p_value=p_value, adjusted_p_value=p_value,
        relative=anew.relative, method=name + found.method.removeprefix("Welch's t"),
    )  # fmt: skip


def adjusted_outcomes(
    units: pd.DataFrame, metric: MetricDefinition, control: str, arm: str, coefficients: Array
) -> tuple[Array, Array]:
    """Return the units' outcomes less what their covariates say of them, in both arms.

    Covariates are centred at their mean over both arms, so that the arms' means are those of the
    adjusted contrast.
    """
    a, b = (outcome_values(units, metric, name) for name in (control, arm))
    if metric.winsorise_at is not None:
        cap = caps_of(units, metric)[metric.column]
        a[:, 0], b[:, 0] = np.minimum(a[:, 0], cap), np.minimum(b[:, 0], cap)
    if not len(coefficients):
        return a[:, 0], b[:, 0]
    centre = np.concatenate([a[:, 1:], b[:, 1:]]).mean(axis=0)
    return a[:, 0] - (a[:, 1:] - centre) @ coefficients, b[:, 0] - (
        b[:, 1:] - centre
    ) @ coefficients

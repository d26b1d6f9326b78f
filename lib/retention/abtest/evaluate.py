"""One declared experiment, from units to verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from retention.abtest import trust
from retention.abtest.bayes import NormalPrior, Posterior, posterior
from retention.abtest.blocks import block_check
from retention.abtest.clusters import cluster_check, cluster_counts
from retention.abtest.collect import collect
from retention.abtest.decision import Guardrail, decide
from retention.abtest.estimates import Estimate, unreadable
from retention.abtest.estimators import TABLE, Evidence, estimate_arm, gather, is_futile
from retention.abtest.experiment import Analysis, Experiment
from retention.abtest.heterogeneity import SegmentEffects, segment_effects, segment_labels
from retention.abtest.metrics import MetricDefinition, Role
from retention.abtest.multiplicity import adjust, correct
from retention.abtest.result import ExperimentResult
from retention.abtest.sample_ratio import SampleRatio, sample_ratio, sequential_sample_ratio
from retention.abtest.unit_values import numbers
from retention.abtest.watching import arrivals
from retention.engine import Engine
from retention.errors import EvidenceError
from retention.features.dates import epoch_of
from retention.results import Check


def evaluate(
    engine: Engine,
    units: pd.DataFrame,
    experiment: Experiment,
    *,
    covariates: Sequence[str] | None = None,
    segment: str | None = None,
    assignments: pd.DataFrame | None = None,
    as_of: str | None = None,
    looks_taken: int = 1,
    prior: NormalPrior | None = None,
    currencies: Sequence[str] = (),
    extra_checks: Sequence[Check] = (),
    seed: int = 0,
) -> ExperimentResult:
    """Evaluate a declared experiment on its units.

    Parameters
    ----------
    engine
        Engine to aggregate with.
    units
        One row per unit: ``unit_key``, ``arm``, the metrics' columns and covariates.
    experiment
        The plan; nothing of it is chosen here.
    covariates
        Pre-period columns for the balance check; those that the frame itself names in
        ``attrs["covariates"]`` if not given.
    segment
        Column within which the split is checked, too; the declared segments are in any case.
    assignments
        Rows with ``arm, assigned_epoch_s, exposed_epoch_s`` for the checks on exposure, dates and
        the split over time.
    as_of
        ISO date; assignments on or after it are in the future.
    looks_taken
        How often the result has been looked at, this time included.
    prior
        Prior of the primary effect, in its unit or relative to control; flat if not given.
    currencies
        Currencies of the money outcomes; more than one fails a check.
    extra_checks
        Checks made elsewhere that bear on the verdict (plan changed ...).
    seed
        Seed of what is drawn: redrawn assignments of a mean too skewed for Student's t.

    Raises
    ------
    EvidenceError
        If an arm is empty, or no metric can be read. One that cannot be (it does not vary, an arm
        has one cluster) says so in its estimate's ``reason`` and in a check; the others are read.
    InputError
        If a metric's column is missing or has nulls that its policy forbids.
    """
    trust.require_arms(units, list(experiment.arms))
    known = units.attrs.get("covariates", ()) if covariates is None else covariates
    split = _split(units, experiment)
    within = [*experiment.segments, *([segment] if segment else [])]
    checks = [split.check()]
    if experiment.block:
        checks += _block_checks(units, experiment)
    else:
        checks += _checks(units, experiment, known, within)
    if assignments is not None:
        checks += _log_checks(assignments, units, experiment, as_of)
    if currencies:
        checks.append(trust.mixed_currencies(currencies))
    allowed = experiment.analysis is Analysis.ALWAYS_VALID
    checks.append(trust.peeking(looks_taken, experiment.looks, always_valid=allowed))
    checks += extra_checks
    evidence = gather(engine, units, experiment, seed)
    estimates = _estimates(evidence, looks_taken)
    checks += trust.unread_metrics(estimates)
    segments = _segments(engine, units, experiment)
    return _judged(evidence, split, checks, estimates, segments, prior, looks_taken)


def _block_checks(units: pd.DataFrame, experiment: Experiment) -> list[Check]:
    """Return the checks of an experiment whose arms are compared within blocks."""
    outcomes = list(dict.fromkeys(c for m in experiment.metrics for c in m.outcome_columns))
    found = [block_check(units, str(experiment.block), list(experiment.arms))]
    return [*found, trust.missing_outcomes(units, [c for c in outcomes if c in units])]


def _split(units: pd.DataFrame, experiment: Experiment) -> SampleRatio:
    """Return the split of what was drawn: clusters where there are some, else units.

    Rows that sum up units count as many as they say.
    """
    if experiment.count is not None:
        sizes = numbers(units, [experiment.count])[experiment.count].groupby(units["arm"]).sum()
        counts = {arm: round(float(sizes[arm])) for arm in experiment.arms}
    elif experiment.cluster is not None:
        counts = cluster_counts(units, experiment.cluster, list(experiment.arms))
    else:
        found = units["arm"].value_counts()
        counts = {arm: int(found[arm]) for arm in experiment.arms}
    return sample_ratio(counts, experiment.arms)


def _checks(
    units: pd.DataFrame, experiment: Experiment, covariates: Sequence[str], within: Sequence[str]
) -> list[Check]:
    """Return the checks that every experiment takes."""
    outcomes = list(dict.fromkeys(c for m in experiment.metrics for c in m.outcome_columns))
    outcomes = [c for c in outcomes if c in units]
    checks, cluster = [trust.duplicated_units(units)], experiment.cluster
    if cluster is not None:
        checks.append(cluster_check(units, cluster, list(experiment.arms)))
    drawn = ["arm", *([cluster] if cluster else [])]
    for column in within:
        labels = units[drawn].assign(**{column: segment_labels(units, column)})
        checks.append(
            trust.sample_ratio_by_segment(labels, experiment.arms, column, cluster=cluster)
        )
    if covariates:
        checks += [
            trust.balance(units, covariates, experiment.control, arm, cluster=cluster).check()
            for arm in experiment.treatments
        ]
    gaps = trust.missing_outcomes(units, outcomes, cluster=cluster, control=experiment.control)
    return [*checks, gaps, trust.outliers(units, outcomes)]


def _log_checks(
    log: pd.DataFrame, units: pd.DataFrame, experiment: Experiment, as_of: str | None
) -> list[Check]:
    """Return the checks that need the times of the log."""
    end = None if as_of is None else epoch_of(as_of)
    checks = trust.exposure(log, experiment.control, horizon_end_s=end)
    counts = arrivals(_drawn(log, units, experiment.cluster), list(experiment.arms))
    if len(counts) > 1:
        shares = list(experiment.shares.values())
        checks.append(sequential_sample_ratio(counts, shares).check())  # type: ignore[arg-type]
    return checks


def _drawn(log: pd.DataFrame, units: pd.DataFrame, cluster: str | None) -> pd.DataFrame:
    """Return the log of what was drawn: a cluster comes in with its first unit."""
    if cluster is None or "unit_key" not in log or "unit_key" not in units:
        return log
    of_unit = units.drop_duplicates("unit_key").set_index("unit_key")[cluster]
    first = log.assign(cluster=log["unit_key"].map(of_unit)).sort_values("assigned_epoch_s")
    return first.drop_duplicates("cluster")


def _estimates(evidence: Evidence, looks_taken: int) -> list[Estimate]:
    """Return every metric and arm, corrected within each role."""
    plan, estimates = evidence.experiment, []
    for role in Role:
        family = [
            _estimate_or_reason(evidence, metric, arm, looks_taken)
            for metric in plan.metrics
            if metric.role is role
            for arm in plan.treatments
        ]
        estimates += correct(family, "none" if role is Role.GUARDRAIL else plan.correction)
    if not any(found.readable for found in estimates):
        raise EvidenceError(
            f"No metric of {plan.name!r} can be read. {estimates[0].reason}",
            "Declare a metric that varies, or wait for more units.",
        )
    return estimates


def _estimate_or_reason(
    evidence: Evidence, metric: MetricDefinition, arm: str, looks_taken: int
) -> Estimate:
    """Return the estimate of an arm, or why there is none."""
    plan = evidence.experiment
    try:
        return estimate_arm(evidence, metric, arm, looks_taken)
    except EvidenceError as error:
        reason = f"{error.problem} {error.mend}"
        return unreadable(metric, arm, plan.control, plan.alpha, reason)


def _segments(
    engine: Engine, units: pd.DataFrame, experiment: Experiment
) -> tuple[SegmentEffects, ...]:
    """Return the primary effect within each declared split, interaction tests corrected by Holm."""
    metric, found = replace(experiment.primary, strata=None), []
    for column in experiment.segments:
        # Under a name of its own: the column itself may be a covariate, too.
        name = f"segment of {column}"
        engine.register(TABLE, units.assign(**{name: segment_labels(units, column)}))
        statistics = collect(engine, TABLE, [metric], segment=name, cluster=experiment.cluster)
        for arm in experiment.treatments:
            try:
                effects = segment_effects(
                    statistics, metric, experiment.control, arm, alpha=experiment.alpha
                )
            except EvidenceError:  # too small to split: the common effect is all there is to say
                continue
            found.append(replace(effects, column=column))
    corrected = adjust([f.interaction_p_value for f in found])
    return tuple(
        replace(f, interaction_p_value=float(p)) for f, p in zip(found, corrected, strict=True)
    )


def _guardrails(estimates: Sequence[Estimate], experiment: Experiment) -> list[Guardrail]:
    """Return the guardrails with their margins in the metric's unit."""
    metrics = {m.name: m for m in experiment.metrics if m.role is Role.GUARDRAIL}
    return [
        Guardrail(e, _margin(metrics[e.metric], e.control_value))
        for e in estimates
        if e.metric in metrics
    ]


def _margin(metric: MetricDefinition, control_value: float) -> float:
    """Return the largest tolerable loss in the metric's unit."""
    if metric.absolute_margin is not None:
        return metric.absolute_margin
    return (metric.non_inferiority_margin or 0.0) * abs(control_value)


def _belief(found: Estimate, plan: Experiment, prior: NormalPrior | None) -> Posterior:
    """Return the posterior of a primary effect, its chance to win against the rule's minimum."""
    own = (prior or NormalPrior()).in_unit(
        found.control_value, higher_is_better=found.higher_is_better
    )
    return posterior(
        found.difference, found.standard_error, own, alpha=plan.alpha,
        higher_is_better=found.higher_is_better, minimum=plan.rule.minimum_effect,
    )  # fmt: skip


def _judged(
    evidence: Evidence,
    split: SampleRatio,
    checks: Sequence[Check],
    estimates: Sequence[Estimate],
    segments: tuple[SegmentEffects, ...],
    prior: NormalPrior | None,
    looks_taken: int,
) -> ExperimentResult:
    """Add beliefs and verdicts."""
    plan = evidence.experiment
    guardrails = _guardrails(estimates, plan)
    beliefs, verdicts = {}, []
    for found in [e for e in estimates if e.metric == plan.primary.name]:
        if found.readable:
            beliefs[found.arm] = _belief(found, plan, prior)
        verdicts.append(decide(
            found, [g for g in guardrails if g.estimate.arm == found.arm], checks, plan.rule,
            beliefs.get(found.arm), is_futile=is_futile(plan, found, looks_taken),
            looks_left=max(plan.looks - looks_taken, 0),
        ))  # fmt: skip
    return ExperimentResult(
        plan, evidence.statistics, split, tuple(checks), tuple(estimates), tuple(guardrails),
        beliefs, tuple(verdicts), segments,
    )  # fmt: skip

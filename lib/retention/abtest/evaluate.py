"""One declared experiment, from units to verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from retention.abtest import trust
from retention.abtest.bayes import NormalPrior, Posterior, posterior
from retention.abtest.collect import collect
from retention.abtest.confidence_sequence import always_valid
from retention.abtest.decision import Decision, Guardrail, Verdict, decide
from retention.abtest.estimates import Estimate, contrast, estimate
from retention.abtest.experiment import Analysis, Experiment
from retention.abtest.metrics import MetricDefinition, Role
from retention.abtest.multiplicity import correct
from retention.abtest.sample_ratio import SampleRatio, sample_ratio
from retention.abtest.sequential import sequential_plan
from retention.abtest.statistics import Statistics
from retention.abtest.wording import percent, quantity
from retention.engine import Engine
from retention.features import epoch_of
from retention.results import Check, Metric


@dataclass(frozen=True, eq=False)
class ExperimentResult:
    """Everything an experiment says: checks, estimates, read-outs and a verdict for each arm."""

    experiment: Experiment
    statistics: Statistics
    split: SampleRatio
    checks: tuple[Check, ...]
    estimates: tuple[Estimate, ...]
    guardrails: tuple[Guardrail, ...]
    beliefs: dict[str, Posterior]
    verdicts: tuple[Verdict, ...]

    @property
    def best(self) -> Verdict:
        """The verdict to act on: a shipped arm before others, then the larger gain."""
        order = [Decision.INVALID, Decision.SHIP, Decision.KEEP_RUNNING, Decision.DONT_SHIP]
        sign = 1 if self.experiment.primary.higher_is_better else -1
        return min(
            self.verdicts, key=lambda v: (order.index(v.decision), -sign * v.primary.difference)
        )

    def of(self, metric: str, arm: str) -> Estimate:
        """Return the estimate of one metric and arm."""
        return next(e for e in self.estimates if (e.metric, e.arm) == (metric, arm))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per metric and arm."""
        return pd.concat([e.to_frame() for e in self.estimates], ignore_index=True)

    @property
    def leading(self) -> Estimate:
        """Estimate of the primary metric in the arm to act on."""
        return self.best.primary

    def table(self) -> pd.DataFrame:
        """Return the readable table of effects."""
        return pd.DataFrame(
            [
                {
                    "role": self.experiment.metric(e.metric).role.value,
                    "metric": e.metric,
                    "arm": e.arm,
                    "control": quantity(e.control_value, e.unit),
                    "arm_value": quantity(e.treatment_value, e.unit),
                    "difference": quantity(e.difference, e.unit, signed=True),
                    "interval": f"{quantity(e.ci_low, e.unit, signed=True)} to "
                    f"{quantity(e.ci_high, e.unit, signed=True)}",
                    "relative": e.relative.summary(),
                    "p_corrected": f"{e.adjusted_p_value:.3g}",
                    "n": e.n_control + e.n_treatment,
                }
                for e in self.estimates
            ]
        )

    def beliefs_table(self) -> pd.DataFrame:
        """Return chance to win and expected losses of each arm."""
        return pd.DataFrame(
            [
                {
                    "arm": arm,
                    "chance_to_win": percent(b.chance_to_win, 1),
                    "expected_loss_if_chosen": b.loss_if_treatment,
                    "expected_loss_if_not": b.loss_if_control,
                    "unit": self.experiment.primary.unit,
                    "prior": b.prior.summary(),
                }
                for arm, b in self.beliefs.items()
            ]
        )

    def verdicts_table(self) -> pd.DataFrame:
        """Return decision and sentence of each arm."""
        return pd.DataFrame(
            [(v.primary.arm, str(v.decision), v.sentence) for v in self.verdicts],
            columns=["arm", "decision", "why"],
        )

    def metrics(self) -> list[Metric]:
        """Return the effects as figures for the result file."""
        return [
            Metric(f"{e.metric}, {e.arm} - {e.control_arm}", e.difference, e.unit, e.ci_low,
                   e.ci_high, e.n_control + e.n_treatment)
            for e in self.estimates
        ]  # fmt: skip

    def summary(self) -> str:
        """Return the verdict of the arm to act on."""
        return self.best.summary()


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
    extra_checks: Sequence[Check] = (),
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
        Column within which the split is checked too.
    assignments
        Rows with ``arm, assigned_epoch_s, exposed_epoch_s`` for the exposure checks.
    as_of
        ISO date; assignments on or after it are in the future.
    looks_taken
        How often the result has been looked at, this time included.
    prior
        Prior of the primary effect, in its unit; flat if not given.
    extra_checks
        Checks made elsewhere that bear on the verdict (currency, plan changed ...).

    Raises
    ------
    EvidenceError
        If an arm is empty or a metric does not vary.
    InputError
        If a metric's column is missing or has nulls that its policy forbids.
    """
    trust.require_arms(units, list(experiment.arms))
    known = units.attrs.get("covariates", ()) if covariates is None else covariates
    engine.register("experiment_units", units)
    statistics = collect(engine, "experiment_units", experiment.metrics)
    counts = units["arm"].value_counts()
    split = sample_ratio({a: int(counts[a]) for a in experiment.arms}, experiment.arms)
    checks = [split.check(), *_checks(units, experiment, known, segment)]
    if assignments is not None:
        end = None if as_of is None else epoch_of(as_of)
        checks += trust.exposure(assignments, experiment.control, horizon_end_s=end)
    allowed = experiment.analysis is Analysis.ALWAYS_VALID
    checks.append(trust.peeking(looks_taken, experiment.looks, always_valid=allowed))
    checks += extra_checks
    estimates = _estimates(statistics, experiment, looks_taken)
    guardrails = _guardrails(estimates, experiment)
    return _judged(experiment, statistics, split, checks, estimates, guardrails, prior)


def _checks(
    units: pd.DataFrame, experiment: Experiment, covariates: Sequence[str], segment: str | None
) -> list[Check]:
    """Return the checks that every experiment takes."""
    outcomes = list(dict.fromkeys(c for m in experiment.metrics for c in m.outcome_columns))
    checks = [trust.duplicated_units(units)]
    if segment is not None:
        checks.append(trust.sample_ratio_by_segment(units, experiment.arms, segment))
    if covariates:
        checks += [
            trust.balance(units, covariates, experiment.control, arm).check()
            for arm in experiment.treatments
        ]
    return [*checks, trust.missing_outcomes(units, outcomes), trust.outliers(units, outcomes)]


def _estimates(statistics: Statistics, experiment: Experiment, looks_taken: int) -> list[Estimate]:
    """Return every metric and arm, corrected within each role."""
    estimates: list[Estimate] = []
    for role in Role:
        family = [
            _estimate(statistics, experiment, metric, arm, looks_taken)
            for metric in experiment.metrics
            if metric.role is role
            for arm in experiment.treatments
        ]
        method = "none" if role is Role.GUARDRAIL else experiment.correction
        estimates += correct(family, method)
    return estimates


def _estimate(
    statistics: Statistics,
    experiment: Experiment,
    metric: MetricDefinition,
    arm: str,
    looks_taken: int,
) -> Estimate:
    """Return one estimate by the analysis that the plan chose."""
    control, treatment = (
        statistics.of(metric.name, experiment.control),
        statistics.of(metric.name, arm),
    )
    alpha = experiment.alpha
    if experiment.analysis is Analysis.GROUP_SEQUENTIAL:
        alpha = _alpha_at_look(experiment, looks_taken)
    found = estimate(
        control, treatment, metric, arm=arm, control_arm=experiment.control, alpha=alpha
    )
    if experiment.analysis is Analysis.ALWAYS_VALID and experiment.tuned_at:
        valid = always_valid(contrast(control, treatment, metric), experiment.tuned_at, alpha)
        return replace(
            found, ci_low=valid.ci_low, ci_high=valid.ci_high, p_value=valid.p_value,
            adjusted_p_value=valid.p_value, method="confidence sequence",
        )  # fmt: skip
    return found


def _alpha_at_look(experiment: Experiment, looks_taken: int) -> float:
    """Return the nominal two-sided level of this look."""
    looks = experiment.looks
    plan = sequential_plan(
        [(k + 1) / looks for k in range(looks)],
        alpha=experiment.alpha,
        spending=experiment.spending,
    )
    return float(plan.to_frame()["nominal_p_value"].iloc[min(looks_taken, looks) - 1])


def _guardrails(estimates: Sequence[Estimate], experiment: Experiment) -> list[Guardrail]:
    """Return the guardrails with their margins in the metric's unit."""
    margins = {
        m.name: m.non_inferiority_margin or 0.0
        for m in experiment.metrics
        if m.role is Role.GUARDRAIL
    }
    return [
        Guardrail(e, margins[e.metric] * abs(e.control_value))
        for e in estimates
        if e.metric in margins
    ]


def _judged(
    experiment: Experiment,
    statistics: Statistics,
    split: SampleRatio,
    checks: Sequence[Check],
    estimates: Sequence[Estimate],
    guardrails: Sequence[Guardrail],
    prior: NormalPrior | None,
) -> ExperimentResult:
    """Add beliefs and verdicts."""
    beliefs, verdicts = {}, []
    for found in [e for e in estimates if e.metric == experiment.primary.name]:
        beliefs[found.arm] = posterior(
            found.difference, found.standard_error, prior,
            alpha=experiment.alpha, higher_is_better=found.higher_is_better,
        )  # fmt: skip
        guards = [g for g in guardrails if g.estimate.arm == found.arm]
        verdicts.append(decide(found, guards, checks, experiment.rule, beliefs[found.arm]))
    return ExperimentResult(
        experiment, statistics, split, tuple(checks), tuple(estimates), tuple(guardrails),
        beliefs, tuple(verdicts),
    )  # fmt: skip

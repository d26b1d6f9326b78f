"""A planned experiment rehearsed on the shop's past: its own metrics, arms, strata and looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from retention.abtest.baseline import past_units
from retention.abtest.experiment import Analysis, Experiment, read_experiment
from retention.abtest.simulation import Rehearsal, few_enough, rehearse
from retention.abtest.watching import experiment_units, with_channel
from retention.engine import Engine
from retention.errors import EvidenceError, RetentionError
from retention.features import sampled_customers
from retention.results import Check, percent


@dataclass(frozen=True, eq=False)
class PlanRehearsal:
    """What a planned experiment does on past customers, metric by metric.

    ``left_out`` says of every metric that could not be rehearsed why.
    """

    plan: Experiment | None
    found: tuple[Rehearsal, ...]
    left_out: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per metric: how it is read, false positives and power."""
        rows = [
            {
                "metric": r.metric,
                "looks": f"{r.looks}, always valid" if r.is_always_valid else f"{r.looks}",
                "false_positives": percent(r.false_positive_rate, 1),
                "interval": f"{percent(r.false_positive_low, 1)} to "
                f"{percent(r.false_positive_high, 1)}",
                "nominal": percent(r.alpha, 1),
                "lift": percent(r.relative_effect, 0),
                "power": percent(r.power, 0),
                "n": r.units,
            }
            for r in self.found
        ]
        return pd.DataFrame(rows)

    def checks(self) -> list[Check]:
        """Return the check on the false-positive rate of each metric."""
        return [replace(r.check(), detail=f"Planned: {r.summary()}") for r in self.found]

    def summary(self) -> str:
        """Say whether the plan keeps its promises on past customers."""
        if self.plan is None:
            return "No experiment is planned, so none is rehearsed."
        primary = [r for r in self.found if r.metric == self.plan.primary.name]
        said = [f"{self.plan.name} as planned: {r.summary()}" for r in primary]
        return " ".join([*said, *self.left_out]) or f"{self.plan.name} has nothing to rehearse."


def rehearse_planned(
    engine: Engine,
    folder: Path,
    name: str,
    as_of: str,
    *,
    relative_effect: float,
    draws: int,
    seed: int,
    past_experiment: str = "",
    control_arm: str = "",
    known: tuple[int, pd.DataFrame] | None = None,
    most_customers: int | None = None,
) -> PlanRehearsal:
    """Rehearse an experiment as its file declares it, on customers to whom nothing was done.

    Every metric is read by the estimator that its kind and strata ask for, under the plan's shares,
    level, clusters, strata, looks and information fractions, or as an always-valid test. Of several
    arms the first treatment is compared with control, at the level shared among the treatments.

    Parameters
    ----------
    engine
        Engine with the snapshot's tables.
    folder, name
        Folder of the experiments' files and the experiment; an empty name rehearses nothing.
    as_of
        ISO date at which the past window, as long as the plan's horizon, ends.
    relative_effect, draws, seed
        As in :func:`retention.abtest.rehearse`.
    past_experiment, control_arm
        Past test whose control arm stands for the past; past customers if empty.
    known
        Past customers of a window that have been fetched already, behind its length in days.
    most_customers
        As in :func:`retention.abtest.simulation.few_enough`.
    """
    if not name:
        return PlanRehearsal(None, (), ())
    plan = read_experiment(folder, name)
    if known and known[0] == plan.horizon_days and not past_experiment:
        units = few_enough(with_channel(engine, known[1]), most_customers, plan.cluster)
    else:
        units = _past(engine, plan, as_of, past_experiment, control_arm, most_customers)
    return rehearse_plan(
        engine, units, plan, relative_effect=relative_effect, draws=draws, seed=seed
    )


def columns_of(plan: Experiment) -> list[str]:
    """Return the columns of past units that a plan reads: features, outcomes and others."""
    read = {plan.cluster, plan.stratify_by, *plan.segments}
    for metric in plan.metrics:
        read |= {metric.column, metric.denominator, metric.event, metric.strata}
        read |= set(metric.covariates)
    return sorted(name for name in read if name)


def planned_columns(folder: Path, name: str) -> list[str]:
    """Return the same of the experiment in a file; an empty name reads nothing."""
    return columns_of(read_experiment(folder, name)) if name else []


def rehearse_plan(
    engine: Engine,
    units: pd.DataFrame,
    plan: Experiment,
    *,
    relative_effect: float,
    draws: int,
    seed: int,
) -> PlanRehearsal:
    """Rehearse a declared experiment on given past units (see :func:`rehearse_planned`)."""
    control, treatment = plan.shares[plan.control], plan.shares[plan.treatments[0]]
    found, left_out = [], []
    for metric in plan.metrics:
        try:
            found.append(rehearse(
                engine, units, metric, relative_effect=relative_effect, draws=draws, seed=seed,
                share_treatment=treatment / (control + treatment),
                alpha=plan.alpha / len(plan.treatments), cluster=plan.cluster,
                stratify_by=plan.stratify_by, looks=plan.looks, spending=plan.spending,
                information=plan.information,
                tuned_at=plan.tuned_at if plan.analysis is Analysis.ALWAYS_VALID else None,
            ))  # fmt: skip
        except RetentionError as error:
            left_out.append(f"{metric.name} could not be rehearsed: {error.problem}")
    return PlanRehearsal(plan, tuple(found), tuple(left_out))


def _past(
    engine: Engine, plan: Experiment, as_of: str, past_experiment: str, control_arm: str,
    most_customers: int | None,
) -> pd.DataFrame:  # fmt: skip
    """Return so many units at most to whom nothing was done, with outcomes of the plan's horizon.

    Past customers are drawn before they are fetched, unless whole clusters of them are wanted.
    """
    if not past_experiment:
        with sampled_customers(engine, None if plan.cluster else most_customers):
            past = past_units(engine, as_of, plan.horizon_days, columns_of(plan))
        past = with_channel(engine, past)
        return few_enough(past, most_customers, plan.cluster) if plan.cluster else past
    units = experiment_units(engine, replace(plan, name=past_experiment), as_of)
    units = units[units["arm"] == control_arm].reset_index(drop=True)
    if units.empty:
        raise EvidenceError(
            f"Experiment {past_experiment!r} has no arm {control_arm!r}.", "Name its control arm."
        )
    return few_enough(units, most_customers, plan.cluster)


def rehearsal_checks(found: Sequence[Rehearsal], planned: PlanRehearsal) -> list[Check]:
    """Return the checks of the shop's own metrics and of the planned experiment."""
    return [*(rehearsal.check() for rehearsal in found), *planned.checks()]

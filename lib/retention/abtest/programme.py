"""A programme of experiments: the catalogue of all of them, and the lessons they teach together.

What the programme has found so far says how large true effects are here (the prior), how far a
winner's figure is too good (shrinkage), and how often ideas work at all (hit rate).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from retention.abtest.bayes import NormalPrior, Posterior, posterior
from retention.abtest.decision import Decision, Verdict
from retention.abtest.evaluate import evaluate
from retention.abtest.experiment import Experiment
from retention.abtest.heterogeneity import between_variance
from retention.abtest.register import Registration, plan_changed, register_of
from retention.abtest.result import ExperimentResult
from retention.abtest.watching import assignment_log, currencies, experiment_units
from retention.engine import Engine
from retention.errors import EvidenceError, InputError, ParameterError, RetentionError
from retention.results import Check, percent


class State(StrEnum):
    """Where an experiment stands on the as-of date."""

    PLANNED = "planned"
    RUNNING = "running"
    ENDED = "ended"
    DECIDED = "decided"


def read_programme(folder: Path) -> list[Experiment]:
    """Read every experiment file of a folder, sorted by start and name.

    Raises
    ------
    ParameterError
        If a file's name is not its experiment's name.
    """
    found = []
    for path in sorted(folder.glob("*.yaml")):
        plan = Experiment.from_text(path.read_text(encoding="utf-8"), file=path.name)
        if plan.name != path.stem:
            raise ParameterError(
                f"The file holds experiment {plan.name!r}.",
                f"Name it {plan.name}.yaml, or mend the field.",
                file=path.name,
                column="name",
            )
        found.append(plan)
    return sorted(found, key=lambda plan: (plan.starts, plan.name))


@dataclass(frozen=True)
class PastResult:
    """What one finished experiment said: relative effect of its primary metric, gains positive."""

    name: str
    relative_effect: float
    standard_error: float
    decision: Decision


@dataclass(frozen=True, eq=False)
class ProgrammeLessons:
    """Prior, hit rate and shrinkage that past results teach."""

    experiments: int
    prior: NormalPrior
    hit_rate: float
    hit_rate_low: float
    hit_rate_high: float
    table: pd.DataFrame

    def shrunken(self, relative_effect: float, standard_error: float) -> Posterior:
        """Return what to expect of a new result, given how large effects are here."""
        return posterior(relative_effect, standard_error, self.prior)

    def to_frame(self) -> pd.DataFrame:
        """Return each past result, raw and shrunken."""
        return self.table

    def summary(self) -> str:
        """Say how often ideas work and how far a winner's figure shrinks."""
        winners = self.table[self.table["decision"] == str(Decision.SHIP)]
        spread = percent(self.prior.variance**0.5, 1)
        text = (
            f"{self.experiments} experiments: {percent(self.hit_rate, 0)} shipped "
            f"({percent(self.hit_rate_low, 0)} to {percent(self.hit_rate_high, 0)}); "
            f"true effects here average {percent(self.prior.mean, 1, signed=True)} and vary by "
            f"{spread}."
        )
        if winners.empty:
            return text
        kept = float(winners["shrunken_effect"].sum() / winners["relative_effect"].sum())
        return f"{text} Winners keep about {percent(kept, 0)} of the lift they showed."


def programme_lessons(results: Sequence[PastResult], *, minimum: int = 5) -> ProgrammeLessons:
    """Learn prior, shrinkage and hit rate from past results.

    The prior is the normal distribution of true effects whose mean and variance fit the results
    (Paule & Mandel 1982); a winner's figure is drawn towards it, since the largest of several noisy
    figures is on average too large. The interval of the hit rate is Clopper and Pearson's.

    Parameters
    ----------
    results
        Every finished experiment, also those that failed: leaving them out makes the prior too
        bright.
    minimum
        Fewest results to learn from.

    Raises
    ------
    EvidenceError
        If there are fewer.
    """
    if len(results) < minimum:
        raise EvidenceError(
            f"{len(results)} past results are too few to learn from.",
            f"Use a flat or a sceptical prior until there are {minimum}.",
        )
    effects = np.array([r.relative_effect for r in results])
    errors = np.array([r.standard_error for r in results])
    variance = between_variance(effects, errors)
    weights = 1 / (errors**2 + variance)
    mean = float(np.sum(weights * effects) / weights.sum())
    # Of a new test: the spread of true effects, and how little is known of their mean.
    prior = NormalPrior(mean, variance + 1 / float(weights.sum()))
    hits = sum(r.decision is Decision.SHIP for r in results)
    interval = stats.binomtest(hits, len(results)).proportion_ci(0.95, method="exact")
    posteriors = [posterior(r.relative_effect, r.standard_error, prior) for r in results]
    table = pd.DataFrame({
        "experiment": [r.name for r in results], "relative_effect": effects,
        "standard_error": errors, "shrunken_effect": [p.mean for p in posteriors],
        "chance_to_win": [p.chance_to_win for p in posteriors],
        "decision": [str(r.decision) for r in results],
    })  # fmt: skip
    return ProgrammeLessons(
        len(results), prior, hits / len(results), float(interval.low), float(interval.high), table
    )


def catalogue(
    plans: Sequence[Experiment],
    as_of: str,
    *,
    register: Mapping[str, Registration] | None = None,
    decisions: Mapping[str, str] | None = None,
    notes: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return one row per experiment: state on the as-of date, plan, registration and outcome.

    ``decisions`` are outcomes by name; ``notes`` say why one that has ended has none.
    """
    rows = []
    for plan in plans:
        outcome = (decisions or {}).get(plan.name, "")
        check = plan_changed(plan, (register or {}).get(plan.name))
        rows.append({
            "experiment": plan.name, "state": str(_state(plan, as_of, outcome)),
            "owner": plan.owner, "starts": plan.starts, "ends": plan.ends,
            "primary_metric": plan.primary.name, "hypothesis": plan.hypothesis,
            "plan": check.detail, "outcome": outcome or (notes or {}).get(plan.name, ""),
            "sha256": plan.digest()[:12],
        })  # fmt: skip
    return pd.DataFrame(rows)


def _state(plan: Experiment, as_of: str, outcome: str) -> State:
    """Return where an experiment stands."""
    if outcome:
        return State.DECIDED
    today = date.fromisoformat(as_of)
    if today < date.fromisoformat(plan.starts):
        return State.PLANNED
    return State.RUNNING if today <= date.fromisoformat(plan.ends) else State.ENDED


RESULTS = "results.jsonl"
"""File beside the experiments' own with results from elsewhere: one JSON object a line."""


def stated_prior(deviation: float) -> NormalPrior:
    """Return a normal prior around zero; flat where the standard deviation is 0.

    Examples
    --------
    >>> stated_prior(0.0).summary(), stated_prior(2.0).summary()
    ('flat prior', 'prior normal(0, 2)')
    """
    return NormalPrior(0.0, deviation**2) if deviation else NormalPrior()


@dataclass(frozen=True, eq=False)
class Programme:
    """Every experiment of a profile: its plan, where it stands, what it found."""

    plans: tuple[Experiment, ...]
    table: pd.DataFrame
    past: tuple[PastResult, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return the catalogue, one row per experiment."""
        return self.table

    def catalogue_table(self) -> pd.DataFrame:
        """Return the catalogue as it is shown: state, dates, plan and outcome."""
        shown = self.table.assign(dates=self.table["starts"] + " to " + self.table["ends"])
        return shown[["experiment", "state", "owner", "dates", "primary_metric", "plan", "outcome"]]

    @property
    def lessons(self) -> ProgrammeLessons | None:
        """What the results teach together, None while there are too few."""
        try:
            return programme_lessons(self.past)
        except EvidenceError:
            return None

    def results_frame(self) -> pd.DataFrame:
        """Return every result as found and, where there are enough, as to be expected."""
        lessons = self.lessons
        return pd.DataFrame({
            "result": [r.name for r in self.past],
            "decision": [str(r.decision) for r in self.past],
            "relative_effect": np.array([r.relative_effect for r in self.past], dtype=float),
            "standard_error": np.array([r.standard_error for r in self.past], dtype=float),
            "expected_effect": np.array(
                [np.nan] * len(self.past) if lessons is None
                else lessons.table["shrunken_effect"], dtype=float,
            ),
        })  # fmt: skip

    def prior_for(self, name: str, deviation: float = 0.0, *, learn: bool = True) -> NormalPrior:
        """Return the prior that all *other* experiments' results teach for one of them.

        Where they are too few, a normal prior around zero with the given standard deviation (in
        the primary metric's unit), flat at 0; the prior's ``source`` says which.

        Parameters
        ----------
        name
            Experiment that is to be judged; its own results don't count.
        deviation
            Standard deviation of the prior to fall back on.
        learn
            Whether to learn at all, or to take the stated prior.
        """
        if not learn:
            return stated_prior(deviation)
        others = [r for r in self.past if not r.name.startswith(f"{name}, ")]
        try:
            learned = programme_lessons(others).prior
        except EvidenceError as error:
            return replace(stated_prior(deviation), source=f"for {error.problem[:-1]}")
        source = f"learned from {len(others)} results of other experiments"
        return replace(learned, source=source, is_relative=True)

    def lessons_table(self) -> pd.DataFrame:
        """Return each result as it was found and as it is to be expected after shrinkage."""
        if self.lessons is None:
            rows = [(r.name, percent(r.relative_effect, 1, signed=True)) for r in self.past]
            return pd.DataFrame(rows, columns=["result", "lift_found"])
        found = self.lessons.table
        return pd.DataFrame({
            "result": found["experiment"], "decision": found["decision"],
            "lift_found": [percent(v, 1, signed=True) for v in found["relative_effect"]],
            "lift_to_expect": [percent(v, 1, signed=True) for v in found["shrunken_effect"]],
            "chance_to_win": [percent(v, 0) for v in found["chance_to_win"]],
        })  # fmt: skip

    def summary(self) -> str:
        """Say where the experiments stand, and what they teach."""
        counts = self.table["state"].value_counts()
        states = ", ".join(f"{n} {state}" for state, n in counts.items())
        lessons = self.lessons
        taught = (
            f"{len(self.past)} result(s) are too few to teach a prior." if lessons is None
            else lessons.summary()
        )  # fmt: skip
        return f"{len(self.plans)} experiments declared: {states}. {taught}"


def programme(
    engine: Engine,
    folder: Path,
    as_of: str,
    *,
    seed: int = 0,
    known: Mapping[str, pd.DataFrame] | None = None,
) -> Programme:
    """Judge every experiment of a folder that has ended and whose units the engine knows.

    Results from before, or from elsewhere, count if ``results.jsonl`` in the folder holds them:
    ``{"name": …, "relative_effect": …, "standard_error": …, "decision": "ship"}`` a line.

    Parameters
    ----------
    engine
        Engine with the snapshot's tables.
    folder
        Folder of the experiments' files.
    as_of
        ISO date at which they are looked at.
    seed
        As in :func:`retention.abtest.evaluate`.
    known
        Units of experiments, by name, that have been fetched already.
    """
    plans, register = read_programme(folder), register_of(folder)
    past: list[PastResult | None] = [*_from_elsewhere(folder / RESULTS)]
    decisions, notes = {}, {}
    for plan in plans:
        if date.fromisoformat(as_of) <= date.fromisoformat(plan.ends):
            continue
        try:
            check = plan_changed(plan, register.get(plan.name))
            found = _judge(engine, plan, as_of, check, seed, (known or {}).get(plan.name))
        except RetentionError as error:
            notes[plan.name] = f"Not judged: {error.problem}"
            continue
        decisions[plan.name] = found.summary()
        past += [_past(plan.name, verdict) for verdict in found.verdicts]
    table = catalogue(plans, as_of, register=register, decisions=decisions, notes=notes)
    return Programme(tuple(plans), table, tuple(p for p in past if p is not None))


def _judge(
    engine: Engine, plan: Experiment, as_of: str, check: Check, seed: int,
    units: pd.DataFrame | None,
) -> ExperimentResult:  # fmt: skip
    """Return what an experiment that has ended says."""
    units = experiment_units(engine, plan, as_of) if units is None else units
    return evaluate(
        engine, units, plan, as_of=as_of, looks_taken=plan.looks,
        assignments=assignment_log(engine, plan.name), currencies=currencies(engine, plan.name),
        extra_checks=[check], seed=seed,
    )  # fmt: skip


def _past(name: str, verdict: Verdict) -> PastResult | None:
    """Return a verdict as a relative effect, gains positive; None where it cannot be read."""
    found = verdict.primary
    if verdict.decision is Decision.INVALID or not found.control_value > 0:
        return None
    sign = 1 if found.higher_is_better else -1
    return PastResult(
        f"{name}, {found.arm}", sign * found.difference / found.control_value,
        found.standard_error / found.control_value, verdict.decision,
    )  # fmt: skip


def _from_elsewhere(path: Path) -> Iterator[PastResult]:
    """Yield the results that a file holds."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for number, line in enumerate(lines, 1):
        try:
            given = json.loads(line)
            yield PastResult(
                str(given["name"]), float(given["relative_effect"]),
                float(given["standard_error"]), Decision(given["decision"]),
            )  # fmt: skip
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(
                "This is no past result.",
                "Write name, relative_effect, standard_error and decision as one JSON object.",
                file=path.name,
                line=number,
            ) from error

"""A programme of experiments: a register that tells what was changed, a catalogue, and its lessons.

One experiment is one file; registering it keeps the hash of its plan. What the programme has found
so far says how large true effects are here (the prior), how far a winner's figure is too good
(shrinkage), and how often ideas work at all (hit rate).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from retention.abtest.bayes import NormalPrior, Posterior, posterior
from retention.abtest.codes import AbtestCode
from retention.abtest.decision import Decision
from retention.abtest.experiment import Experiment
from retention.abtest.heterogeneity import between_variance
from retention.abtest.wording import percent
from retention.errors import EvidenceError, InputError, ParameterError
from retention.results import Check, Status

DESCRIPTIVE = ("hypothesis", "owner")
"""Fields that may change after the start without changing what decides."""


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
class Registration:
    """A plan as registered: its hash, its content and the day."""

    name: str
    digest: str
    registered_on: str
    content: Mapping[str, Any]

    @classmethod
    def of(cls, plan: Experiment, registered_on: str) -> Registration:
        """Register a plan as it stands.

        Raises
        ------
        ParameterError
            If the experiment has already started: a plan registered later proves nothing.
        """
        if date.fromisoformat(registered_on) > date.fromisoformat(plan.starts):
            raise ParameterError(
                f"Experiment {plan.name!r} started on {plan.starts}, before it was registered on "
                f"{registered_on}.",
                "Register a plan on or before its first day; mark this one as exploratory.",
                column="starts",
            )
        return cls(plan.name, plan.digest(), registered_on, plan.as_dict())

    def as_line(self) -> str:
        """Return the registration as one JSON line, for an append-only register."""
        return json.dumps(dict(vars(self)), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_line(cls, line: str) -> Registration:
        """Read a line of the register."""
        try:
            return cls(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise InputError(
                "A line of the register cannot be read.", "Restore it; it must not be edited."
            ) from error


def read_register(lines: Iterable[str]) -> dict[str, Registration]:
    """Return the first registration of each experiment; later ones cannot replace it."""
    found: dict[str, Registration] = {}
    for line in lines:
        if line.strip():
            entry = Registration.from_line(line)
            found.setdefault(entry.name, entry)
    return found


def plan_check(folder: Path, plan: Experiment) -> Check:
    """Check a plan against ``<folder>/register.jsonl``; no register, nothing registered."""
    path = folder / "register.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return plan_changed(plan, read_register(lines).get(plan.name))


def plan_changed(plan: Experiment, registered: Registration | None) -> Check:
    """Check a plan against its registration and name the fields that were changed since."""
    if registered is None:
        return Check(
            AbtestCode.PLAN_CHANGED, Status.WARN,
            f"The plan of {plan.name} was not registered before the start.",
            "Take the result as exploratory; register the next plan before its first day.",
        )  # fmt: skip
    if registered.digest == plan.digest():
        detail = f"The plan is as registered on {registered.registered_on}."
        return Check(AbtestCode.PLAN_CHANGED, Status.PASS, detail)
    changed = _differences(registered.content, plan.as_dict())
    decisive = [line for line in changed if not line.startswith(DESCRIPTIVE)]
    return Check(
        AbtestCode.PLAN_CHANGED, Status.FAIL if decisive else Status.WARN,
        f"Changed since registration on {registered.registered_on}: {', '.join(changed)}.",
        "Judge by the registered plan, or take the result as exploratory." if decisive
        else "The words were changed, not what decides.",
    )  # fmt: skip


def _differences(before: Any, after: Any, prefix: str = "") -> list[str]:
    """Return the paths whose values differ, with both values."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return [
            line
            for key in sorted({*before, *after})
            for line in _differences(before.get(key), after.get(key), f"{prefix}.{key}".strip("."))
        ]
    return [] if before == after else [f"{prefix} ({before} to {after})"]


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
            f"{self.experiments} experiments: {percent(self.hit_rate)} shipped "
            f"({percent(self.hit_rate_low)} to {percent(self.hit_rate_high)}); true effects here "
            f"average {percent(self.prior.mean, 1, signed=True)} and vary by {spread}."
        )
        if winners.empty:
            return text
        kept = float(winners["shrunken_effect"].sum() / winners["relative_effect"].sum())
        return f"{text} Winners keep about {percent(kept)} of the lift they showed."


def programme_lessons(results: Sequence[PastResult], *, minimum: int = 3) -> ProgrammeLessons:
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
    prior = NormalPrior(mean, max(variance, 1e-12))
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
) -> pd.DataFrame:
    """Return one row per experiment: state on the as-of date, plan, registration and outcome."""
    rows = []
    for plan in plans:
        outcome = (decisions or {}).get(plan.name, "")
        check = plan_changed(plan, (register or {}).get(plan.name))
        rows.append({
            "experiment": plan.name, "state": str(_state(plan, as_of, outcome)),
            "owner": plan.owner, "starts": plan.starts, "ends": plan.ends,
            "primary_metric": plan.primary.name, "hypothesis": plan.hypothesis,
            "plan": check.detail, "outcome": outcome, "sha256": plan.digest()[:12],
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

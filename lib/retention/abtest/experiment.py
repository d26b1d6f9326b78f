"""An experiment as declared: hypothesis, owner, arms, dates, metrics and decision rule.

It stands in a YAML file and is hashed when registered, so that whatever is changed after the start
can be told (see programme.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from retention.abtest.decision import DecisionRule
from retention.abtest.metrics import MetricDefinition, MetricKind, NullPolicy, Role
from retention.abtest.wording import percent
from retention.errors import InputError, ParameterError


class Analysis(StrEnum):
    """How often the result may be looked at."""

    FIXED = "fixed"
    GROUP_SEQUENTIAL = "group_sequential"
    ALWAYS_VALID = "always_valid"


@dataclass(frozen=True)
class Experiment:
    """A declared experiment.

    Parameters
    ----------
    name
        Key in the assignment table and name of its file.
    hypothesis, owner, unit
        What is believed and why, who answers for it, what is randomised.
    control
        The arm the others are compared with.
    arms
        Planned share of each arm.
    starts, ends
        ISO dates of the first assignment and of the last outcome counted.
    horizon_days
        Days after a unit's own assignment in which its outcomes count.
    metrics
        Primary, secondary and guardrail metrics; exactly one primary.
    rule
        Decision rule.
    alpha, correction
        Two-sided level; correction over the primary comparisons of several arms.
    analysis, looks, spending, tuned_at
        How one may peek: number of planned looks and spending function, or the units at which the
        confidence sequence is tightest.

    Examples
    --------
    >>> Experiment.from_text(EXAMPLE).treatments
    ('email',)
    """

    name: str
    hypothesis: str
    owner: str
    unit: str
    control: str
    arms: Mapping[str, float]
    starts: str
    ends: str
    horizon_days: int
    metrics: tuple[MetricDefinition, ...]
    rule: DecisionRule = field(default_factory=DecisionRule)
    alpha: float = 0.05
    correction: str = "holm"
    analysis: Analysis = Analysis.FIXED
    looks: int = 1
    spending: str = "obrien_fleming"
    tuned_at: int | None = None

    def __post_init__(self) -> None:
        """Refuse a plan that cannot be followed."""
        if self.control not in self.arms or len(self.arms) < 2:
            raise ParameterError(
                f"Experiment {self.name!r} has arms {sorted(self.arms)} and control "
                f"{self.control!r}.",
                "Name at least two arms, one of them the control.",
                column="arms",
            )
        if sum(m.role is Role.PRIMARY for m in self.metrics) != 1:
            raise ParameterError(
                f"Experiment {self.name!r} does not have exactly one primary metric.",
                "Give one metric `role: primary`; the others are secondary or guardrail.",
                column="metrics",
            )
        if date.fromisoformat(self.ends) < date.fromisoformat(self.starts):
            raise ParameterError(
                f"Experiment {self.name!r} ends on {self.ends}, before it starts.",
                "Swap the dates.",
                column="ends",
            )
        if self.analysis is Analysis.ALWAYS_VALID and not self.tuned_at:
            raise ParameterError(
                f"Experiment {self.name!r} is always valid but not tuned.",
                "Give `tuned_at`: the number of units at which you expect to decide.",
                column="tuned_at",
            )

    @classmethod
    def from_text(cls, text: str, file: str | None = None) -> Experiment:
        """Read an experiment from YAML.

        Raises
        ------
        ParameterError
            If the text is no YAML mapping, or a field is unknown, missing or impossible.
        """
        try:
            given = yaml.safe_load(text)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark else None
            raise ParameterError("This is no YAML.", "Mend it.", file=file, line=line) from error
        if not isinstance(given, dict):
            raise ParameterError("There are no fields.", "Write `name: value` lines.", file=file)
        return _experiment(given, file)

    @property
    def treatments(self) -> tuple[str, ...]:
        """Arms compared with control, in the order declared."""
        return tuple(arm for arm in self.arms if arm != self.control)

    @property
    def primary(self) -> MetricDefinition:
        """The metric that decides."""
        return next(m for m in self.metrics if m.role is Role.PRIMARY)

    def metric(self, name: str) -> MetricDefinition:
        """Return the metric of that name."""
        return next(m for m in self.metrics if m.name == name)

    def to_frame(self) -> pd.DataFrame:
        """Return the plan as rows of field and value, for a report."""
        rows = [
            ("hypothesis", self.hypothesis),
            ("owner", self.owner),
            ("unit", self.unit),
            ("arms", ", ".join(f"{a} {s:.4g}" for a, s in self.arms.items())),
            ("dates", f"{self.starts} to {self.ends}, outcomes over {self.horizon_days} days"),
            (
                "analysis",
                f"{self.analysis}, level {percent(self.alpha)}, correction {self.correction}",
            ),
        ]
        rows += [(f"{m.role} metric", m.name) for m in self.metrics]
        return pd.DataFrame(rows, columns=["what", "declared"])

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as plain values, metrics by name, without what is left at its default.

        A field that is added to the library later, with a default, so changes no old plan's hash.
        """
        plain = _declared(self)
        plain["arms"] = dict(self.arms)
        plain["rule"] = _declared(self.rule)
        plain["metrics"] = {m.name: _declared(m) for m in self.metrics}
        return dict(json.loads(json.dumps(plain, default=str)))

    def digest(self) -> str:
        """Return the SHA-256 of the plan's content (its comments and layout don't count)."""
        text = json.dumps(self.as_dict(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def summary(self) -> str:
        """Say the plan in a sentence."""
        return (
            f"{self.name} ({self.owner}): {self.hypothesis} {self.primary.name} decides, "
            f"{', '.join(self.treatments)} against {self.control}, {self.starts} to {self.ends}."
        )


def _declared(item: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that are not at their default."""
    values = {f.name: (getattr(item, f.name), f.default) for f in fields(item)}
    return {name: value for name, (value, default) in values.items() if value != default}


def _experiment(given: dict[str, Any], file: str | None) -> Experiment:
    """Build the experiment from the file's fields."""
    _refuse_unknown(given, Experiment, "", file)
    for name in ("name", "hypothesis", "owner", "unit", "control", "arms", "metrics"):
        if not given.get(name):
            raise ParameterError(f"The field {name!r} is missing.", "Add it.", file=file)
    values = dict(given)
    values["starts"], values["ends"] = (_day(given, k, file) for k in ("starts", "ends"))
    rule = given.get("rule", {})
    _refuse_unknown(rule, DecisionRule, "rule.", file)
    values["rule"] = DecisionRule(**rule)
    values["metrics"] = tuple(_metric(m, file) for m in given["metrics"])
    values["analysis"] = _word(Analysis, given.get("analysis", "fixed"), "analysis", file)
    values["arms"] = {str(k): float(v) for k, v in given["arms"].items()}
    if "horizon_days" not in values:
        raise ParameterError("The field 'horizon_days' is missing.", "Add it.", file=file)
    return Experiment(**values)


def _metric(given: dict[str, Any], file: str | None) -> MetricDefinition:
    """Build one metric from the file's fields."""
    _refuse_unknown(given, MetricDefinition, "metrics.", file)
    values = dict(given)
    words = {
        "kind": MetricKind, "role": Role, "nulls": NullPolicy, "covariate_nulls": NullPolicy,
    }  # fmt: skip
    for name, choices in words.items():
        if name in values:
            values[name] = _word(choices, values[name], f"metrics.{name}", file)
    values["covariates"] = tuple(values.get("covariates", ()))
    return MetricDefinition(**values)


def _word(choices: type[StrEnum], word: Any, field: str, file: str | None) -> StrEnum:
    """Return the member of a closed set of words."""
    if word not in [str(c) for c in choices]:
        lawful = ", ".join(choices)
        raise ParameterError(f"{field} is {word!r}.", f"Choose one of {lawful}.", file=file)
    return choices(word)


def _day(given: dict[str, Any], name: str, file: str | None) -> str:
    """Return an ISO date, which YAML may have read as a date already."""
    text = str(given.get(name, ""))
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise ParameterError(
            f"{name} is {text!r}, not a date.", "Write it as 2026-03-02.", file=file, column=name
        ) from error


def _refuse_unknown(given: Any, model: type, prefix: str, file: str | None) -> None:
    """Refuse a field that the model does not have."""
    known = [f.name for f in fields(model)]
    for name in given if isinstance(given, dict) else ["?"]:
        if name not in known:
            raise ParameterError(
                f"There is no field {prefix}{name}.", f"The fields are {', '.join(known)}.",
                file=file,
            )  # fmt: skip


def read_experiment(folder: Path, name: str) -> Experiment:
    """Read an experiment from ``<folder>/<name>.yaml``.

    Raises
    ------
    InputError
        If there is no such file.
    """
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = sorted(p.stem for p in folder.glob("*.yaml"))
        raise InputError(
            f"There is no experiment {name!r}.",
            f"The folder has {', '.join(known) or 'none'}.",
            file=str(path),
        )
    return Experiment.from_text(path.read_text(encoding="utf-8"), file=path.name)


EXAMPLE = """
name: reminder
hypothesis: A reminder brings customers back.
owner: marketing
unit: customer
control: control
arms: {control: 0.5, email: 0.5}
starts: 2026-03-02
ends: 2026-03-30
horizon_days: 28
metrics:
  - {name: revenue per customer, column: revenue, unit: USD, role: primary}
"""
"""The smallest experiment file."""

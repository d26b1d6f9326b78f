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
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from retention.abtest.decision import DecisionRule
from retention.abtest.metrics import MetricDefinition, MetricKind, Role
from retention.abtest.multiplicity import CORRECTIONS
from retention.abtest.plan_rules import Analysis, refuse_blocks, refuse_looks
from retention.abtest.sequential import SPENDING, equal_looks
from retention.choices import choice, coerce
from retention.errors import EvidenceError, InputError, ParameterError
from retention.quantities import quantity
from retention.results import percent


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
    information
        Share of the final information (units, for equal variance) at each look of a group
        sequential test, rising to 1; empty for equally spaced looks.
    futility_power
        Power whose type-II error the looks of a group sequential test may spend on stopping for
        futility; None for no such stop.
    cluster
        Column of what was randomised where units come in clusters (household, shop); None where
        each unit was drawn by itself.
    block
        Column of what both arms were seen in (day, pair of shops, pair of switchback periods);
        None where arms are compared over all units. Rows may then be daily aggregates.
    count
        Column with the number of units that a row of aggregates sums up; None where a row is one.
    segments
        Columns known before the start within which the effect may differ; named beforehand, so
        that none is picked afterwards.
    stratify_by, hold_out, layer, layer_range
        How units are drawn: column whose strata are split evenly, share kept out of all
        experiments, and the layer with this experiment's part of it (experiments of one layer with
        disjoint parts never share a unit).

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
    information: tuple[float, ...] = ()
    futility_power: float | None = None
    cluster: str | None = None
    block: str | None = None
    count: str | None = None
    segments: tuple[str, ...] = ()
    stratify_by: str | None = None
    hold_out: float = 0.0
    layer: str | None = None
    layer_range: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        """Take words for their enums; refuse a plan that cannot be followed."""
        coerce(self, analysis=Analysis)
        self._refuse_words()
        self._refuse_names()
        self._refuse_analysis()

    def _refuse_words(self) -> None:
        """Refuse a correction or spending function that does not exist."""
        for name, known in (("correction", CORRECTIONS), ("spending", tuple(SPENDING))):
            if getattr(self, name) not in known:
                raise ParameterError(
                    f"{name} is {getattr(self, name)!r}.", f"Choose one of {', '.join(known)}.",
                    column=name,
                )  # fmt: skip

    def _refuse_names(self) -> None:
        """Refuse arms, metrics and dates that do not fit each other."""
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
        if len({m.name for m in self.metrics}) < len(self.metrics):
            raise ParameterError(
                f"Experiment {self.name!r} has two metrics of one name.",
                "Give every metric a name of its own.",
                column="metrics",
            )
        if date.fromisoformat(self.ends) < date.fromisoformat(self.starts):
            raise ParameterError(
                f"Experiment {self.name!r} ends on {self.ends}, before it starts.",
                "Swap the dates.",
                column="ends",
            )

    def _refuse_analysis(self) -> None:
        """Refuse an analysis that lacks what it needs."""
        if self.analysis is Analysis.ALWAYS_VALID and not self.tuned_at:
            raise ParameterError(
                f"Experiment {self.name!r} is always valid but not tuned.",
                "Give `tuned_at`: the number of units at which you expect to decide.",
                column="tuned_at",
            )
        if self.futility_power and self.analysis is not Analysis.GROUP_SEQUENTIAL:
            raise ParameterError(
                f"Experiment {self.name!r} stops for futility but has no planned looks.",
                "Give `analysis: group_sequential` and `looks`, or leave out `futility_power`.",
                column="futility_power",
            )
        refuse_looks(self)
        refuse_blocks(self)
        alone = [
            m.name for m in self.metrics if m.strata or m.kind is MetricKind.TIME_TO_EVENT
        ]  # fmt: skip
        if self.cluster and alone:
            raise ParameterError(
                f"Metric {alone[0]!r} cannot be read in clusters.",
                "Leave out its strata, or compare the share with the event as a proportion.",
                column="cluster",
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
    def fractions(self) -> tuple[float, ...]:
        """Share of the final information at each look: as declared, else equally spaced."""
        return self.information or equal_looks(self.looks)

    @property
    def shares(self) -> dict[str, float]:
        """Planned share of each arm, adding up to 1."""
        total = sum(self.arms.values())
        return {arm: share / total for arm, share in self.arms.items()}

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
            ("arms", ", ".join(f"{a} {percent(s, 0)}" for a, s in self.shares.items())),
            ("dates", f"{self.starts} to {self.ends}, outcomes over {self.horizon_days} days"),
            ("analysis", self._reading()),
        ]
        rows += [(f"{m.role} metric", _described(m)) for m in self.metrics]
        drawn = {
            "clusters": self.cluster, "compared within": self.block,
            "segments": ", ".join(self.segments),
            "split evenly within": self.stratify_by, "exclusive layer": self.layer,
            "hold-out": percent(self.hold_out, 0) if self.hold_out else "",
        }  # fmt: skip
        rows += [(name, str(value)) for name, value in drawn.items() if value]
        return pd.DataFrame(rows, columns=["what", "declared"])

    def _reading(self) -> str:
        """Return how and when the result is read, in words."""
        looks = ""
        if self.analysis is Analysis.GROUP_SEQUENTIAL:
            looks = f"looks at {', '.join(percent(t, 0) for t in self.fractions)} of the units, "
        words = str(self.analysis).replace("_", " ")
        return f"{words}, {looks}level {percent(self.alpha, 0)}, correction {self.correction}"

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


def _described(metric: MetricDefinition) -> str:
    """Return a metric with its kind and what adjusts it."""
    parts = [str(metric.kind).replace("_", " ")]
    parts += [f"adjusted for {', '.join(metric.covariates)}"] if metric.covariates else []
    parts += [f"strata of {metric.strata}"] if metric.strata else []
    parts += [f"capped at {percent(metric.winsorise_at, 1)}"] if metric.winsorise_at else []
    if metric.absolute_margin is not None:
        parts.append(
            f"at most {quantity(metric.absolute_margin, metric.unit, difference=True)} worse"
        )
    if metric.non_inferiority_margin is not None:
        parts.append(f"at most {percent(metric.non_inferiority_margin, 0)} worse")
    return f"{metric.name} ({'; '.join(parts)})"


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
    values["analysis"] = choice(Analysis, given.get("analysis", "fixed"), "analysis", file)
    values["arms"] = {str(k): float(v) for k, v in given["arms"].items()}
    tuples = ("segments", "layer_range", "information")
    values |= {k: tuple(given[k]) for k in tuples if k in given}
    if values.get("information") and "looks" not in given:
        values["looks"] = len(values["information"])
    if "horizon_days" not in values:
        raise ParameterError("The field 'horizon_days' is missing.", "Add it.", file=file)
    return Experiment(**values)


def _metric(given: dict[str, Any], file: str | None) -> MetricDefinition:
    """Build one metric from the file's fields."""
    _refuse_unknown(given, MetricDefinition, "metrics.", file)
    try:
        return MetricDefinition(**given)
    except ParameterError as error:
        error.file = error.file or file
        raise


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
    EvidenceError
        If no experiment is named.
    InputError
        If there is no such file.
    """
    if not name:
        raise EvidenceError(
            "No experiment is named.",
            "Declare one in params/<profile>/experiments/ and name it in `experiment`.",
        )
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

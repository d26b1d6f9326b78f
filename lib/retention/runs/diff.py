"""What changed between two runs: metric by metric, real change told from noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from retention.intervals import NORMAL_95
from retention.runs.moves import SegmentMoves, segment_moves
from retention.runs.run import Run

MODEL_QUALITY = (
    "auc", "log_loss", "brier", "calibration_", "lift_top_decile", "pr_auc", "ece", "holdout_",
    "forecast_used", "qini",
)  # fmt: skip
"""How the names of metrics begin that judge a model, not the shop."""


@dataclass(frozen=True)
class MetricChange:
    """One metric in two runs.

    ``reading`` says whether the change is larger than chance: the difference is held against both
    intervals, taken as independent 95 % intervals. Runs on overlapping data are positively
    correlated, so the test is on the careful side. A figure without an interval is a count or a
    setting: any difference is real.
    """

    notebook: str
    name: str
    unit: str
    before: float | int | str | None
    after: float | int | str | None
    reading: str

    @property
    def judges_model(self) -> bool:
        """Whether the metric tells of a model's quality rather than of the shop."""
        return self.name.startswith(MODEL_QUALITY)


@dataclass(frozen=True)
class FactsDiff:
    """What the runs stood on, where it differs.

    Parameters
    ----------
    params
        Notebook, name, value before, value after.
    inputs
        Names of input files whose content differs, or that only one run has, and which notebooks
        read other earlier runs.
    code
        Notebooks, library modules and parts of the environment that differ.
    """

    params: tuple[tuple[str, str, Any, Any], ...]
    inputs: tuple[str, ...]
    code: tuple[str, ...]


@dataclass(frozen=True)
class RunDiff:
    """Everything that differs between two runs."""

    before: str
    after: str
    metrics: tuple[MetricChange, ...]
    facts: FactsDiff
    segments: SegmentMoves | None

    def to_frame(self) -> pd.DataFrame:
        """Return one row per metric."""
        rows = [
            {**vars(c), "kind": "model quality" if c.judges_model else "figure"}
            for c in self.metrics
        ]
        return pd.DataFrame(rows, columns=[*MetricChange.__dataclass_fields__, "kind"])

    def summary(self) -> str:
        """Say in a sentence how the runs differ."""
        facts = self.facts
        parts = [
            f"Against {self.before}: {counted(self.metrics)}",
            f"{len(facts.params)} parameters differ",
            f"{len(facts.inputs)} input files differ",
            f"{len(facts.code)} pieces of code differ" if facts.code else "the code is the same",
        ]
        text = "; ".join(parts) + "."
        return f"{text} {self.segments.summary()}" if self.segments else text

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        moves = self.segments
        names = ("notebook", "name", "before", "after")
        return {
            "before": self.before,
            "after": self.after,
            "summary": self.summary(),
            "metrics": self.to_frame().to_dict("records"),
            "params": [dict(zip(names, row, strict=True)) for row in self.facts.params],
            "inputs": list(self.facts.inputs),
            "code": list(self.facts.code),
            "segment_sizes": _records(moves.sizes) if moves else [],
            "segment_flows": _records(moves.flows) if moves else [],
        }


def compare(before: Run, after: Run) -> RunDiff:
    """Compare two published runs of a profile."""
    old, new = before.manifest, after.manifest
    names = [name for name in new["notebooks"] if name in old["notebooks"]]
    metrics = [
        change
        for name in names
        for change in compare_results(before.result(name), after.result(name))
    ]
    moves = segment_moves(before, after, smallest_cell(new["params"]))
    return RunDiff(before.name, after.name, tuple(metrics), compare_facts(old, new), moves)


def compare_facts(old: Mapping[str, Any], new: Mapping[str, Any]) -> FactsDiff:
    """Compare what two runs stood on, as their manifests tell it."""
    return FactsDiff(
        tuple(_params(old["params"], new["params"])),
        tuple(_inputs(old, new)),
        tuple(_code(old, new)),
    )


def compare_results(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[MetricChange]:
    """Compare the metrics of two result files of the same notebook."""
    old = {metric["name"]: metric for metric in before["metrics"]}
    new = {metric["name"]: metric for metric in after["metrics"]}
    names = [*new, *(name for name in old if name not in new)]
    return [compare_metric(after["notebook"], n, old.get(n), new.get(n)) for n in names]


def compare_metric(
    notebook: str, name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> MetricChange:
    """Compare one metric; None stands for a run that does not have it."""
    unit = str((new or old or {}).get("unit", ""))
    before, after = (old or {}).get("value"), (new or {}).get("value")
    if old is None or new is None:
        reading = "new" if old is None else "gone"
    else:
        reading = _reading(old, new)
    return MetricChange(notebook, name, unit, before, after, reading)


def counted(metrics: Sequence[MetricChange]) -> str:
    """Say how many figures changed, and how many moved within noise."""
    moved = sum(change.reading == "changed" for change in metrics)
    noise = sum(change.reading == "within noise" for change in metrics)
    return f"{moved} of {len(metrics)} figures changed beyond noise, {noise} moved within noise"


def smallest_cell(params: Mapping[str, Any]) -> int:
    """Return the strictest minimum cell size among a run's notebooks."""
    return max((p["resolved"].get("minimum_cell_size", 1) for p in params.values()), default=1)


def _reading(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Tell a change from noise, where both sides have an interval."""
    before, after = old["value"], new["value"]
    if before == after:
        return "same"
    if not all(isinstance(value, int | float) for value in (before, after)):
        return "changed"
    error = math.hypot(_standard_error(old), _standard_error(new))
    return "within noise" if error and abs(after - before) <= NORMAL_95 * error else "changed"


def _standard_error(metric: Mapping[str, Any]) -> float:
    """Return half the interval's width in standard errors, 0 where there is none."""
    low, high = metric["ci_low"], metric["ci_high"]
    return 0.0 if low is None or high is None else (high - low) / (2 * NORMAL_95)


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the names whose values differ, or that only one side has."""
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


def _inputs(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the input files that differ, and the notebooks that read other runs than before."""
    recalls = _differing(old.get("recalled", {}), new.get("recalled", {}))
    files = _differing(old["inputs"], new["inputs"])
    return [*files, *(f"earlier or approved runs that {name} reads" for name in recalls)]


def _params(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, str, Any, Any]]:
    """Return notebook, name and both values of every parameter that differs."""
    rows: list[tuple[str, str, Any, Any]] = []
    for notebook in sorted({*old, *new}):
        before = old.get(notebook, {}).get("resolved", {})
        after = new.get(notebook, {}).get("resolved", {})
        rows += [(notebook, n, before.get(n), after.get(n)) for n in _differing(before, after)]
    return rows


def _code(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the notebooks, library modules and parts of the environment that differ."""
    notebooks = _differing(old["sources"], new["sources"]) if "sources" in old else []
    modules = _differing(old["modules"], new["modules"]) if "modules" in old else []
    if not modules and old["library"] != new["library"]:
        modules = ["(which modules was not recorded)"]
    return [
        *(f"notebook {name}" for name in notebooks),
        *(f"library {name}" for name in modules),
        *(name for name in ("lock", "python", "platform") if old[name] != new[name]),
    ]


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as plain JSON values; a suppressed count is null."""
    return [
        {str(k): None if v is pd.NA else v for k, v in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]

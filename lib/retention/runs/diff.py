"""What changed between two runs: metric by metric, real change told from noise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from retention.reports.formatting import with_unit
from retention.reports.render import Change
from retention.runs.run import Run

Z_95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution, by which intervals become errors."""


@dataclass(frozen=True)
class MetricChange:
    """One metric in two runs.

    ``reading`` says whether the change is larger than chance: the difference is held against both
    intervals, taken as independent 95 % intervals. Runs on overlapping data are positively
    correlated, so the test is on the careful side.
    """

    notebook: str
    name: str
    unit: str
    before: float | int | str | None
    after: float | int | str | None
    reading: str


@dataclass(frozen=True)
class RunDiff:
    """Everything that differs between two runs."""

    before: str
    after: str
    metrics: tuple[MetricChange, ...]
    params: tuple[tuple[str, str, Any, Any], ...]
    inputs: tuple[str, ...]
    code: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per metric."""
        return pd.DataFrame([vars(change) for change in self.metrics])

    def summary(self) -> str:
        """Say in a sentence how the runs differ."""
        moved = sum(change.reading == "changed" for change in self.metrics)
        noise = sum(change.reading == "within noise" for change in self.metrics)
        parts = [
            f"Against {self.before}: {moved} of {len(self.metrics)} figures changed, "
            f"{noise} moved within noise",
            f"{len(self.params)} parameters differ",
            f"{len(self.inputs)} input files differ",
            f"{', '.join(self.code)} differ" if self.code else "the code is the same",
        ]
        return "; ".join(parts) + "."


def compare(before: Run, after: Run) -> RunDiff:
    """Compare two published runs of a profile."""
    old, new = before.manifest, after.manifest
    names = [name for name in new["notebooks"] if name in old["notebooks"]]
    metrics = [
        change
        for name in names
        for change in compare_results(before.result(name), after.result(name))
    ]
    code = [k for k in ("library", "lock", "python", "platform") if old[k] != new[k]]
    return RunDiff(
        before.name,
        after.name,
        tuple(metrics),
        tuple(_params(old["params"], new["params"])),
        tuple(_differing(old["inputs"], new["inputs"])),
        tuple(code),
    )


def compare_results(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[MetricChange]:
    """Compare the metrics of two result files of the same notebook."""
    old = {metric["name"]: metric for metric in before["metrics"]}
    new = {metric["name"]: metric for metric in after["metrics"]}
    names = [*new, *(name for name in old if name not in new)]
    return [_change(after["notebook"], name, old.get(name), new.get(name)) for name in names]


def as_change(diff: list[MetricChange], approved: str) -> Change:
    """Word the comparison for a report."""
    rows = tuple(
        {
            "name": change.name.replace("_", " "),
            "before": with_unit(change.before, change.unit),
            "after": with_unit(change.after, change.unit),
            "reading": change.reading,
        }
        for change in diff
        if change.reading != "same"
    )
    moved = sum(change.reading == "changed" for change in diff)
    text = (
        f"Since the approved run {approved}: {moved} of {len(diff)} figures changed beyond noise."
    )
    return Change(text, rows)


def _change(
    notebook: str, name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> MetricChange:
    """Compare one metric."""
    unit = str((new or old or {}).get("unit", ""))
    before, after = (old or {}).get("value"), (new or {}).get("value")
    if old is None or new is None:
        reading = "new" if old is None else "gone"
    else:
        reading = _reading(old, new)
    return MetricChange(notebook, name, unit, before, after, reading)


def _reading(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Tell a change from noise, where both sides have an interval."""
    before, after = old["value"], new["value"]
    if before == after:
        return "same"
    if not all(isinstance(value, int | float) for value in (before, after)):
        return "changed"
    error = math.hypot(_standard_error(old), _standard_error(new))
    return "within noise" if error and abs(after - before) <= Z_95 * error else "changed"


def _standard_error(metric: Mapping[str, Any]) -> float:
    """Return half the interval's width in standard errors, 0 where there is none."""
    low, high = metric["ci_low"], metric["ci_high"]
    return 0.0 if low is None or high is None else (high - low) / (2 * Z_95)


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the names whose values differ, or that only one side has."""
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


def _params(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, str, Any, Any]]:
    """Return notebook, name and both values of every parameter that differs."""
    rows: list[tuple[str, str, Any, Any]] = []
    for notebook in sorted({*old, *new}):
        before = old.get(notebook, {}).get("resolved", {})
        after = new.get(notebook, {}).get("resolved", {})
        rows += [(notebook, n, before.get(n), after.get(n)) for n in _differing(before, after)]
    return rows

"""Writes a profile, or adds to one, from an experiment's own file: one row per unit, or per day.

The file goes straight in: its columns are named in ``ingest.yaml``, the plan stands in
``experiments/<name>.yaml``, and the A/B and lift notebooks read both. No order is needed. Every
guess is said in a comment beside it.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import yaml

from retention.errors import InputError, ParameterError
from retention.runs.experiment_facts import ColumnFacts, FileFacts, file_facts
from retention.runs.experiment_guesses import Arms, MetricGuess, guess_arms, guess_metric
from retention.runs.experiment_pages import Page, ab_test_page, lift_page, plan_page
from retention.runs.profile_lines import add_to_list
from retention.runs.workspace import Workspace

SQUARED = ("_squares", "_squared", "_sq", "_sumsq", "_ss", "_2", "2", "^2")
"""Endings of a header that holds the sum of squares of another column."""


@dataclass(frozen=True)
class ExperimentFiles:
    """What the person says of an experiment: its files and which column is what.

    Parameters
    ----------
    files
        The file with the arms first; others bring outcomes or covariates by the same unit.
    arm, outcomes, covariates, cluster, unit, date, units
        Columns. The first outcome decides. With ``units`` a row sums up a day's units of an arm.
    control, planned, name, currency, as_of
        Label of the control, planned shares, name of the experiment, ISO code, as-of date; empty
        to be proposed.
    """

    files: tuple[Path, ...]
    arm: str
    outcomes: tuple[str, ...]
    covariates: tuple[str, ...] = ()
    cluster: str = ""
    unit: str = ""
    date: str = ""
    units: str = ""
    control: str = ""
    planned: str = ""
    name: str = ""
    currency: str = "USD"
    as_of: str = ""

    @property
    def used(self) -> list[str]:
        """Columns that are read."""
        plain = [self.arm, *self.outcomes, *self.covariates, self.date, self.units]
        return [name for name in plain if name]


@dataclass(frozen=True)
class _Found:
    """What the files suggest."""

    given: ExperimentFiles
    name: str
    facts: list[FileFacts]
    arms: Arms
    metrics: list[MetricGuess]
    notes: list[str] = field(default_factory=list)

    def column(self, name: str) -> ColumnFacts:
        """Return a column of the first file that has it."""
        return next(f.columns[name] for f in self.facts if name in f.columns)


def write_experiment(workspace: Workspace, profile: str, given: ExperimentFiles) -> str:
    """Write a profile for an experiment, or add the experiment to one, and say what was guessed.

    Parameters
    ----------
    workspace
        Where params and exports lie.
    profile
        Name of the profile, new or not.
    given
        The files and their columns.

    Raises
    ------
    ParameterError
        If a column is in no file, the arms cannot be compared, or the experiment exists.
    InputError
        If a file cannot be read.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", profile):
        raise ParameterError(
            f"{profile!r} cannot name a profile.", "Use small letters, digits and underscores."
        )
    found = _look(workspace, given)
    folder = workspace.params / profile
    plan = folder / "experiments" / f"{found.name}.yaml"
    if plan.exists():
        raise ParameterError(
            f"Profile {profile!r} has an experiment {found.name!r}.",
            "Give another --name, or edit its files.", file=f"params/{profile}/experiments",
        )  # fmt: skip
    page = _page(found)
    shown = [(_shown(file.path, workspace.root), file) for file in found.facts]
    sources = [_source(path, given) for path, _ in shown]
    options = [f"{path}: columns = {_columns(found, file)}" for path, file in shown]
    ingest = _ingest_text(folder / "ingest.yaml", sources, options, given.currency)
    plan.parent.mkdir(parents=True, exist_ok=True)
    (folder / "ingest.yaml").write_text(ingest, encoding="utf-8")
    plan.write_text(plan_page(page), encoding="utf-8")
    added = _write_others(folder, profile, found, page)
    return _report(profile, found, added)


def _look(workspace: Workspace, given: ExperimentFiles) -> _Found:
    """Read the files and guess what their columns are."""
    facts = [
        file_facts(path, workspace.private, given.used, [*given.outcomes, *given.covariates],
                   given.unit)
        for path in given.files
    ]  # fmt: skip
    _require_columns(given, facts)
    name = given.name or re.sub(r"\W+", "_", given.files[0].name.split(".")[0]).strip("_").lower()
    arms = guess_arms(facts[0].columns[given.arm], given.control, given.planned)
    by_column = {n: f for f in reversed(facts) for n in f.columns}
    metrics = [
        guess_metric(by_column[n].columns[n], by_column[n].rows, given.currency)
        for n in given.outcomes
    ]
    return _Found(given, name, facts, arms, metrics, [*arms.notes, *_notes(given, facts)])


def _notes(given: ExperimentFiles, facts: Sequence[FileFacts]) -> list[str]:
    """Say which rows and columns are left out, and why."""
    notes = [
        f"{file.path.name}: {file.repeated_units:,} rows name a unit again and are left out; give "
        "one row per unit"
        for file in facts
        if file.repeated_units and not given.units
    ]
    notes += [
        f"column {name} is left out: {why}"
        for file in facts
        for name, why in file.identifying.items()
        if name in given.covariates
    ]
    return notes


def _require_columns(given: ExperimentFiles, facts: Sequence[FileFacts]) -> None:
    """Refuse columns that no file has, or that cannot be written into the params."""
    known = {header for file in facts for header in file.headers}
    for name in [
        *given.used,
        *([given.unit] if given.unit else []),
        *filter(None, [given.cluster]),
    ]:
        if name not in known:
            raise InputError(
                f"No column {name!r}.", f"The file has {', '.join(sorted(known))}.",
                file=str(facts[0].path), column=name,
            )  # fmt: skip
        if ";" in name or "\n" in name:
            raise ParameterError(
                f"Column {name!r} has a semicolon or a line break in its name.", "Rename it.",
                column=name,
            )  # fmt: skip
    if given.arm not in facts[0].headers:
        raise InputError("The first file has no arms.", "Name the file with the arms first.",
                         file=str(facts[0].path), column=given.arm)  # fmt: skip
    alone = [f.path.name for f in facts if not given.unit or given.unit not in f.headers]
    if len(facts) > 1 and alone:
        raise ParameterError(
            f"{alone[0]} does not name its units.", "Name with --unit a column that all files have."
        )


def _columns(found: _Found, file: FileFacts) -> str:
    """Return the column mapping of a file."""
    given = found.given
    pairs = [("experiment", f"'{found.name}'")]
    if file is found.facts[0]:
        pairs.append(("arm", given.arm))
        pairs += [(f"arm.{_plain(arm)}", f"'{label}'") for arm, labels in found.arms.labels.items()
                  for label in labels]  # fmt: skip
    plain = {"unit": given.unit, "cluster": given.cluster, "units": given.units}
    plain["date" if given.units else "assigned_at"] = given.date
    pairs += [(target, name) for target, name in plain.items() if name and name in file.headers]
    pairs += _sums(found, file) if given.units else _values(found, file)
    return "; ".join(f"{target} = {name}" for target, name in pairs)


def _values(found: _Found, file: FileFacts) -> list[tuple[str, str]]:
    """Return the pairs of outcomes and covariates of a file with a row per unit."""
    pairs = []
    for metric in found.metrics:
        if metric.name in file.columns:
            pairs.append((f"outcome.{_plain(metric.name)}", metric.name))
            pairs += [(f"blank.{_plain(metric.name)}", "'0'")] if metric.blank_is_zero else []
    for name in found.given.covariates:
        if name in file.columns and name not in file.identifying:
            kind = "covariate" if file.columns[name].is_number else "label"
            pairs.append((f"{kind}.{_plain(name)}", name))
    return pairs


def _sums(found: _Found, file: FileFacts) -> list[tuple[str, str]]:
    """Return the pairs of outcomes of a file with a row per day: sums with squares, or counts."""
    pairs = []
    for metric in found.metrics:
        squares = _squares(metric.name, file)
        if squares:
            pairs += [(f"sum.{_plain(metric.name)}", metric.name),
                      (f"squares.{_plain(metric.name)}", squares)]  # fmt: skip
        else:
            pairs.append((f"count.{_plain(metric.name)}", metric.name))
    return pairs


def _squares(name: str, file: FileFacts) -> str:
    """Return the column that holds the sum of squares of another, empty where there is none."""
    return next((name + end for end in SQUARED if name + end in file.headers), "")


def _plain(name: str) -> str:
    """Return a name that a mapping can hold left of its equals sign."""
    return " ".join(name.replace("=", " ").split())


def _page(found: _Found) -> Page:
    """Return what the experiment's pages are written from."""
    given, days = found.given, found.column(found.given.date) if found.given.date else None
    yesterday = (date.today() - timedelta(days=1)).isoformat()
    first, last = (days.first_day, days.last_day) if days and days.first_day else ("", "")
    file = found.facts[0]
    usable = [n for n in given.covariates if not any(n in f.identifying for f in found.facts)]
    group = next((n for n in usable if not found.column(n).is_number), usable[0] if usable else "")
    metrics = found.metrics
    if given.units:
        metrics = [_of_sums(m, _squares(m.name, file), found) for m in metrics]
    unused = [h for h in file.headers if h not in (*given.used, given.unit, given.cluster)]
    return Page(
        found.name, file.path.name, found.arms, tuple(metrics), first or yesterday,
        last or yesterday, bool(first), tuple(map(_plain, usable)), _plain(group),
        bool(given.cluster), bool(given.units), given.currency, tuple(unused),
    )  # fmt: skip


def _of_sums(metric: MetricGuess, squares: str, found: _Found) -> MetricGuess:
    """Return a metric of sums by day: with squares a mean, else a share of the day's units."""
    if squares:
        return MetricGuess(metric.name, "mean", metric.unit, f"its squares stand in {squares}")
    facts, units = found.column(metric.name), found.column(found.given.units)
    if not facts.is_whole or facts.lowest < 0 or facts.highest > units.highest:
        raise ParameterError(
            f"Outcome {metric.name!r} holds sums, but no column their squares: how much units "
            "differ is not known.",
            f"Add a column {metric.name}_squares with the sum of squares, or leave it out.",
            column=metric.name,
        )  # fmt: skip
    return MetricGuess(metric.name, "proportion", "share", f"counts of {found.given.units}")


def _shown(file: Path, root: Path) -> str:
    """Return a file relative to the workspace where it lies in it."""
    path = Path(os.path.abspath(file))
    return glob.escape(str(path.relative_to(root) if path.is_relative_to(root) else path))


def _source(shown: str, given: ExperimentFiles) -> str:
    """Return a source as the params name it."""
    return f"{'experiment_days' if given.units else 'experiment_units'}: {shown}"


def _ingest_text(path: Path, sources: list[str], options: list[str], currency: str) -> str:
    """Return ``ingest.yaml`` with the experiment's files added to what stands there."""
    if path.exists():
        text = path.read_text(encoding="utf-8")
    else:
        text = "# What the ingest notebook reads; have a look at which column is what.\n"
        text += f"currency: {currency}\n"
    return add_to_list(add_to_list(text, "sources", sources), "read_options", options)


def _write_others(folder: Path, profile: str, found: _Found, page: Page) -> list[str]:
    """Write the pages that are not there yet; return their names."""
    after = (date.fromisoformat(page.ends) + timedelta(days=1)).isoformat()
    as_of = found.given.as_of or after
    common = {"profile": profile, "as_of": as_of}
    pages = {
        "common": "# Shared by every notebook; what stands in no file here has its default.\n"
        + yaml.safe_dump(common, sort_keys=False),
        "ab_test": ab_test_page(page),
        "campaign_lift": lift_page(page),
    }
    missing = [name for name in pages if not (folder / f"{name}.yaml").exists()]
    for name in missing:
        (folder / f"{name}.yaml").write_text(pages[name], encoding="utf-8")
    return missing


def _report(profile: str, found: _Found, added: list[str]) -> str:
    """Say what was guessed and what to do next."""
    lines = [f"{f.path.name}: {f.rows:,} rows" for f in found.facts]
    lines += [f"CHECK {note}" for note in found.notes]
    lines += [f"{m.name}: {m.kind}, {m.why}" for m in found.metrics]
    if "ab_test" not in added:
        lines.append(
            f"ab_test.yaml and campaign_lift.yaml keep their experiment: write `experiment: "
            f"{found.name}` and `experiment_key: {found.name}` there to read this one."
        )
    lines.append(f"Wrote params/{profile}/experiments/{found.name}.yaml. Next: retention check "
                 f"{profile}, then retention run {profile}")  # fmt: skip
    return "\n".join(lines)

"""What a change reaches: one parameter or module re-runs the notebooks it bears on, no other."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from retention.runs import fingerprint, stages
from retention.runs.plan import NOTEBOOKS
from retention.runs.settings import Settings, load_settings
from retention.runs.stages import Record, stage_key
from retention.runs.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    """Return the real project with an empty root for keys and outputs."""
    return Workspace(PROJECT, tmp_path)


def keys(workspace: Workspace, settings: list[Settings]) -> dict[str, str]:
    """Return every notebook's key, where a notebook with another key makes other tables."""
    records: dict[str, Record] = {}
    handed_on: dict[str, dict[str, str]] = {}
    for each in settings:
        name = each.notebook.name
        upstream = {need: handed_on[need] for need in each.notebook.needs if need in handed_on}
        key = stage_key(workspace, each, upstream, {"orders.csv": "0"})
        files = {"tables/x.parquet": key, "snapshot.json": key}
        records[name] = Record(name, key, files, 0.0, 0.0)
        handed_on[name] = records[name].handed_on(each.notebook)
    return {name: record.key for name, record in records.items()}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


@pytest.fixture(scope="module")
def digests() -> dict[str, str]:
    """Return the library's digest for every notebook, read once: parameters do not change it."""
    place = Workspace(PROJECT, PROJECT)
    reached = {n.name: fingerprint.library_files(n.path(place)) for n in NOTEBOOKS}
    return {name: fingerprint.library_digest(files) for name, files in reached.items()}


@pytest.fixture
def quick(monkeypatch, digests):
    """Let keys be made from the library as it was read once."""
    monkeypatch.setattr(stages, "library_files", lambda path: path.stem)
    monkeypatch.setattr(stages, "library_digest", digests.__getitem__)


@pytest.mark.parametrize(
    ("notebook", "reruns"),
    [
        ("segments", {"segments", "lifetime_value", "churn_risk", "campaign_lift"}),
        ("churn_risk", {"churn_risk"}),
        ("design", {"design"}),
        ("retention_curves", {"retention_curves"}),
        ("campaign_lift", {"campaign_lift"}),
        ("ingest", {notebook.name for notebook in NOTEBOOKS}),
    ],
)
def test_one_parameter_reruns_its_notebook_and_what_reads_from_it(
    workspace, quick, notebook, reruns
):
    settings = load_settings(workspace, "demo")
    other = [
        dataclasses.replace(s, resolved={**s.resolved, "seed": 1})
        if s.notebook.name == notebook
        else s
        for s in settings
    ]
    before = keys(workspace, settings)
    assert keys(workspace, settings) == before
    assert changed(before, keys(workspace, other)) == reruns


def test_another_export_reruns_everything_through_ingest(workspace, quick):
    settings = load_settings(workspace, "demo")
    ingest = next(s for s in settings if s.notebook.name == "ingest")
    one, other = (stage_key(workspace, ingest, {}, {"orders.csv": h}) for h in ("0", "1"))
    assert one != other


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """Return a copy of the library that may be changed, and what every notebook reaches of it."""
    copy = tmp_path_factory.mktemp("library") / "retention"
    ignore = shutil.ignore_patterns("__pycache__", "demo", "templates")
    shutil.copytree(fingerprint.PACKAGE, copy, ignore=ignore)
    place = Workspace(PROJECT, PROJECT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fingerprint, "PACKAGE", copy)
        yield copy, {n.name: fingerprint.library_files(n.path(place)) for n in NOTEBOOKS}


EVERY = {notebook.name for notebook in NOTEBOOKS}


@pytest.mark.parametrize(
    ("module", "reruns", "may"),
    [
        ("churn/backtest.py", {"churn_risk"}, {"churn_risk", "retention_curves"}),
        ("abtest/evaluate.py", {"ab_test"}, {"ab_test", "design", "segments"}),
        ("uplift/effects.py", {"campaign_lift"}, {"campaign_lift"}),
        ("sources/registry.py", {"ingest"}, {"ingest"}),
        ("reports/display.py", EVERY, EVERY),
        ("runs/diff.py", set(), set()),
        ("cli/running.py", set(), set()),
    ],
)
def test_one_module_reruns_the_notebooks_that_import_it(copied, module, reruns, may):
    copy, reached = copied
    before = {name: fingerprint.library_digest(files) for name, files in reached.items()}
    text = (copy / module).read_text()
    (copy / module).write_text(f"{text}\nCHANGED = 1\n")
    after = {name: fingerprint.library_digest(files) for name, files in reached.items()}
    (copy / module).write_text(text)
    assert reruns <= changed(before, after) <= may


def test_a_query_belongs_to_the_notebooks_whose_code_names_it():
    place = Workspace(PROJECT, PROJECT)
    segments = next(n for n in NOTEBOOKS if n.name == "segments")
    reached = {path.suffix for path in fingerprint.library_files(segments.path(place))}
    assert reached == {".py", ".sql"}

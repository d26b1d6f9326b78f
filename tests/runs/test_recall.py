"""What a notebook may know of earlier runs, and that its key tells what it knew."""

from __future__ import annotations

import dataclasses
import json

import nbformat
import pytest

import retention
from retention.runs.files import artifact_hashes
from retention.runs.manifest import recalled
from retention.runs.plan import BY_NAME, NOTEBOOKS
from retention.runs.run import Run
from retention.runs.runner import Options, run_profile
from retention.runs.settings import Settings
from retention.runs.signoff import Role, approve
from retention.runs.workspace import Workspace


def publish_by_hand(workspace: Workspace, number: int, as_of: str) -> Run:
    """Write what earlier runs are told by: name, as-of date, notebooks and hashes."""
    folder = workspace.profile("toy") / f"{number:04d}-20260101T0500-0123abcd"
    folder.mkdir(parents=True)
    manifest = {
        "params": {"segments": {"resolved": {"as_of": as_of}}},
        "notebooks": {"segments": {"seconds": 1.0}},
        "artifacts": artifact_hashes(folder),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return Run("toy", folder, workspace.store("toy"))


def reading(as_of: str) -> Settings:
    """Return settings of a notebook that reads earlier runs."""
    notebook = dataclasses.replace(BY_NAME["segments"], recalls=True)
    return Settings(notebook, {}, {"profile": "toy", "as_of": as_of})


def test_only_runs_as_of_an_earlier_date_are_recalled_whenever_they_were_published(workspace):
    july, may, june = (
        publish_by_hand(workspace, number, f"2026-0{month}-01")
        for number, month in ((1, 7), (2, 5), (3, 6))
    )
    stage = retention.open_stage("segments", profile="toy")
    assert [run.name for run in stage.earlier_runs("2026-07-01")] == [may.name, june.name]
    assert [run.name for run in stage.earlier_runs("2026-07-02")][-1] == july.name
    assert stage.earlier_runs("2026-05-01") == []


def test_the_approved_run_is_the_one_whose_report_of_this_notebook_was_signed(workspace):
    first, second = (publish_by_hand(workspace, n, "2026-06-01") for n in (1, 2))
    stage = retention.open_stage("segments", profile="toy")
    assert stage.approved_run() is None
    approve(first, "Ada", Role.ACCOUNTABLE)
    approve(second, "Ada", Role.RESPONSIBLE)
    assert stage.approved_run().name == first.name


def test_what_may_be_recalled_is_told_and_changes_with_runs_and_signatures(workspace):
    assert recalled(Settings(BY_NAME["segments"], {}, {}), workspace) == {}
    assert recalled(reading("2026-07-01"), workspace) == {"earlier": [], "approved": None}
    june, july = (
        publish_by_hand(workspace, n, d) for n, d in ((1, "2026-06-01"), (2, "2026-07-01"))
    )
    approve(july, "Ada", Role.ACCOUNTABLE)
    assert recalled(reading("2026-07-01"), workspace) == {
        "earlier": [june.name],
        "approved": july.name,
    }


@pytest.mark.slow
def test_a_notebook_that_recalls_runs_again_only_when_there_is_more_to_recall(
    workspace, monkeypatch
):
    from retention.runs import plan

    remembering = [dataclasses.replace(n, recalls=n.name == "lifetime_value") for n in NOTEBOOKS]
    monkeypatch.setattr(plan, "NOTEBOOKS", tuple(remembering))

    def again() -> dict[str, str]:
        run = run_profile(workspace, "toy", Options())
        return {name: n["status"] for name, n in run.manifest["notebooks"].items()}

    assert set(again().values()) == {"ran"}
    assert set(again().values()) == {"reused"}
    approve(retention.load("toy"), "Ada", Role.ACCOUNTABLE)
    assert again() == {"segments": "reused", "lifetime_value": "ran"}
    assert set(again().values()) == {"reused"}


def test_the_plan_names_the_notebooks_that_read_runs_before_their_own():
    place = Workspace.find()
    for notebook in NOTEBOOKS:
        cells = nbformat.read(notebook.path(place), as_version=4).cells
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        reads = any(f".{call}(" in code for call in ("earlier_runs", "approved_run"))
        assert reads == notebook.recalls, notebook.name
        assert "signoff" not in code

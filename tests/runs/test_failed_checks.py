"""A failing check of ingest stops the later notebooks, unless the params let it pass by name."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from retention.errors import RunError
from retention.runs.runner import Options, run_profile

FAILING = """
from functools import partial
from retention.ingest.codes import IngestCheck
from retention.results import Check, Status
check = Check(IngestCheck.{code}, Status.FAIL, "Something is wrong.", "Mend it.")
stage.finish = partial(stage.finish, checks=[check])
stage.use_snapshot("empty")
"""


WAITING = """
import time
others = stage.output / "results" / "segments.json"
for _ in range(600):
    time.sleep(0 if others.is_file() else 0.1)
assert others.is_file(), "nobody started before my end"
"""


def write_ingest(workspace, code, allowed, *more):
    """Give the toy project an ingest notebook whose check fails, and which then does more."""
    spec = importlib.util.spec_from_file_location("toy", Path(__file__).with_name("conftest.py"))
    toy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(toy)
    toy.write_notebook(workspace.project, "01_ingest", "ingest", FAILING.format(code=code), *more)
    (workspace.project / "orders.csv").write_text("a\n1\n")
    snapshot = workspace.store("toy") / "snapshots" / "empty"
    snapshot.mkdir(parents=True, exist_ok=True)
    (snapshot / "manifest.json").write_text('{"id": "empty", "tables": {}, "batches": []}')
    (workspace.params / "toy" / "ingest.yaml").write_text(
        f"sources: ['cdnow: orders.csv']\nallowed_failures: {allowed}\n"
    )


@pytest.mark.parametrize("allowed", ["[]", "[missing_days]"])
def test_a_failing_check_stops_the_run_and_is_named_with_what_to_do(workspace, allowed):
    write_ingest(workspace, "DISTRIBUTION_DRIFT", allowed)
    with pytest.raises(RunError) as caught:
        run_profile(workspace, "toy")
    assert "distribution_drift: Something is wrong. Mend it." in str(caught.value)
    assert not (workspace.profile("toy") / "latest").exists()


def test_a_failing_check_that_the_params_name_lets_the_later_notebooks_run(workspace):
    write_ingest(workspace, "DISTRIBUTION_DRIFT", "[distribution_drift]")
    run = run_profile(workspace, "toy")
    assert list(run.manifest["notebooks"]) == ["ingest", "segments", "lifetime_value"]
    assert run.result("ingest")["status"] == "fail"


def test_the_export_that_is_only_compared_is_an_input_of_the_run(workspace):
    write_ingest(workspace, "MISSING_DAYS", "[missing_days]")
    params = workspace.params / "toy" / "ingest.yaml"
    params.write_text(
        params.read_text()
        + "migration_legacy_source: 'cdnow: old.csv'\nmigration_new_source: 'cdnow: orders.csv'\n"
    )
    (workspace.project / "old.csv").write_text("a\n1\n")
    first = run_profile(workspace, "toy")
    assert {"orders.csv", "old.csv"} <= {Path(name).name for name in first.manifest["inputs"]}
    (workspace.project / "old.csv").write_text("a\n2\n")
    assert run_profile(workspace, "toy").manifest["notebooks"]["ingest"]["status"] == "ran"


def test_others_start_when_the_snapshot_stands_and_ingest_goes_on(workspace):
    write_ingest(workspace, "DISTRIBUTION_DRIFT", "[distribution_drift]", WAITING)
    run = run_profile(workspace, "toy", Options(parallel=2))
    assert list(run.manifest["notebooks"]) == ["ingest", "segments", "lifetime_value"]


def test_nothing_is_published_where_ingest_fails_after_others_have_run(workspace):
    write_ingest(workspace, "DISTRIBUTION_DRIFT", "[]", WAITING)
    with pytest.raises(RunError, match="distribution_drift"):
        run_profile(workspace, "toy", Options(parallel=2))
    assert not (workspace.profile("toy") / "latest").exists()


def test_what_ingest_says_beside_its_snapshot_reruns_nobody_else(workspace):
    write_ingest(workspace, "DISTRIBUTION_DRIFT", "[distribution_drift]")
    run_profile(workspace, "toy")
    write_ingest(workspace, "DISTRIBUTION_DRIFT", "[distribution_drift]", "figure = 1")
    run = run_profile(workspace, "toy")
    status = {name: n["status"] for name, n in run.manifest["notebooks"].items()}
    assert status == {"ingest": "ran", "segments": "reused", "lifetime_value": "reused"}

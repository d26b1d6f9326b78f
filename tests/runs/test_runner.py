import json
from pathlib import Path

import pandas as pd
import pytest

import retention
from retention.errors import RunError
from retention.runs.runner import Options, resume_profile, run_profile
from retention.runs.signoff import changed_files


def test_a_run_is_published_whole_and_latest_points_to_it(workspace):
    run = run_profile(workspace, "toy", Options(parallel=2))
    latest = retention.load("toy")
    assert latest.name == run.name
    assert latest.table("segments").customer_key.tolist() == ["a", "b"]
    assert changed_files(latest) == []
    assert not list((workspace.profile("toy") / ".staging").iterdir())
    assert (workspace.outputs / "index.html").is_file()
    for name in ("segments", "lifetime_value"):
        page = (run.folder / "reports" / f"{name}.html").read_text()
        assert f"{name} is fine" in page


def test_the_same_inputs_reuse_every_stage_and_give_the_same_artifacts(workspace):
    first = run_profile(workspace, "toy")
    second = run_profile(workspace, "toy")
    again = run_profile(workspace, "toy", Options(fresh=True))
    assert [n["status"] for n in second.manifest["notebooks"].values()] == ["reused", "reused"]
    assert [n["status"] for n in again.manifest["notebooks"].values()] == ["ran", "ran"]
    assert first.manifest["artifacts"] == second.manifest["artifacts"]
    assert first.manifest["artifacts"] == again.manifest["artifacts"]


def test_changing_one_notebooks_params_runs_it_alone_again(workspace):
    run_profile(workspace, "toy")
    (workspace.params / "toy" / "lifetime_value.yaml").write_text("seed: 7\n")
    run = run_profile(workspace, "toy")
    status = {name: n["status"] for name, n in run.manifest["notebooks"].items()}
    assert status == {"segments": "reused", "lifetime_value": "ran"}
    assert run.result("lifetime_value")["metrics"][0]["value"] == 7


@pytest.mark.parametrize(
    ("work", "kind"),
    [
        ('raise ValueError("no such thing")', "ValueError"),
        ("import sys; sys.exit(0)", "SystemExit"),
        ("import os; os.kill(os.getpid(), 9)", "KernelDied"),
        ("import os; os._exit(0)", "KernelDied"),
        ("import time; time.sleep(120)", "Timeout"),
    ],
)
def test_a_notebook_that_ends_early_is_told_where_and_costs_no_other(
    workspace, rewrite, work, kind
):
    rewrite(work)
    with pytest.raises(RunError) as caught:
        run_profile(workspace, "toy", Options(timeout=20 if kind == "Timeout" else 120))
    text = str(caught.value)
    assert "'lifetime_value'" in text
    assert "cell 5 of 6" in text
    assert "What happens here?" in text
    assert kind in text
    run = retention.load("toy")  # the first: there is no whole one that it would displace
    assert run.failed() == ["lifetime_value"]
    assert run.result("lifetime_value")["headline"] in text
    assert run.publishes("segments")
    assert "Did not run" in (run.folder / "reports" / "lifetime_value.html").read_text()
    assert "Did not run" in (workspace.outputs / "index.html").read_text()


def test_what_reads_from_a_failed_notebook_is_not_started_and_its_tables_go(workspace, rewrite):
    half = 'stage.save("half", pd.DataFrame({"a": [1]}), key="a")'
    rewrite(half, "1 / 0", name="segments")
    with pytest.raises(RunError, match="ZeroDivisionError") as caught:
        run_profile(workspace, "toy")
    assert "Nothing was published" in str(caught.value)
    (workspace.params / "toy" / "design.yaml").write_text("# defaults\n")
    rewrite("fine = 1", folder="04_experiments", name="design")
    with pytest.raises(RunError, match="reads from 'segments', which failed"):
        run_profile(workspace, "toy")
    run = retention.load("toy")
    assert run.failed() == ["segments", "lifetime_value"]
    assert run.result("design")["status"] == "pass"
    assert not run.publishes("half")


def test_latest_moves_to_a_run_without_a_notebook_only_where_that_is_asked_for(workspace, rewrite):
    whole = run_profile(workspace, "toy")
    rewrite("1 / 0")
    with pytest.raises(RunError, match="`latest` stays with the last whole run"):
        run_profile(workspace, "toy")
    assert retention.load("toy").name == whole.name
    with pytest.raises(RunError, match="ZeroDivisionError"):
        run_profile(workspace, "toy", Options(partial=True))
    assert retention.load("toy").failed() == ["lifetime_value"]


def test_a_failed_run_leaves_the_published_one_alone_and_resumes_where_it_stopped(
    workspace, rewrite
):
    good = run_profile(workspace, "toy")
    rewrite('raise ValueError("not yet")')
    with pytest.raises(RunError):
        run_profile(workspace, "toy")
    assert retention.load("toy").name == good.name
    rewrite("rows = 1")
    resumed = resume_profile(workspace, "toy")
    assert retention.load("toy").name == resumed.name
    assert resumed.manifest["notebooks"]["segments"]["status"] == "reused"
    assert not (workspace.profile("toy") / "failed.html").exists()


def test_resuming_without_an_unfinished_run_is_refused(workspace):
    with pytest.raises(RunError, match="no unfinished run"):
        resume_profile(workspace, "toy")


def test_an_identity_in_an_error_reaches_neither_page_nor_notebook(workspace, rewrite):
    rewrite('raise KeyError("jane.canary@example.com")')
    with pytest.raises(RunError) as caught:
        run_profile(workspace, "toy")
    assert "canary" not in str(caught.value)
    for path in workspace.outputs.rglob("*"):
        if path.is_file():
            # The notebook's own code names the canary; what it printed and raised must not.
            text = path.read_text(errors="replace")
            assert "jane.canary@example.com" not in text.replace(
                'raise KeyError(\\"jane.canary@example.com\\")', ""
            )


def test_the_same_rows_in_another_order_give_the_same_bytes(tmp_path, workspace):
    stage = retention.open_stage("segments", profile="toy", output_dir=str(tmp_path / "a"))
    rows = pd.DataFrame({"customer_key": ["a", "b", "c"], "x": [1.0, 2.0, 3.0]})
    first = stage.save("t", rows, key="customer_key")
    second = stage.save("t", rows.sample(frac=1, random_state=1), key="customer_key")
    assert first.sha256 == second.sha256


def test_a_table_whose_key_is_not_unique_is_refused(tmp_path, workspace):
    stage = retention.open_stage("segments", profile="toy", output_dir=str(tmp_path / "a"))
    with pytest.raises(RunError, match="share a key"):
        stage.save("t", pd.DataFrame({"customer_key": ["a", "a"]}), key="customer_key")


def test_a_result_file_holds_no_nan(tmp_path, workspace):
    from retention.results import Metric

    stage = retention.open_stage("segments", profile="toy", output_dir=str(tmp_path / "a"))
    stage.finish("fine", [Metric("auc", float("nan"), "share")])
    result = json.loads((tmp_path / "a" / "results" / "segments.json").read_text())
    assert result["metrics"][0]["value"] is None


def test_what_notebooks_of_a_run_share_goes_with_the_run(workspace, rewrite, tmp_path):
    share = "import os, pathlib; shared = pathlib.Path(os.environ['RETENTION_SHARED_DIR'])"
    note = f"pathlib.Path({str(tmp_path / 'where')!r}).write_text(str(shared))"
    rewrite(share, "_ = (shared / 'rows').write_text('x')", note)
    common = workspace.params / "toy" / "common.yaml"
    common.write_text(common.read_text() + f"temporary_directory: {tmp_path / 'temporary'}\n")

    run_profile(workspace, "toy")

    shared = Path((tmp_path / "where").read_text())
    assert shared.parent == tmp_path / "temporary"
    assert not shared.exists()

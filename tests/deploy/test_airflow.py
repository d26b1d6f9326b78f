"""The DAG in a real Airflow: it parses for every profile, and one run of it is published."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import retention
from retention.runs.plan import planned, profiles
from retention.runs.signoff import changed_files
from retention.runs.workspace import Workspace

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
AIRFLOW = PROJECT / ".venv-airflow" / "bin" / "airflow"
SHAPE = """
import json, sys
sys.path.insert(0, {folder!r})
import retention_dag
dags = {{name: dag for name, dag in vars(retention_dag).items() if hasattr(dag, "task_dict")}}
found = {{name: {{t.task_id: sorted(t.upstream_task_ids) for t in dag.tasks}}
         for name, dag in dags.items()}}
print("SHAPE" + json.dumps(found))
"""


@pytest.fixture
def airflow(tmp_path):
    """Return a function that runs a program of Airflow's environment with a home of its own."""
    if not AIRFLOW.is_file():
        pytest.skip("no Airflow; `make test-airflow` installs it")
    settings = {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "deploy" / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    }

    def call(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("RETENTION_", "PYTHON"))}
        path = f"{AIRFLOW.parent}{os.pathsep}{kept['PATH']}"
        environment = {**kept, **settings, "PATH": path, **more}
        command = [str(AIRFLOW.parent / words[0]), *words[1:]]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=400, cwd=tmp_path
        )

    return call


def test_the_dag_parses_for_every_profile_and_keeps_the_order_of_the_notebooks(airflow):
    code = SHAPE.format(folder=str(PROJECT / "deploy" / "airflow"))
    done = airflow("python", "-c", code)
    assert "SHAPE" in done.stdout, done.stderr[-3000:]
    shapes = json.loads(done.stdout.split("SHAPE")[1])
    workspace = Workspace(PROJECT, PROJECT)
    assert set(shapes) == {f"retention_{name}" for name in profiles(workspace)}
    for profile in profiles(workspace):
        shape = shapes[f"retention_{profile}"]
        notebooks = planned(workspace, profile)
        names = {notebook.name for notebook in notebooks}
        assert set(shape) == {"folder", "publish", *names}
        assert set(shape["publish"]) == names
        for notebook in notebooks:
            assert set(shape[notebook.name]) == set(notebook.needs) & names or {"folder"}


@pytest.fixture
def shop(tmp_path) -> Path:
    """Return a project with the real notebooks and a profile of two of them on a small shop."""
    project = tmp_path / "project"
    params = project / "params" / "demo"
    params.mkdir(parents=True)
    for name in ("pyproject.toml", "lib", "notebooks", ".venv"):
        (project / name).symlink_to(PROJECT / name)
    for name in ("ingest.yaml", "design.yaml"):
        shutil.copy(PROJECT / "params" / "demo" / name, params)
    common = (PROJECT / "params" / "demo" / "common.yaml").read_text()
    lines = [line for line in common.splitlines() if not line.startswith("as_of")]
    (params / "common.yaml").write_text("\n".join([*lines, "as_of: month_start", ""]))
    command = [PROJECT / ".venv" / "bin" / "retention", "demo", "--customers", "400"]
    made = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return project


def test_one_run_of_the_dag_by_the_papermill_operator_is_published(airflow, shop):
    place = {
        "RETENTION_PROJECT": str(shop),
        "RETENTION_ROOT": str(shop),
        "RETENTION_PROFILES": "demo",
    }
    migrated = airflow("airflow", "db", "migrate")
    assert migrated.returncode == 0, migrated.stderr[-3000:]
    done = airflow("airflow", "dags", "test", "retention_demo", "2026-07-06", **place)
    told = (done.stdout + done.stderr)[-6000:]
    assert done.returncode == 0, told
    workspace = Workspace(shop, shop)
    assert (workspace.profile("demo") / "latest").exists(), told
    run = retention.runs.run.load("demo", workspace=workspace)
    assert list(run.manifest["notebooks"]) == ["ingest", "design"]
    assert run.manifest["params"]["design"]["resolved"]["as_of"] == "2026-07-01"
    assert run.manifest["params"]["design"]["given"]["as_of"] == "month_start"
    assert changed_files(run) == []
    assert str(shop) not in (run.folder / "notebooks" / "design.ipynb").read_text()

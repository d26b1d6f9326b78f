"""Retention research in Airflow: one DAG per profile, one Papermill task per notebook.

The notebooks run in the project's own environment, by its Jupyter kernel; Airflow needs neither
pandas nor the library's other dependencies, only this file, ``lib/`` on its path for the order of
the notebooks and the checked parameters, and PyYAML and pydantic, which it has.

Set before Airflow starts (`make airflow` registers the kernel):

``RETENTION_PROJECT``   the project's folder; by default the one this file lies in
``RETENTION_ROOT``      where exports/ and outputs/ are; by default the project
``RETENTION_PROFILES``  profiles to schedule, separated by commas; by default all of them
``RETENTION_CRON``      when; by default Mondays at 05:00 UTC

Each run writes to ``outputs/<profile>/scheduled/<date>`` and the last task publishes that folder:
it is judged, reported and sealed exactly as ``retention run`` does it, or nothing appears.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from airflow.providers.papermill.operators.papermill import PapermillOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

PROJECT = Path(os.environ.get("RETENTION_PROJECT") or Path(__file__).resolve().parents[2])
ROOT = Path(os.environ.get("RETENTION_ROOT") or PROJECT)
sys.path.insert(0, str(PROJECT / "lib"))

from retention.runs import dates  # noqa: E402
from retention.runs.plan import profiles  # noqa: E402
from retention.runs.settings import Settings, load_settings  # noqa: E402
from retention.runs.workspace import Workspace  # noqa: E402

KERNEL = "retention"
DAY = "(dag_run.logical_date or dag_run.run_after).strftime('%Y-%m-%d')"
"""What relative dates count from, and what the run's folder is called; filled in by Airflow."""

FILES = Workspace(PROJECT, ROOT)


def resolved(text: str, day: str) -> str:
    """Return a relative date of the params, counted from the day of the DAG run."""
    return dates.resolve(text, date.fromisoformat(day))


def parameters(settings: Settings, folder: str) -> dict[str, object]:
    """Return what a notebook is told; relative dates are left for Airflow to fill in."""
    told = {
        name: f"{{{{ resolved({value!r}, {DAY}) }}}}" if dates.is_relative(value) else value
        for name, value in {**settings.resolved, **settings.given}.items()
    }
    return {**told, "run": "none", "output_dir": folder}


def retention_dag(profile: str) -> DAG:
    """Return a profile's DAG: its notebooks in the order of what they read, then publishing."""
    folder = str(FILES.profile(profile) / "scheduled" / f"{{{{ {DAY} }}}}")
    dag = DAG(
        dag_id=f"retention_{profile}",
        schedule=os.environ.get("RETENTION_CRON", "0 5 * * 1"),
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        tags=["retention"],
        user_defined_macros={"resolved": resolved},
        default_args={"execution_timeout": timedelta(hours=2), "retries": 1},
    )
    with dag:
        ready = BashOperator(
            task_id="folder", bash_command=f"mkdir -p '{folder}/notebooks' '{folder}/results'"
        )
        tasks = {}
        for settings in load_settings(FILES, profile):
            name = settings.notebook.name
            tasks[name] = PapermillOperator(
                task_id=name,
                input_nb=str(settings.notebook.path(FILES)),
                output_nb=f"{folder}/notebooks/{name}.ipynb",
                parameters=parameters(settings, folder),
                kernel_name=KERNEL,
                language_name="python",
            )
            before = [tasks[need] for need in settings.notebook.needs if need in tasks]
            (before or [ready]) >> tasks[name]
        publish = BashOperator(
            task_id="publish",
            bash_command=f"'{PROJECT}/.venv/bin/retention' publish {profile} '{folder}' "
            f"--today {{{{ {DAY} }}}}",
            cwd=str(PROJECT),
            env={"RETENTION_ROOT": str(ROOT)},
            append_env=True,
            retries=0,
        )
        list(tasks.values()) >> publish
    return dag


CHOSEN = os.environ.get("RETENTION_PROFILES", "")
for chosen in CHOSEN.split(",") if CHOSEN else profiles(FILES):
    globals()[f"retention_{chosen}"] = retention_dag(chosen)

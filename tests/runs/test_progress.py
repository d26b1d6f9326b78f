"""What a run tells while it is under way: a bar for people, a log for machines."""

from __future__ import annotations

import json

from retention.runs.progress import RunProgress
from retention.runs.runner import run_profile
from retention.runs.stages import Record


def task_of(shown: RunProgress):
    """Return the one task of the bar."""
    return shown._bar.tasks[0]


def test_the_bar_names_the_cell_and_the_time_left_from_what_the_last_run_took(capsys):
    shown = RunProgress("toy", {"a": 10, "b": 30}, {"a": 40.0, "b": 60.0})
    with shown as progress:
        progress.cell("a", 6, 10)
        task = task_of(shown)
        assert task.description == "a · cell 6 of 10"
        assert (task.completed, task.total) == (5, 40)
        assert task.fields["left"] == "about 80 s left"
        progress.finished("a", Record("a", "k", {}, 41.2, 100.0))
        assert task.fields["left"] == "about 60 s left"
        progress.finished("b", Record("b", "k", {}, 1.0, 100.0, reused_from="0001-x"))
        assert task.completed == 40
    told = capsys.readouterr().err
    assert "a: 41 s" in told
    assert "b: unchanged, taken from 0001-x" in told


def test_no_time_left_is_told_where_a_notebook_has_never_run():
    shown = RunProgress("toy", {"a": 10, "b": 30}, {"a": 40.0})
    shown.cell("a", 6, 10)
    assert task_of(shown).fields["left"] == ""


def test_the_log_of_a_run_tells_each_step_as_one_json_object_a_line(workspace):
    first = run_profile(workspace, "toy")
    second = run_profile(workspace, "toy")

    def told(run) -> list[dict]:
        lines = (run.folder / "run.log").read_text().splitlines()
        return [json.loads(line) for line in lines]

    assert [(e["event"], e.get("notebook")) for e in told(first)] == [
        ("start", "segments"), ("done", "segments"),
        ("start", "lifetime_value"), ("done", "lifetime_value"), ("publish", None),
    ]  # fmt: skip
    assert all(e["at"].endswith("+00:00") for e in told(first))
    again = [e for e in told(second) if e["event"] == "done"]
    assert {e["reused_from"] for e in again} == {first.name}

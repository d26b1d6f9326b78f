"""Whatever kills a run, readers see the run before it or the run after it, never half of one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

import retention
from retention.errors import RunError
from retention.runs.run import published
from retention.runs.runner import Options, resume_profile, run_profile
from retention.runs.signoff import changed_files

MOMENTS = 6


def start(workspace) -> subprocess.Popen[bytes]:
    """Start a run in a process of its own, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "retention.cli", "run", "toy", "--fresh"],
        cwd=workspace.project,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@pytest.mark.slow
def test_killing_the_runner_at_any_moment_leaves_latest_whole_and_resumable(workspace):
    first = run_profile(workspace, "toy")
    began = time.monotonic()
    start(workspace).wait()
    length = time.monotonic() - began
    draw = random.Random(7)
    for _ in range(MOMENTS):
        process = start(workspace)
        time.sleep(draw.uniform(0.1, length))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        latest = retention.load("toy")
        assert changed_files(latest) == []
        assert all(changed_files(run) == [] for run in published("toy", workspace))
    if (workspace.profile("toy") / ".staging").exists():
        (workspace.params / "toy" / "campaign_lift.yaml").write_text("# defaults\n")
    last = run_profile(workspace, "toy")
    assert last.manifest["artifacts"] == first.manifest["artifacts"]


@pytest.mark.slow
def test_killing_a_kernel_stops_the_run_and_a_retry_can_save_it(workspace, rewrite):
    once = (
        "import os, pathlib\n"
        "mark = pathlib.Path('killed-once')\n"
        "seen = mark.exists(); mark.touch()\n"
        "os.kill(os.getpid(), 0 if seen else 9)"
    )
    rewrite(once)
    with pytest.raises(RunError, match="KernelDied"):
        run_profile(workspace, "toy")
    (workspace.project / "killed-once").unlink()
    run = run_profile(workspace, "toy", Options(retries=1))
    assert run.result("campaign_lift")["status"] == "pass"


@pytest.mark.slow
def test_a_kernel_killed_from_outside_leaves_the_rest_resumable(workspace, rewrite):
    rewrite("import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)")
    process = start(workspace)
    note = workspace.project / "pid"
    while not (note.exists() and note.read_text()):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    os.kill(int(note.read_text()), signal.SIGKILL)
    assert process.wait(timeout=60) == 1
    rewrite("rows = 1")
    run = resume_profile(workspace, "toy")
    assert run.manifest["notebooks"]["segments"]["status"] == "reused"


def test_a_run_that_was_published_while_the_clock_stood_wrong_is_still_the_latest(
    workspace, monkeypatch
):
    from retention.runs import publish

    class Past(publish.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(1999, 1, 1, tzinfo=tz)

    first = run_profile(workspace, "toy")
    monkeypatch.setattr(publish, "datetime", Past)
    second = run_profile(workspace, "toy")
    assert retention.load("toy").name == second.name
    assert [run.name for run in published("toy", workspace)] == [first.name, second.name]

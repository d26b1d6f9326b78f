"""Whatever ends a run, readers see the run before it or the run after it, never half of one."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import retention
from retention.errors import RunError
from retention.runs.lock import profile_lock
from retention.runs.run import published
from retention.runs.runner import Options, resume_profile, run_profile
from retention.runs.signoff import changed_files

KILLS_OF_ALL, KILLS_OF_A_KERNEL, KILLS_AT_A_WRITE = 8, 3, 14


@pytest.fixture
def order(workspace):
    """Return a function that has a run done, and killed, in a process of its own."""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("zygote.py"))],
        cwd=workspace.project,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def send(**task) -> dict:
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield send
        process.stdin.close()


def assert_whole(workspace, artifacts) -> None:
    """Hold every visible run, and what ``latest`` points to, against the undisturbed one.

    A run without its failed notebook is published, too; it is whole in itself and never the latest.
    """
    runs = published("toy", workspace)
    whole = [run for run in runs if not run.failed()]
    assert retention.load("toy").name in {run.name for run in whole}
    assert all(changed_files(run) == [] for run in runs)
    assert all(run.manifest["artifacts"] == artifacts for run in whole)


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
def test_killing_runner_and_kernels_at_random_moments_leaves_all_whole_and_resumable(
    workspace, order
):
    whole = order(fresh=True)
    assert whole["code"] == 0
    artifacts = retention.load("toy").manifest["artifacts"]
    draw = random.Random(7)
    killed, longest = 0, whole["seconds"]
    while killed < KILLS_OF_ALL:
        ended = order(fresh=True, after=draw.uniform(0.02, longest), whom="all")
        assert ended["code"] in (0, -signal.SIGKILL)
        killed += ended["code"] == -signal.SIGKILL
        # A run that ended before its moment came: the machine is less busy than it was.
        longest *= 1.0 if ended["code"] else 0.7
        assert_whole(workspace, artifacts)
        assert order(resume=True)["code"] == 0
        assert_whole(workspace, artifacts)


@pytest.mark.slow
def test_killing_a_kernel_at_random_moments_leaves_all_whole_and_resumable(workspace, order):
    whole = order(fresh=True)
    artifacts = retention.load("toy").manifest["artifacts"]
    draw = random.Random(11)
    for _ in range(KILLS_OF_A_KERNEL):
        ended = order(fresh=True, after=draw.uniform(0.2, 0.8 * whole["seconds"]), whom="kernel")
        assert ended["code"] in (0, 1)  # a spare kernel's death need not be noticed
        assert_whole(workspace, artifacts)
        assert order(resume=True)["code"] == 0
        assert_whole(workspace, artifacts)


@pytest.mark.slow
def test_dying_at_a_change_to_the_file_system_leaves_all_whole_and_resumable(workspace, order):
    assert order(fresh=True)["code"] == 0
    artifacts = retention.load("toy").manifest["artifacts"]
    changes = 0
    killed = True
    for change in random.Random(3).sample(range(1, 60), KILLS_AT_A_WRITE):
        killed = order(write=change)["code"] == -signal.SIGKILL
        changes += killed
        assert_whole(workspace, artifacts)
        assert order(resume=True)["code"] == 0
        assert_whole(workspace, artifacts)
    assert changes >= KILLS_AT_A_WRITE - 4


@pytest.mark.slow
def test_a_kernel_that_dies_once_is_saved_by_a_retry(workspace, rewrite):
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
    assert run.result("lifetime_value")["status"] == "pass"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "seconds"), [("import sys; sys.exit(0)", 120), ("import time; time.sleep(90)", 8)]
)
def test_a_notebook_that_leaves_early_or_hangs_can_be_mended_and_resumed(
    workspace, rewrite, work, seconds
):
    first = run_profile(workspace, "toy")
    rewrite(work)
    with pytest.raises(RunError):
        run_profile(workspace, "toy", Options(timeout=seconds))
    assert_whole(workspace, first.manifest["artifacts"])
    rewrite('rows = len(stage.table("segments"))')
    assert resume_profile(workspace, "toy").manifest["artifacts"] == first.manifest["artifacts"]


@pytest.mark.slow
def test_of_two_runs_at_once_one_is_published_and_the_other_told_why(workspace, rewrite):
    rewrite("import pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.05)")
    runs = [start(workspace), start(workspace)]
    deadline = time.monotonic() + 120
    while all(run.poll() is None for run in runs) and time.monotonic() < deadline:
        time.sleep(0.05)
    (workspace.project / "go").touch()  # only now may the one that goes on come to its end
    codes = sorted(run.wait(timeout=120) for run in runs)
    assert codes == [0, 1]
    told = [run.stderr.read().decode() for run in runs if run.returncode == 1]
    assert "is under way" in told[0]
    assert len(published("toy", workspace)) == 1


def test_a_run_is_refused_while_another_holds_the_profile(workspace):
    with (
        profile_lock(workspace.profile("toy")),
        pytest.raises(RunError, match=f"process {os.getpid()}"),
    ):
        run_profile(workspace, "toy")
    assert published("toy", workspace) == []


def mounted(folder: Path, *options: str) -> None:
    """Mount a small file system in memory, or skip where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"may not mount a file system here: {done.stderr.strip()}")


@pytest.fixture
def small_disk(workspace):
    """Put the outputs on a file system of one megabyte; give the folder."""
    mounted(workspace.outputs, "-o", "size=1m")
    yield workspace.outputs
    subprocess.run(["umount", "-l", str(workspace.outputs)], check=True)


@pytest.mark.slow
def test_a_full_disk_publishes_nothing_and_is_resumed_once_there_is_room(workspace, small_disk):
    artifacts = run_profile(workspace, "toy").manifest["artifacts"]
    for room in (4_096, 40_960, 81_920):
        filler = small_disk / "filler"
        free = os.statvfs(small_disk)
        filler.write_bytes(b"x" * max(free.f_bavail * free.f_frsize - room, 0))
        with pytest.raises(RunError):
            run_profile(workspace, "toy", Options(fresh=True))
        assert_whole(workspace, artifacts)
        filler.unlink()
        assert resume_profile(workspace, "toy").manifest["artifacts"] == artifacts
        assert_whole(workspace, artifacts)


@pytest.mark.slow
def test_a_file_that_may_not_grow_stops_the_run_with_a_clear_error(workspace):
    artifacts = run_profile(workspace, "toy").manifest["artifacts"]
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 4; exec {sys.executable} -m retention.cli run toy --fresh"],
        cwd=workspace.project,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert_whole(workspace, artifacts)
    assert resume_profile(workspace, "toy").manifest["artifacts"] == artifacts


@pytest.mark.slow
def test_a_read_only_output_folder_is_told_and_left_as_it_was(workspace, small_disk):
    artifacts = run_profile(workspace, "toy").manifest["artifacts"]
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    try:
        with pytest.raises(RunError, match="cannot be written"):
            run_profile(workspace, "toy")
        assert_whole(workspace, artifacts)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert run_profile(workspace, "toy").manifest["artifacts"] == artifacts


@pytest.mark.slow
def test_a_clock_that_jumps_neither_hides_a_run_nor_makes_an_old_one_the_latest(
    workspace, monkeypatch
):
    from retention.runs import publish, runner

    def at(year: int) -> type:
        class Jumped(publish.datetime):
            @classmethod
            def now(cls, tz=None):
                return cls(year, 1, 1, tzinfo=tz)

        return Jumped

    names = []
    for year in (2030, 1999, 2026):
        for module in (publish, runner):
            monkeypatch.setattr(module, "datetime", at(year))
        monkeypatch.setattr(time, "time", lambda year=year: (year - 1970) * 31_556_952.0)
        names.append(run_profile(workspace, "toy").name)
        assert retention.load("toy").name == names[-1]
    assert [run.name for run in published("toy", workspace)] == names

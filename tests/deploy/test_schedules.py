"""The shipped timer, service and crontab line: valid, and doing what they say when executed."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

import retention
from retention.runs.run import published

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = DEPLOY / "systemd"
CRONTAB = DEPLOY / "cron" / "retention.crontab"
BARE = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C"}
"""What cron and systemd give a command: next to nothing."""


def unit(name: str) -> configparser.ConfigParser:
    """Read a systemd unit."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read(UNITS / name)
    return parser


def cron_line() -> tuple[list[str], str]:
    """Return the five fields and the command of the one job in the crontab."""
    lines = [line for line in CRONTAB.read_text().splitlines() if line and line[0] != "#"]
    jobs = [line for line in lines if not re.match(r"^[A-Z]+=", line)]
    assert len(jobs) == 1
    *fields, command = jobs[0].split(maxsplit=5)
    return fields, command


def assert_did_its_work(done: subprocess.CompletedProcess[str], installed, told: str) -> None:
    """Hold what a schedule's command did against one good profile and one at fault."""
    assert done.returncode == 1, done.stderr
    outcomes = {o["profile"]: o["status"] for o in map(json.loads, told.splitlines())}
    assert outcomes == {"a_broken": "failed", "toy": "published"}
    assert "no_such_thing" in done.stderr
    assert retention.load("toy").result("segments")["status"] == "pass"
    assert published("a_broken", installed) == []


def test_systemd_accepts_timer_and_service(tmp_path):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd here")
    for name in ("retention.service", "retention.timer"):
        text = (UNITS / name).read_text()
        text = text.replace("User=retention\n", "").replace("/opt/retention", str(tmp_path))
        (tmp_path / name).write_text(text)
    paths = [str(tmp_path / name) for name in ("retention.service", "retention.timer")]
    done = subprocess.run([program, "verify", "--man=no", *paths], capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "retention" in line]
    assert ours == []
    calendar = unit("retention.timer")["Timer"]["OnCalendar"]
    asked = subprocess.run([program, "calendar", calendar], capture_output=True, text=True)
    assert asked.returncode == 0
    assert re.search(r"Mon \d{4}-\d\d-\d\d 05:00:00 UTC", asked.stdout)


def test_the_service_can_write_where_runs_write_and_nowhere_else():
    service = unit("retention.service")["Service"]
    assert service["Type"] == "oneshot"
    assert service["ProtectSystem"] == "strict"
    assert service["ReadWritePaths"].split() == [
        "/opt/retention/outputs",
        "/opt/retention/.retention",
    ]


def test_the_crontab_fires_on_mondays_and_escapes_nothing_cron_would_cut():
    fields, command = cron_line()
    assert fields == ["0", "5", "*", "*", "1"]
    assert "%" not in command  # cron takes what follows as standard input


@pytest.mark.slow
def test_the_services_command_runs_every_profile_in_a_bare_environment(installed):
    command = shlex.split(unit("retention.service")["Service"]["ExecStart"])
    done = subprocess.run(
        command, cwd=installed.project, env=BARE, capture_output=True, text=True, timeout=240
    )
    assert_did_its_work(done, installed, done.stdout)


@pytest.mark.slow
def test_the_cron_line_runs_every_profile_in_a_bare_environment(installed):
    _, command = cron_line()
    command = command.replace("/opt/retention", str(installed.project))
    done = subprocess.run(
        ["/bin/sh", "-c", command], env=BARE, capture_output=True, text=True, timeout=240
    )
    told = (installed.outputs / "schedule.jsonl").read_text()
    assert_did_its_work(done, installed, told)
    assert done.stdout == ""

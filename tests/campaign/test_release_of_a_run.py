"""The release of a run's targeting: kept in a file, mixed by percent, paused, taken back."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from retention.campaign.release import Release, Stage, reached
from retention.cli import app
from retention.errors import ParameterError
from retention.runs.releasing import current_release, start_release, targeting_of
from retention.runs.run import load
from retention.runs.workspace import Workspace

KEYS = [f"{i:064x}" for i in range(1000)]
OLD, NEW = "0001-20260701T0000-aaaaaaaa", "0002-20260708T0000-bbbbbbbb"


def publish(workspace: Workspace, name: str, arm: str, *, broken: bool = False) -> None:
    """Publish a run by hand: its manifest, its campaign result and its targeting."""
    folder = workspace.profile("shop") / name
    (folder / "results").mkdir(parents=True)
    (folder / "tables").mkdir()
    (folder / "manifest.json").write_text(json.dumps({"run": name, "notebooks": {}}))
    check = {"code": "campaign.guardrail", "status": "fail", "detail": "revenue fell", "action": ""}
    result = {"checks": [check] if broken else []}
    (folder / "results" / "campaign_lift.json").write_text(json.dumps(result))
    table = pd.DataFrame({"customer_key": KEYS, "recommended_arm": arm, f"effect_{arm}": 1.0})
    table.to_parquet(folder / "tables" / "targeting.parquet")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    project = tmp_path / "project"
    for name in ("params", "notebooks"):
        (project / name).mkdir(parents=True)
    (project / "pyproject.toml").write_text("")
    monkeypatch.chdir(project)
    monkeypatch.delenv("RETENTION_ROOT", raising=False)
    place = Workspace(project, project)
    publish(place, OLD, "email")
    publish(place, NEW, "gift", broken=True)
    os.symlink(NEW, place.profile("shop") / "latest")
    return place


def told(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["release", "shop", *words])
    if isinstance(done.exception, ParameterError):
        return 2, str(done.exception)
    return done.exit_code, done.output


def test_release_goes_out_step_by_step_and_is_kept(workspace: Workspace) -> None:
    assert told() == (0, "Nothing is being released in shop.\n")
    code, text = told("start", "--approved", OLD)
    assert (code, "at 5 %" in text) == (0, True)
    calm = ("advance", "--sent", "5000", "--complaints", "1", "--unsubscribes", "10")
    assert "at 25 %" in told(*calm)[1]
    kept = current_release(workspace, "shop")
    assert kept == Release(NEW, OLD, step=1)
    for _ in range(3):
        told(*calm)
    done = current_release(workspace, "shop")
    assert done is not None
    assert done.stage is Stage.COMPLETE


def test_only_those_reached_get_the_new_policy(workspace: Workspace) -> None:
    run = load("shop", NEW, workspace)
    before = targeting_of(workspace, run)
    assert before is not None
    assert set(before["recommended_arm"]) == {"gift"}
    release = start_release(workspace, run, approved=OLD)
    mixed = targeting_of(workspace, run)
    assert mixed is not None
    assert mixed["customer_key"].tolist() == KEYS
    assert np.array_equal(mixed["recommended_arm"] == "gift", reached(release, KEYS))
    told("rollback")
    back = targeting_of(workspace, run)
    assert back is not None
    assert set(back["recommended_arm"]) == {"email"}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--sent", "5000", "--complaints", "40"), "complaints"),
        (("--sent", "10", "--flag", "no proof of consent"), "no proof of consent"),
        (("--sent", "10", "--measured", NEW), "revenue fell"),
    ],
)
def test_stop_rule_pauses_until_the_cause_is_mended(
    workspace: Workspace, words: tuple[str, ...], reason: str
) -> None:
    told("start", "--approved", OLD)
    code, text = told("advance", *words)
    assert code == 1
    assert reason in text
    assert told()[0] == 1
    assert "at 5 %" in told("resume")[1]


@pytest.mark.parametrize(
    ("first", "words", "problem"),
    [
        ((), ("advance",), "Nothing is being released"),
        ((), ("rollback",), "Nothing is being released"),
        ((), ("start",), "No campaign report has been approved"),
        ((), ("start", "--approved", NEW), "approved one already"),
        (("start", "--approved", OLD), ("start", "--approved", OLD), "is running"),
        (("start", "--approved", OLD), ("resume",), "not paused"),
    ],
)
def test_impossible_acts_are_refused(
    workspace: Workspace, first: tuple[str, ...], words: tuple[str, ...], problem: str
) -> None:
    if first:
        told(*first)
    code, text = told(*words)
    assert code == 2
    assert problem in text
    assert workspace.profile("shop").is_dir()


def test_run_without_targeting_is_not_released(workspace: Workspace) -> None:
    (workspace.profile("shop") / NEW / "tables" / "targeting.parquet").unlink()
    run = load("shop", NEW, workspace)
    assert targeting_of(workspace, run) is None
    with pytest.raises(ParameterError, match="no targeting"):
        start_release(workspace, run, approved=OLD)

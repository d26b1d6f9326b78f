"""Where the release of a targeting policy stands, kept in a file beside the profile's runs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from retention.campaign.codes import CampaignCode
from retention.campaign.release import (
    Release,
    Signals,
    Stage,
    StopRules,
    advance,
    reached,
    resume,
    roll_back,
)
from retention.errors import ParameterError
from retention.results import Check, Status
from retention.runs.files import read_json, write_json
from retention.runs.run import Run, load
from retention.runs.signoff import last_approved
from retention.runs.workspace import Workspace

TARGETING = "targeting"
NOTEBOOK = "campaign_lift"


def current_release(workspace: Workspace, profile: str) -> Release | None:
    """Return the profile's release, None where there has been none."""
    path = _file(workspace, profile)
    if not path.is_file():
        return None
    kept = read_json(path)
    return Release(
        kept["policy"], kept["approved"], tuple(kept["percents"]), kept["step"],
        Stage(kept["stage"]), tuple(kept["reasons"]),
    )  # fmt: skip


def start_release(
    workspace: Workspace, run: Run, *, approved: str = "", percents: tuple[float, ...] = ()
) -> Release:
    """Begin to release a run's targeting in place of the last approved one.

    Parameters
    ----------
    workspace
        Where the runs lie.
    run
        The run whose targeting is to go out.
    approved
        Run that everybody gets otherwise and after a rollback; empty for the last one whose
        campaign report was approved.
    percents
        Percent of customers reached at each step; empty for 5, 25, 50 and 100.

    Raises
    ------
    ParameterError
        If a release is under way, the run has no targeting, or nothing was ever approved.
    """
    under_way = current_release(workspace, run.profile)
    if under_way is not None and under_way.stage in (Stage.RUNNING, Stage.PAUSED):
        raise ParameterError(
            f"The release of {under_way.policy!r} is {under_way.stage}.",
            "Bring it to its end, or roll it back first.",
        )
    last = last_approved(run.profile, workspace, NOTEBOOK)
    fallback = load(run.profile, approved, workspace) if approved else last
    if fallback is None:
        raise ParameterError(
            "No campaign report has been approved, so there is nothing to fall back on.",
            f"Approve one: retention approve {run.profile}, or name a run with --approved.",
        )
    for needed in (run, fallback):
        if not needed.publishes(TARGETING):
            raise ParameterError(f"Run {needed.name!r} has no targeting.", "Name another run.")
    if fallback.name == run.name:
        raise ParameterError(
            f"Run {run.name!r} is the approved one already.", "Name the run that is to replace it."
        )
    begun = Release(run.name, fallback.name)
    if percents:
        begun = Release(run.name, fallback.name, percents)
    return _kept(workspace, run.profile, begun)


def advance_release(
    workspace: Workspace, profile: str, signals: Signals, rules: StopRules | None = None
) -> Release:
    """Move the release one step on, or pause it where a stop rule is met."""
    return _kept(workspace, profile, advance(_under_way(workspace, profile), signals, rules))


def resume_release(workspace: Workspace, profile: str) -> Release:
    """Start a paused release again from its first step."""
    return _kept(workspace, profile, resume(_under_way(workspace, profile)))


def roll_back_release(workspace: Workspace, profile: str) -> Release:
    """Give everybody the last approved policy again."""
    return _kept(workspace, profile, roll_back(_under_way(workspace, profile)))


def broken_guardrails(run: Run) -> tuple[Check, ...]:
    """Return the guardrail checks of a run's campaign report that failed."""
    checks = run.result(NOTEBOOK)["checks"]
    return tuple(
        Check(CampaignCode.GUARDRAIL, Status.FAIL, check["detail"], check["action"])
        for check in checks
        if check["code"] == CampaignCode.GUARDRAIL and check["status"] == Status.FAIL
    )


def targeting_of(workspace: Workspace, run: Run) -> pd.DataFrame | None:
    """Return the targeting that customers get now: a run's own, or mixed while it is released.

    While its release runs, only those reached get the run's policy; the others get the approved
    one. Paused or rolled back, everybody gets the approved one.
    """
    if not run.publishes(TARGETING):
        return None
    own, release = run.table(TARGETING), current_release(workspace, run.profile)
    if release is None or release.policy != run.name or release.stage is Stage.COMPLETE:
        return own
    approved = load(run.profile, release.approved, workspace).table(TARGETING)
    mine = own[reached(release, own["customer_key"].tolist())]
    theirs = approved[~reached(release, approved["customer_key"].tolist())]
    return pd.concat([mine, theirs], ignore_index=True).sort_values("customer_key")


def _under_way(workspace: Workspace, profile: str) -> Release:
    """Return the release; raises ParameterError where there is none."""
    release = current_release(workspace, profile)
    if release is None:
        raise ParameterError(
            f"Nothing is being released in profile {profile!r}.",
            f"Begin with: retention release {profile} start.",
        )
    return release


def _kept(workspace: Workspace, profile: str, release: Release) -> Release:
    """Write where the release stands, and return it."""
    write_json(_file(workspace, profile), asdict(release))
    return release


def _file(workspace: Workspace, profile: str) -> Path:
    """Return the file of the profile's release."""
    return workspace.profile(profile) / "release.json"

"""The command that sends a new targeting policy out by percent, and takes it back."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from retention.cli.app import Profile, app


class Act(StrEnum):
    """What to do with a release."""

    STATUS = "status"
    START = "start"
    ADVANCE = "advance"
    RESUME = "resume"
    ROLLBACK = "rollback"


@app.command()
def release(
    profile: Profile,
    act: Annotated[Act, typer.Argument(help="What to do with the release.")] = Act.STATUS,
    run_name: Annotated[str, typer.Option("--run", help="Run to release, or measured.")] = "latest",
    approved: Annotated[
        str, typer.Option(help="Run to fall back on; else the last approved.")
    ] = "",
    sent: Annotated[int, typer.Option(min=0, help="Messages sent since it began.")] = 0,
    complaints: Annotated[int, typer.Option(min=0, help="Complaints among them.")] = 0,
    unsubscribes: Annotated[int, typer.Option(min=0, help="Unsubscribes among them.")] = 0,
    flag: Annotated[list[str] | None, typer.Option(help="Compliance flag; any pauses it.")] = None,
    measured: Annotated[str, typer.Option(help="Run whose guardrails were measured since.")] = "",
) -> None:
    """Release a run's targeting to 5, 25, 50, then all customers; pause it by rule, take it back.

    Example: retention release demo start; retention release demo advance --sent 2000
    --complaints 1 --unsubscribes 6

    Exit codes: 0 running or complete; 1 paused; 2 wrong use.
    """
    from retention.campaign.release import Signals, Stage
    from retention.runs import releasing
    from retention.runs.run import load
    from retention.runs.workspace import Workspace

    place = Workspace.find()
    if act is Act.START:
        now = releasing.start_release(place, load(profile, run_name), approved=approved)
    elif act is Act.ADVANCE:
        broken = releasing.broken_guardrails(load(profile, measured)) if measured else ()
        signals = Signals(sent, complaints, unsubscribes, broken, tuple(flag or ()))
        now = releasing.advance_release(place, profile, signals)
    elif act is Act.RESUME:
        now = releasing.resume_release(place, profile)
    elif act is Act.ROLLBACK:
        now = releasing.roll_back_release(place, profile)
    else:
        known = releasing.current_release(place, profile)
        typer.echo(known.summary() if known else f"Nothing is being released in {profile}.")
        raise typer.Exit(1 if known and known.stage is Stage.PAUSED else 0)
    typer.echo(now.summary())
    raise typer.Exit(1 if now.stage is Stage.PAUSED else 0)

"""Commands about experiments: putting a plan on record before it starts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from retention.cli.app import Profile, app


@app.command("register")
def register_experiment(
    profile: Profile,
    experiment: Annotated[str, typer.Argument(help="File under experiments/, without .yaml.")],
    on: Annotated[str, typer.Option(help="Day as 2026-03-02; none is today (UTC).")] = "",
) -> None:
    """Put an experiment's plan on record, on or before its first day; it cannot be taken back.

    Example: retention register demo autumn_thanks
    """
    from retention.abtest import register
    from retention.runs.workspace import Workspace

    day = on or datetime.now(UTC).date().isoformat()
    entry = register(Workspace.find().params / profile / "experiments", experiment, day)
    typer.echo(f"{entry.name} is on record since {entry.registered_on}, sha256 {entry.digest}")

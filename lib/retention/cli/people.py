"""Commands about people: what is held on someone, forgetting someone, whom to write to.

They need the private folder (key and vault), which notebooks and reports never open.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from retention.cli.app import AsJson, Profile, app, print_json
from retention.cli.privacy import locked, profile_folders
from retention.errors import ParameterError

Identity = Annotated[
    str, typer.Argument(help="E-mail, phone, platform id or pseudonym; - reads standard input.")
]
Platform = Annotated[str, typer.Option(help="Platform of a platform id, such as etsy.")]


@app.command("erase")
def erase_person(identity: Identity, platform: Platform = "") -> None:
    """Forget a person in vault, snapshots and published runs, for good.

    Example: echo jane@example.com | retention erase -
    """
    from retention.ingest import erase

    _about(erase, identity, platform)


@app.command("access")
def access_person(identity: Identity, platform: Platform = "") -> None:
    """Write all that is held about a person into one file in the private folder.

    Example: echo jane@example.com | retention access -
    """
    from retention.ingest import access

    _about(access, identity, platform)


@app.command()
def audience(
    profile: Profile,
    journey: Annotated[str, typer.Option(help="Journey, such as win_back.")],
    out: Annotated[Path | None, typer.Option(help="File to write; none is a dry run.")] = None,
    vault: Annotated[Path | None, typer.Option(help="Private folder with the vault.")] = None,
    file_format: Annotated[str, typer.Option("--format", help="Whose columns.")] = "generic",
    hold_out: Annotated[
        float | None,
        typer.Option(min=0, max=0.5, help="Share left alone; else as the targeting drew it."),
    ] = None,
    contact_cap: Annotated[
        int | None,
        typer.Option(min=1, help="Messages in the past 30 days; else as the campaign's plan."),
    ] = None,
    channel: Annotated[
        str, typer.Option(help="email or sms: whose consent, which address.")
    ] = "email",
    run_name: str = "latest",
    as_json: AsJson = False,
) -> None:
    """Choose consenting people for a journey; without --out only counts are shown.

    Example: retention audience demo --journey win_back --format klaviyo --vault .retention
    --out /secure/win_back.csv
    """
    from retention.campaign.audiences import AudienceRules
    from retention.runs.audience import contact_rule, make_audience
    from retention.runs.run import load
    from retention.runs.workspace import Workspace

    if out is not None and vault is None:
        raise ParameterError("Addresses need the vault.", "Name its folder: --vault .retention")
    run = load(profile, run_name)
    rules = AudienceRules(
        channel, *contact_rule(run, contact_cap), hold_out, seed=int(run.manifest["run"][:4])
    )
    made = make_audience(Workspace.find(), run, journey, rules, file_format, out, vault)
    if as_json:
        print_json({"run": run.name, "journey": journey, "steps": dict(made.steps)})
    else:
        typer.echo(made.summary())


def _about(act: Callable[..., Any], identity: str, platform: str) -> None:
    """Do something about one person and say what was done."""
    from retention.runs.workspace import Workspace

    place = Workspace.find()
    kind = "platform_id" if platform else "auto"
    with locked(profile_folders(place.outputs)):
        done = act(_given(identity), place.private, place.outputs, kind=kind, platform=platform)
    typer.echo(done.summary())


def _given(identity: str) -> Any:
    """Return the identity, from standard input where it should stay out of the shell's history."""
    if identity != "-":
        return identity
    text = os.read(0, 4096).decode("utf-8", errors="replace").strip()
    if not text:
        raise ParameterError("Nothing came in.", "Pipe the identity in, as one line.")
    return text

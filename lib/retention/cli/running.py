"""Commands that check and run profiles."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from retention.cli.app import AsJson, Profile, app, print_json
from retention.errors import ParameterError, RetentionError

EXIT_FAILED = 1

Profiles = Annotated[list[str], typer.Argument(help="Profiles, or folders params/NAME.")]
Parallel = Annotated[int, typer.Option(min=1, max=8, help="Notebooks that run at once.")]
Timeout = Annotated[int, typer.Option(min=1, help="Seconds that one cell may take.")]
Retries = Annotated[int, typer.Option(min=0, max=5, help="Tries after a kernel died.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Run all, reuse nothing.")]
Today = Annotated[str, typer.Option(help="ISO date that relative dates count from.")]
Partial = Annotated[
    bool, typer.Option("--partial", help="Let `latest` move to a run that lacks a notebook.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 if anything is left out.")]
Hook = Annotated[str, typer.Option(help="Command that gets each outcome as JSON on its input.")]


@app.command()
def run(
    profiles: Profiles,
    parallel: Parallel = 1,
    timeout: Timeout = 3600,
    retries: Retries = 0,
    fresh: Fresh = False,
    today: Today = "",
    partial: Partial = False,
    strict: Strict = False,
    hook: Hook = "",
    as_json: AsJson = False,
) -> None:
    """Run profiles end to end and publish them; one that fails does not stop the others.

    What an earlier run has done with the same code, params and inputs is linked in, not run again.
    With --json one line of JSON per profile, failures included.

    Example: retention run demo --parallel 2

    Example: retention run params/* --hook "mail -s retention team@shop.example"

    Parts that the data do not suffice for are left out and named; with --strict that is a failure.

    Exit codes: 0 all published; 1 a profile or one of its notebooks failed (or, with --strict,
    something was left out); 2 wrong use, parameter or input.
    """
    from retention.runs.runner import Options, run_profile
    from retention.runs.workspace import Workspace

    workspace = Workspace.find()
    options = Options(parallel, timeout, retries, fresh, partial)
    day, failed = _day(today), False
    for profile in (Path(given).name for given in profiles):
        try:
            published = run_profile(workspace, profile, options, day)
        except (RetentionError, OSError) as error:
            _say_failed(profile, error, hook, as_json)
            if len(profiles) == 1:
                raise
            typer.echo(f"{profile}: {error}", err=True)
            failed = True
            continue
        _say_published(published, workspace, hook, as_json)
        failed = failed or (strict and bool(published.left_out()))
    if failed:
        raise typer.Exit(EXIT_FAILED)


@app.command()
def resume(
    profile: Profile,
    parallel: Parallel = 1,
    timeout: Timeout = 3600,
    retries: Retries = 0,
    hook: Hook = "",
    as_json: AsJson = False,
) -> None:
    """Go on with a run that did not end; finished notebooks are not run again.

    Example: retention resume demo
    """
    from retention.runs.runner import Options, resume_profile
    from retention.runs.workspace import Workspace

    workspace = Workspace.find()
    try:
        published = resume_profile(workspace, profile, Options(parallel, timeout, retries))
    except RetentionError as error:
        _say_failed(profile, error, hook, as_json)
        raise
    _say_published(published, workspace, hook, as_json)


@app.command()
def publish(
    profile: Profile,
    folder: Annotated[Path, typer.Argument(help="Where the notebooks were executed to.")],
    today: Today = "",
    hook: Hook = "",
    as_json: AsJson = False,
) -> None:
    """Publish notebooks that another scheduler has executed, judged as a run's own would be.

    The folder holds notebooks/, results/ and tables/, as notebooks write them that were given it as
    output_dir.

    Example: retention publish demo outputs/demo/scheduled/2026-07-06
    """
    from retention.runs.runner import Options, run_profile
    from retention.runs.workspace import Workspace

    workspace = Workspace.find()
    try:
        published = run_profile(workspace, profile, Options(executed=folder), _day(today))
    except RetentionError as error:
        _say_failed(profile, error, hook, as_json)
        raise
    _say_published(published, workspace, hook, as_json)


@app.command()
def check(profiles: Profiles, as_json: AsJson = False) -> None:
    """Check parameters and read all inputs as the run would; say what each notebook will have.

    The exports are ingested into a folder that goes afterwards; no notebook is executed. A profile
    that passes is published by `retention run`.

    Example: retention check my_shop

    Exit codes: 0 all is well; 1 a trust check of the data would stop the run, or too little memory;
    2 a parameter or an input is at fault.
    """
    from retention.runs.preflight import preflight
    from retention.runs.workspace import Workspace

    workspace = Workspace.find()
    for profile in (Path(given).name for given in profiles):
        found = preflight(workspace, profile)
        if as_json:
            print_json(found.as_dict())
        else:
            typer.echo(found.text())


def _day(today: str) -> date | None:
    """Return the day that relative dates count from; None for the day of the run."""
    try:
        return date.fromisoformat(today) if today else None
    except ValueError:
        raise ParameterError(f"{today!r} is no ISO date.", "Write it as 2026-07-06.") from None


def _say_failed(profile: str, error: Exception, hook: str, as_json: bool) -> None:
    """Tell hook and machine of a failure; people are told by who raised it."""
    from retention.runs.hook import call_hook

    outcome = {"profile": profile, "status": "failed", "problem": str(error)}
    call_hook(hook, outcome)
    if as_json:
        print_json(outcome)


def _say_published(published: Any, workspace: Any, hook: str, as_json: bool) -> None:
    """Tell hook, machine or person of a published run and where its reports are."""
    from retention.runs.hook import call_hook, outcome

    call_hook(hook, {"status": "published", "run": published.name, **outcome(published)})
    index = workspace.outputs / "index.html"
    if as_json:
        facts = {"profile": published.profile, "status": "published", "run": published.name}
        left = {name: len(parts) for name, parts in published.left_out().items()}
        print_json({**facts, "index": str(index), "left_out": left})
        return
    for name, parts in published.left_out().items():
        what = f"{len(parts)} {'part' if len(parts) == 1 else 'parts'}"
        told = f"{name}: {parts[0]['reason']}" if not parts[0]["section"] else f"{what} of {name}"
        typer.echo(f"Left out: {told}")
    typer.echo(f"Published {published.profile} {published.name}. Reports: {index}")

"""Commands that run profiles and compare, sign and tidy what they published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from retention.cli.app import AsJson, Profile, app, print_json
from retention.errors import ParameterError, RetentionError

EXIT_FAILED = 1

Parallel = Annotated[int, typer.Option(min=1, max=8, help="Notebooks that run at once.")]
Timeout = Annotated[int, typer.Option(min=1, help="Seconds that one cell may take.")]
Retries = Annotated[int, typer.Option(min=0, max=5, help="Tries after a kernel died.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Run all, reuse nothing.")]


@app.command()
def run(
    profiles: Annotated[list[str], typer.Argument(help="Profiles, or folders params/NAME.")],
    parallel: Parallel = 1,
    timeout: Timeout = 3600,
    retries: Retries = 0,
    fresh: Fresh = False,
    hook: Annotated[str, typer.Option(help="Command that gets each outcome as JSON.")] = "",
    as_json: AsJson = False,
) -> None:
    """Run profiles end to end and publish them; one that fails does not stop the others.

    Example: retention run params/* --parallel 2 --hook "mail -s retention team@shop.example"
    """
    from retention.runs.hook import call_hook, outcome
    from retention.runs.runner import Options, run_profile
    from retention.runs.workspace import Workspace

    workspace = Workspace.find()
    options = Options(parallel, timeout, retries, fresh)
    failed: list[RetentionError] = []
    for profile in profiles:
        try:
            published = run_profile(workspace, Path(profile).name, options)
        except RetentionError as error:
            call_hook(hook, {"profile": profile, "status": "failed", "problem": str(error)})
            if len(profiles) == 1:
                raise
            typer.echo(f"{profile}: {error}", err=True)
            failed.append(error)
            continue
        call_hook(hook, {"status": "published", "run": published.name, **outcome(published)})
        _say_published(published.profile, published.name, workspace, as_json)
    if failed:
        raise typer.Exit(EXIT_FAILED)


@app.command()
def resume(
    profile: Profile, parallel: Parallel = 1, timeout: Timeout = 3600, as_json: AsJson = False
) -> None:
    """Go on with a run that did not end; finished notebooks are not run again."""
    from retention.runs.runner import Options, resume_profile
    from retention.runs.workspace import Workspace

    workspace = Workspace.find()
    published = resume_profile(workspace, profile, Options(parallel, timeout))
    _say_published(profile, published.name, workspace, as_json)


@app.command()
def check(profile: Profile, as_json: AsJson = False) -> None:
    """Check a profile's parameters and inputs without running anything."""
    from retention.runs.manifest import input_files
    from retention.runs.runner import sources_of
    from retention.runs.settings import load_settings
    from retention.runs.workspace import Workspace

    workspace = Workspace.find()
    settings = load_settings(workspace, profile)
    files = input_files(sources_of(settings), workspace)
    names = [s.notebook.name for s in settings]
    if as_json:
        print_json({"profile": profile, "notebooks": names, "inputs": sorted(files)})
    else:
        typer.echo(f"{profile}: {len(names)} notebooks ({', '.join(names)}), {len(files)} inputs.")


@app.command()
def runs(profile: Profile, as_json: AsJson = False) -> None:
    """List the published runs of a profile, newest first."""
    from retention.runs.run import published
    from retention.runs.signoff import describe
    from retention.runs.workspace import Workspace

    rows = [
        {"run": r.name, "created_at": r.manifest["created_at"], "signoff": describe(r)}
        for r in reversed(published(profile, Workspace.find()))
    ]
    if as_json:
        print_json(rows)
    for row in [] if as_json else rows:
        typer.echo(f"{row['run']}  {row['created_at']}  {row['signoff']}")


@app.command()
def show(profile: Profile, run_name: str = "latest", as_json: AsJson = False) -> None:
    """Show the verdicts of a run."""
    from retention.runs.run import load

    found = load(profile, run_name)
    results = {name: found.result(name) for name in found.manifest["notebooks"]}
    if as_json:
        print_json({"run": found.name, "results": results})
    for name, result in {} if as_json else results.items():
        typer.echo(f"{name} [{result['status']}]: {result['headline']}")


@app.command()
def diff(profile: Profile, before: str, after: str = "latest", as_json: AsJson = False) -> None:
    """Compare two runs, metric by metric.

    Example: retention diff demo 0001-20260701T0500-1a2b3c4d latest
    """
    from retention.runs.diff import compare
    from retention.runs.run import load

    found = compare(load(profile, before), load(profile, after))
    if as_json:
        print_json({"summary": found.summary(), "metrics": found.to_frame().to_dict("records")})
        return
    typer.echo(found.summary())
    moved = found.to_frame().query("reading != 'same'")
    if len(moved):
        typer.echo(moved.to_string(index=False))


@app.command()
def approve(
    profile: Profile,
    role: Annotated[str, typer.Option(help="responsible, accountable, consulted or informed.")],
    name: Annotated[str, typer.Option(help="Who signs.")],
    run_name: str = "latest",
    note: str = "",
) -> None:
    """Sign a run; the signature holds only while every file stays as it is."""
    from retention.runs.reporting import write_index
    from retention.runs.run import load
    from retention.runs.signoff import Role
    from retention.runs.signoff import approve as sign
    from retention.runs.workspace import Workspace

    if role not in list(Role):
        raise ParameterError(f"There is no role {role!r}.", f"Choose one of {', '.join(Role)}.")
    typer.echo(f"Approved by {sign(load(profile, run_name), name, Role(role), note).summary()}.")
    write_index(Workspace.find())


@app.command()
def prune(
    profile: Profile,
    keep: Annotated[int, typer.Option(min=1, help="Newest runs to keep.")] = 30,
    dry_run: Annotated[bool, typer.Option(help="Only say what would go.")] = False,
) -> None:
    """Remove old runs; approved ones and the latest always stay.

    Example: retention prune demo --keep 12 --dry-run
    """
    from retention.runs.publish import prune_runs
    from retention.runs.reporting import write_index
    from retention.runs.workspace import Workspace

    workspace = Workspace.find()
    gone = prune_runs(workspace, profile, keep, dry_run=dry_run)
    word = "would be removed" if dry_run else "removed"
    typer.echo(f"{len(gone)} runs {word}{': ' + ', '.join(gone) if gone else ''}.")
    if gone and not dry_run:
        write_index(workspace)


def _say_published(profile: str, run_name: str, workspace: Any, as_json: bool) -> None:
    """Say where a run's reports are."""
    index = workspace.outputs / "index.html"
    if as_json:
        print_json({"profile": profile, "run": run_name, "index": str(index)})
    else:
        typer.echo(f"Published {profile} {run_name}. Reports: {index}")

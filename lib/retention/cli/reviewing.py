"""Commands that list, compare, sign and tidy what runs have published."""

from __future__ import annotations

from typing import Annotated

import typer

from retention.cli.app import AsJson, Profile, app, print_json
from retention.errors import ParameterError

RunName = Annotated[str, typer.Option("--run-name", "--run", help="Name of the run.")]


@app.command()
def runs(profile: Profile, as_json: AsJson = False) -> None:
    """List the published runs of a profile, newest first.

    Example: retention runs demo --json
    """
    from retention.runs.run import published
    from retention.runs.signoff import sign_off
    from retention.runs.workspace import Workspace

    found = [(run, sign_off(run)) for run in reversed(published(profile, Workspace.find()))]
    rows = [
        {"run": r.name, "created_at": r.manifest["created_at"], "state": s.state,
         "signoff": s.summary()}
        for r, s in found
    ]  # fmt: skip
    if as_json:
        print_json(rows)
    for row in [] if as_json else rows:
        typer.echo(f"{row['run']}  {row['created_at']}  {row['signoff']}")


@app.command()
def show(profile: Profile, run_name: RunName = "latest", as_json: AsJson = False) -> None:
    """Show a run's verdicts and who signed it.

    Example: retention show demo --json
    """
    from retention.runs.run import load
    from retention.runs.signoff import sign_off

    found = load(profile, run_name)
    state = sign_off(found)
    results = {name: found.result(name) for name in found.manifest["notebooks"]}
    if as_json:
        signed = {"state": state.state, "summary": state.summary(), "changed": list(state.changed)}
        print_json({"run": found.name, "signoff": signed, "results": results})
        return
    typer.echo(f"{found.name}. {state.summary()}")
    for name, result in results.items():
        typer.echo(f"{name} [{result['status']}]: {result['headline']}")


@app.command()
def diff(
    profile: Profile,
    before: Annotated[str, typer.Argument(help="Name of the earlier run.")],
    after: Annotated[str, typer.Argument(help="Name of the later run.")] = "latest",
    as_json: AsJson = False,
) -> None:
    """Compare two runs: figures, model quality, segments, parameters, inputs, code.

    A figure has changed where the difference is larger than both intervals explain; else it moved
    within noise.

    Example: retention diff demo 0001-20260701T0500-1a2b3c4d latest
    """
    from retention.runs.diff import compare
    from retention.runs.run import load

    found = compare(load(profile, before), load(profile, after))
    if as_json:
        print_json(found.as_dict())
        return
    typer.echo(found.summary())
    frame = found.to_frame()
    moves = found.segments
    tables = [frame[frame["reading"] != "same"], *([moves.sizes, moves.flows] if moves else [])]
    for table in tables:
        if len(table):
            typer.echo("\n" + table.to_string(index=False, na_rep="-"))
    for notebook, name, old, new in found.facts.params:
        typer.echo(f"parameter {notebook}.{name}: {old} -> {new}")
    for what in (*found.facts.inputs, *found.facts.code):
        typer.echo(f"differs: {what}")


@app.command()
def approve(
    profile: Profile,
    role: Annotated[str, typer.Option(help="responsible, accountable, consulted or informed.")],
    name: Annotated[str, typer.Option(help="Who signs.")],
    run_name: RunName = "latest",
    report: Annotated[list[str] | None, typer.Option(help="Sign this report alone.")] = None,
    note: Annotated[str, typer.Option(help="Remark that readers see.")] = "",
    as_json: AsJson = False,
) -> None:
    """Sign a run; the signature holds only while every file stays as it is.

    A run is approved once somebody accountable has signed it; later reports say what changed
    since.

    Example: retention approve demo --role accountable --name "Ada Lovelace"

    Exit codes: 0 signed; 1 a file was changed since publishing; 2 no such role or report.
    """
    from retention.runs.index import refresh_signoff, write_index
    from retention.runs.run import load
    from retention.runs.signoff import Role, sign_off
    from retention.runs.signoff import approve as sign
    from retention.runs.workspace import Workspace

    if role not in list(Role):
        raise ParameterError(f"There is no role {role!r}.", f"Choose one of {', '.join(Role)}.")
    found = load(profile, run_name)
    signed = sign(found, name, Role(role), note, report or [])
    refresh_signoff(found)
    write_index(Workspace.find())
    if as_json:
        print_json({"run": signed.run, "state": sign_off(found).state, **vars(signed)})
    else:
        typer.echo(f"Signed by {signed.summary()}. {sign_off(found).summary()}")


@app.command()
def prune(
    profile: Profile,
    keep: Annotated[int, typer.Option(min=1, help="Newest runs to keep.")] = 30,
    dry_run: Annotated[bool, typer.Option(help="Only say what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove old runs; signed ones and the latest always stay.

    Example: retention prune demo --keep 12 --dry-run
    """
    from retention.runs.index import write_index
    from retention.runs.publish import prune_runs
    from retention.runs.workspace import Workspace

    workspace = Workspace.find()
    gone = prune_runs(workspace, profile, keep, dry_run=dry_run)
    if as_json:
        print_json({"profile": profile, "removed": gone, "dry_run": dry_run})
    else:
        word = "would be removed" if dry_run else "removed"
        typer.echo(f"{len(gone)} runs {word}{': ' + ', '.join(gone) if gone else ''}.")
    if gone and not dry_run:
        write_index(workspace)

"""``retention …``: run, compare and sign off from a shell or a schedule.

Exit codes: 0 done; 1 a notebook or check failed; 2 wrong use, parameter or input; 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from retention.errors import InputError, ParameterError, RetentionError, RunError

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Retention research for shops that sell handmade goods.",
)

Profile = Annotated[str, typer.Argument(help="Folder under params/, such as demo.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]
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
    as_json: AsJson = False,
) -> None:
    """Run profiles end to end and publish them; one that fails does not stop the others.

    Example: retention run demo --parallel 2
    """
    from retention.runs.runner import Options, run_profile
    from retention.runs.workspace import Workspace

    workspace = Workspace.find()
    options = Options(parallel, timeout, retries, fresh)
    failed: list[RetentionError] = []
    for profile in profiles:
        try:
            published = run_profile(workspace, Path(profile).name, options)
        except RetentionError as error:
            if len(profiles) == 1:
                raise
            typer.echo(f"{profile}: {error}", err=True)
            failed.append(error)
            continue
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
        _print_json({"profile": profile, "notebooks": names, "inputs": sorted(files)})
    else:
        typer.echo(f"{profile}: {len(names)} notebooks ({', '.join(names)}), {len(files)} inputs.")


@app.command()
def demo(
    folder: Annotated[Path | None, typer.Argument(help="Where to write the exports.")] = None,
    customers: Annotated[int, typer.Option(min=100, help="People in the shop.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Seed of every draw.")] = 20260701,
) -> None:
    """Write a simulated shop's exports, dirty as real ones, with its truth kept apart."""
    from retention.demo import write_shop
    from retention.runs.workspace import Workspace

    target = folder or Workspace.find().root / "exports" / "demo"
    typer.echo(write_shop(target, customers=customers, seed=seed).summary())


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
        _print_json(rows)
    for row in [] if as_json else rows:
        typer.echo(f"{row['run']}  {row['created_at']}  {row['signoff']}")


@app.command()
def show(profile: Profile, run_name: str = "latest", as_json: AsJson = False) -> None:
    """Show the verdicts of a run."""
    from retention.runs.run import load

    found = load(profile, run_name)
    results = {name: found.result(name) for name in found.manifest["notebooks"]}
    if as_json:
        _print_json({"run": found.name, "results": results})
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
        _print_json({"summary": found.summary(), "metrics": found.to_frame().to_dict("records")})
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
def dictionary(
    check: Annotated[
        bool, typer.Option("--check", help="Only tell whether it is current.")
    ] = False,
) -> None:
    """Write docs/data_dictionary.md from the vocabulary."""
    from retention.reports.dictionary import dictionary_page
    from retention.runs.workspace import Workspace

    path = Workspace.find().project / "docs" / "data_dictionary.md"
    page = dictionary_page()
    if not check:
        path.write_text(page, encoding="utf-8")
    elif not path.is_file() or path.read_text(encoding="utf-8") != page:
        raise RunError(
            "The page is not what the code says.", "Run `retention dictionary` and commit it.",
            file="docs/data_dictionary.md",
        )  # fmt: skip


def _say_published(profile: str, run_name: str, workspace: Any, as_json: bool) -> None:
    """Say where a run's reports are."""
    index = workspace.outputs / "index.html"
    if as_json:
        _print_json({"profile": profile, "run": run_name, "index": str(index)})
    else:
        typer.echo(f"Published {profile} {run_name}. Reports: {index}")


def _print_json(content: Any) -> None:
    """Print JSON on standard output."""
    typer.echo(json.dumps(content, indent=1, ensure_ascii=False, default=str))


def main() -> None:
    """Run the command; a user's error is one paragraph, a traceback only with ``--debug``."""
    debug = "--debug" in sys.argv
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    try:
        app(args=arguments, standalone_mode=True)
    except RetentionError as error:
        if debug:
            raise
        typer.echo(f"Error: {error}", err=True)
        usage = isinstance(error, ParameterError | InputError)
        sys.exit(EXIT_USAGE if usage else EXIT_FAILED)
    except KeyboardInterrupt:
        typer.echo("Interrupted; nothing was published.", err=True)
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()

"""Commands that set things up: a simulated shop, a profile from an export, the dictionary."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retention.cli.app import app
from retention.errors import RunError


@app.command()
def demo(
    folder: Annotated[Path | None, typer.Argument(help="Where to write the exports.")] = None,
    customers: Annotated[int, typer.Option(min=100, help="People in the shop.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Seed of every draw.")] = 20260701,
) -> None:
    """Write a simulated shop's exports, dirty as real ones, with its truth kept apart.

    Example: retention demo --customers 3000
    """
    from retention.demo import write_shop
    from retention.runs.workspace import Workspace

    target = folder or Workspace.find().root / "exports" / "demo"
    typer.echo(write_shop(target, customers=customers, seed=seed).summary())


@app.command()
def init(
    profile: Annotated[str, typer.Argument(help="Name of the new profile.")],
    paths: Annotated[
        list[str] | None, typer.Argument(help="The shop's exports: files, folders.")
    ] = None,
    as_of: Annotated[
        str, typer.Option(help="As-of date: ISO or relative; the day after the last order.")
    ] = "",
    currency: Annotated[str, typer.Option(help="ISO code, where the files do not say it.")] = "",
    time_zone: Annotated[str, typer.Option(help="The shop's, where no file tells it.")] = "",
    experiment: Annotated[
        list[Path] | None,
        typer.Option(help="An experiment's own file, a row per unit or day; goes straight in."),
    ] = None,
    arm: Annotated[str, typer.Option(help="Its column of arms.")] = "",
    outcome: Annotated[
        list[str] | None, typer.Option(help="Its columns of outcomes, the one that decides first.")
    ] = None,
    covariate: Annotated[
        list[str] | None, typer.Option(help="Its columns that were known before the start.")
    ] = None,
    cluster: Annotated[str, typer.Option(help="Its column of what was drawn as one.")] = "",
    unit: Annotated[str, typer.Option(help="Its column of units' ids; joins files.")] = "",
    date: Annotated[str, typer.Option(help="Its column of dates.")] = "",
    units: Annotated[
        str, typer.Option(help="Its column of how many units a row sums up, for sums by day.")
    ] = "",
    control: Annotated[str, typer.Option(help="Its control, where no label says it.")] = "",
    planned: Annotated[
        str, typer.Option(help="Planned shares, control first: 50:50, or A=50,B=50.")
    ] = "",
    name: Annotated[str, typer.Option(help="Name of the experiment; the file's otherwise.")] = "",
    map_file: Annotated[
        Path | None,
        typer.Option("--map", help="An export of an unknown tool: draft its declaration."),
    ] = None,
) -> None:
    """Recognise exports by their columns, read what they tell, and write a profile.

    What no notebook needs is left out by name. As-of date, currency, time zone and reading options
    are proposed from the data, each with its reason.

    Example: retention init my_shop exports/my_shop

    Example: retention init my_shop exports/*.csv --currency EUR --time-zone Europe/Berlin

    Example: retention init my_test --experiment test.csv --arm version --outcome revenue

    Example: retention init my_shop --map exports/my_shop/till.csv
    """
    from retention.runs.workspace import Workspace

    if map_file:
        from retention.runs.format_draft import write_format_draft

        typer.echo(write_format_draft(Workspace.find(), profile, map_file))
        return
    if experiment:
        from retention.runs.experiment_profile import ExperimentFiles, write_experiment

        files = ExperimentFiles(
            tuple(experiment), arm, tuple(outcome or ()), tuple(covariate or ()), cluster, unit,
            date, units, control, planned, name, currency or "USD", as_of,
        )  # fmt: skip
        typer.echo(write_experiment(Workspace.find(), profile, files))
        return
    from retention.runs.profile import write_profile
    from retention.runs.proposal import Given

    given = Given(as_of, currency, time_zone)
    typer.echo(write_profile(Workspace.find(), profile, paths or [], given))


@app.command()
def dictionary(
    check: Annotated[
        bool, typer.Option("--check", help="Only tell whether it is current.")
    ] = False,
) -> None:
    """Write docs/data_dictionary.md from the vocabulary.

    Example: retention dictionary --check
    """
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

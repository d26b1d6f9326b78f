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
    paths: Annotated[list[str], typer.Argument(help="The shop's exports: files, folders.")],
    as_of: Annotated[
        str, typer.Option(help="As-of date: ISO or relative; the day after the last order.")
    ] = "",
    currency: Annotated[str, typer.Option(help="ISO code, where the files do not say it.")] = "",
    time_zone: Annotated[str, typer.Option(help="The shop's, where no file tells it.")] = "",
) -> None:
    """Recognise exports by their columns, read what they tell, and write a profile.

    What no notebook needs is left out by name. As-of date, currency, time zone and reading options
    are proposed from the data, each with its reason.

    Example: retention init my_shop exports/my_shop

    Example: retention init my_shop exports/*.csv --currency EUR --time-zone Europe/Berlin
    """
    from retention.runs.profile import write_profile
    from retention.runs.proposal import Given
    from retention.runs.workspace import Workspace

    given = Given(as_of, currency, time_zone)
    typer.echo(write_profile(Workspace.find(), profile, paths, given))


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

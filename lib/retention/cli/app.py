"""The command itself and the options that its parts share."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Retention research for shops that sell handmade goods.\n\nExit codes: 0 done; 1 a "
    "notebook or a check failed; 2 wrong use, parameter or input; 130 interrupted.",
)

Profile = Annotated[str, typer.Argument(help="Folder under params/, such as demo.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]


def print_json(content: Any) -> None:
    """Print JSON on standard output."""
    typer.echo(json.dumps(content, indent=1, ensure_ascii=False, default=str))

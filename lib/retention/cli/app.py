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
    help="Retention research for shops that sell handmade goods.\n\n"
    "Example: retention demo; retention run demo --parallel 2; retention show demo\n\n"
    "Exit codes: 0 done; 1 a notebook, a check or publishing failed; 2 wrong use, parameter or "
    "input; 130 interrupted. Every command takes --help; --debug shows a traceback.",
)

Profile = Annotated[str, typer.Argument(help="Folder under params/, such as demo.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]


def print_json(content: Any) -> None:
    """Print JSON on standard output, on one line, so that several documents can be told apart."""
    typer.echo(json.dumps(content, ensure_ascii=False, default=str))

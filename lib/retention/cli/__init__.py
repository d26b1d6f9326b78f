"""``retention …``: run, compare and sign off from a shell or a schedule.

Exit codes: 0 done; 1 a notebook or check failed; 2 wrong use, parameter or input; 130 interrupted.
"""

from __future__ import annotations

import sys

import typer

from retention.cli import experiments, people, privacy, releasing, reviewing, running, setup
from retention.cli.app import app
from retention.errors import InputError, ParameterError, RetentionError

__all__ = [
    "app", "experiments", "main", "people", "privacy", "releasing", "reviewing", "running", "setup",
]  # fmt: skip

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


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

"""Tells another program how a run ended: mail, chat, a ticket."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from typing import Any

from retention.runs.run import Run

HOOK_SECONDS = 60
"""A hook that takes longer is given up; it must not hold the schedule."""


def outcome(run: Run) -> dict[str, Any]:
    """Return what a published run found: the verdict and status of each notebook."""
    results = {name: run.result(name) for name in run.manifest["notebooks"]}
    return {
        "profile": run.profile,
        "results": {
            name: {
                "status": result["status"],
                "headline": result["headline"],
                "left_out": result.get("left_out", []),
            }
            for name, result in results.items()
        },
    }


def call_hook(command: str, content: dict[str, Any]) -> None:
    """Run a command with the outcome as JSON on its standard input; its failure is only told."""
    if not command:
        return
    try:
        subprocess.run(
            shlex.split(command),
            input=json.dumps(content, ensure_ascii=False),
            text=True,
            timeout=HOOK_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        print(f"The hook failed: {error}", file=sys.stderr)

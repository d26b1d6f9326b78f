"""The page of a run with all experiments of its profile: what was planned, where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from retention.reports.pages import render_page
from retention.reports.wording import worded
from retention.results import MISSING, percent
from retention.runs.run import Run
from retention.runs.workspace import Workspace

CATALOGUE_PAGE = "experiments.html"

CATALOGUE, RESULTS = "experiments", "experiment_results"
"""Tables in which the experiment notebook publishes the catalogue and all results to date."""

STATUS: Mapping[str, str] = {"decided": "pass", "running": "warn", "ended": "fail"}
"""How a state is shown: one that ended without a verdict has something to mend."""


def has_catalogue(run: Run) -> bool:
    """Tell whether a run has the page: whether its experiment notebook ran."""
    return run.publishes(CATALOGUE)


def write_catalogue(
    workspace: Workspace, folder: Path, profile: str, facts: Mapping[str, Any]
) -> None:
    """Write the catalogue of a run that is about to be published; nothing without experiments.

    The page holds what the run's tables hold: the same inputs give the same page.
    """
    run = Run(profile, folder, workspace.store(profile))
    if not has_catalogue(run):
        return
    table = run.table(CATALOGUE).sort_values(["starts", "experiment"], ascending=[False, True])
    results = run.table(RESULTS) if run.publishes(RESULTS) else pd.DataFrame()
    page = render_page(
        "experiments.html.j2",
        profile=profile,
        key=facts["inputs_key"][:16],
        as_of=facts["params"]["ab_test"]["resolved"]["as_of"],
        summary=_summary(table, results),
        experiments=[_experiment(row) for row in table.to_dict("records")],
        results=[_result(row) for row in results.to_dict("records")],
    )
    (folder / CATALOGUE_PAGE).write_text(page, encoding="utf-8")


def _summary(table: pd.DataFrame, results: pd.DataFrame) -> str:
    """Say how many experiments stand where, and how often results were shipped."""
    counts = table["state"].value_counts().sort_index()
    text = f"{len(table)} experiments: {', '.join(f'{n} {s}' for s, n in counts.items())}."
    if results.empty:
        return f"{text} There is no result yet."
    shipped = int((results["decision"] == "ship").sum())
    return f"{text} {shipped} of {len(results)} results were good enough to ship."


def _experiment(row: Mapping[Any, Any]) -> dict[str, str]:
    """Return one experiment as text."""
    state = str(row["state"])
    return {
        **{str(name): str(value) for name, value in row.items()},
        "status": STATUS.get(state, ""),
        "outcome": worded(str(row["outcome"])) or MISSING,
    }


def _result(row: Mapping[Any, Any]) -> dict[str, str]:
    """Return one result as text: the lift as found, and what is to be expected of it."""
    half = 1.959964 * float(row["standard_error"])
    found = float(row["relative_effect"])
    return {
        "result": worded(str(row["result"])),
        "decision": str(row["decision"]),
        "found": percent(found, 1, signed=True),
        "interval": f"{percent(found - half, 1, signed=True)} to "
        f"{percent(found + half, 1, signed=True)}",
        "expected": percent(float(row["expected_effect"]), 1, signed=True),
    }

"""Turns a run's executed notebooks into reports, before it is published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from retention.reports.render import ReportContext, render_report
from retention.results import MISSING
from retention.runs.catalogue import has_catalogue
from retention.runs.changes import changes
from retention.runs.files import read_json
from retention.runs.notebooks import read_notebook
from retention.runs.plan import BY_NAME
from retention.runs.run import Run
from retention.runs.signoff import last_approved
from retention.runs.workspace import Workspace

EXPERIMENTS = "04_experiments"
"""Folder of the notebooks whose reports lead on to the catalogue of experiments."""


def write_reports(
    workspace: Workspace, staging: Path, profile: str, notebooks: list[str], facts: dict[str, Any]
) -> None:
    """Render every notebook of a run that is about to be published."""
    provenance = _provenance(staging, facts)
    now = Run(profile, staging, workspace.store(profile))
    for name in notebooks:
        approved = last_approved(profile, workspace, name)
        context = ReportContext(
            profile,
            BY_NAME[name].report,
            provenance,
            changes(name, approved, now, facts),
            has_catalogue=BY_NAME[name].folder == EXPERIMENTS and has_catalogue(now),
        )
        executed = read_notebook(staging / "notebooks" / f"{name}.ipynb")
        page = render_report(executed, now.result(name), context)
        (staging / "reports" / f"{name}.html").write_text(page, encoding="utf-8")


def _provenance(staging: Path, facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what a report says of its origin; nothing here changes from run to run by itself."""
    pointer = staging / "snapshot.json"
    git = facts["git"]
    dirty = " with uncommitted changes" if git["dirty"] else ""
    return [
        ("Stands on", facts["inputs_key"]),
        ("Snapshot", read_json(pointer)["id"] if pointer.is_file() else MISSING),
        ("Commit", f"{git['commit'] or MISSING}{dirty}"),
        ("Library", facts["library"][:16]),
        ("Environment", f"Python {facts['python']}, lock {(facts['lock'] or MISSING)[:16]}"),
        ("Input files", "; ".join(f"{n} ({h[:12]})" for n, h in facts["inputs"].items())),
    ]

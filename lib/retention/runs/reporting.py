"""Turns a run's executed notebooks into reports, before it is published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention.reports.render import ReportContext, render_report
from retention.results import FAILED, MISSING
from retention.runs.catalogue import has_catalogue
from retention.runs.changes import changes
from retention.runs.course import Course
from retention.runs.files import read_json, write_json
from retention.runs.notebooks import read_notebook
from retention.runs.plan import BY_NAME
from retention.runs.run import Run
from retention.runs.signoff import last_approved
from retention.runs.workspace import Workspace

if TYPE_CHECKING:
    from nbformat import NotebookNode

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
        result = now.result(name)
        page = render_report(_shown(workspace, staging, result), result, context)
        (staging / "reports" / f"{name}.html").write_text(page, encoding="utf-8")


def _shown(workspace: Workspace, staging: Path, result: Mapping[str, Any]) -> NotebookNode:
    """Return the executed notebook, its title alone where it found nothing or failed."""
    name = str(result["notebook"])
    if any(result[part] for part in ("metrics", "checks", "artifacts")):
        return read_notebook(staging / "notebooks" / f"{name}.ipynb")
    title = read_notebook(BY_NAME[name].path(workspace))
    title.cells = title.cells[:1]
    return title


def leave_nothing_of_failed(course: Course) -> None:
    """Put the reason in place of the result of each failed notebook; remove tables it had begun."""
    for failure in course.failures.values():
        result = {"notebook": failure.notebook, "headline": failure.summary(), "status": FAILED}
        nothing: dict[str, list[Any]] = {"metrics": [], "checks": [], "artifacts": []}
        path = course.staging / "results" / f"{failure.notebook}.json"
        write_json(path, {**result, **nothing, "left_out": []})
    whole = {file for record in course.records.values() for file in record.files}
    for table in (course.staging / "tables").glob("*"):
        if f"tables/{table.name}" not in whole:
            table.unlink()


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

"""Turns a run's results into pages: one report per notebook, a summary, and the index over all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat

from retention.reports.display import WORDS
from retention.reports.formatting import MISSING, with_unit
from retention.reports.pages import render_page, sparkline
from retention.reports.render import Change, ReportContext, metric_row, render_report
from retention.results import Status
from retention.runs.diff import as_change, compare_results
from retention.runs.files import read_json
from retention.runs.plan import BY_NAME, profiles
from retention.runs.run import Run, published
from retention.runs.signoff import describe, last_approved
from retention.runs.workspace import Workspace

SPARKLINE_RUNS = 30
"""Runs that a sparkline on the index shows at most."""

CARD_METRICS = (
    "new_customers", "active_customers", "retention_rate", "repeat_purchase_rate",
    "purchase_frequency", "average_order_value", "customer_lifetime_value", "churn_rate",
    "conversion_rate", "cart_abandonment_rate", "email_engagement_rate", "net_promoter_score",
    "customer_acquisition_cost", "campaign_roi", "campaign_romi",
)  # fmt: skip
"""Key figures that the index shows, in this order, where a run has them."""


def write_reports(
    workspace: Workspace, staging: Path, profile: str, notebooks: list[str], facts: dict[str, Any]
) -> None:
    """Render every notebook of a run that is about to be published, and its one-page summary."""
    approved = last_approved(profile, workspace)
    provenance = _provenance(staging, facts)
    for name in notebooks:
        result = read_json(staging / "results" / f"{name}.json")
        context = ReportContext(
            profile,
            BY_NAME[name].report,
            provenance,
            _changed(name, result, approved),
            "Sign-off is kept beside the run: see the index.",
        )
        executed = nbformat.read(staging / "notebooks" / f"{name}.ipynb", as_version=4)
        page = render_report(executed, result, context)
        (staging / "reports" / f"{name}.html").write_text(page, encoding="utf-8")


def write_summary(workspace: Workspace, folder: Path, profile: str, notebooks: list[str]) -> None:
    """Write the one page that a stakeholder prints."""
    run = Run(profile, folder, workspace.store(profile))
    reports = []
    for name in notebooks:
        result = run.result(name)
        reports.append(
            {
                "notebook": name,
                "title": BY_NAME[name].title,
                "status": result["status"],
                "word": WORDS[result["status"]],
                "headline": result["headline"],
                "metrics": [metric_row(metric) for metric in result["metrics"][:6]],
                "actions": [
                    c["action"] for c in result["checks"] if c["status"] != "pass" and c["action"]
                ][:4],
            }
        )
    page = render_page(
        "summary.html.j2", profile=profile, run=folder.name, reports=reports,
        signoff="Sign-off is kept beside the run: see the index.",
    )  # fmt: skip
    (folder / "summary.html").write_text(page, encoding="utf-8")


def write_index(workspace: Workspace) -> Path:
    """Write ``outputs/index.html`` anew from what is published."""
    workspace.outputs.mkdir(parents=True, exist_ok=True)
    shown = [p for p in profiles(workspace) if workspace.profile(p).is_dir()]
    blocks = [_profile_block(workspace, name) for name in shown]
    target = workspace.outputs / "index.html"
    temporary = target.with_suffix(".tmp")
    temporary.write_text(render_page("index.html.j2", profiles=blocks), encoding="utf-8")
    temporary.replace(target)
    return target


def _profile_block(workspace: Workspace, profile: str) -> dict[str, Any]:
    """Return what the index says of one profile."""
    runs = published(profile, workspace)
    block: dict[str, Any] = {
        "name": profile,
        "failed": (workspace.profile(profile) / "failed.html").is_file(),
        "latest": None,
        "cards": [],
        "failed_checks": [],
        "tables": [],
        "earlier": [],
    }
    if not runs:
        return block
    latest, names = runs[-1], list(runs[-1].manifest["notebooks"])
    results = {name: latest.result(name) for name in names}
    block["latest"] = _latest(latest, results)
    block["cards"] = _cards(runs[-SPARKLINE_RUNS:])
    block["failed_checks"] = [
        {**check, "notebook": name, "word": WORDS[check["status"]]}
        for name, result in results.items()
        for check in result["checks"]
        if check["status"] != Status.PASS
    ]
    block["tables"] = [
        {**artifact, "rows": f"{artifact['rows'] or 0:,}"}
        for result in results.values()
        for artifact in result["artifacts"]
    ]
    block["earlier"] = [
        {"name": r.name, "created": r.manifest["created_at"], "signoff": describe(r)}
        for r in reversed(runs[:-1])
    ]
    return block


def _latest(run: Run, results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return name, sign-off and verdicts of the newest run."""
    return {
        "name": run.name,
        "signoff": describe(run),
        "reports": [
            {
                "notebook": name,
                "title": BY_NAME[name].title,
                "status": result["status"],
                "word": WORDS[result["status"]],
                "headline": result["headline"],
            }
            for name, result in results.items()
        ],
    }


def _cards(runs: list[Run]) -> list[dict[str, str]]:
    """Return the key figures of the newest run with their course over the runs before it."""
    history = [_metrics(run) for run in runs]
    cards = []
    for name in CARD_METRICS:
        metric = history[-1].get(name)
        if metric is None:
            continue
        course = [past[name]["value"] if name in past else None for past in history]
        row, label = metric_row(metric), name.replace("_", " ")
        cards.append(
            {
                "label": label,
                "value": row["value"],
                "detail": _detail(row, course, metric["unit"]),
                "sparkline": sparkline(course, label),
            }
        )
    return cards


def _detail(row: dict[str, str], course: list[Any], unit: str) -> str:
    """Say a figure's interval and how it moved since the run before."""
    parts = [row["interval"]] if row["interval"] else []
    if len(course) > 1 and course[-2] is not None and course[-1] is not None:
        parts.append(f"before {with_unit(course[-2], unit)}")
    return " · ".join(parts) or MISSING


def _metrics(run: Run) -> dict[str, dict[str, Any]]:
    """Return all metrics of a run by name."""
    return {
        metric["name"]: metric
        for name in run.manifest["notebooks"]
        for metric in run.result(name)["metrics"]
    }


def _changed(name: str, result: dict[str, Any], approved: Run | None) -> Change:
    """Word what changed since the run approved last."""
    if approved is None:
        return Change("No run of this profile has been approved yet: nothing to compare with.")
    if name not in approved.manifest["notebooks"]:
        return Change(f"The approved run {approved.name} has no such report.")
    return as_change(compare_results(approved.result(name), result), approved.name)


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

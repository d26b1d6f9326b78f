"""The index over all profiles, and each run's page of signatures: written anew when they change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from retention.reports.display import WORDS
from retention.reports.pages import render_page
from retention.reports.render import by_reason, worded_check
from retention.reports.wording import worded
from retention.results import Status
from retention.runs.catalogue import has_catalogue
from retention.runs.key_figures import key_figures, metrics_of, missing_figures
from retention.runs.plan import BY_NAME, profiles
from retention.runs.run import Run, published
from retention.runs.signoff import MEANINGS, SignOff, describe, sign_off
from retention.runs.workspace import Workspace

SPARKLINE_RUNS = 30
"""Runs that a sparkline on the index shows at most."""

SIGNOFF_PAGE = "signoff.html"


def write_index(workspace: Workspace) -> Path:
    """Write ``outputs/index.html`` anew from what is published."""
    workspace.outputs.mkdir(parents=True, exist_ok=True)
    shown = [p for p in profiles(workspace) if workspace.profile(p).is_dir()]
    page = render_page("index.html.j2", profiles=[_block(workspace, name) for name in shown])
    return _replace(workspace.outputs / "index.html", page)


def write_signoff(folder: Path, profile: str, state: SignOff) -> Path:
    """Write the page of signatures that stands beside a run's reports and shows inside them."""
    signatures = [
        {
            "name": a.name,
            "role": str(a.role),
            "meaning": MEANINGS[a.role],
            "what": a.what,
            "at": f"{a.at[:16].replace('T', ' ')} UTC",
            "note": a.note,
        }
        for a in state.signatures
    ]
    page = render_page(
        "signoff.html.j2", profile=profile, state=state.state, summary=state.summary(),
        signatures=signatures, changed=state.changed,
        sealed=state.signatures[-1].manifest_sha256 if state.signatures else "",
    )  # fmt: skip
    return _replace(folder / SIGNOFF_PAGE, page)


def refresh_signoff(run: Run) -> None:
    """Write a published run's page of signatures anew."""
    write_signoff(run.folder, run.profile, sign_off(run))


def _replace(target: Path, page: str) -> Path:
    """Write a page so that a reader sees the old one or the new one."""
    temporary = target.with_suffix(".tmp")
    temporary.write_text(page, encoding="utf-8")
    temporary.replace(target)
    return target


def _block(workspace: Workspace, profile: str) -> dict[str, Any]:
    """Return what the index says of one profile."""
    runs = published(profile, workspace)
    block: dict[str, Any] = {
        "name": profile,
        "failed": (workspace.profile(profile) / "failed.html").is_file(),
        "latest": None,
        "months": [],
    }
    if not runs:
        return block
    latest = runs[-1]
    results = {name: latest.result(name) for name in latest.manifest["notebooks"]}
    history = [metrics_of(run) for run in runs[-SPARKLINE_RUNS:]]
    refresh_signoff(latest)
    return {
        **block,
        "latest": _latest(latest, results),
        "cards": key_figures(history),
        "missing": missing_figures(history[-1]),
        "left_out": [
            {"title": BY_NAME[name].title, **part}
            for name, parts in latest.left_out().items()
            for part in by_reason(parts)
        ],
        "failed_checks": _open_checks(results),
        "tables": _tables(results),
        "earlier": len(runs) - 1,
        "months": _months(list(reversed(runs[:-1]))),
    }


def _latest(run: Run, results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return name, sign-off and verdicts of the newest run."""
    state = sign_off(run)
    return {
        "name": run.name,
        "created": run.manifest["created_at"][:16].replace("T", " "),
        "signoff": state.summary(),
        "state": state.state,
        "has_catalogue": has_catalogue(run),
        "reports": [
            {
                "notebook": name,
                "title": BY_NAME[name].title,
                "status": result["status"],
                "word": WORDS[result["status"]],
                "headline": worded(result["headline"]),
            }
            for name, result in results.items()
        ],
    }


def _open_checks(results: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the checks that did not pass, failed ones first."""
    found = [
        {**worded_check(check), "notebook": name}
        for name, result in results.items()
        for check in result["checks"]
        if check["status"] != Status.PASS
    ]
    return sorted(found, key=lambda check: check["status"] != Status.FAIL)


def _tables(results: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the tables that the run published."""
    return [
        {**artifact, "rows": f"{artifact['rows'] or 0:,}"}
        for result in results.values()
        for artifact in result["artifacts"]
    ]


def _months(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return the earlier runs, newest first, by the month in which they were published."""
    rows = [
        {
            "name": run.name,
            "created": run.manifest["created_at"][:16].replace("T", " "),
            "signoff": describe(run, thorough=False),
        }
        for run in runs
    ]
    months = groupby(rows, key=lambda row: row["created"][:7])
    return [{"month": month, "runs": list(found)} for month, found in months]

"""An executed notebook as a report: one self-contained page, readable without running anything."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from retention.reports.display import WORDS, safe
from retention.reports.formatting import interval_text, with_unit

TEMPLATES = Path(__file__).parent / "templates"
HEADING = re.compile(r'<h2 id="([^"]*)">(.*?)</h2>', re.DOTALL)
TAG = re.compile(r"<[^>]+>")

ALLOWED_TAGS = frozenset(
    (
        "a abbr b blockquote br caption code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i "
        "ins li ol p pre s small span strong sub summary sup table tbody td tfoot th thead tr ul"
    ).split()
)
ALLOWED_ATTRIBUTES = {
    "*": ["class", "id", "title"],
    "a": ["href"],
    "th": ["scope", "colspan", "rowspan"],
    "td": ["colspan", "rowspan"],
    "div": ["tabindex"],
}
"""What may stand in a report: text, tables and links; no script, style, frame, form or picture.
Figures come in as PNG data, never as HTML."""


@dataclass(frozen=True)
class Change:
    """What changed since the run that was approved last."""

    summary: str
    rows: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True)
class ReportContext:
    """What a report says beside its notebook: where it comes from, what changed, who signed."""

    profile: str
    report: str
    provenance: Sequence[tuple[str, str]]
    changed: Change
    signoff: str


@cache
def stylesheet() -> str:
    """Return the style sheet that all pages share."""
    return (TEMPLATES / "page.css").read_text(encoding="utf-8")


def render_report(notebook: NotebookNode, result: Mapping[str, Any], context: ReportContext) -> str:
    """Return the report of an executed notebook as one HTML page.

    Parameters
    ----------
    notebook
        The executed notebook; its first cell holds title and purpose.
    result
        What the notebook wrote to ``results/<notebook>.json``.
    context
        Provenance, change and sign-off.
    """
    from nbconvert.filters import markdown2html

    first, *rest = notebook.cells
    title, _, purpose = first.source.partition("\n")
    body = NotebookNode({**notebook, "cells": rest})
    panel = {
        **_panel(result),
        "css": stylesheet(),
        "title": title.lstrip("# ").strip(),
        "lead": markdown2html(purpose.strip()) if purpose.strip() else "",
        "profile": context.profile,
        "report": context.report,
        "provenance": context.provenance,
        "changed": context.changed,
        "signoff": context.signoff,
        "contents": "<!--contents-->",
    }
    page, _ = _exporter().from_notebook_node(body, resources={"report": panel})
    return str(page).replace("<!--contents-->", _contents(page), 1)


@cache
def _exporter() -> Any:
    """Return the exporter with our template; HTML in outputs is sanitised a second time."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(
        template_name="report", extra_template_basedirs=[str(TEMPLATES)], sanitize_html=True
    )
    exporter.register_filter("clean_html", clean)
    return exporter


def clean(html: str) -> str:
    """Return HTML with nothing left in it that could run, load or disguise.

    Examples
    --------
    >>> clean('<p onclick="x()">a<script>b</script><img src="//c"></p>')
    '<p>ab</p>'
    """
    import bleach

    return bleach.clean(
        html, tags=ALLOWED_TAGS, attributes=ALLOWED_ATTRIBUTES, protocols={"https"}, strip=True
    )


def _panel(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the head of a report: verdict, key figures, checks, artifacts."""
    return {
        "headline": result["headline"],
        "status": result["status"],
        "word": WORDS[result["status"]],
        "metrics": [metric_row(metric) for metric in result["metrics"]],
        "checks": [{**check, "word": WORDS[check["status"]]} for check in result["checks"]],
        "artifacts": [
            {**a, "rows": f"{a['rows']:,}" if a["rows"] is not None else "–"}
            for a in result["artifacts"]
        ],
    }


def metric_row(metric: Mapping[str, Any]) -> dict[str, str]:
    """Return a metric of a result file as the texts of one table row."""
    return {
        "name": metric["name"].replace("_", " "),
        "value": with_unit(metric["value"], metric["unit"]),
        "interval": interval_text(metric["ci_low"], metric["ci_high"], metric["unit"]),
        "n": f"{metric['n']:,}" if metric["n"] is not None else "",
    }


def _contents(page: str) -> str:
    """Return the list items of the table of contents, from the headings of the detail."""
    detail = page.partition('<div id="detail">')[2]
    return "".join(
        f'<li><a href="#{anchor}">{safe(TAG.sub("", text).replace("¶", "").strip())}</a></li>'
        for anchor, text in HEADING.findall(detail)
    )

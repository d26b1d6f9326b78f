"""An executed notebook as a report: one self-contained page, readable without running anything."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention.reports.display import DISGUISES, WORDS, safe
from retention.reports.formatting import aligned, interval_text, value_and_unit, with_unit
from retention.reports.wording import worded, words
from retention.results import Status

if TYPE_CHECKING:
    from nbformat import NotebookNode

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
class ChangeTable:
    """One kind of change: figures, model quality, segments, parameters, inputs or code.

    ``numbers`` counts the columns, after the first, that hold numbers.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: int = 0


@dataclass(frozen=True)
class Change:
    """What changed since the run that was approved last."""

    summary: str
    tables: tuple[ChangeTable, ...] = ()


@dataclass(frozen=True)
class ReportContext:
    """What a report says beside its notebook: where it comes from and what changed."""

    profile: str
    report: str
    provenance: Sequence[tuple[str, str]]
    changed: Change
    has_catalogue: bool = False


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

    first, *rest = _without_repeated_checks(notebook.cells, result)
    title, _, purpose = first.source.partition("\n")
    body = type(notebook)({**notebook, "cells": rest})
    panel = {
        **_panel(result),
        "css": stylesheet(),
        "title": title.lstrip("# ").strip(),
        "lead": markdown2html(purpose.strip()) if purpose.strip() else "",
        "profile": context.profile,
        "report": context.report,
        "provenance": context.provenance,
        "changed": context.changed,
        "has_catalogue": context.has_catalogue,
        "contents": "<!--contents-->",
    }
    page, _ = _exporter().from_notebook_node(body, resources={"report": panel})
    return str(page).replace("<!--contents-->", _contents(page), 1).translate(DISGUISES)


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


CHECKS_ABOVE = (
    '<p class="caption">The trust checks stand <a href="#trust-checks">at the top</a>.</p>'
)


def _without_repeated_checks(
    cells: Sequence[NotebookNode], result: Mapping[str, Any]
) -> list[NotebookNode]:
    """Put a link in place of a table of checks that the report's head shows already."""
    known = {check["code"] for check in result["checks"]}
    for cell in cells:
        for output in cell.get("outputs", []):
            codes = output.get("metadata", {}).get("text/html", {}).get("checks")
            if codes and known.issuperset(codes):
                output["data"]["text/html"] = CHECKS_ABOVE
    return list(cells)


def _panel(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the head of a report: verdict, key figures, checks, artifacts."""
    checks = [worded_check(check) for check in result["checks"]]
    return {
        "headline": worded(result["headline"]),
        "status": result["status"],
        "word": WORDS[result["status"]],
        "dated": dated(result.get("as_of", ""), result.get("known_until", "")),
        "left_out": by_reason(result.get("left_out", [])),
        "metrics": metric_rows(result["metrics"]),
        "checks": [check for check in checks if check["status"] != Status.PASS],
        "passed": [check for check in checks if check["status"] == Status.PASS],
        "artifacts": [
            {**a, "rows": f"{a['rows']:,}" if a["rows"] is not None else "–"}
            for a in result["artifacts"]
        ],
    }


def by_reason(left_out: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return each reason once, with the sections that are left out for it.

    Examples
    --------
    >>> by_reason([{"section": s, "reason": "Too few."} for s in ("Who?", "When?")])
    [{'section': 'Who? When?', 'reason': 'Too few.'}]
    """
    sections: dict[str, list[str]] = {}
    for part in left_out:
        sections.setdefault(worded(part["reason"]), []).append(part["section"])
    return [{"section": " ".join(names), "reason": why} for why, names in sections.items()]


def dated(as_of: str, known_until: str) -> str:
    """Say as of which date figures are and until when orders are known.

    Examples
    --------
    >>> dated("2026-07-01", "2026-06-30")
    'As of 2026-07-01; orders are known until 2026-06-30.'
    """
    if not as_of:
        return ""
    known = f"; orders are known until {known_until}" if known_until else ""
    return f"As of {as_of}{known}."


def worded_check(check: Mapping[str, Any]) -> dict[str, Any]:
    """Return a check of a result file as a page shows it: its status and its names in words."""
    said = {key: worded(check[key]) for key in ("detail", "action")}
    return {**check, **said, "word": WORDS[check["status"]]}


def metric_row(metric: Mapping[str, Any]) -> dict[str, str]:
    """Return a metric of a result file as the texts of one table row."""
    return {
        "name": readable(metric["name"]),
        "value": with_unit(metric["value"], metric["unit"]),
        "interval": interval_text(metric["ci_low"], metric["ci_high"], metric["unit"]),
        "n": f"{metric['n']:,}" if metric["n"] is not None else "",
    }


def metric_rows(metrics: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return metrics as rows of one table: numbers in line on the point, units beside them."""
    parts = [value_and_unit(metric["value"], metric["unit"]) for metric in metrics]
    numbers = aligned([value for value, _ in parts])
    return [
        {**metric_row(metric), "number": number, "unit": words(unit)}
        for metric, number, (_, unit) in zip(metrics, numbers, parts, strict=True)
    ]


def readable(name: str) -> str:
    """Return a metric's name as a reader would write it.

    Examples
    --------
    >>> readable("return_on_investment.email_gift")
    'return on investment · email gift'
    """
    return words(name).replace(".", " · ")


def _contents(page: str) -> str:
    """Return the list items of the table of contents, from the headings of the detail."""
    detail = page.partition('<div id="detail">')[2]
    return "".join(
        f'<li><a href="#{anchor}">{safe(TAG.sub("", text).replace("¶", "").strip())}</a></li>'
        for anchor, text in HEADING.findall(detail)
    )

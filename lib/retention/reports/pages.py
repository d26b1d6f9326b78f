"""The pages around the reports: index, one-page summary, failed run. Plain data in, HTML out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from retention.reports.display import DISGUISES
from retention.reports.render import TEMPLATES, stylesheet


@cache
def _environment() -> Any:
    """Return the template environment; every value is escaped unless a template says otherwise."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    )


def render_page(template: str, **values: Any) -> str:
    """Return a page from one of the templates, with the shared style sheet."""
    page = _environment().get_template(template).render(css=stylesheet(), **values)
    return str(page).translate(DISGUISES)


def sparkline(values: Sequence[float | None], label: str) -> str:
    """Return a small line of a figure over runs as inline SVG, empty below two values.

    Examples
    --------
    >>> sparkline([1.0], "AOV")
    ''
    >>> "polyline" in sparkline([1.0, 2.0, 1.5], "AOV")
    True
    """
    known = [(i, v) for i, v in enumerate(values) if v is not None]
    if len(known) < 2:
        return ""
    low, high = min(v for _, v in known), max(v for _, v in known)
    width = max(len(values) - 1, 1)
    points = " ".join(
        f"{2 + 116 * i / width:.1f},{22 - 20 * _share(v, low, high):.1f}" for i, v in known
    )
    title = render_title(f"{label} over the last {len(values)} runs")
    return (
        f'<svg viewBox="0 0 120 24" width="120" height="24" role="img">{title}'
        f'<polyline points="{points}" fill="none" stroke="#0072B2" stroke-width="1.5"/></svg>'
    )


def _share(value: float, low: float, high: float) -> float:
    """Return where between two ends a value lies; in the middle where the ends are one."""
    return (value - low) / (high - low) if high > low else 0.5


def render_title(text: str) -> str:
    """Return an escaped SVG title, which a screen reader speaks."""
    from html import escape

    return f"<title>{escape(text)}</title>"


def failed_page(profile: str, summary: str, facts: Mapping[str, str]) -> str:
    """Return the page that a failed run leaves behind."""
    return render_page(
        "failed.html.j2", profile=profile, summary=summary, facts=list(facts.items())
    )

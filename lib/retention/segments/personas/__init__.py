"""Personas: clusters of customers that are stable, separate beyond chance, and have a name."""

from __future__ import annotations

from retention.segments.personas.discovery import Personas, discover
from retention.segments.personas.profile import UNPLACED
from retention.segments.personas.selection import Terms
from retention.segments.personas.template import TEMPLATES, TemplateMatch, compare_with_template

__all__ = [
    "TEMPLATES",
    "UNPLACED",
    "Personas",
    "TemplateMatch",
    "Terms",
    "compare_with_template",
    "discover",
]

"""What readers see: verdicts, tables and figures, escaped and worded in one place."""

from __future__ import annotations

from retention.reports.display import (
    show_checks,
    show_figure,
    show_finding,
    show_table,
    show_verdict,
)
from retention.reports.style import PALETTE, use_style
from retention.reports.suppression import suppress_counts, suppress_rows

__all__ = [
    "PALETTE",
    "show_checks",
    "show_figure",
    "show_finding",
    "show_table",
    "show_verdict",
    "suppress_counts",
    "suppress_rows",
    "use_style",
]

"""Figures of the ingest report."""

from __future__ import annotations

from matplotlib.figure import Figure

from retention.ingest import IngestResult
from retention.reports.style import BAD, PALETTE, use_style

_MOST_SOURCES = 8


def daily_volume(result: IngestResult) -> Figure:
    """Draw records per week for the largest dated sources, one panel each.

    Parameters
    ----------
    result
        What the ingest handed over.
    """
    weekly = result.weekly()
    largest = weekly.groupby("source").rows_read.sum().sort_values(ascending=False, kind="stable")
    names = list(largest.index[:_MOST_SOURCES])
    with use_style():
        figure = Figure(figsize=(8.0, 1.0 + 1.3 * max(len(names), 1)), layout="constrained")
        axes = figure.subplots(max(len(names), 1), 1, sharex=True, squeeze=False)[:, 0]
        if not names:
            axes[0].text(0.5, 0.5, "no dated records", ha="center", transform=axes[0].transAxes)
        for axis, name in zip(axes, names, strict=False):
            part = weekly[weekly.source == name]
            axis.plot(part.week, part.rows_accepted, color=PALETTE[0], lw=1.4)
            axis.plot(part.week, part.rows_quarantined, color=BAD, lw=1.0, ls="--")
            axis.set_title(name, fontsize=9)
            axis.set_ylim(bottom=0)
        figure.supylabel("records per week (line: accepted, dashes: refused)", fontsize=8)
        axes[-1].set_xlabel("week beginning")
    return figure

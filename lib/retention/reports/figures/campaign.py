"""Figures of a campaign's account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from retention.reports.style import PALETTE, QUIET, grouped_axis, label_ends, use_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def weeks_figure(weeks: pd.DataFrame, currency: str) -> Figure:
    """Draw the cumulative effect on revenue per customer over the weeks, with its intervals."""
    import matplotlib.pyplot as plt

    with use_style():
        figure, axis = plt.subplots()
        ends: list[tuple[float, float, str, str]] = []
        if not weeks.empty:
            for (arm, part), colour in zip(weeks.groupby("arm"), PALETTE, strict=False):
                week = part["week"] + 1
                axis.plot(week, part["cumulative"], color=colour, marker="o")
                axis.fill_between(week, part["cumulative_low"], part["cumulative_high"],
                                  color=colour, alpha=0.15)  # fmt: skip
                ends.append((week.iloc[-1], part["cumulative"].iloc[-1], str(arm), colour))
        axis.axhline(0, color="black", linewidth=1)
        axis.set_xlabel("Weeks since the assignment")
        axis.set_ylabel(f"Effect so far\n({currency} per customer)")
        axis.margins(x=0.15)
        label_ends(axis, ends)
        figure.tight_layout()
    return figure


def efficiency_figure(curve: pd.DataFrame, unit: str, budget: float = 0.0) -> Figure:
    """Draw expected profit against the budget for contacts, and the budget at hand."""
    import matplotlib.pyplot as plt

    with use_style():
        figure, axis = plt.subplots()
        axis.plot(curve["budget"], curve["profit"], color=PALETTE[0], marker=".")
        if not curve["budget"].max() > 0:
            axis.set(xlim=(0, 1), ylim=(0, 1), xticks=[0], yticks=[0])
            axis.annotate("nobody is expected to pay", (0.5, 0.5), ha="center", color=QUIET)
        if 0 < budget <= curve["budget"].max():
            axis.axvline(budget, color=QUIET, linewidth=1, linestyle="--")
            axis.annotate("budget", (budget, 0), color=QUIET, xytext=(4, 4),
                          textcoords="offset points")  # fmt: skip
        axis.set_xlabel(f"Budget for contacts ({unit})")
        axis.set_ylabel(f"Expected profit ({unit})")
        axis.set_ylim(bottom=min(0.0, float(curve["profit"].min())))
        grouped_axis(axis.xaxis)
        grouped_axis(axis.yaxis)
        figure.tight_layout()
    return figure

"""Figures on experiments: what a test can see, how it behaves, and what it found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from retention.abtest import Estimate, PowerCurve
from retention.abtest.heterogeneity import SegmentEffects
from retention.abtest.simulation import Rehearsal
from retention.abtest.since_assignment import EffectSinceAssignment
from retention.quantities import quantity
from retention.reports.style import BAD, GOOD, PALETTE, QUIET, percent_axis, use_style
from retention.reports.wording import words
from retention.results import percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def power_figure(curve: PowerCurve) -> Figure:
    """Draw power over the relative effect, for half, all and twice the units."""
    import matplotlib.pyplot as plt

    with use_style():
        figure, axes = plt.subplots(layout="constrained")
        for colour, (units, part) in zip(PALETTE, curve.curve.groupby("units"), strict=False):
            axes.plot(part["relative_effect"], part["power"], color=colour, lw=2)
            at = part.iloc[len(part) // 2]
            axes.annotate(
                f"{units:,} units", (at["relative_effect"], at["power"]),
                textcoords="offset points", xytext=(6, -10), color=colour, fontsize=9,
            )  # fmt: skip
        axes.axhline(curve.design.power, color=QUIET, lw=1, ls="--")
        axes.set_ylim(0, 1)
        today = quantity(curve.baseline, curve.unit)
        axes.set_xlabel(f"true lift of {curve.metric}, of today's {today}")
        axes.set_ylabel("probability of seeing it")
        percent_axis(axes.xaxis)
        percent_axis(axes.yaxis)
        axes.set_title("What a test of this size can see")
    return figure


def rehearsal_figure(rehearsals: Sequence[Rehearsal]) -> Figure:
    """Draw the distribution of p-values over random splits of the past; flat is right."""
    import matplotlib.pyplot as plt

    bins = [k / 20 for k in range(21)]
    rows = max(-(-len(rehearsals) // 2), 1)
    with use_style():
        figure, panels = plt.subplots(
            rows, 2, figsize=(8.0, 1.0 + 1.7 * rows), sharex=True, sharey=True, squeeze=False,
            layout="constrained",
        )  # fmt: skip
        for axes in panels.flat[len(rehearsals) :]:
            axes.axis("off")
        for axes, found in zip(panels.flat, rehearsals, strict=False):
            share = np.full(len(found.p_values), 1 / len(found.p_values))
            axes.hist(found.p_values, bins=bins, color=PALETTE[0], alpha=0.8, weights=share)
            axes.axhline(0.05, color=QUIET, lw=1, ls="--")
            axes.set_title(words(found.metric), fontsize=10)
            percent_axis(axes.yaxis)
        figure.supxlabel("p-value of a test where nothing was done", fontsize=10)
        figure.supylabel("share of random splits; flat at 5 % is right", fontsize=10)
    return figure


def effects_figure(estimates: Sequence[Estimate]) -> Figure:
    """Draw the relative lift of every arm and metric with its interval."""
    import matplotlib.pyplot as plt

    shown = [e for e in estimates if np.isfinite([e.relative.ci_low, e.relative.ci_high]).all()]
    with use_style():
        height = 1.2 + 0.45 * max(len(shown), 2)
        figure, axes = plt.subplots(figsize=(8.0, height), layout="constrained")
        for row, found in enumerate(reversed(shown)):
            low, high = found.relative.ci_low, found.relative.ci_high
            better = (found.difference > 0) == found.higher_is_better
            colour = QUIET if not found.significant else GOOD if better else BAD
            axes.plot([low, high], [row, row], color=colour, lw=3, solid_capstyle="butt")
            axes.plot(found.relative.lift, row, "o", color=colour)
            axes.annotate(
                percent(found.relative.lift, signed=True), (high, row), textcoords="offset points",
                xytext=(6, -3), fontsize=9, color=colour,
            )  # fmt: skip
        axes.axvline(0, color="black", lw=1)
        axes.set_yticks(range(len(shown)), [f"{e.metric}: {words(e.arm)}" for e in reversed(shown)])
        axes.margins(x=0.15)
        axes.set_xlabel("lift against control, with interval (grey: not shown)")
        percent_axis(axes.xaxis)
        axes.set_title("What the arms changed")
        axes.grid(axis="y", visible=False)
        axes.grid(axis="x", visible=True)
    return figure


def segments_figure(found: SegmentEffects) -> Figure:
    """Draw raw (hollow) and shrunken effects of the segments, and the common effect."""
    import matplotlib.pyplot as plt

    table = found.table.iloc[::-1].reset_index(drop=True)
    with use_style():
        figure, axes = plt.subplots(
            figsize=(8.0, 1.4 + 0.45 * max(len(table), 2)), layout="constrained"
        )
        for row, at in enumerate(table.to_dict("records")):
            ends = [at["shrunken_low"], at["shrunken_high"]]
            axes.plot(ends, [row, row], color=PALETTE[0], lw=3, solid_capstyle="butt")
            axes.plot(at["shrunken_effect"], row, "o", color=PALETTE[0])
            axes.plot(at["effect"], row, "o", mfc="white", color=QUIET)
        axes.axvline(0, color="black", lw=1)
        axes.axvline(found.common_effect, color=QUIET, lw=1, ls="--")
        names = [f"{s} (n = {n:,})" for s, n in zip(table["segment"], table["n"], strict=True)]
        axes.set_yticks(range(len(table)), names)
        axes.margins(y=0.15)
        axes.set_xlabel(f"effect on {found.metric} ({found.unit}); hollow: before shrinkage")
        axes.set_ylabel(words(found.column))
        axes.set_title(f"{words(found.arm)}: does the effect differ?")
        axes.grid(axis="y", visible=False)
        axes.grid(axis="x", visible=True)
    return figure


def since_assignment_figure(found: EffectSinceAssignment) -> Figure:
    """Draw the effect of each day since assignment, and of all days so far, with their bands."""
    import matplotlib.pyplot as plt

    table, day = found.table, found.table["day"]
    each = "of each day" if found.step == 1 else f"of each {found.step} days"
    with use_style():
        figure, (above, below) = plt.subplots(
            2, 1, sharex=True, figsize=(8.0, 5.6), layout="constrained"
        )
        above.fill_between(day, table["ci_low"], table["ci_high"], color=PALETTE[0], alpha=0.15)
        above.plot(day, table["effect"], color=PALETTE[0], lw=2)
        below.fill_between(
            day, table["total_low"], table["total_high"], color=PALETTE[2], alpha=0.2
        )
        below.plot(day, table["total"], color=PALETTE[2], lw=2)
        for axes, days in ((above, each), (below, "of all days so far")):
            axes.axhline(0, color="black", lw=1)
            axes.set_ylabel(f"effect ({found.unit})")
            axes.set_title(f"{words(found.arm)}: effect {days}")
        below.set_xlabel("days since assignment (shaded: band that holds on all days at once)")
    return figure

"""Figures of the retention-curve report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.reports.style import PALETTE, QUIET, label_ends, percent_axis, use_style
from retention.reports.wording import words
from retention.results import percent
from retention.survival import (
    CohortTriangle,
    CumulativeIncidence,
    Hazard,
    IntervalCurve,
    ProportionalHazardsTest,
    RetentionCurves,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def retention_figure(
    curves: RetentionCurves, *, minimum: int = 10, outcome: str = "retained"
) -> Figure:
    """Draw each group's curve with its band, labelled at its end, and numbers at risk below.

    Parameters
    ----------
    curves
        Kaplan-Meier curves.
    minimum
        A curve is drawn only as far as so many customers are still followed.
    outcome
        What the share is a share of, for the axis.
    """
    from matplotlib import pyplot as plt

    with use_style():
        figure, (top, below) = plt.subplots(
            2, 1, sharex=True, figsize=(8.0, 4.2 + 0.18 * len(curves.groups)),
            gridspec_kw={"height_ratios": [5, 0.4 + 0.28 * len(curves.groups)]})  # fmt: skip
        ends = []
        for colour, group in zip(_colours(len(curves.groups)), curves.groups, strict=True):
            part = curves.frame[(curves.frame["group"] == group)
                                & (curves.frame["at_risk"] >= minimum)]  # fmt: skip
            if len(part):
                ends.append((*_curve(top, part, colour), str(group), colour))
        top.set_ylabel(f"share {outcome}")
        top.set_ylim(0, 1.02)
        top.set_xlim(left=0)
        percent_axis(top.yaxis)
        label_ends(top, ends)
        _numbers_at_risk(below, curves, np.linspace(0, top.get_xlim()[1] * 0.95, 6).round())
        below.set_xlabel(
            f"{curves.unit} since the start; below the curve: customers still followed"
        )
        plt.close(figure)
    return figure


def hazard_figure(hazard: Hazard) -> Figure:
    """Draw the smoothed hazard of each group with its band."""
    from matplotlib import pyplot as plt

    with use_style():
        figure, axes = plt.subplots()
        ends = []
        for colour, (group, part) in zip(
            _colours(hazard.frame["group"].nunique()),
            hazard.frame.groupby("group", sort=True),
            strict=True,
        ):
            axes.plot(part["time"], part["hazard"], color=colour)
            axes.fill_between(
                part["time"], part["ci_low"], part["ci_high"], color=colour, alpha=0.15, linewidth=0
            )
            ends.append((part["time"].iloc[-1], part["hazard"].iloc[-1], str(group), colour))
        axes.set_xlabel(f"{hazard.unit} since the start")
        axes.set_ylabel(f"share leaving per {hazard.unit.removesuffix('s')}")
        axes.set_ylim(bottom=0)
        label_ends(axes, ends)
        plt.close(figure)
    return figure


def proportionality_figure(test: ProportionalHazardsTest, covariate: str) -> Figure:
    """Draw a covariate's coefficient over time: scaled residuals in bins, and their mean line."""
    from matplotlib import pyplot as plt

    residuals = test.residuals[["time", covariate]].to_numpy()
    bins = np.array_split(residuals, min(12, max(len(residuals) // 20, 1)))
    middle = np.array([part[:, 0].mean() for part in bins])
    mean = np.array([part[:, 1].mean() for part in bins])
    error = np.array([part[:, 1].std(ddof=1) / np.sqrt(len(part)) for part in bins])
    with use_style():
        figure, axes = plt.subplots()
        axes.errorbar(middle, mean, yerr=1.96 * error, fmt="o", color=PALETTE[0])
        axes.axhline(residuals[:, 1].mean(), color=QUIET, linewidth=1)
        axes.annotate(
            "constant effect",
            (middle[0], residuals[:, 1].mean()),
            color=QUIET,
            xytext=(0, 4),
            textcoords="offset points",
        )
        axes.set_xlabel("days since the start")
        axes.set_ylabel(f"effect of {words(covariate)} (log hazard ratio)")
        plt.close(figure)
    return figure


def triangle_figure(triangle: CohortTriangle) -> Figure:
    """Draw retention by cohort and age; projected cells are hatched and set in italics."""
    from matplotlib import pyplot as plt

    table, guessed = triangle.matrix(), triangle.matrix("is_projected").to_numpy(dtype=bool)
    values = table.to_numpy(dtype=float)
    with use_style():
        figure, axes = plt.subplots(figsize=(8.0, 0.9 + 0.36 * len(values)))
        axes.imshow(values, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for row, col in np.ndindex(*values.shape):
            _cell(axes, row, col, float(values[row, col]), bool(guessed[row, col]))
        axes.set_xticks(range(values.shape[1]), [age * triangle.period for age in table.columns])
        axes.set_yticks(range(len(values)), list(table.index))
        axes.grid(False)
        axes.set_xlabel(f"{triangle.unit} since the first purchase (hatched: projected)")
        axes.set_ylabel("cohort")
        plt.close(figure)
    return figure


def _cell(axes: Any, row: int, column: int, share: float, is_guess: bool) -> None:
    """Write one cell of a triangle; hatch it where it is projected."""
    from matplotlib.patches import Rectangle

    axes.text(column, row, percent(share, 0), ha="center", va="center", fontsize=8,
              style="italic" if is_guess else "normal",
              color="white" if share > 0.6 else "black")  # fmt: skip
    if is_guess:
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, hatch="////",
                                 edgecolor="#BBBBBB", linewidth=0))  # fmt: skip


def incidence_figure(result: CumulativeIncidence) -> Figure:
    """Draw the share that has ended in each way over time, with bands."""
    from matplotlib import pyplot as plt

    lines = list(result.frame.groupby(["group", "cause"], sort=True))
    with use_style():
        figure, axes = plt.subplots()
        for colour, ((group, cause), part) in zip(_colours(len(lines)), lines, strict=True):
            name = words(str(cause) if group == "all" else f"{group}: {cause}")
            _rising(axes, part, colour, name)
        axes.set_xlabel(f"{result.unit} since the first purchase")
        axes.set_ylabel("share that has ended so")
        axes.set_ylim(0, 1)
        percent_axis(axes.yaxis)
        plt.close(figure)
    return figure


def interval_figure(curve: IntervalCurve) -> Figure:
    """Draw Turnbull's curve with its band, as far as departures have been seen."""
    from matplotlib import pyplot as plt

    table = curve.frame[np.isfinite(curve.frame["right"])]
    share = np.concatenate([[1.0], table["survival"]])
    time = np.concatenate([[0.0], table["right"]])
    with use_style():
        figure, axes = plt.subplots()
        axes.step(time, share, where="post", color=PALETTE[0])
        axes.fill_between(table["right"], table["ci_low"], table["ci_high"], step="post",
                          color=PALETTE[0], alpha=0.15, linewidth=0)  # fmt: skip
        axes.set_xlabel(f"{curve.unit} since the first purchase")
        axes.set_ylabel("share retained, departure dated to its interval")
        axes.set_ylim(0, 1.02)
        percent_axis(axes.yaxis)
        axes.set_xlim(left=0)
        plt.close(figure)
    return figure


def _rising(axes: Any, part: Any, colour: Any, name: str) -> None:
    """Draw one rising step curve with its band and its name at the end."""
    axes.step(part["time"], part["incidence"], where="post", color=colour)
    axes.fill_between(part["time"], part["ci_low"], part["ci_high"], step="post", color=colour,
                      alpha=0.15, linewidth=0)  # fmt: skip
    axes.annotate(name, (part["time"].iloc[-1], part["incidence"].iloc[-1]), color=colour,
                  xytext=(-4, 4), textcoords="offset points", ha="right")  # fmt: skip


def _curve(axes: Any, part: Any, colour: Any) -> tuple[float, float]:
    """Draw one step curve with its band and return where it ends."""
    time = np.concatenate([[0.0], part["time"]])
    axes.step(time, np.concatenate([[1.0], part["survival"]]), where="post", color=colour)
    axes.fill_between(time, np.concatenate([[1.0], part["ci_low"]]),
                      np.concatenate([[1.0], part["ci_high"]]), step="post", color=colour,
                      alpha=0.15, linewidth=0)  # fmt: skip
    return float(time[-1]), float(part["survival"].iloc[-1])


def _numbers_at_risk(axes: Any, curves: RetentionCurves, times: Any) -> None:
    """Write the numbers at risk below the curves, one line per group."""
    table = curves.at(list(times))
    for row, group in enumerate(curves.groups):
        part = table[table["group"] == group]
        colour = _colours(len(curves.groups))[row]
        for time, number in zip(part["time"], part["at_risk"], strict=True):
            axes.text(time, row, f"{number:,.0f}", ha="center", va="center", fontsize=8,
                      color=colour)  # fmt: skip
    axes.set_ylim(len(curves.groups) - 0.5, -0.5)
    axes.set_yticks(range(len(curves.groups)), [words(g) for g in curves.groups], fontsize=8)
    axes.grid(False)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(axis="y", left=False, pad=24)  # the first number stands astride the axis


def _colours(groups: int) -> list[Any]:
    """Return a colour per group: the palette, or shades of one hue beyond it."""
    if groups <= len(PALETTE):
        return list(PALETTE[:groups])
    from matplotlib import colormaps

    return list(colormaps["viridis"](np.linspace(0, 0.9, groups)))

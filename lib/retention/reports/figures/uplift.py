"""Figures of the campaign-lift report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from retention.reports.style import GOOD, PALETTE, QUIET, label_ends, percent_axis, use_style
from retention.reports.wording import worded, words
from retention.uplift.effects import AverageLift
from retention.uplift.policy import PolicyComparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def lift_figure(lift: AverageLift, outcome: str, unit: str) -> Figure:
    """Draw each arm's average lift on one outcome with its 95 % interval."""
    import matplotlib.pyplot as plt

    effects = [e for e in lift.effects if e.outcome == outcome]
    with use_style():
        figure, axis = plt.subplots(figsize=(8, 1.2 + 0.6 * len(effects)))
        _points(
            axis, [words(e.arm) for e in effects], np.array([e.difference for e in effects]),
            np.array([e.ci_low for e in effects]), np.array([e.ci_high for e in effects]),
        )  # fmt: skip
        axis.set_xlabel(f"Lift in {words(outcome)} against the hold-out ({words(unit)})")
        figure.tight_layout()
    return figure


def ranking_figure(curves: dict[str, pd.DataFrame], unit: str) -> Figure:
    """Draw the gain from treating the top share of each ranking beyond a random choice of it."""
    import matplotlib.pyplot as plt

    with use_style():
        figure, axis = plt.subplots()
        ends = []
        for (name, curve), colour in zip(curves.items(), PALETTE, strict=False):
            share = np.r_[0.0, curve["share"]]
            gain = np.r_[0.0, curve["gain"]]
            axis.plot(share, gain, color=colour)
            peak = int(np.argmax(np.abs(gain)))
            ends.append((float(share[peak]), float(gain[peak]), name, colour))
        axis.axhline(0, color=QUIET, linewidth=1)
        axis.set_xlabel("Customers treated, best ranked first")
        axis.set_ylabel(f"Gain over a random choice\n({words(unit)} per customer)")
        percent_axis(axis.xaxis)
        label_ends(axis, ends)
        figure.tight_layout()
    return figure


def calibration_figure(deciles: pd.DataFrame, unit: str) -> Figure:
    """Draw the measured against the predicted effect by tenth, one panel per ranking."""
    import matplotlib.pyplot as plt

    rankings = list(dict.fromkeys(deciles["ranking"]))
    with use_style():
        figure, axes = plt.subplots(
            1, len(rankings), figsize=(4.6 * len(rankings), 3.8), squeeze=False, sharey=True
        )
        for axis, name, colour in zip(axes[0], rankings, PALETTE, strict=False):
            part = deciles[deciles["ranking"] == name]
            ends = [part["predicted"].min(), part["predicted"].max()]
            axis.plot(ends, ends, color=QUIET, linewidth=1, linestyle="--")
            axis.vlines(part["predicted"], part["ci_low"], part["ci_high"], color=colour)
            axis.plot(part["predicted"], part["measured"], "o", color=colour)
            axis.axhline(0, color="black", linewidth=1)
            axis.set_title(worded(name), loc="left", fontsize=10)
            axis.set_xlabel(f"Predicted effect ({words(unit)})")
        axes[0][0].set_ylabel(f"Measured effect\n({words(unit)} per customer)")
        figure.tight_layout()
    return figure


def policy_figure(policies: PolicyComparison) -> Figure:
    """Draw each policy's gain over the reference with its paired 95 % interval."""
    import matplotlib.pyplot as plt

    frame = policies.to_frame()
    frame = frame[frame["policy"] != frame["reference"]]
    with use_style():
        figure, axis = plt.subplots(figsize=(8, 1.2 + 0.5 * len(frame)))
        _points(
            axis, [worded(name) for name in frame["policy"]], frame["gain"].to_numpy(),
            frame["gain_low"].to_numpy(), frame["gain_high"].to_numpy(),
        )  # fmt: skip
        reference = policies.values[0].reference
        axis.set_xlabel(f"Gain over '{worded(reference)}' ({worded(policies.unit)})")
        figure.tight_layout()
    return figure


def _points(
    axis: Axes, names: list[str], value: np.ndarray, low: np.ndarray, high: np.ndarray
) -> None:
    """Draw named points with intervals, the first on top, and a line at zero."""
    place = np.arange(len(names))[::-1]
    clear = (low > 0) | (high < 0)
    for i in range(len(names)):
        colour = GOOD if clear[i] and value[i] > 0 else PALETTE[1] if clear[i] else QUIET
        axis.plot([low[i], high[i]], [place[i]] * 2, color=colour, linewidth=2)
        axis.plot(value[i], place[i], "o", color=colour)
        axis.annotate(f"{value[i]:+.4g}", (value[i], place[i]), xytext=(0, 7),
                      textcoords="offset points", ha="center", color=colour)  # fmt: skip
    axis.axvline(0, color="black", linewidth=1)
    axis.set_yticks(place, names)
    axis.set_ylim(-0.6, len(names) - 0.4)
    axis.grid(axis="x")

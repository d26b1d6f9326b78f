"""Figures of the lifetime-value report: tracking, conditional expectations, Lorenz, groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from retention.reports.style import PALETTE, QUIET, label_ends, percent_axis, use_style
from retention.reports.wording import words
from retention.results import percent
from retention.value import Concentration, ConditionalExpectations, GroupValues, Tracking

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def tracking_figure(tracking: Tracking) -> Figure:
    """Return weekly and cumulative repeat purchases, actual against predicted."""
    import matplotlib.pyplot as plt

    table = tracking.table
    with use_style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
        for axes, suffix, title in (
            (left, "", "Each week"),
            (right, "_cumulative", "Since the beginning"),
        ):
            axes.plot(table["week"], table[f"actual{suffix}"], color=QUIET, lw=1.6)
            axes.plot(table["week"], table[f"predicted{suffix}"], color=PALETTE[0], lw=2)
            axes.set(title=title, xlabel="Week since the first order", ylabel="Repeat purchases")
            axes.set_ylim(bottom=0)
            _mark_holdout(axes, table)
        end = table.iloc[-1]
        label_ends(right, [
            (end["week"], end["actual_cumulative"], "actual", QUIET),
            (end["week"], end["predicted_cumulative"], tracking.model, PALETTE[0]),
        ])  # fmt: skip
    return figure


def conditional_figure(found: ConditionalExpectations) -> Figure:
    """Return hold-out purchases by earlier frequency: actual with interval, and each model."""
    import matplotlib.pyplot as plt

    table = found.table
    with use_style():
        figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
        place = np.arange(len(table))
        actual = table["actual"].to_numpy()
        reach = [actual - table["actual_ci_low"], table["actual_ci_high"] - actual]
        axes.errorbar(
            place, actual, yerr=np.array(reach), fmt="o", color="black", capsize=3, label="actual"
        )
        for number, name in enumerate(found.forecasts):
            axes.plot(place, table[name], color=PALETTE[number], marker=".", label=name)
        axes.set_xticks(place, table["frequency"])
        axes.set(
            xlabel="Repeat purchases before the hold-out", ylabel="Mean purchases in the hold-out"
        )
        axes.set_ylim(bottom=0)
        axes.legend()
    return figure


def lorenz_figure(spread: Concentration) -> Figure:
    """Return the cumulative share of value held by the most valuable customers."""
    import matplotlib.pyplot as plt

    with use_style():
        figure, axes = plt.subplots(figsize=(5.6, 4.6), layout="constrained")
        axes.plot(spread.customers, spread.value, color=PALETTE[0], lw=2.2)
        axes.plot([0, 1], [0, 1], color=QUIET, lw=1, ls="--")
        axes.plot([0.2, 0.2, 0], [0, spread.top_share, spread.top_share], color=PALETTE[1], lw=1)
        axes.annotate(
            f"top fifth: {percent(spread.top_share, 0)} of the value",
            (0.2, spread.top_share), xytext=(10, -12), textcoords="offset points",
            color=PALETTE[1],
        )  # fmt: skip
        axes.annotate("all worth the same", (0.6, 0.6), xytext=(8, -10),
                      textcoords="offset points", color=QUIET)  # fmt: skip
        axes.set(xlabel="Customers, most valuable first", ylabel="Share of expected value")
        axes.set(xlim=(0, 1), ylim=(0, 1.01))
        for axis in (axes.xaxis, axes.yaxis):
            percent_axis(axis)
    return figure


def group_figure(groups: GroupValues, *, most: int = 12) -> Figure:
    """Return mean lifetime value per customer of each group with its 95 % interval."""
    import matplotlib.pyplot as plt

    table = groups.table.head(most).dropna(subset=["mean_value"]).iloc[::-1]
    with use_style():
        figure, axes = plt.subplots(
            figsize=(8, 1.4 + 0.36 * max(len(table), 1)), layout="constrained"
        )
        mean = table["mean_value"].to_numpy(dtype=float)
        reach = np.array([mean - table["mean_ci_low"], table["mean_ci_high"] - mean], dtype=float)
        place = np.arange(len(table))
        axes.barh(place, mean, color=PALETTE[0], height=0.62)
        axes.errorbar(mean, place, xerr=reach, fmt="none", color="black", capsize=3, lw=1)
        axes.set_yticks(place, [words(group) for group in table["group"]])
        for at, high, share in zip(
            place, table["mean_ci_high"], table["share_of_value"], strict=True
        ):
            axes.annotate(f" {percent(share, 0)} of value", (float(high), float(at)), va="center",
                          xytext=(4, 0), textcoords="offset points", fontsize=9)  # fmt: skip
        axes.set_xlabel(f"Lifetime value per customer ({groups.currency}), 95 % interval")
        axes.grid(axis="x")
        axes.grid(axis="y", visible=False)
        axes.margins(x=0.15)
    return figure


def change_figure(compared: pd.DataFrame, currency: str, *, most: int = 12) -> Figure:
    """Return each group's mean value now, with its interval, beside what it was and the whole's.

    Parameters
    ----------
    compared
        Answer of :func:`retention.value.beside`; groups without a shown value are left out.
    currency
        Its currency.
    most
        Largest number of groups.
    """
    import matplotlib.pyplot as plt

    table = compared.dropna(subset=["mean_value"]).head(most).iloc[::-1]
    now, before = (table[c].to_numpy(dtype=float) for c in ("mean_value", "mean_before"))
    reach = np.array([now - table["mean_ci_low"], table["mean_ci_high"] - now], dtype=float)
    place = np.arange(len(table))
    with use_style():
        figure, axes = plt.subplots(figsize=(8, 1.9 + 0.36 * max(len(table), 1)),
                                    layout="constrained")  # fmt: skip
        axes.hlines(place, np.fmin(now, before), np.fmax(now, before), color=QUIET, lw=1)
        axes.plot(before, place, "o", mfc="white", mec=PALETTE[1], label="earlier date")
        axes.errorbar(now, place, xerr=reach, fmt="o", color=PALETTE[0], capsize=3, lw=1,
                      label="as-of date, 95 % interval")  # fmt: skip
        if len(table):
            axes.axvline(float(table["whole"].iloc[0]), color=QUIET, ls="--", lw=1,
                         label="whole base")  # fmt: skip
        axes.set_yticks(place, [words(group) for group in table["group"]])
        axes.set_xlabel(f"Lifetime value per customer ({currency})")
        axes.set_ylim(-0.6, len(table) - 0.4)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
        axes.grid(axis="y", visible=False)
    return figure


def _mark_holdout(axes: Axes, table: pd.DataFrame) -> None:
    """Shade the weeks that the model had not seen."""
    held = table.loc[table["is_holdout"], "week"]
    if held.empty:
        return
    axes.axvspan(float(held.min()) - 0.5, float(held.max()), color="#F2F2F2", zorder=0)
    axes.text(float(held.min()), axes.get_ylim()[1], "held out", va="top", fontsize=9, color=QUIET)

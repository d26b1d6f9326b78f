"""Figures on segments: cohort retention, the RFM grid, movement between segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from retention.reports.style import PALETTE, use_style
from retention.segments import RFM, CohortRetention, Migration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SEQUENTIAL = "Blues"


def cohort_heat_map(retention: CohortRetention, minimum_cell_size: int = 10) -> Figure:
    """Draw the share of each monthly cohort that bought in each month since its first purchase.

    Cohorts smaller than the minimum cell size are left blank.
    """
    import matplotlib.pyplot as plt

    cells = retention.to_frame()
    shown = cells[(cells["months_since"] > 0) & (cells["cohort_customers"] >= minimum_cell_size)]
    shares = shown.pivot_table("share", "cohort", "months_since")
    with use_style():
        height = 1.6 + 0.22 * max(len(shares), 4)
        figure, axes = plt.subplots(figsize=(9.0, height), layout="constrained")
        _heat(axes, shares, "share who bought")
        axes.set_xlabel("whole months since the first purchase")
        axes.set_ylabel("month of the first purchase")
        axes.set_title("Retention by cohort")
    return figure


def rfm_grid(segmentation: RFM, minimum_cell_size: int = 10) -> Figure:
    """Draw the number of customers by recency score and frequency score."""
    import matplotlib.pyplot as plt

    counts = segmentation.grid()
    with use_style():
        figure, axes = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
        axes.imshow(np.sqrt(counts.to_numpy(dtype=float)), cmap=SEQUENTIAL, aspect="auto")
        limit = counts.to_numpy().max() / 2
        for row, values in enumerate(counts.to_numpy()):
            for column, value in enumerate(values):
                text = "" if value == 0 else f"<{minimum_cell_size}"
                text = f"{value:,}" if value >= minimum_cell_size else text
                axes.text(column, row, text, ha="center", va="center", fontsize=9,
                          color="white" if value > limit else "black")  # fmt: skip
        _ticks(axes, counts)
        axes.set_xlabel("frequency score (higher: more orders)")
        axes.set_ylabel("recency score (higher: more recent)")
        axes.set_title("Customers by recency and frequency")
    return figure


def migration_heat_map(moves: Migration) -> Figure:
    """Draw the share of each earlier segment that is in each segment now."""
    import matplotlib.pyplot as plt

    shares = moves.matrix().rename(index=_words, columns=_words)
    with use_style():
        size = 0.55 * len(shares.columns) + 2.6
        figure, axes = plt.subplots(figsize=(size + 1.4, size), layout="constrained")
        _heat(axes, shares, f"share of the segment of {moves.before_as_of}", annotate=True)
        axes.tick_params(axis="x", labelrotation=40)
        axes.set_xlabel(f"segment at {moves.as_of}")
        axes.set_ylabel(f"segment at {moves.before_as_of}")
        axes.set_title("Where the customers of each segment went")
    return figure


def segment_bars(segmentation: RFM) -> Figure:
    """Draw each segment's share of customers beside its share of the value."""
    import matplotlib.pyplot as plt

    frame = segmentation.to_frame().iloc[::-1]
    places = np.arange(len(frame))
    with use_style():
        figure, axes = plt.subplots(figsize=(8.0, 1.2 + 0.42 * len(frame)), layout="constrained")
        for shift, name, colour in (
            (0.2, "share_of_customers", PALETTE[6]), (-0.2, "share_of_value", PALETTE[0]),
        ):  # fmt: skip
            axes.barh(places + shift, 100 * frame[name], 0.38, color=colour, label=_words(name))
        axes.set_yticks(places, [_words(name) for name in frame["segment"]])
        axes.set_xlabel("% of all")
        axes.grid(visible=False)
        axes.legend(loc="lower right")
        axes.set_title("Who they are and what they hold")
    return figure


def _heat(axes: Axes, shares: pd.DataFrame, label: str, *, annotate: bool = False) -> None:
    """Draw shares as a heat map with its colour bar."""
    values = 100 * shares.to_numpy(dtype=float)
    image = axes.imshow(values, cmap=SEQUENTIAL, aspect="auto", vmin=0)
    if annotate:
        for (row, column), value in np.ndenumerate(values):
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=8,
                      color="white" if value > np.nanmax(values) / 2 else "black")  # fmt: skip
    _ticks(axes, shares)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label(f"{label}, %")


def _ticks(axes: Axes, table: pd.DataFrame) -> None:
    """Name rows and columns and take the grid away."""
    axes.set_xticks(range(len(table.columns)), [str(c) for c in table.columns])
    axes.set_yticks(range(len(table.index)), [str(i) for i in table.index])
    axes.grid(visible=False)


def _words(name: str) -> str:
    """Write a name as words."""
    return str(name).replace("_", " ")

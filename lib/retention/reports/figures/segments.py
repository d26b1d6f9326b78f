"""Figures on segments: cohort retention, the RFM grid, movement between segments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from retention.kpis import Worth
from retention.reports.movement import movement_tables
from retention.reports.style import PALETTE, use_style
from retention.reports.suppression import suppress_counts
from retention.reports.wording import words
from retention.results import MISSING
from retention.segments import RFM, CohortRetention, Migration, Personas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SEQUENTIAL = "Blues"

SEGMENT_COLOURS = [*PALETTE, "#882255", "#999933", "#332288", "#44AA99"]
"""The house's colours and four of Tol's muted ones, so that every segment has its own."""


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
    """Draw the number of customers by recency score and frequency score.

    Small cells, and those that would give them away beside the totals, hold a dash.
    """
    import matplotlib.pyplot as plt

    counts = segmentation.grid()
    shown = suppress_counts(counts, minimum_cell_size).to_numpy(dtype=float, na_value=np.nan)
    with use_style():
        figure, axes = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
        axes.imshow(np.sqrt(shown), cmap=SEQUENTIAL, aspect="auto")
        limit = np.nanmax(shown, initial=0.0) / 2
        for (row, column), value in np.ndenumerate(shown):
            text = MISSING if np.isnan(value) else f"{value:,.0f}" if value else ""
            axes.text(column, row, text, ha="center", va="center", fontsize=9,
                      color="white" if value > limit else "black")  # fmt: skip
        _ticks(axes, counts)
        axes.set_xlabel("frequency score (higher: more orders)")
        axes.set_ylabel("recency score (higher: more recent)")
        axes.set_title("Customers by recency and frequency")
    return figure


def migration_heat_map(
    moves: Migration, order: list[str] | None = None, minimum_cell_size: int = 10
) -> Figure:
    """Draw the share of each earlier segment that is in each segment now.

    Segments stand in the order given; shares of small cells, and what would give them away, are
    left blank.
    """
    import matplotlib.pyplot as plt

    shares = movement_tables(moves, minimum_cell_size).matrix().dropna(how="all")
    shares = shares.loc[_ordered(shares.index, order), _ordered(shares.columns, order)]
    shares = shares.rename(index=words, columns=words)
    with use_style():
        size = 0.55 * len(shares.columns) + 2.6
        figure, axes = plt.subplots(figsize=(size + 1.4, size), layout="constrained")
        _heat(axes, shares, f"share of the segment of {moves.before_as_of}", annotate=True)
        plt.setp(axes.get_xticklabels(), rotation=40, ha="right", rotation_mode="anchor")
        axes.set_xlabel(f"segment at {moves.as_of}")
        axes.set_ylabel(f"segment at {moves.before_as_of}")
        axes.set_title("Where the customers of each segment went")
    return figure


def flow_figure(
    moves: Migration, order: list[str] | None = None, minimum_cell_size: int = 10
) -> Figure:
    """Draw the flows of customers from the segments of the earlier date to those of the later.

    Flows smaller than the minimum cell size, and those that would give them away, are left out;
    sizes beside the names are of the flows drawn.
    """
    import matplotlib.pyplot as plt

    table = movement_tables(moves, minimum_cell_size).moves.dropna(subset="customers")
    sides = [_heights(table, name, order) for name in ("from_segment", "to_segment")]
    with use_style():
        figure, axes = plt.subplots(figsize=(9.0, 6.4), layout="constrained")
        _bands(axes, table, sides)
        for x, side, align in ((-0.01, sides[0], "right"), (1.01, sides[1], "left")):
            for name, (bottom, height) in side.items():
                axes.text(x, bottom + height / 2, f"{words(name)} {height:,.0f}", ha=align,
                          va="center", fontsize=9)  # fmt: skip
        axes.set(xlim=(-0.32, 1.32), title="Where customers came from and went to")
        axes.text(0, -0.04, moves.before_as_of, transform=axes.get_xaxis_transform(), ha="center")
        axes.text(1, -0.04, moves.as_of, transform=axes.get_xaxis_transform(), ha="center")
        axes.axis("off")
    return figure


def persona_cards(personas: Personas, most_features: int = 6) -> Figure:
    """Draw one card per persona: its size, and how its features differ from all others."""
    import matplotlib.pyplot as plt

    table = personas.to_frame()
    names = [n for n in personas.sizes()["persona"] if n in set(table["persona"])]
    rows = max(len(names), 1)
    with use_style():
        figure, cards = plt.subplots(
            rows, 1, figsize=(8.0, 1.0 + 1.7 * rows), sharex=True, squeeze=False,
            layout="constrained",
        )  # fmt: skip
        if not names:
            cards[0, 0].text(0.5, 0.5, "No personas: no cluster structure holds", ha="center")
            cards[0, 0].axis("off")
        for axes, name in zip(cards[:, 0], names, strict=False):
            _card(axes, table[table["persona"] == name], name, personas.n, most_features)
        cards[-1, 0].set_xlabel("difference from all others, standard deviations (95 % interval)")
    return figure


def _card(axes: Axes, effects: pd.DataFrame, name: str, n: int, most: int) -> None:
    """Draw the effects of one persona with their intervals."""
    shown = effects.loc[effects["effect"].abs().sort_values(ascending=False).index[:most]][::-1]
    places = np.arange(len(shown))
    colours = [PALETTE[0] if effect > 0 else PALETTE[1] for effect in shown["effect"]]
    half = [shown["effect"] - shown["ci_low"], shown["ci_high"] - shown["effect"]]
    axes.barh(places, shown["effect"], color=colours, xerr=half, ecolor="#444444")
    axes.set_yticks(places, [words(f.removesuffix("_minor")) for f in shown["feature"]])
    axes.axvline(0, color="black", linewidth=0.8)
    axes.grid(visible=False)
    customers = int(effects["customers"].iloc[0])
    axes.set_title(f"{name}: {customers:,} of {n:,}", fontsize=10)


def _heights(
    table: pd.DataFrame, column: str, order: list[str] | None
) -> dict[str, tuple[float, float]]:
    """Stack the segments of one side with gaps: name to bottom and height, first on top."""
    sizes = table.groupby(column)["customers"].sum()
    gap, top, found = 0.02 * float(sizes.sum()), 0.0, {}
    for name in _ordered(sizes.index, order):
        height = float(sizes[name])
        found[name] = (top - height, height)
        top -= height + gap
    return found


def distinct_colours(n: int) -> list[str]:
    """Return as many colours as there are segments, none of them twice.

    Examples
    --------
    >>> len(set(distinct_colours(10))), len(set(distinct_colours(30)))
    (10, 30)
    """
    import matplotlib as mpl

    if n <= len(SEGMENT_COLOURS):
        return SEGMENT_COLOURS[:n]
    scale = mpl.colormaps["turbo"]
    return [mpl.colors.to_hex(scale(share)) for share in np.linspace(0.05, 0.95, n)]


def _bands(axes: Axes, table: pd.DataFrame, sides: list[dict[str, tuple[float, float]]]) -> None:
    """Draw one band per flow, coloured by where it came from."""
    x = np.linspace(0, 1, 40)
    ease = x**2 * (3 - 2 * x)
    used = [dict.fromkeys(side, 0.0) for side in sides]
    colours = dict(zip(sides[0], distinct_colours(len(sides[0])), strict=True))
    for start in sides[0]:
        flows = table[table["from_segment"] == start].set_index("to_segment")["customers"]
        for end in [name for name in sides[1] if name in flows.index]:
            height = float(flows[end])
            ends = []
            for side, name, taken in zip(sides, (start, end), used, strict=True):
                ends.append(side[name][0] + side[name][1] - taken[name])
                taken[name] += height
            top = ends[0] + (ends[1] - ends[0]) * ease
            axes.fill_between(x, top - height, top, color=colours[start], alpha=0.55, linewidth=0)


def _ordered(names: pd.Index, order: list[str] | None) -> list[str]:
    """Return names in the order given, others after them by the alphabet."""
    wanted = list(order or [])
    return sorted(names, key=lambda n: (wanted.index(n) if n in wanted else len(wanted), n))


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
            axes.barh(places + shift, 100 * frame[name], 0.38, color=colour, label=words(name))
        axes.set_yticks(places, [words(name) for name in frame["segment"]])
        axes.set_xlabel("% of all")
        axes.grid(visible=False)
        axes.legend(loc="lower right")
        axes.set_title("Who they are and what they hold")
    return figure


def _heat(axes: Axes, shares: pd.DataFrame, label: str, *, annotate: bool = False) -> None:
    """Draw shares as a heat map with its colour bar."""
    values = 100 * shares.to_numpy(dtype=float, na_value=np.nan)
    image = axes.imshow(values, cmap=SEQUENTIAL, aspect="auto", vmin=0)
    if annotate:
        for (row, column), value in np.ndenumerate(values):
            text = MISSING if np.isnan(value) else f"{value:.0f}"
            axes.text(column, row, text, ha="center", va="center", fontsize=8,
                      color="white" if value > np.nanmax(values) / 2 else "black")  # fmt: skip
    _ticks(axes, shares)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label(f"{label}, %")


def _ticks(axes: Axes, table: pd.DataFrame) -> None:
    """Name rows and columns and take the grid away."""
    axes.set_xticks(range(len(table.columns)), [str(c) for c in table.columns])
    axes.set_yticks(range(len(table.index)), [str(i) for i in table.index])
    axes.grid(visible=False)


def worth_figure(values: Worth, names: Sequence[str], minimum_cell_size: int = 10) -> Figure:
    """Draw key figures of every segment with their intervals beside the whole shop's.

    Parameters
    ----------
    values
        Worth of the segments.
    names
        Key figures to draw, one panel each; those that the data does not carry are left out.
    minimum_cell_size
        Segments with fewer customers behind a figure are left out of its panel.
    """
    import matplotlib.pyplot as plt

    tables = {name: values.table(name) for name in names}
    shown = {n: t[(t["n"] >= minimum_cell_size) & t["value"].notna()] for n, t in tables.items()}
    shown = {name: table for name, table in shown.items() if len(table)}
    segments = sorted({s for table in shown.values() for s in table["segment"]}, reverse=True)
    rows = max(-(-len(shown) // 2), 1)
    with use_style():
        figure, panels = plt.subplots(
            rows, 2, figsize=(10.5, rows * (0.9 + 0.27 * len(segments))), sharey=True,
            squeeze=False, layout="constrained",
        )  # fmt: skip
        for axes in panels.flat[len(shown) :]:
            axes.axis("off")
        for axes, (name, table) in zip(panels.flat, shown.items(), strict=False):
            _worth_panel(axes, name, table, segments)
    return figure


def _worth_panel(axes: Axes, name: str, table: pd.DataFrame, segments: list[str]) -> None:
    """Draw one figure of every segment; blue where it differs from the whole beyond chance."""
    scale, unit = (100.0, "%") if table["unit"].iloc[0] == "share" else (1.0, table["unit"].iloc[0])
    bounds = scale * table[["ci_low", "ci_high", "value"]].to_numpy(dtype=float)
    apart = table["differs"].to_numpy(dtype=bool)
    for name_of, (low, high, value), differs in zip(table["segment"], bounds, apart, strict=True):
        colour, place = (PALETTE[0] if differs else "#777777"), segments.index(name_of)
        axes.plot([low, high], [place, place], color=colour, lw=2)
        axes.plot(value, place, "o", color=colour, markersize=5)
    axes.axvline(scale * float(table["whole"].iloc[0]), color="black", lw=0.9, ls="--")
    axes.set_yticks(range(len(segments)), [words(s) for s in segments], fontsize=9)
    axes.set_ylim(-0.7, len(segments) - 0.3)
    axes.set_title(f"{words(name)}, {unit}", fontsize=10)
    axes.grid(axis="x")
    axes.grid(axis="y", visible=False)

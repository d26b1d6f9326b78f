"""One look for every figure: colour-blind safe, quiet, legible in print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from retention.reports.wording import words
from retention.results import percent

PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#000000"]
"""Okabe and Ito's colours, safe for the common forms of colour blindness; blue leads."""

GOOD, BAD, QUIET = "#009E73", "#D55E00", "#7F7F7F"
"""Colours for gain, loss and context; always paired with a word or a sign."""

RC_PARAMETERS: dict[Any, Any] = {
    "figure.figsize": (8.0, 4.2),
    "figure.dpi": 110,
    "savefig.dpi": 110,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#E6E6E6",
    "axes.axisbelow": True,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "legend.frameon": False,
    "font.family": "DejaVu Sans",
    "svg.hashsalt": "retention",
}


@contextmanager
def use_style() -> Iterator[None]:
    """Draw with the house style inside the block and leave the reader's own settings alone.

    Examples
    --------
    >>> with use_style():
    ...     pass
    """
    import matplotlib as mpl
    from cycler import cycler

    with mpl.rc_context({**RC_PARAMETERS, "axes.prop_cycle": cycler(color=PALETTE)}):
        yield


LABEL_GAP = 0.06
"""Least distance of two labels, as a share of the axis."""

NEAR_END = 0.15
"""Lines that end so near the last one's end, as a share of the axis, are named in one column."""

ON_WHITE = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6}
"""Ground of a name that other lines may cross."""


def label_ends(axis: Any, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Write each line's name at its end, apart from each other where the lines end together.

    Parameters
    ----------
    axis
        Axis of a figure on which everything else has been drawn.
    ends
        x, y, name and colour of each line's end.
    """
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    last = max((end[0] for end in ends), default=right)
    gap, lowest = LABEL_GAP * (high - low), {True: float("-inf"), False: float("-inf")}
    for x, y, name, colour in sorted(ends, key=lambda end: end[1]):
        is_near = last - x <= NEAR_END * (right - left)
        lowest[is_near] = max(y, lowest[is_near] + gap)
        place = (last if is_near else x, lowest[is_near])
        axis.annotate(words(name), place, color=colour, xytext=(8, 0), textcoords="offset points",
                      va="center", annotation_clip=False, bbox=ON_WHITE)  # fmt: skip


def percent_axis(axis: Any) -> None:
    """Write the shares along an x- or y-axis as percent, as texts do."""
    axis.set_major_formatter(lambda share, _: percent(share, 0))


def grouped_axis(axis: Any) -> None:
    """Part the thousands of the numbers along an x- or y-axis, as texts do."""
    axis.set_major_formatter(lambda number, _: f"{number:,.10g}")

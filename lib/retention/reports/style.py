"""One look for every figure: colour-blind safe, quiet, legible in print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

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


def label_ends(axis: Any, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Write each line's name at its end, apart from each other where the lines end together.

    Parameters
    ----------
    axis
        Axis of a figure on which everything else has been drawn.
    ends
        x, y, name and colour of each line's end.
    """
    low, high = axis.get_ylim()
    gap, lowest = LABEL_GAP * (high - low), float("-inf")
    for x, y, name, colour in sorted(ends, key=lambda end: end[1]):
        lowest = max(y, lowest + gap)
        axis.annotate(name, (x, lowest), color=colour, xytext=(8, 0), textcoords="offset points",
                      va="center", annotation_clip=False)  # fmt: skip

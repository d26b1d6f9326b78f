"""A key figure in a sentence: its interval, and whether it has changed beyond chance."""

from __future__ import annotations

import math

from retention.kpis.figures import KeyFigure


def money_in_words(figure: KeyFigure, before: str) -> str:
    """Return in words a figure of money and its change.

    Parameters
    ----------
    figure
        A key figure whose unit is a currency.
    before
        What it is compared with, such as ``90 days earlier``.
    """
    now, change = figure.now, figure.change
    name = figure.name.replace("_", " ").capitalize()
    if math.isnan(now.value):
        return f"{name}: there is nobody to show it."
    text = (
        f"{name} is {figure.unit} {now.value:,.2f} (95 % interval {now.ci_low:,.2f} to "
        f"{now.ci_high:,.2f}, n = {now.n:,})"
    )
    if math.isnan(change.value):
        return f"{text}; there is nothing alike from {before} to compare it with."
    beyond = "beyond chance" if figure.changed() else "no more than chance"
    return (
        f"{text}; against {before} it has changed by {change.value:+,.2f} "
        f"({change.ci_low:+,.2f} to {change.ci_high:+,.2f}: {beyond})."
    )

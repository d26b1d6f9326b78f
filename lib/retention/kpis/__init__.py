"""The shop's key figures, one definition each, with interval and change."""

from __future__ import annotations

from retention.kpis.figures import (
    DEFINITIONS,
    KeyFigure,
    KeyFigures,
    key_figures,
    key_figures_by,
    lifetime_value_figure,
)
from retention.kpis.window import collect
from retention.kpis.worded import money_in_words
from retention.kpis.worth import Worth, worth

__all__ = [
    "DEFINITIONS",
    "KeyFigure",
    "KeyFigures",
    "Worth",
    "collect",
    "key_figures",
    "key_figures_by",
    "lifetime_value_figure",
    "money_in_words",
    "worth",
]

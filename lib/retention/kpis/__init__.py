"""The shop's key figures, one definition each, with interval and change."""

from __future__ import annotations

from retention.kpis.figures import (
    DEFINITIONS,
    KeyFigure,
    KeyFigures,
    key_figures,
    key_figures_by,
)

__all__ = ["DEFINITIONS", "KeyFigure", "KeyFigures", "key_figures", "key_figures_by"]

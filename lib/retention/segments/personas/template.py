"""The trade's own personas, and how near the discovered ones come to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.errors import ParameterError
from retention.segments.intervals import wilson
from retention.segments.personas.profile import UNPLACED


@dataclass(frozen=True)
class TradePersona:
    """A persona as the trade describes it: its share of customers and how it leans."""

    name: str
    low: float
    high: float
    leaning: dict[str, int]


TEMPLATES: dict[str, tuple[TradePersona, ...]] = {
    "handmade_jewellery": (
        TradePersona("Discerning Collector", 0.15, 0.20, {
            "average_order_minor": 1, "discount_share": -1, "gift_share": -1,
            "order_count": 1, "made_to_order_share": 1}),
        TradePersona("Trendsetting Millennial", 0.30, 0.35, {
            "discount_share": 1, "gift_share": -1, "average_order_minor": -1,
            "sessions_90d": 1}),
        TradePersona("Gift-Giving Enthusiast", 0.45, 0.50, {
            "gift_share": 1, "season_share": 1, "order_count": -1,
            "average_order_minor": -1}),
    ),
}  # fmt: skip
"""Personas of a trade: shares as the trade states them, leanings as their descriptions imply."""


MATCH_COLUMNS = ["trade_persona", "trade_low", "trade_high", "persona", "likeness", "share",
                 "ci_low", "ci_high", "within"]  # fmt: skip


@dataclass(frozen=True)
class TemplateMatch:
    """Discovered personas beside those of the trade.

    Parameters
    ----------
    matches
        One row per persona of the trade: ``trade_persona, trade_low, trade_high, persona,
        likeness, share, ci_low, ci_high, within``. Likeness runs from -1 to 1: the mean of the
        effects along the persona's leaning, each capped at one standard deviation.
    template
        Name of the template.
    n
        Customers placed.
    """

    matches: pd.DataFrame
    template: str
    n: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row per persona of the trade."""
        return self.matches

    def summary(self) -> str:
        """Return the finding in words."""
        if self.matches.empty:
            return "There is nothing to compare with a trade's personas."
        alike = self.matches[self.matches["likeness"] > 0]
        within = int(alike["within"].sum())
        return (
            f"{len(alike)} of {len(self.matches)} personas of the trade have a counterpart here; "
            f"{within} of them at the share the trade expects, counted among the {self.n:,} "
            "customers with enough orders to be placed."
        )


def compare_with_template(
    effects: pd.DataFrame, persona: pd.Series, template: str
) -> TemplateMatch:
    """Match discovered personas to those of a trade.

    Parameters
    ----------
    effects
        ``persona, feature, effect``.
    persona
        Persona of every customer; those unplaced do not count.
    template
        Name in `TEMPLATES`; empty to compare with none.

    Raises
    ------
    ParameterError
        If there is no such template.

    Notes
    -----
    The assignment with the largest total likeness (Kuhn 1955); no persona is matched twice.
    """
    from scipy.optimize import linear_sum_assignment

    if template and template not in TEMPLATES:
        raise ParameterError(f"There is no template {template!r}.", f"Use {', '.join(TEMPLATES)}.")
    if not template or effects.empty:
        return TemplateMatch(pd.DataFrame(columns=MATCH_COLUMNS), template, 0)
    trade = TEMPLATES[template]
    wide = effects.pivot_table("effect", "persona", "feature")
    likeness = np.array([[_likeness(wide.loc[own], kind) for own in wide.index] for kind in trade])
    rows, columns = linear_sum_assignment(-likeness)
    persona = persona[persona != UNPLACED]
    counts = persona.value_counts()
    found = []
    for row, column in zip(rows, columns, strict=True):
        kind, own = trade[row], wide.index[column]
        n, share = len(persona), counts[own] / len(persona)
        low, high = wilson(counts[own], n)
        within = high >= kind.low and low <= kind.high
        found.append((kind.name, kind.low, kind.high, own, likeness[row, column], share,
                      float(low), float(high), bool(within)))  # fmt: skip
    return TemplateMatch(pd.DataFrame(found, columns=MATCH_COLUMNS), template, len(persona))


def _likeness(effect: pd.Series, kind: TradePersona) -> float:
    """Return the mean effect along the leanings that this data can show."""
    shown = [float(np.clip(effect[f], -1, 1)) * way for f, way in kind.leaning.items()
             if f in effect.index]  # fmt: skip
    return float(np.mean(shown)) if shown else 0.0

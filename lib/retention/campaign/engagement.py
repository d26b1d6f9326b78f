"""Which channel and which hour? Rates with intervals, labelled as the association they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.engine import Engine
from retention.intervals import NORMAL_95
from retention.results import percent


@dataclass(frozen=True)
class Engagement:
    """Opens and clicks by channel and hour of sending.

    Parameters
    ----------
    table
        channel, hour (UTC), sent, open_rate and click_rate with 95 % Wilson intervals.
    randomised
        Whether channel and hour were drawn by chance.
    """

    table: pd.DataFrame
    randomised: bool

    def to_frame(self) -> pd.DataFrame:
        """Return one row per channel and hour."""
        return self.table

    def summary(self) -> str:
        """Word the best time, and that it is an association unless chance chose it."""
        if len(self.table) < 2:
            return "All messages went out on one channel at one hour: there is nothing to compare."
        order = self.table.sort_values("click_rate", ascending=False, kind="stable")
        best, rest = order.iloc[0], order.iloc[1:]
        clear = best["click_low"] > rest["click_high"].max()
        text = (
            f"Most clicks: {best['channel']} at {best['hour']:02d}:00 UTC, "
            f"{percent(best['click_rate'])} ({100 * best['click_low']:.1f} to "
            f"{percent(best['click_high'])}, n = {best['sent']:,}), "
            f"{'clearly above' if clear else 'not clearly above'} the other times."
        )
        if self.randomised:
            return text
        return f"{text} An association: campaigns chose their hour, chance did not."


def engagement_by_time(engine: Engine, *, randomised: bool = False) -> Engagement:
    """Return open and click rates by channel and hour of sending.

    Parameters
    ----------
    engine
        Engine with ``touches``.
    randomised
        Whether channel and hour were drawn by chance.
    """
    table = engine.query("campaign_engagement").frame()
    for kind, name in (("opened", "open"), ("clicked", "click")):
        rate, low, high = _wilson(table.pop(kind).to_numpy(float), table["sent"].to_numpy(float))
        table[f"{name}_rate"], table[f"{name}_low"], table[f"{name}_high"] = rate, low, high
    return Engagement(table, randomised)


def _wilson(count: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return shares with their Wilson score intervals (Wilson, 1927)."""
    z2, share = NORMAL_95**2, count / n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = NORMAL_95 * np.sqrt(share * (1 - share) / n + z2 / (4 * n**2)) / (1 + z2 / n)
    return share, centre - half, centre + half

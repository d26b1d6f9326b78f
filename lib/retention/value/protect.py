"""Which valuable customers are likely to stay silent: where attention pays first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.errors import ParameterError
from retention.results import percent
from retention.value.lifetime import LifetimeValues

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Protection:
    """Customers by value tier and by the chance that they stay silent.

    The chance is P(X(H) = 0), never P(alive): BG/NBD holds every customer without a repeat
    purchase for alive.

    Parameters
    ----------
    table
        One line per tier (``most valuable``, ``others``) and chance (``likely to buy``, ``likely
        to stay silent``): ``tier``, ``outlook``, ``customers``, ``lifetime_value`` (money),
        ``share_of_value``, ``mean_silence`` (mean chance).
    members
        Per customer, in the given order, whether to protect: most valuable and likely silent.
    window_days
        Length of the silence asked about, in days.
    threshold
        Chance from which silence counts as likely.
    currency
        ISO 4217 code.
    """

    table: pd.DataFrame
    members: NDArray[np.bool_]
    window_days: int
    threshold: float
    currency: str

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def summary(self) -> str:
        """Return in words whom to protect and what is at stake."""
        chosen = self.table[
            (self.table["tier"] == "most valuable")
            & (self.table["outlook"] == "likely to stay silent")
        ].iloc[0]
        if not chosen["customers"]:
            return (
                f"None of the most valuable customers is likely to stay silent for the next "
                f"{self.window_days} days (chance of {percent(self.threshold, 0)} or more)."
            )
        return (
            f"{chosen['customers']:,} of the most valuable customers are likely "
            f"({percent(self.threshold, 0)} or more) to buy nothing in the next "
            f"{self.window_days} days; together they are expected to bring {self.currency} "
            f"{chosen['lifetime_value']:,.0f} ({percent(chosen['share_of_value'], 0)} of all "
            "value): reach them first."
        )


def protect(
    values: LifetimeValues,
    silence: Floats,
    *,
    window_days: int,
    top_share: float = 0.2,
    threshold: float = 0.5,
) -> Protection:
    """Cross the most valuable customers with their chance of staying silent.

    Parameters
    ----------
    values
        Lifetime values of all customers.
    silence
        Chance of no purchase within the window, per customer in the same order.
    window_days
        Length of the window in days.
    top_share
        Share of the customers that counts as most valuable (0 to 1).
    threshold
        Chance from which silence counts as likely (0 to 1).

    Raises
    ------
    ParameterError
        If a share lies outside 0 to 1.
    """
    if not (0 < top_share < 1 and 0 < threshold < 1):
        raise ParameterError(
            "The share of most valuable customers and the threshold lie between 0 and 1.",
            "Give 0.2 for a fifth.",
        )
    value = values.customers["lifetime_value"].to_numpy()
    top = value >= np.quantile(value, 1 - top_share)
    quiet = silence >= threshold
    rows = [
        {"tier": tier, "outlook": outlook, **_figures(values, silence, in_tier & in_outlook)}
        for tier, in_tier in (("most valuable", top), ("others", ~top))
        for outlook, in_outlook in (("likely to buy", ~quiet), ("likely to stay silent", quiet))
    ]
    return Protection(
        pd.DataFrame(rows), top & quiet, window_days, threshold, values.terms.currency
    )


def _figures(
    values: LifetimeValues, silence: Floats, chosen: NDArray[np.bool_]
) -> dict[str, float | int]:
    """Return count, value, share of value and mean chance of silence of some customers."""
    count = int(chosen.sum())
    worth = float(values.customers["lifetime_value"].to_numpy()[chosen].sum())
    return {
        "customers": count,
        "lifetime_value": worth,
        "share_of_value": worth / values.total if values.total else 0.0,
        "mean_silence": float(silence[chosen].mean()) if count else float("nan"),
    }

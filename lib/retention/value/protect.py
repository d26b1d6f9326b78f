"""Which valuable customers have fallen out of their own rhythm: where attention pays first."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.errors import ParameterError
from retention.results import percent
from retention.value.lifetime import LifetimeValues
from retention.value.models import PurchaseFit
from retention.value.summary import PurchaseSummary

Floats = NDArray[np.float64]

OVERDUE, IN_RHYTHM, OTHERS = "most valuable, overdue", "most valuable, in rhythm", "others"


@dataclass(frozen=True)
class Protection:
    """The most valuable customers, parted by whether their silence is longer than their rhythm.

    Parameters
    ----------
    table
        One line per group (`OVERDUE`, `IN_RHYTHM`, `OTHERS`): ``group``, ``customers``,
        ``lifetime_value`` (money), ``share_of_value``, ``value_at_risk`` (money),
        ``mean_chance_lost``.
    customers
        Per customer, in the given order: ``chance_lost`` (see `chance_lost`), ``value_at_risk``
        (lifetime value times that chance, money) and ``is_to_protect``.
    top_share
        Share of the customers that counts as most valuable.
    threshold
        Chance lost from which a customer is overdue.
    currency
        ISO 4217 code.
    """

    table: pd.DataFrame
    customers: pd.DataFrame
    top_share: float
    threshold: float
    currency: str

    @property
    def members(self) -> NDArray[np.bool_]:
        """Whether each customer is to be protected."""
        return self.customers["is_to_protect"].to_numpy(dtype=np.bool_)

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def summary(self, minimum: int = 1) -> str:
        """Return in words whom to protect and what is at stake.

        Parameters
        ----------
        minimum
            Fewest customers to be described.
        """
        chosen = dict(self.table[self.table["group"] == OVERDUE].iloc[0])
        rule = (
            f"belong to the most valuable {percent(self.top_share, 0)} and have lost "
            f"{percent(self.threshold, 0)} or more of their chance of still being active since "
            "their last purchase"
        )
        if chosen["customers"] < minimum:
            few = "No customers" if not chosen["customers"] else f"Fewer than {minimum} customers"
            return f"{few} {rule}."
        part = float(chosen["customers"]) / float(self.table["customers"].sum())
        return (
            f"{chosen['customers']:,.0f} customers "
            f"({percent(part)} of all) {rule}. They are still "
            f"expected to bring {self.currency} {chosen['lifetime_value']:,.0f} "
            f"({percent(chosen['share_of_value'])} of all value). Reach them first, in the order "
            "of their value at risk (lifetime value times that loss): it is small for those who "
            "are in their rhythm and for those who are as good as gone."
        )


def chance_lost(fit: PurchaseFit, summary: PurchaseSummary) -> Floats:
    """Return how much of a customer's chance of being active the present silence has taken.

    It is 1 - P(alive now) / P(alive right after the last purchase), per unique row: 0 on the day
    of a purchase, growing the faster the more often the customer used to buy. So it measures
    silence against the customer's own rhythm, where P(no purchase in 90 days) is high for everybody
    in a shop that people visit twice a year. In BG/NBD it is 0 without a repeat purchase: that
    model holds such a customer for alive.
    """
    at_last = replace(summary, tenure=summary.recency)
    before = fit.probability_alive(at_last)
    now = fit.probability_alive(summary)
    return np.clip(1 - now / np.maximum(before, 1e-300), 0.0, 1.0)


def protect(
    values: LifetimeValues, lost: Floats, *, top_share: float = 0.2, threshold: float = 0.3
) -> Protection:
    """Choose those of the most valuable customers who are overdue.

    Parameters
    ----------
    values
        Lifetime values of all customers.
    lost
        Chance lost by the silence, per customer in the same order: see `chance_lost`.
    top_share
        Share of the customers that counts as most valuable (0 to 1).
    threshold
        Chance lost from which a customer is overdue (0 to 1).

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
    overdue = top & (lost >= threshold)
    each = pd.DataFrame(
        {"chance_lost": lost, "value_at_risk": value * lost, "is_to_protect": overdue}
    )
    groups = ((OVERDUE, overdue), (IN_RHYTHM, top & ~overdue), (OTHERS, ~top))
    table = pd.DataFrame([{"group": name, **_figures(value, each, of)} for name, of in groups])
    return Protection(table, each, top_share, threshold, values.terms.currency)


def _figures(
    value: Floats, each: pd.DataFrame, chosen: NDArray[np.bool_]
) -> dict[str, float | int]:
    """Return count, value, share of value, value at risk and mean chance lost of some."""
    count, total = int(chosen.sum()), float(value.sum())
    worth = float(value[chosen].sum())
    return {
        "customers": count,
        "lifetime_value": worth,
        "share_of_value": worth / total if total else 0.0,
        "value_at_risk": float(each["value_at_risk"].to_numpy()[chosen].sum()),
        "mean_chance_lost": float(each["chance_lost"][chosen].mean()) if count else float("nan"),
    }

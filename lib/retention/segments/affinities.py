"""What is bought next: pairs of items that follow each other more often than by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.abtest.multiplicity import adjust
from retention.engine import Engine
from retention.errors import ParameterError
from retention.features import epoch_of, known_orders
from retention.features.dates import DAY_S
from retention.intervals import NORMAL_95

LEVEL = 0.05
"""Share of the pairs told as clear that may be chance (false discovery rate)."""


@dataclass(frozen=True)
class Affinities:
    """Pairs of items with enough support, strongest first.

    Parameters
    ----------
    pairs
        ``item, next_item, customers_with_item, bought_both, share_with, share_without, lift,
        ci_low, ci_high, p_adjusted, is_clear, is_repeat``. Lift is the share of customers who
        bought the next item after the item, over the share among those whose order was without it.
        A repeat is the same item again: no next item, but told beside them.
    customers
        Customers followed for the whole horizon.
    weeks, min_support
        Horizon, and the fewest customers who must have bought both.
    unit
        ``category`` or ``product``.
    """

    pairs: pd.DataFrame
    customers: int
    weeks: int
    min_support: int
    unit: str

    def to_frame(self) -> pd.DataFrame:
        """Return the pairs."""
        return self.pairs

    def next_pairs(self) -> pd.DataFrame:
        """Return the pairs of two items."""
        others = self.pairs[~self.pairs["is_repeat"]]
        return others.drop(columns="is_repeat").reset_index(drop=True)

    def repeats(self) -> pd.DataFrame:
        """Return how much more often an item is bought again than by those who began without it."""
        again = self.pairs[self.pairs["is_repeat"]]
        return again.drop(columns=["is_repeat", "next_item"]).reset_index(drop=True)

    def advice(self) -> str:
        """Return what to offer after what."""
        clear = _more_than_chance(self.next_pairs())
        if clear.empty:
            return (
                f"Do not recommend by the first {self.unit}: nothing follows it more than chance."
            )
        top = clear.iloc[0]
        return (
            f"Offer {top['next_item']} in the {self.weeks} weeks after {top['item']}, on trial "
            "against a hold-out: who would have bought it anyway is not known from this."
        )

    def repeats_summary(self) -> str:
        """Return in words which item is bought again most."""
        clear = _more_than_chance(self.repeats())
        if clear.empty:
            return f"No {self.unit} is bought again more often than by others."
        top = clear.iloc[0]
        return (
            f"Bought again most: {top['item']}, {top['lift']:.1f} times as often as by those whose "
            f"first order was without it (95 % interval {top['ci_low']:.1f} to "
            f"{top['ci_high']:.1f})."
        )

    def summary(self) -> str:
        """Return the finding in words."""
        pairs = self.next_pairs()
        clear = _more_than_chance(pairs)
        if clear.empty:
            return (
                f"Among {len(pairs)} pairs with support, no {self.unit} is followed by "
                f"another more often than by chance within {self.weeks} weeks."
            )
        top = clear.iloc[0]
        return (
            f"Within {self.weeks} weeks, customers who bought {top['item']} bought "
            f"{top.next_item} {top.lift:.1f} times as often as others (95 % interval "
            f"{top.ci_low:.1f} to {top.ci_high:.1f}, {top.bought_both:,} customers bought both)."
        )


def _more_than_chance(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs bought more often than chance explains, strongest first."""
    return pairs[pairs["is_clear"] & (pairs["lift"] > 1)]


def next_items(engine: Engine, as_of: str, *, weeks: int = 12, min_support: int = 20) -> Affinities:
    """Find which items are bought in the weeks after which.

    Parameters
    ----------
    engine
        Engine with ``orders`` and ``order_lines``. Items are categories where most lines
        have one, else products.
    as_of
        ISO date; customers whose first order lies in the ``weeks`` before it have not been
        followed to the end and are left out.
    weeks
        Horizon.
    min_support
        Pairs bought by fewer customers are left out: their lift would be luck.

    Raises
    ------
    ParameterError
        If horizon or support is not positive.

    Notes
    -----
    One order per customer counts, the first: customers are then independent, the choice of the
    order knows nothing of what followed, and a ratio of two shares has its usual interval
    (Katz et al. 1978, on the log scale).
    Pairs are called clear at a false discovery rate of 5 % (Benjamini and Hochberg 1995).
    """
    if weeks <= 0 or min_support <= 0:
        raise ParameterError("Weeks and support must be positive.", "Give 12 and 20, say.")
    known = engine.sql("SELECT count(category) AS named, count(*) AS n FROM order_lines").frame()
    has_category = 2 * int(known["named"][0]) > int(known["n"][0])
    with known_orders(engine, as_of):
        counts = engine.query(
            "segments_next_items", as_of_s=epoch_of(as_of), horizon_s=7 * weeks * DAY_S,
            by_category=has_category,
        ).frame()  # fmt: skip
    unit = "category" if has_category else "product"
    customers = int(counts["customers"].max()) if len(counts) else 0
    supported = counts[counts["bought_both"] >= min_support]
    return Affinities(_lifts(supported), customers, weeks, min_support, unit)


def _lifts(counts: pd.DataFrame) -> pd.DataFrame:
    """Return lift, interval and adjusted p-value of every pair, strongest clear ones first."""
    from scipy.stats import norm

    both, had = (counts[c].to_numpy(dtype=float) for c in ("bought_both", "had"))
    others = counts["customers"].to_numpy(dtype=float) - had
    alone = counts["bought_next"].to_numpy(dtype=float) - both
    share_with, share_without = both / had, (alone + 0.5) / (others + 0.5)
    log_lift = np.log(share_with / share_without)
    error = np.sqrt(np.maximum(1 / both - 1 / had + 1 / (alone + 0.5) - 1 / (others + 0.5), 1e-12))
    p_value = 2 * norm.sf(np.abs(log_lift) / error)
    adjusted = adjust(p_value.tolist(), "benjamini-hochberg")
    pairs = pd.DataFrame(
        {
            "item": counts["item"], "next_item": counts["next_item"],
            "customers_with_item": counts["had"], "bought_both": counts["bought_both"],
            "share_with": share_with, "share_without": share_without, "lift": np.exp(log_lift),
            "ci_low": np.exp(log_lift - NORMAL_95 * error),
            "ci_high": np.exp(log_lift + NORMAL_95 * error),
            "p_adjusted": adjusted, "is_clear": adjusted < LEVEL,
            "is_repeat": (counts["item"] == counts["next_item"]).to_numpy(dtype=bool),
        }
    )  # fmt: skip
    return pairs.sort_values(
        ["is_clear", "lift", "item", "next_item"], ascending=[False, False, True, True],
        ignore_index=True,
    )  # fmt: skip

"""Who belongs on which journey, from what is known of each customer as of a date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.engine import Engine
from retention.errors import EvidenceError, ParameterError

DAY_S = 86_400


@dataclass(frozen=True)
class Journey:
    """One reason to write to a customer.

    Parameters
    ----------
    name
        What ``retention audience`` calls it.
    meaning
        Whom it reaches, in words.
    needs
        Feature columns it cannot do without.
    choose
        From the features, who belongs on it.
    """

    name: str
    meaning: str
    needs: tuple[str, ...]
    choose: Callable[[pd.DataFrame], pd.Series]


def _dormant(features: pd.DataFrame) -> pd.Series:
    """Return who has been away for twice their usual gap, and for 180 days at least."""
    usual = features.get("median_gap_days", pd.Series(np.nan, index=features.index)).fillna(90.0)
    return features["recency_days"] > np.maximum(2 * usual, 180)


def _top_quarter(features: pd.DataFrame) -> pd.Series:
    """Return who is in the top quarter by money spent."""
    return features["monetary_minor"] >= features["monetary_minor"].quantile(0.75)


JOURNEYS: dict[str, Journey] = {
    journey.name: journey
    for journey in (
        Journey("welcome", "bought for the first time within 30 days",
                ("order_count", "recency_days"),
                lambda f: (f["order_count"] == 1) & (f["recency_days"] <= 30)),
        Journey("cart_recovery", "left a filled cart within 90 days",
                ("carts_abandoned_90d",), lambda f: f["carts_abandoned_90d"] > 0),
        Journey("post_purchase", "bought within 14 days", ("recency_days",),
                lambda f: f["recency_days"] <= 14),
        Journey("win_back", "bought at least twice, and away for twice the usual gap",
                ("order_count", "recency_days"), lambda f: (f["order_count"] >= 2) & _dormant(f)),
        Journey("dormant_high_value", "away for long, and in the top quarter by money spent",
                ("recency_days", "monetary_minor"), lambda f: _dormant(f) & _top_quarter(f)),
        Journey("loyalty_tier", "bought at least three times; the tier is in the file",
                ("order_count", "monetary_minor"), lambda f: f["order_count"] >= 3),
        Journey("next_best_product", "bought something that others bought along with more",
                ("order_count",), lambda f: f["order_count"] >= 1),
    )
}  # fmt: skip
"""Every journey by name."""


def journey_named(name: str) -> Journey:
    """Return the journey of that name.

    Raises
    ------
    ParameterError
        If there is none; the message lists those there are.
    """
    if name not in JOURNEYS:
        known = ", ".join(JOURNEYS)
        raise ParameterError(
            f"There is no journey {name!r}.", f"Choose one of: {known}.", column="journey"
        )
    return JOURNEYS[name]


def members(engine: Engine, features: pd.DataFrame, name: str, as_of_s: int) -> pd.DataFrame:
    """Return who is on the journey, with what their message should speak of.

    Parameters
    ----------
    engine
        Engine with ``orders`` and ``order_lines`` (next best product only).
    features
        Customer features as of the date.
    name
        The journey.
    as_of_s
        The date in seconds since 1970.

    Returns
    -------
    DataFrame
        ``customer_key`` and ``detail`` (tier or category, else empty), ordered by customer.

    Raises
    ------
    ParameterError
        If there is no such journey.
    EvidenceError
        If the snapshot lacks the layer that the journey needs.
    """
    journey = journey_named(name)
    for column in journey.needs:
        if column not in features:
            raise EvidenceError(
                f"The journey {name!r} needs {column!r}, which this snapshot cannot tell.",
                "Bring the export that holds it, or choose another journey.",
                column=column,
            )
    chosen = features.loc[journey.choose(features).fillna(False).astype(bool)]
    result = pd.DataFrame({"customer_key": chosen["customer_key"], "detail": ""})
    if name == "loyalty_tier":
        result["detail"] = _tier(chosen["monetary_minor"])
    if name == "next_best_product":
        best = next_best_category(engine, as_of_s)
        result = result.drop(columns="detail").merge(best, "inner", "customer_key")
    return result.sort_values("customer_key", ignore_index=True)


def next_best_category(engine: Engine, as_of_s: int) -> pd.DataFrame:
    """Return for each customer the category, not yet bought, that goes best with what they bought.

    The lift of a pair is P(both) / (P(one) P(other)) over customers (Brin, Motwani, Ullman & Tsur,
    SIGMOD 1997); pairs of fewer than ten customers are left out.

    Returns
    -------
    DataFrame
        ``customer_key, detail``.
    """
    found = engine.query("campaign_next_category", as_of_s=as_of_s).frame()
    return found.rename(columns={"category": "detail"})[["customer_key", "detail"]]


def _tier(spent: pd.Series) -> pd.Series:
    """Return gold for the top tenth by money spent, silver for the next three, else bronze."""
    rank = spent.rank(pct=True, method="max")
    return pd.Series(
        np.select([rank > 0.9, rank > 0.6], ["gold", "silver"], "bronze"), index=spent.index
    )

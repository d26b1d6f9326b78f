"""The data dictionary of the features: what each one means, its unit, layer and empty value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

import pandas as pd


class Layer(StrEnum):
    """Kind of data a feature rests on; no decision should rest on one kind alone."""

    TRANSACTIONS = "transactions"
    ASSORTMENT = "assortment"
    BEHAVIOUR = "behaviour"
    ENGAGEMENT = "engagement"
    SERVICE = "service"
    VOICE = "voice"


@dataclass(frozen=True)
class Feature:
    """One feature of a customer.

    Parameters
    ----------
    name
        Column of the feature table.
    layer
        Kind of data it rests on.
    meaning
        One line for the data dictionary.
    unit
        Unit of measurement, empty where there is none.
    table
        Canonical table that brings it; a snapshot without the table has no such column.
    counts
        Whether a customer without a row in the table has zero (True) or nothing (False).
    optional
        Whether a source may leave it out: a column without a single value is dropped.
    query
        Layer query that makes it (``features_<query>.sql``); empty: the one named as the table.
    """

    name: str
    layer: Layer
    meaning: str
    unit: str = ""
    table: str = "orders"
    counts: bool = False
    optional: bool = False
    query: str = ""

    @property
    def source(self) -> str:
        """Name of the layer query."""
        return self.query or self.table


_T, _A, _B, _E, _S, _V = Layer

FEATURES: tuple[Feature, ...] = (
    Feature("first_order_at", _T, "when the first order was placed (the shop's clock)"),
    Feature("recency_days", _T, "days since the last purchase day", "days"),
    Feature("tenure_days", _T, "days since the first purchase day", "days"),
    Feature("order_count", _T, "orders placed, paid for or later refunded", "orders"),
    Feature("repeat_order_count", _T, "purchase days after the first", "days"),
    Feature("monetary_minor", _T, "goods bought less discounts and refunds so far", "minor units"),
    Feature("average_order_minor", _T, "monetary value per order", "minor units"),
    Feature("margin_minor", _T, "monetary value less the cost of the goods", "minor units",
            "costs", optional=True),
    Feature("median_gap_days", _T, "median time between purchase days", "days"),
    Feature("last_gap_days", _T, "time between the last two purchase days", "days"),
    Feature("discount_share", _T, "share of the list value given as discount", "share"),
    Feature("return_share", _T, "share of the value paid back so far", "share"),
    Feature("gift_share", _T, "share of orders marked as a gift", "share", optional=True),
    Feature("season_share", _T, "share of orders placed in November and December", "share"),
    Feature("category_count", _A, "product categories bought", "categories", "order_lines",
            optional=True),
    Feature("top_category", _A, "category with the largest value", "", "order_lines",
            optional=True),
    Feature("made_to_order_share", _A, "share of lines made after the order", "share",
            "order_lines", optional=True),
    Feature("sessions_90d", _B, "visits in the last 90 days", "visits", "events", True),
    Feature("views_90d", _B, "product views in the last 90 days", "views", "events", True),
    Feature("browse_sessions_90d", _B, "visits with a product view and no purchase, 90 days",
            "visits", "events", True),
    Feature("carts_abandoned_90d", _B, "visits with a cart and no purchase, 90 days", "visits",
            "events", True),
    Feature("exit_intents_90d", _B, "times an exit was signalled, 90 days", "times", "events",
            True),
    Feature("emails_sent_90d", _E, "e-mails sent in the last 90 days", "e-mails", "touches", True),
    Feature("opens_90d", _E, "e-mails opened by a person, 90 days", "opens", "touches", True),
    Feature("clicks_90d", _E, "e-mails clicked, 90 days", "clicks", "touches", True),
    Feature("days_since_open", _E, "days since a person last opened an e-mail", "days",
            "touches"),
    Feature("is_unsubscribed", _E, "has unsubscribed from e-mail", "", "touches", True),
    Feature("is_loyalty_member", _E, "belongs to the loyalty programme (events `loyalty_join`, "
            "`loyalty_leave`)", "", "events", optional=True, query="loyalty"),
    Feature("loyalty_points", _E, "points earned less points redeemed (events `loyalty_earn`, "
            "`loyalty_redeem`)", "points", "events", optional=True, query="loyalty"),
    Feature("loyalty_redemptions_180d", _E, "times points were redeemed, 180 days", "times",
            "events", optional=True, query="loyalty"),
    Feature("late_deliveries", _S, "orders that arrived late, as far as known", "orders",
            optional=True),
    Feature("refund_count", _S, "refunds received so far", "refunds"),
    Feature("tickets_180d", _S, "help-desk tickets in the last 180 days", "tickets", "tickets",
            True),
    Feature("nps_score", _V, "latest promoter score, 0 to 10", "points", "surveys"),
    Feature("stated_reason", _V, "latest reason given in a survey", "", "surveys"),
    Feature("stated_preference", _V, "latest choice in a survey or form whose name begins with "
            "`preference`", "", "surveys", optional=True),
    Feature("preference_count", _V, "different preferences stated so far", "preferences",
            "surveys", optional=True),
)  # fmt: skip
"""Every feature in the order of its columns."""


def dictionary_frame() -> pd.DataFrame:
    """Return the dictionary as a table, one row per feature.

    Examples
    --------
    >>> dictionary_frame().loc[1, "name"]
    'recency_days'
    """
    return pd.DataFrame([asdict(feature) for feature in FEATURES])

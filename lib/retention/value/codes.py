"""Named codes of the checks that this package reports."""

from __future__ import annotations

from enum import StrEnum


class ValueCheck(StrEnum):
    """One code for each thing that can make a lifetime value untrustworthy."""

    ENOUGH_BUYERS = "value.enough_buyers"
    ENOUGH_HISTORY = "value.enough_history"
    RECENT_ORDERS = "value.recent_orders"
    REPEAT_BUYERS = "value.repeat_buyers"
    FREQUENT_BUYERS = "value.frequent_buyers"
    CONVERGENCE = "value.convergence"
    SPEND_CONVERGENCE = "value.spend_convergence"
    LARGE_BASE = "value.large_base"
    SPEND_INDEPENDENCE = "value.spend_independence"
    HOLDOUT_TOTAL = "value.holdout_total"
    HOLDOUT_BASELINE = "value.holdout_baseline"
    HOLDOUT_REVENUE = "value.holdout_revenue"
    MARGIN = "value.margin"
    HORIZON = "value.horizon"

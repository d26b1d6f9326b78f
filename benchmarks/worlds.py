"""Experiment frames straight from simulated worlds, without files: for hundreds of repetitions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from retention.demo.baskets import Baskets
from retention.demo.calendar import DAY_S
from retention.demo.campaigns import HORIZON_DAYS, Trial
from retention.demo.people import People
from retention.demo.world import World

OUTCOMES = ["purchased", "orders", "revenue"]
COVARIATES = [
    "recency_days", "order_count", "average_order", "discount_share", "gift_share",
    "favourite", "tenure_days",
]  # fmt: skip


def trial_frame(world: World, trial: Trial) -> pd.DataFrame:
    """Return one row per unit: design, what was known at the assignment, outcomes, truth.

    The truth stands in ``baseline`` and one column ``lift_<arm>`` per arm.
    """
    start = trial.campaign.assigned_s
    total = sum(arm.share for arm in trial.campaign.arms)
    shares = np.array([arm.share / total for arm in trial.campaign.arms])
    names = np.array([arm.name for arm in trial.campaign.arms])
    frame = pd.DataFrame(
        {
            "unit_key": [f"u{number:07d}" for number in trial.customer],
            "arm": names[trial.arm],
            "propensity": shares[trial.arm],
            "stratum": "all",
        }
    )
    before = world.baskets.orders.at_s < start
    inside = ~before & (world.baskets.orders.at_s < start + HORIZON_DAYS * DAY_S)
    frame[COVARIATES] = _known(world.people, world.baskets, before, start)[trial.customer]
    frame[OUTCOMES] = _outcomes(world.people, world.baskets, inside)[trial.customer]
    frame["baseline"] = trial.baseline
    for index, name in enumerate(names):
        frame[f"lift_{name}"] = trial.lifts[:, index]
    return frame


def _known(people: People, baskets: Baskets, before: np.ndarray, start: int) -> np.ndarray:
    """Return the covariates of every customer from the orders before the assignment."""
    buyer, at_s = baskets.orders.customer[before], baskets.orders.at_s[before]
    count = np.bincount(buyer, minlength=len(people))
    some = np.maximum(count, 1)
    last, first = np.zeros(len(people)), np.full(len(people), np.inf)
    np.maximum.at(last, buyer, at_s)
    np.minimum.at(first, buyer, at_s)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(buyer, values[before], len(people)) / some

    return np.column_stack(
        [
            (start - last) / DAY_S, count, mean(baskets.gross - baskets.discount) / 100.0,
            mean(baskets.code > 0), mean(baskets.is_gift), people.favourite,
            (start - first) / DAY_S,
        ]
    )  # fmt: skip


def _outcomes(people: People, baskets: Baskets, inside: np.ndarray) -> np.ndarray:
    """Return what every customer bought within the horizon."""
    buyer, net = baskets.orders.customer[inside], (baskets.gross - baskets.discount)[inside]
    orders = np.bincount(buyer, minlength=len(people))
    return np.column_stack([orders > 0, orders, np.bincount(buyer, net, len(people)) / 100.0])

"""A small shop with one campaign, as the tables a snapshot has."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.engine import Engine
from retention.uplift.trial import Trial, trial_from_frame

DAY = 86_400
START = int(pd.Timestamp("2026-03-02").timestamp())
UNITS = 4000


def with_times(frame: pd.DataFrame, stem: str, epoch: np.ndarray) -> pd.DataFrame:
    frame[f"{stem}_epoch_s"] = epoch
    frame[f"{stem}_at"] = pd.to_datetime(epoch, unit="s")
    return frame


@pytest.fixture(scope="session")
def shop() -> Engine:
    """Orders move from the fifth week to the first; customers with many messages do not react."""
    generator = np.random.default_rng(7)
    keys = np.array([f"c{i:05d}" for i in range(UNITS)])
    treated = np.arange(UNITS) % 2 == 0
    contacts = (np.arange(UNITS) // 2) % 10
    engine = Engine(threads=1)
    assignments = pd.DataFrame({
        "experiment_key": "spring", "unit_key": keys,
        "arm": np.where(treated, "email", "none"), "propensity": 0.5, "stratum": None,
    })  # fmt: skip
    earlier = pd.DataFrame({
        "experiment_key": "winter", "unit_key": keys,
        "arm": np.where((np.arange(UNITS) // 4) % 2 == 0, "gift", "none"), "propensity": 0.5,
        "stratum": None,
    })  # fmt: skip
    engine.register("assignments", pd.concat([
        with_times(assignments, "assigned", np.full(UNITS, START)),
        with_times(earlier, "assigned", np.full(UNITS, START - 20 * DAY)),
    ]))  # fmt: skip
    first = generator.random(UNITS) < np.where(treated & (contacts < 5), 0.40, 0.10)
    later = generator.random(UNITS) < np.where(treated, 0.05, 0.12)
    orders = pd.concat([
        with_times(pd.DataFrame({"customer_key": keys[first]}), "ordered",
                   np.full(first.sum(), START + 2 * DAY)),
        with_times(pd.DataFrame({"customer_key": keys[later]}), "ordered",
                   np.full(later.sum(), START + 30 * DAY)),
    ])  # fmt: skip
    orders["order_key"] = [f"o{i}" for i in range(len(orders))]
    orders["status"], orders["currency"] = "paid", "USD"
    orders["gross_minor"], orders["discount_minor"], orders["refunded_minor"] = 2000, 0, 0
    engine.register("orders", orders)
    sent = np.repeat(keys, contacts)
    touches = pd.DataFrame({"customer_key": sent, "kind": "sent"})
    touches = with_times(touches, "touched", np.full(len(sent), START - 10 * DAY))
    left = with_times(
        pd.DataFrame({"customer_key": keys[treated][:200], "kind": "unsubscribed"}), "touched",
        np.full(200, START + DAY),
    )  # fmt: skip
    touches = pd.concat([touches, left])
    touches["touch_key"] = [f"t{i}" for i in range(len(touches))]
    touches["channel"], touches["campaign_key"], touches["is_machine_open"] = "email", "news", False
    engine.register("touches", touches)
    engine.register("costs", pd.DataFrame({
        "scope_type": "campaign", "scope_key": "spring", "currency": "USD",
        "kind": ["message", "design"], "amount_minor": [4000, 10_000],
    }))  # fmt: skip
    return engine


@pytest.fixture(scope="session")
def spring(shop: Engine) -> Trial:
    frame = shop.sql(
        "SELECT unit_key, arm, propensity, stratum FROM assignments "
        "WHERE experiment_key = 'spring' ORDER BY unit_key"
    ).frame()
    bought = shop.query(
        "campaign_weekly_orders", experiment_key="spring", weeks=4, week_s=7 * DAY
    ).frame()
    revenue = bought.groupby("unit_key")["revenue_minor"].sum() / 100
    frame["revenue"] = frame["unit_key"].map(revenue).fillna(0.0)
    frame["orders"] = frame["revenue"] / 20
    frame["purchased"] = (frame["orders"] > 0).astype(float)
    return trial_from_frame(
        frame, control="none", outcomes=["revenue", "orders", "purchased"], covariates=[]
    )

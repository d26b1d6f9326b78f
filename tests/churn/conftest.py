"""A simulated shop with known rates: purchases by a Poisson process until a random end."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.churn import labelled_dates, rolling_dates
from retention.engine import Engine


def simulated_orders(customers: int, seed: int, days: int = 900) -> pd.DataFrame:
    """Return orders from 2024-01-01 on; gamma rates, exponential lifetimes (Pareto/NBD)."""
    random = np.random.default_rng(seed)
    start = random.integers(0, days - 60, customers)
    rate = random.gamma(0.8, 1 / 45, customers)
    life = random.exponential(1 / random.gamma(1.2, 1 / 250, customers))
    end = np.minimum(days, start + life)
    count = random.poisson(rate * (end - start))
    who = np.repeat(np.arange(customers), count)
    day = start[who] + random.random(len(who)) * (end[who] - start[who])
    day = np.concatenate([start, day.astype(int)])
    who = np.concatenate([np.arange(customers), who])
    epoch = int(pd.Timestamp("2024-01-01", tz="UTC").timestamp()) + day * 86_400 + 36_000
    gross = random.integers(1_000, 9_000, len(who))
    return pd.DataFrame({
        "order_key": [f"o{i:07d}" for i in range(len(who))],
        "customer_key": [f"c{i:06d}" for i in who], "shop_id": "s",
        "ordered_at": pd.to_datetime(epoch, unit="s"), "ordered_epoch_s": epoch,
        "status": "paid", "currency": "USD", "gross_minor": gross,
        "discount_minor": np.where(random.random(len(who)) < 0.2, gross // 10, 0),
        "shipping_minor": 0, "tax_minor": 0, "refunded_minor": 0, "net_minor": gross,
        "is_gift": pd.array([False] * len(who), dtype="boolean"),
        "delivered_late": pd.array(random.random(len(who)) < 0.1, dtype="boolean"),
    })  # fmt: skip


@pytest.fixture(scope="session")
def make_shop():
    def make(customers: int = 3000, seed: int = 1, extra: pd.DataFrame | None = None) -> Engine:
        engine = Engine(threads=1)
        orders = simulated_orders(customers, seed)
        engine.register("orders", orders if extra is None else pd.concat([orders, extra]))
        return engine

    return make


@pytest.fixture(scope="session")
def shop(make_shop):
    return make_shop()


@pytest.fixture(scope="session")
def panels(shop):
    dates = rolling_dates("2026-06-01", 90, dates=4, step_days=90)
    return labelled_dates(shop, dates, 90, active_within_days=365)

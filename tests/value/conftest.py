"""Purchase histories that the tests of this package share."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from retention.engine import Engine
from retention.value import PurchaseSummary, compress

CALIBRATION_END = "1997-10-01"
HOLDOUT_END = "1998-07-01"


def sample_ids() -> set[int]:
    lines = (Path(__file__).parent / "cdnow_sample_ids.txt").read_text().splitlines()
    return {int(word) for line in lines if not line.startswith("#") for word in line.split()}


def orders_table(keys, days, values) -> pd.DataFrame:
    """Return a canonical orders table from customer keys, days (datetime64) and money."""
    minor = np.rint(np.asarray(values, dtype=float) * 100).astype("int64")
    seconds = pd.to_datetime(pd.Series(days).reset_index(drop=True))
    return pd.DataFrame(
        {
            "order_key": [f"o{i}" for i in range(len(minor))],
            "customer_key": list(keys),
            "shop_id": "shop",
            "ordered_at": seconds,
            "ordered_epoch_s": seconds.astype("datetime64[s]").astype("int64"),
            "time_precision": "day",
            "shop_tz": "UTC",
            "status": "paid",
            "currency": "USD",
            "gross_minor": minor,
            "discount_minor": 0,
            "shipping_minor": 0,
            "tax_minor": 0,
            "marketplace_tax_minor": 0,
            "refunded_minor": 0,
            "net_minor": minor,
            "is_gift": None,
            "delivered_late": None,
        }
    )


@pytest.fixture(scope="session")
def cdnow_orders(real_data: Path) -> pd.DataFrame:
    """Return the orders of the 1/10 sample of CDNOW."""
    with gzip.open(real_data / "cdnow.txt.gz", "rt") as handle:
        raw = pd.read_csv(
            handle, sep=r"\s+", skiprows=1, names=["customer", "day", "pieces", "value"]
        )
    raw = raw[raw["customer"].isin(sample_ids())]
    days = pd.to_datetime(raw["day"].astype(str), format="%Y%m%d")
    return orders_table(raw["customer"].map("{:05d}".format), days, raw["value"])


@pytest.fixture(scope="session")
def cdnow_engine(cdnow_orders: pd.DataFrame) -> Engine:
    """Return an engine that holds them."""
    engine = Engine(threads=1)
    engine.register("orders", cdnow_orders)
    return engine


@pytest.fixture(scope="session")
def cdnow_frame(cdnow_engine: Engine) -> pd.DataFrame:
    """Return the calibration summary of CDNOW (39 weeks), times in unrounded weeks."""
    from retention.features import purchase_summary

    frame = purchase_summary(cdnow_engine, CALIBRATION_END)
    return frame.assign(recency=frame["recency"] / 7, tenure=frame["tenure"] / 7)


@pytest.fixture(scope="session")
def cdnow(cdnow_frame: pd.DataFrame) -> PurchaseSummary:
    """Return its unique histories."""
    return compress(cdnow_frame, unit_days=7)


@pytest.fixture(scope="session")
def simulated() -> pd.DataFrame:
    """Return 1,500 histories in weeks, drawn from BG/NBD-like buying, for fast tests."""
    from retention.value.simulate import simulate_geometric

    return simulate_geometric(
        np.array([0.6, 5.0, 0.8, 2.5]), tenure=np.linspace(20, 60, 1500), seed=11
    )


@pytest.fixture(scope="session")
def orders_of():
    """Return the maker of canonical orders tables."""
    return orders_table


@pytest.fixture(scope="session")
def engine_of():
    """Return a maker of engines that hold an orders table."""

    def make(orders: pd.DataFrame) -> Engine:
        engine = Engine(threads=1)
        engine.register("orders", orders)
        return engine

    return make

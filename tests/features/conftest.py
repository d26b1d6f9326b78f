"""A hand-made shop small enough to check by eye."""

from __future__ import annotations

import pandas as pd
import pytest

from retention.engine import Engine


def seconds(moment: str) -> int:
    return int(pd.Timestamp(moment, tz="UTC").timestamp())


def orders(*rows: tuple) -> pd.DataFrame:
    """Each row: order, customer, time, status, gross, discount, refunded [, gift, late]."""
    records = []
    for order, customer, moment, status, gross, discount, refunded, *rest in rows:
        gift, late = rest or (None, None)
        records.append(
            {
                "order_key": order, "customer_key": customer, "shop_id": "s",
                "ordered_at": pd.Timestamp(moment), "ordered_epoch_s": seconds(moment),
                "status": status, "currency": "USD", "gross_minor": gross,
                "discount_minor": discount, "shipping_minor": 0, "tax_minor": 0,
                "refunded_minor": refunded, "net_minor": gross - discount - refunded,
                "is_gift": gift, "delivered_late": late,
            }
        )  # fmt: skip
    frame = pd.DataFrame(records)
    return frame.astype({"is_gift": "boolean", "delivered_late": "boolean"})


def refunds(*rows: tuple) -> pd.DataFrame:
    """Each row: order, time or None, amount."""
    frame = pd.DataFrame(rows, columns=["order_key", "moment", "amount_minor"])
    frame["refund_key"] = [f"r{i}" for i in range(len(frame))]
    epochs = [None if m is None else seconds(m) for m in frame["moment"]]
    frame["refunded_epoch_s"] = pd.array(epochs, dtype="Int64")
    return frame.drop(columns="moment")


def shop() -> dict[str, pd.DataFrame]:
    """Return tables of three buyers, one who only cancelled, and one guest order."""
    return {
        "orders": orders(
            ("a1", "anna", "2024-01-10 09:00", "paid", 1000, 0, 0, True, False),
            ("a2", "anna", "2024-01-10 21:00", "paid", 2000, 500, 0, False, True),
            ("a3", "anna", "2024-01-20 12:00", "paid", 3000, 0, 0, False, False),
            ("a4", "anna", "2024-02-19 12:00", "refunded", 4000, 0, 4000, False, False),
            ("b1", "bert", "2023-11-30 23:59:59", "paid", 700, 0, 0, False, False),
            ("c1", "carl", "2024-01-01 00:00", "cancelled", 900, 0, 0, False, False),
            ("d1", "dora", "2024-02-29 23:59:59", "paid", 1200, 200, 0, False, False),
            ("g1", None, "2024-01-05 10:00", "paid", 100, 0, 0, False, False),
        ),
        "refunds": refunds(("a4", "2024-02-25 10:00", 1500), ("a4", "2024-03-05 10:00", 2500)),
        "order_lines": pd.DataFrame(
            [
                ("a1", "rings", 1, 1000, True), ("a2", "mugs", 2, 1500, False),
                ("a3", "mugs", 1, 3000, False), ("a4", "rings", 1, 4000, True),
                ("a4", "rings", -1, -4000, True), ("b1", None, 1, 700, None),
                ("d1", "mugs", 1, 1200, False),
            ],
            columns=["order_key", "category", "quantity", "line_net_minor", "is_made_to_order"],
        ).astype({"is_made_to_order": "boolean"}).assign(
            sku=["R1", "M1", "M1", "R1", "R1", "X1", "M1"]
        ),
    }  # fmt: skip


def engine_of(tables: dict[str, pd.DataFrame]) -> Engine:
    engine = Engine(threads=1)
    for name, frame in tables.items():
        engine.register(name, frame)
    return engine


@pytest.fixture
def make_engine():
    return engine_of


@pytest.fixture
def hand_made_shop() -> dict[str, pd.DataFrame]:
    return shop()


@pytest.fixture
def make_orders():
    return orders


@pytest.fixture
def unit_costs() -> pd.DataFrame:
    """Costs of one piece: rings became dearer, and a change after the tests' as-of date."""
    rows = [("k1", "R1", 300, "2023-01-01"), ("k2", "R1", 400, "2024-01-01"),
            ("k3", "M1", 100, "2023-01-01"), ("k4", "R1", 9000, "2024-03-01")]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["cost_key", "scope_key", "amount_minor", "moment"])
    frame["incurred_epoch_s"] = frame.pop("moment").map(seconds)
    return frame.assign(kind="goods_unit", scope_type="product")


@pytest.fixture
def make_refunds():
    return refunds


@pytest.fixture
def epoch_seconds():
    return seconds

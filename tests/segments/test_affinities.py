"""What is bought next."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.engine import Engine
from retention.errors import ParameterError
from retention.segments import next_items

START = int(pd.Timestamp("2024-01-01", tz="UTC").timestamp())
DAY = 86_400


def engine_of(rows: list[tuple[str, int, str]], *, categories: bool = True) -> Engine:
    """Each row: customer, day of the order, item."""
    frame = pd.DataFrame(rows, columns=["customer_key", "day", "item"])
    frame["order_key"] = frame["customer_key"] + "-" + frame["day"].astype(str)
    epoch = START + frame["day"] * DAY
    orders = pd.DataFrame(
        {
            "order_key": frame["order_key"], "customer_key": frame["customer_key"],
            "ordered_epoch_s": epoch, "ordered_at": pd.to_datetime(epoch, unit="s"),
            "status": "paid", "currency": "USD", "gross_minor": 100, "discount_minor": 0,
            "refunded_minor": 0, "is_gift": pd.array([None] * len(frame), "boolean"),
            "delivered_late": pd.array([None] * len(frame), "boolean"),
        }
    ).drop_duplicates("order_key")  # fmt: skip
    label = frame["item"] if categories else pd.Series([None] * len(frame), dtype="string")
    lines = pd.DataFrame(
        {"order_key": frame["order_key"], "category": label, "product_key": frame["item"],
         "quantity": 1}
    )  # fmt: skip
    engine = Engine(threads=1)
    engine.register("orders", orders)
    engine.register("order_lines", lines)
    return engine


def shop(seed: int, chance_after_rings: float) -> list[tuple[str, int, str]]:
    """Customers buy rings or mugs; after rings, boxes come with the given chance, else 10 %."""
    random = np.random.default_rng(seed)
    rows = []
    for i in range(1200):
        item = "rings" if i % 2 else "mugs"
        rows.append((f"c{i}", 0, item))
        chance = chance_after_rings if item == "rings" else 0.1
        if random.random() < chance:
            rows.append((f"c{i}", 20, "boxes"))
    return rows


def test_what_follows_more_often_has_a_lift_whose_interval_holds_the_truth():
    inside = []
    for seed in range(20):
        found = next_items(engine_of(shop(seed, 0.3)), "2024-06-01", weeks=12)
        row = found.to_frame().set_index(["item", "next_item"]).loc[("rings", "boxes")]
        assert row["is_clear"]
        inside.append(row["ci_low"] < 3.0 < row["ci_high"])
    assert sum(inside) >= 17
    assert found.unit == "category"
    assert "rings" in found.summary()


def test_without_an_affinity_none_is_told():
    found = next_items(engine_of(shop(2, 0.1)), "2024-06-01", weeks=12)
    assert not found.to_frame()["is_clear"].any()
    assert "more often than by chance" in found.summary()


def test_pairs_without_support_are_left_out():
    rows = [*shop(3, 0.3), ("x", 0, "clocks"), ("x", 5, "vases")]
    table = next_items(engine_of(rows), "2024-06-01", min_support=20).to_frame()
    assert "clocks" not in set(table["item"])


def test_what_comes_after_the_horizon_is_not_next():
    rows = [(c, 40 if item == "boxes" else day, item) for c, day, item in shop(4, 0.3)]
    assert next_items(engine_of(rows), "2024-06-01", weeks=4).pairs.empty
    assert len(next_items(engine_of(rows), "2024-06-01", weeks=6).pairs) == 2


def test_customers_not_followed_to_the_end_are_left_out():
    rows = [*shop(6, 0.3), *[(f"late{i}", 100, "rings") for i in range(500)]]
    found = next_items(engine_of(rows), "2024-04-15", weeks=12)
    assert found.customers == 1200


def test_products_stand_in_where_there_are_no_categories():
    assert next_items(engine_of(shop(5, 0.3), categories=False), "2024-06-01").unit == "product"


def test_impossible_terms_are_refused():
    with pytest.raises(ParameterError, match="positive"):
        next_items(engine_of(shop(1, 0.3)), "2024-06-01", weeks=0)


def test_the_same_item_again_is_a_repeat_and_no_next_item():
    rows = [*shop(7, 0.3), *[(f"c{i}", 30, "mugs") for i in range(0, 1200, 4)]]
    found = next_items(engine_of(rows), "2024-06-01", weeks=12)
    assert found.to_frame()["is_repeat"].sum() == 1
    assert found.repeats()["item"].tolist() == ["mugs"]
    assert (found.next_pairs()["item"] != found.next_pairs()["next_item"]).all()
    assert "bought mugs bought mugs" not in found.summary()
    assert "Bought again most: mugs" in found.repeats_summary()
    assert "Offer boxes" in found.advice()


def test_without_an_affinity_nothing_is_recommended():
    found = next_items(engine_of(shop(2, 0.1)), "2024-06-01", weeks=12)
    assert "Do not recommend" in found.advice()
    assert "No category is bought again" in found.repeats_summary()

"""Drawn customers are so many, the same at every date, and told of as among all."""

from __future__ import annotations

import pandas as pd
import pytest

from retention.engine import Engine
from retention.errors import ParameterError
from retention.features import customer_features, known_orders, sampled_customers


@pytest.fixture(scope="module")
def crowd() -> Engine:
    """Return 4,000 customers with three orders each, a line and a refund, mail and a visit."""
    people = [f"c{i:04d}" for i in range(4_000) for _ in range(3)]
    days = [1 + i % 3 * 100 + i % 90 for i in range(len(people))]
    keys = [f"o{i}" for i in range(len(people))]
    orders = pd.DataFrame({
        "order_key": keys, "customer_key": people, "status": "paid", "currency": "USD",
        "ordered_epoch_s": [1_700_000_000 + day * 86_400 for day in days],
        "gross_minor": [1_000 + day for day in days], "discount_minor": 0, "refunded_minor": 0,
        "is_gift": pd.array([False] * len(keys), dtype="boolean"),
        "delivered_late": pd.array([False] * len(keys), dtype="boolean"),
    })  # fmt: skip
    orders["ordered_at"] = pd.to_datetime(orders["ordered_epoch_s"], unit="s")
    lines = pd.DataFrame({
        "order_key": keys, "category": ["mugs", "rings"] * (len(keys) // 2), "quantity": 1,
        "line_net_minor": 900, "sku": "S", "is_made_to_order": True,
    })  # fmt: skip
    refunds = orders.iloc[::10].assign(
        refund_key=lambda f: f["order_key"], amount_minor=100,
        refunded_epoch_s=lambda f: f["ordered_epoch_s"] + 86_400,
    )[["refund_key", "order_key", "amount_minor", "refunded_epoch_s"]]  # fmt: skip
    tickets = orders.iloc[::7][["customer_key", "ordered_epoch_s"]]
    tickets = tickets.rename(columns={"ordered_epoch_s": "opened_epoch_s"})
    tables = {"orders": orders, "order_lines": lines, "refunds": refunds, "tickets": tickets}
    engine = Engine(threads=1)
    for name, frame in tables.items():
        engine.register(name, frame)
    return engine


def test_the_drawn_are_told_of_as_among_all_and_are_the_same_at_every_date(crowd):
    dates, drawn = ("2024-06-01", "2024-12-01"), []
    everyone = {date: customer_features(crowd, date) for date in dates}
    with sampled_customers(crowd, 1_000) as share:
        assert share == 0.25
        for date in dates:
            found = customer_features(crowd, date)
            among = everyone[date][everyone[date]["customer_key"].isin(found["customer_key"])]
            pd.testing.assert_frame_equal(found, among.reset_index(drop=True))
            drawn.append(set(found["customer_key"]))
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == pytest.approx(1_000, abs=5 * (4_000 * 0.25 * 0.75) ** 0.5)


def test_a_smaller_sample_is_part_of_a_larger_one(crowd):
    found = []
    for most in (300, 2_000):
        with sampled_customers(crowd, most):
            found.append(set(customer_features(crowd, "2024-12-01")["customer_key"]))
    assert 0 < len(found[0]) < len(found[1])
    assert found[0] < found[1]


def test_a_shop_that_is_small_enough_is_held_whole(crowd):
    with sampled_customers(crowd, 4_000) as share:
        assert share == 1
        assert len(customer_features(crowd, "2024-12-01")) == 4_000


def test_all_are_held_again_after_an_error_and_what_a_run_shares_stays_of_all(crowd, tmp_path):
    crowd.share(tmp_path / "shared")
    with pytest.raises(ParameterError), sampled_customers(crowd, 500):
        customer_features(crowd, "no date")
    with sampled_customers(crowd, 500):
        customer_features(crowd, "2024-12-01")
    assert {path.stem for path in (tmp_path / "shared").iterdir()} == {"customer_count"}
    with sampled_customers(crowd, 500, is_kept=True):
        customer_features(crowd, "2024-12-01")
    others = [p for p in (tmp_path / "shared").iterdir() if p.stem != "customer_count"]
    assert [path.name[:6] for path in others] == ["drawn-"]
    with known_orders(crowd, "2024-12-01"):
        rows = crowd.sql("SELECT count(DISTINCT customer_key) AS n FROM known_orders").frame()
    assert rows["n"][0] == 4_000
    crowd.shared = None


def test_a_run_seeks_the_rows_of_the_drawn_once_and_they_are_told_of_alike(crowd, tmp_path):
    with sampled_customers(crowd, 1_000):
        alone = customer_features(crowd, "2024-12-01")
    crowd.share(tmp_path / "shared")
    made = []
    for _ in range(2):
        with sampled_customers(crowd, 1_000, is_kept=True) as share:
            assert share == 0.25
            pd.testing.assert_frame_equal(customer_features(crowd, "2024-12-01"), alone)
        files = sorted((tmp_path / "shared").rglob("*.parquet"))
        made.append({path.name: path.stat().st_mtime_ns for path in files})
    assert made[0] == made[1]
    assert {"orders.parquet", "order_lines.parquet", "refunds.parquet"} < set(made[0])
    crowd.shared = None
    assert len(customer_features(crowd, "2024-12-01")) == 4_000

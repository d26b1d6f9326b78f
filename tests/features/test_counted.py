"""Orders that count are numbered once; what was known at any date is told of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from retention.engine import Engine
from retention.features import (
    customer_features,
    epoch_of,
    goods_costs,
    known_orders,
    purchase_summary,
)
from retention.features.counted import (
    ALL_COUNTED,
    COUNTED,
    LINES,
    counted_lines,
    counted_orders,
)

DATES = ("2024-02-01", "2024-02-26", "2024-03-06")


def told(engine: Engine, as_of: str) -> pd.DataFrame:
    with known_orders(engine, as_of):
        return engine.sql(
            "SELECT order_key, customer_key, value_minor, refunded_minor, refund_count "
            "FROM known_orders ORDER BY order_key"
        ).frame()


@pytest.mark.parametrize("is_shared", [False, True])
def test_one_engine_tells_what_was_known_at_each_date(
    make_engine, hand_made_shop, tmp_path, is_shared
):
    engine = make_engine(hand_made_shop)
    if is_shared:
        engine.share(tmp_path / "shared")
    first, second, third = (told(engine, date).set_index("order_key") for date in DATES)
    assert first.index.tolist() == ["a1", "a2", "a3", "b1"]
    assert second.loc["a4", ["refunded_minor", "refund_count"]].tolist() == [1500, 1]
    assert third.loc["a4", ["refunded_minor", "refund_count"]].tolist() == [4000, 2]
    assert third.loc["a4", "value_minor"] == 0
    assert third.index.tolist() == ["a1", "a2", "a3", "a4", "b1", "d1"]


@pytest.mark.parametrize("undated", [False, True])
def test_what_a_run_shares_says_of_every_date_what_each_would_find_alone(
    make_engine, hand_made_shop, tmp_path, undated
):
    if undated:
        del hand_made_shop["refunds"]
    shared = make_engine(hand_made_shop)
    shared.share(tmp_path / "shared")
    for date in DATES:
        alone = make_engine(hand_made_shop)
        pd.testing.assert_frame_equal(told(shared, date), told(alone, date))
        for make in (customer_features, purchase_summary):
            pd.testing.assert_frame_equal(make(shared, date), make(alone, date))


def test_orders_are_sought_once_in_a_run(make_engine, hand_made_shop, tmp_path):
    engine = make_engine(hand_made_shop)
    engine.share(tmp_path / "shared")
    told(engine, DATES[0])
    before = {path.name: path.stat().st_mtime_ns for path in Path(tmp_path).rglob("*.parquet")}
    assert {f"{name}.parquet" for name in COUNTED} <= set(before)
    told(engine, DATES[1])
    after = {path.name: path.stat().st_mtime_ns for path in Path(tmp_path).rglob("*.parquet")}
    assert after == before


def test_no_table_of_orders_that_count_is_left_behind(make_engine, hand_made_shop):
    engine = make_engine(hand_made_shop)
    with counted_orders(engine), counted_lines(engine):
        rows = engine.execute(f"SELECT count(*) FROM {LINES}")
        assert rows == [(6,)]
    assert not any(engine.has(name) for name in (*COUNTED, LINES, "refunded_orders"))


def test_dates_between_which_no_cost_changed_share_what_goods_cost(
    make_engine, hand_made_shop, unit_costs, tmp_path
):
    dearer = unit_costs[unit_costs["scope_key"] == "M1"].assign(
        cost_key="later", amount_minor=900, incurred_epoch_s=epoch_of("2024-02-20")
    )
    hand_made_shop["costs"] = pd.concat([unit_costs, dearer], ignore_index=True)
    shared, alone = make_engine(hand_made_shop), make_engine(hand_made_shop)
    shared.share(tmp_path / "shared")
    found = {}
    for date in ("2024-02-01", "2024-02-15", "2024-02-26"):
        told_by = []
        for engine in (shared, alone):
            with goods_costs(engine, date) as known:
                assert known
                told_by.append(engine.execute("SELECT * FROM goods_costs ORDER BY order_key"))
        assert told_by[0] == told_by[1]
        found[date] = told_by[0]
    assert found["2024-02-15"] == found["2024-02-01"] != found["2024-02-26"]
    assert len(list(tmp_path.rglob("goods_costs-*.parquet"))) == 2


@pytest.mark.parametrize("without", ["", "order_lines", "refunds"])
def test_units_of_an_experiment_are_sought_among_what_a_run_has_numbered(
    make_engine, hand_made_shop, unit_costs, tmp_path, without
):
    hand_made_shop["costs"] = unit_costs
    hand_made_shop["assignments"] = pd.DataFrame(
        {"experiment_key": "spring", "unit_key": ["bert", "anna", "zoe"]}
    )
    hand_made_shop.pop(without, None)
    shared, alone = make_engine(hand_made_shop), make_engine(hand_made_shop)
    shared.share(tmp_path / "shared")
    units = [customer_features(engine, DATES[2], experiment="spring") for engine in (shared, alone)]
    pd.testing.assert_frame_equal(*units)
    assert units[0]["customer_key"].tolist() == ["anna", "bert"]
    assert not any(shared.has(name) for name in (*ALL_COUNTED, "held_customers", "goods_costs"))

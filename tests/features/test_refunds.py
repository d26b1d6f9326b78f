"""What of an order's refunds is known when: features may not look ahead, accounts count it all."""

from __future__ import annotations

import pandas as pd
import pytest

from retention.engine import Engine
from retention.features.purchases import known_orders
from retention.kpis import key_figures

AS_OF = "2025-03-01"
SHOP = [("old", "a", "2025-01-10 10:00", "paid", 5000, 0, 2000),
        ("young", "b", "2025-02-20 10:00", "refunded", 4000, 0, 4000),
        ("plain", "c", "2025-02-20 11:00", "paid", 3000, 0, 0)]  # fmt: skip


def seconds(moment):
    return None if moment is None else int(pd.Timestamp(moment, tz="UTC").timestamp())


def orders(*rows):
    names = ["order_key", "customer_key", "ordered_at", "status", "gross_minor", "discount_minor",
             "refunded_minor"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(
        ordered_epoch_s=[seconds(moment) for moment in frame.ordered_at],
        ordered_at=pd.to_datetime(frame.ordered_at), currency="EUR",
        is_gift=pd.array([None] * len(frame), dtype="boolean"),
        delivered_late=pd.array([None] * len(frame), dtype="boolean"),
    )  # fmt: skip


def refunds(*rows):
    frame = pd.DataFrame(rows, columns=["order_key", "moment", "amount_minor"])
    times = pd.array([seconds(moment) for moment in frame.pop("moment")], dtype="Int64")
    return frame.assign(refund_key=[f"r{n}" for n in range(len(frame))], refunded_epoch_s=times)


@pytest.fixture
def shop(request):
    def run(*listed):
        engine = Engine(threads=1)
        request.addfinalizer(engine.close)
        engine.register("orders", orders(*SHOP))
        if listed:
            engine.register("refunds", refunds(*listed))
        return engine

    return run


def values(engine, **settings):
    with known_orders(engine, AS_OF, **settings):
        rows = engine.execute("SELECT order_key, value_minor FROM known_orders")
    return dict(rows)


@pytest.mark.parametrize("listed", [
    (), [("old", None, 2600), ("young", None, 4900)], [("old", "2025-01-20 10:00", 2600)],
])  # fmt: skip
def test_an_undated_refund_of_a_young_order_counts_in_accounts_and_not_in_features(shop, listed):
    engine = shop(*listed)
    assert values(engine, settlement_days=0) == {"old": 3000, "young": 0, "plain": 3000}
    assert values(engine)["young"] == 4000


def test_money_back_for_shipping_and_tax_leaves_no_negative_value(shop):
    engine = shop(("old", "2025-01-12 10:00", 2600), ("young", "2025-02-21 10:00", 4900))
    assert values(engine) == {"old": 3000, "young": 0, "plain": 3000}


def test_of_two_refunds_the_one_known_by_the_date_counts_as_of_goods_first(shop):
    engine = shop(("old", "2025-01-12 10:00", 1300), ("old", "2025-03-12 10:00", 1300))
    assert values(engine)["old"] == 3700


def test_the_windows_revenue_is_net_of_every_refund_that_is_known(shop):
    engine = shop(("young", None, 4900), ("old", None, 2600))
    table = key_figures(engine, AS_OF, window_days=90).to_frame().set_index("name")
    assert table.value["revenue"] == 60.0

"""The margin that values are reckoned with: measured, given, insisted on."""

import numpy as np
import pandas as pd
import pytest

from retention.errors import ParameterError
from retention.results import Status
from retention.value import margin_of

AS_OF = "2026-01-01"


@pytest.fixture
def shop(orders_of, engine_of):
    """Return a shop that sold for 10, 20, 30 and, too long ago to count, for 40."""
    days = pd.to_datetime(["2025-05-01", "2025-06-01", "2025-07-01", "2024-05-01"])
    orders = orders_of(list("abcd"), days, [10, 20, 30, 40])
    return engine_of(orders)


def with_costs(engine, skus, cost=500):
    lines = pd.DataFrame({"order_key": ["o0", "o1", "o2", "o3"], "quantity": 1, "sku": skus})
    engine.register("order_lines", lines)
    costs = pd.DataFrame(
        {"cost_key": ["k"], "kind": "goods_unit", "scope_type": "product", "scope_key": "known",
         "amount_minor": cost, "incurred_epoch_s": 0}
    )  # fmt: skip
    engine.register("costs", costs)
    return engine


def test_the_margin_is_measured_where_costs_are_on_record(shop):
    found = margin_of(with_costs(shop, ["known"] * 4), AS_OF, given=0.5)
    assert found.used == found.measured == pytest.approx((60 - 15) / 60)
    left, value = np.array([5.0, 15, 25]), np.array([10.0, 20, 30])
    spread = np.sqrt(((left - 0.75 * value) ** 2).sum()) / 60
    assert found.ci_high - found.measured == pytest.approx(1.959964 * spread, rel=1e-6)
    assert (found.customers, found.costed) == (3, 1.0)
    assert found.check().status is Status.PASS
    assert found.to_frame().set_index("margin")["used"].to_dict() == {
        "measured": "yes",
        "given": "no",
    }
    assert "given: 50.0 %, not used" in found.summary()


def test_insisting_on_another_margin_is_said_to_change_the_values(shop):
    found = margin_of(with_costs(shop, ["known"] * 4), AS_OF, given=0.5, source="given")
    assert found.used == 0.5
    assert found.check().status is Status.WARN
    assert "values would change by +50 %" in found.check().action
    close = margin_of(shop, AS_OF, given=0.74, source="given")
    assert close.check().status is Status.PASS


def test_a_cost_known_of_too_little_does_not_stand_for_all(shop):
    found = margin_of(with_costs(shop, ["known", "unknown", "unknown", "known"]), AS_OF, given=0.4)
    assert found.used == 0.4
    assert found.costed == pytest.approx(10 / 60)
    assert "too little" in found.summary()
    assert found.check().status is Status.WARN


def test_without_costs_the_margin_is_the_given_one_and_that_is_said(shop):
    found = margin_of(shop, AS_OF, given=0.4)
    assert found.used == 0.4
    assert "no cost of goods is on record" in found.check().detail
    assert found.check().status is Status.WARN


def test_goods_that_cost_more_than_they_bring_measure_no_margin(shop):
    found = margin_of(with_costs(shop, ["known"] * 4, cost=9_000), AS_OF, given=0.4)
    assert found.used == 0.4
    assert not found.is_measured


def test_there_are_two_sources_of_a_margin(shop):
    with pytest.raises(ParameterError, match="margin source 'guess'"):
        margin_of(shop, AS_OF, given=0.4, source="guess")

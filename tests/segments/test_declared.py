"""Declared segments: membership in any number, and rules the data cannot answer."""

from __future__ import annotations

import pandas as pd
import pytest

from retention.errors import ParameterError
from retention.results import Status
from retention.segments import declare

FEATURES = pd.DataFrame(
    {
        "customer_key": ["b", "a", "c"],
        "order_count": [1, 5, 2],
        "gift_share": [1.0, 0.0, 0.6],
        "monetary_minor": [100, 700, 200],
    }
)
RULES = ["gift_buyers: gift_share >= 0.5", "repeat: order_count >= 2"]


def test_a_customer_may_belong_to_several_segments():
    members = declare(FEATURES, RULES).members
    assert members.to_dict("list") == {
        "customer_key": ["b", "c", "a", "c"],
        "segment": ["gift_buyers", "gift_buyers", "repeat", "repeat"],
    }


def test_sizes_carry_share_interval_and_value():
    row = declare(FEATURES, RULES).to_frame().set_index("segment").loc["repeat"]
    assert row["customers"] == 2
    assert row["ci_low"] < row["share"] < row["ci_high"]
    assert row["share_of_value"] == pytest.approx(0.9)


def test_a_rule_on_a_layer_the_shop_lacks_is_reported_not_failed():
    found = declare(FEATURES, [*RULES, "hesitant: exit_intents_90d >= 1"])
    assert [rule.name for rule, _ in found.unavailable] == ["hesitant"]
    assert found.checks()[0].status is Status.WARN
    assert "events" in found.checks()[0].action
    assert "1 could not be asked" in found.summary()


def test_a_name_that_is_no_feature_is_an_error():
    with pytest.raises(ParameterError, match="order_count"):
        declare(FEATURES, ["x: order_cuont >= 1"])


def test_protected_attributes_are_no_features():
    with pytest.raises(ParameterError, match="country"):
        declare(FEATURES, ["x: country == 'US'"])


def test_an_empty_segment_stays_in_the_table():
    found = declare(FEATURES, ["none: order_count > 99"])
    assert found.to_frame()["customers"].tolist() == [0]
    assert found.members.empty

"""A review shows what the snapshot allows and names what it lacks."""

from __future__ import annotations

import pandas as pd
import pytest

from retention.campaign.review import attribute_groups, review_campaign
from retention.engine import Engine
from retention.errors import InputError
from retention.uplift.trial import Trial


def test_review_of_a_full_snapshot_has_every_part(shop: Engine, spring: Trial) -> None:
    frame = pd.DataFrame({"unit_key": spring.unit_key, "tier": ["a", "b"] * 2000})
    review = review_campaign(
        shop, spring, frame, "spring", outcome="purchased", group_by="tier", horizon_days=28,
        currency="USD", smallest=30,
    )  # fmt: skip
    assert list(review.parts) == [
        "weeks", "groups", "guardrails", "fatigue", "overlap", "engagement",
    ]  # fmt: skip
    assert "only pulled forward" in review["weeks"].summary()
    assert "winter" in review["overlap"].summary()
    assert len(review.to_frame()) == 6
    assert review.checks()
    assert review.suggested_caps == {30: 4}


def test_review_without_orders_and_messages_says_so(spring: Trial) -> None:
    engine = Engine(threads=1)
    engine.register("assignments", pd.DataFrame({"experiment_key": ["spring"]}))
    frame = pd.DataFrame({"unit_key": spring.unit_key, "tier": "a"})
    review = review_campaign(
        engine, spring, frame, "spring", outcome="purchased", group_by="tier", horizon_days=28,
        currency="USD", smallest=30,
    )  # fmt: skip
    assert "no orders" in review["weeks"].summary()
    assert "no messages" in review["fatigue"].summary()
    assert "No other campaign" in review["overlap"].summary()


def test_numbers_are_grouped_by_quartile_and_missing_ones_apart() -> None:
    frame = pd.DataFrame({"unit_key": [f"{i}" for i in range(9)], "x": [*range(8), None]})
    groups = attribute_groups(frame, "x")
    assert groups.value_counts().to_dict() == {
        "0 to 1.75": 2, "1.75 to 3.5": 2, "3.5 to 5.25": 2, "5.25 to 7": 2, "not known": 1,
    }  # fmt: skip


def test_unknown_attribute_is_refused() -> None:
    with pytest.raises(InputError, match="no attribute 'y'"):
        attribute_groups(pd.DataFrame({"unit_key": ["a"]}), "y")

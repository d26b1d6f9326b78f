"""Fairness: unevenness, proxies, small cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.engine import Engine
from retention.results import Status
from retention.segments import audit, protected_attributes


@pytest.fixture
def people() -> dict[str, pd.DataFrame]:
    random = np.random.default_rng(8)
    n = 4000
    keys = [f"c{i:04d}" for i in range(n)]
    country = np.where(np.arange(n) % 2, "GB", "US").astype(object)
    country[:3] = "NZ"
    uneven = (country == "GB") & (random.random(n) < 0.6) | (random.random(n) < 0.1)
    features = pd.DataFrame(
        {
            "customer_key": keys,
            "order_count": random.poisson(3, n) + 1,
            "recency_days": np.where(country == "GB", 10, 100) + random.integers(0, 60, n),
        }
    )
    chosen, thirds = np.where(uneven, "vip", "rest"), np.where(np.arange(n) % 3, "a", "b")
    return {
        "segments": pd.DataFrame({"customer_key": keys, "segment": chosen}),
        "even": pd.DataFrame({"customer_key": keys, "segment": thirds}),
        "protected": pd.DataFrame({"customer_key": keys, "country": country}),
        "features": features,
    }  # fmt: skip


def test_a_segment_that_falls_on_one_group_is_named(people):
    found = audit(people["segments"], people["protected"], people["features"])
    uneven = found.evenness.set_index("segment")
    assert uneven.loc["vip", "is_uneven"]
    assert found.checks()[0].status is Status.WARN
    assert "vip by country" in found.checks()[0].detail


def test_an_even_segmentation_passes(people):
    found = audit(people["even"], people["protected"], people["features"])
    assert found.checks()[0].status is Status.PASS


def test_features_that_stand_in_are_named_and_others_not(people):
    found = audit(people["segments"], people["protected"], people["features"])
    strong = found.checks()[1]
    assert "recency days for country" in strong.detail
    assert "order count" not in strong.detail


def test_small_groups_are_left_out_and_counted(people):
    found = audit(people["segments"], people["protected"], people["features"])
    assert set(found.rates["group"]) == {"GB", "US"}
    assert found.suppressed == 1


def test_without_protected_attributes_it_says_so(people):
    nobody = people["protected"][["customer_key"]]
    found = audit(people["segments"], nobody, people["features"])
    assert "no protected attribute" in found.summary()
    assert {check.status for check in found.checks()} == {Status.PASS}


def test_protected_attributes_come_as_labels_and_only_where_known(people):
    engine = Engine(threads=1)
    keys = people["protected"]["customer_key"]
    assert list(protected_attributes(engine, keys)) == ["customer_key"]
    frame = people["protected"].assign(
        birth_year=pd.array([1987] + [None] * (len(keys) - 1), "Int64"),
        gender=pd.array([None] * len(keys), "string"),
    )
    engine.register("customers", frame)
    held = protected_attributes(engine, keys)
    assert list(held) == ["customer_key", "country", "birth_decade"]
    assert held.set_index("customer_key").loc["c0000", "birth_decade"] == "1980s"


def test_the_summary_counts_the_groups_left_out_and_names_the_closest_proxy(people):
    found = audit(people["segments"], people["protected"], people["features"])
    assert "too small to be shown, and left out: 1" in found.summary()
    assert "recency_days of country" in found.proxies_summary()
    assert found.proxies.set_index("feature")["stands_in"].to_dict() == {
        "recency_days": True, "order_count": False,
    }  # fmt: skip
    weak = audit(people["segments"], people["protected"],
                 people["features"][["customer_key", "order_count"]])  # fmt: skip
    assert weak.checks()[1].status is Status.PASS
    assert "No feature stands in" in weak.checks()[1].detail
    nothing = audit(people["segments"], people["protected"], people["features"][["customer_key"]])
    assert "no feature that could" in nothing.proxies_summary()


def test_two_audits_of_the_same_people_are_told_as_one(people):
    first = audit(people["segments"], people["protected"], people["features"], what="arms")
    second = audit(people["even"], people["protected"], people["features"], what="contact")
    both = first.joined(second, "actions")
    assert both.evenness.groupby("audit").size().to_dict() == {"arms": 2, "contact": 2}
    assert "of 4 actions fall" in both.summary()
    assert both.checks()[0].status is Status.WARN
    assert len(both.proxies) == len(first.proxies)
    nobody = audit(people["even"], people["protected"][["customer_key"]], people["features"])
    assert "no protected attribute" in nobody.joined(nobody, "actions").summary()


def test_what_a_feature_tells_is_the_share_of_its_ranks_variance_between_groups():
    """Against least squares of the ranks on the groups, by another library."""
    import statsmodels.formula.api as smf

    rng = np.random.default_rng(5)
    group = rng.choice(["a", "b", "c"], 400)
    spend = np.where(rng.random(400) < 0.1, np.nan, rng.poisson(np.where(group == "a", 5, 3)))
    keys = [f"k{n}" for n in range(400)]
    features = pd.DataFrame({"customer_key": keys, "order_count": spend}).sample(
        frac=1, random_state=1
    )
    protected = pd.DataFrame({"customer_key": keys, "country": group}).iloc[:350]
    segments = pd.DataFrame({"customer_key": keys, "segment": "all"})
    (row,) = audit(segments, protected, features).proxies.itertuples()
    joined = protected.merge(features, on="customer_key").dropna()
    joined["ranked"] = joined.order_count.rank()
    expected = smf.ols("ranked ~ C(country)", joined).fit().rsquared
    assert row.explained == pytest.approx(expected, rel=1e-12)

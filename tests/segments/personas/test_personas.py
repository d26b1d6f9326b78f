"""Personas: found where they are, not found where they are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.errors import ParameterError
from retention.results import Status
from retention.segments.personas import UNPLACED, Terms, compare_with_template, discover
from retention.segments.personas.methods import candidates
from retention.segments.personas.preparation import prepare
from retention.segments.personas.profile import effects
from retention.segments.personas.selection import _without_clusters

NAMES = ["average_order_minor", "gift_share", "discount_share"]
QUICK = Terms(resamples=5, references=19, sample=600, seed=1)


def customers(kinds: np.ndarray, seed: int = 0) -> pd.DataFrame:
    """Kind 0 buys dear, kind 1 buys gifts, kind 2 buys at a discount."""
    random = np.random.default_rng(seed)
    n = len(kinds)
    return pd.DataFrame(
        {
            "customer_key": [f"c{i:05d}" for i in range(n)],
            "order_count": random.integers(20, 40, n),
            "average_order_minor": np.exp(
                random.normal(np.where(kinds == 0, 9.5, 8.0), 0.3)
            ),
            "gift_share": random.normal(np.where(kinds == 1, 0.7, 0.2), 0.08).clip(0, 1),
            "discount_share": random.normal(np.where(kinds == 2, 0.5, 0.1), 0.06).clip(0, 1),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def three_kinds():
    kinds = np.repeat([0, 1, 2], [300, 400, 500])
    return kinds, discover(customers(kinds), NAMES, terms=QUICK, most_clusters=4)


def test_three_kinds_are_found_and_every_customer_placed(three_kinds):
    from sklearn.metrics import adjusted_rand_score

    kinds, found = three_kinds
    assert found.chosen is not None
    assert found.chosen.clusters == 3
    assert adjusted_rand_score(kinds, found.customers["persona"]) > 0.9
    assert found.checks()[0].status is Status.PASS


def test_personas_are_named_after_what_sets_them_apart(three_kinds):
    names = set(three_kinds[1].customers["persona"])
    assert any("high average order" in name for name in names)
    assert any("high gift share" in name for name in names)
    assert any("high discount share" in name for name in names)


def test_effects_have_intervals_and_raw_means(three_kinds):
    table = three_kinds[1].to_frame()
    assert (table["ci_low"] < table["effect"]).all()
    assert (table["effect"] < table["ci_high"]).all()
    gift = table[table["feature"] == "gift_share"].sort_values("effect").iloc[-1]
    assert gift["mean"] == pytest.approx(0.7, abs=0.05)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_cloud_of_correlated_customers_has_no_personas(seed):
    random = np.random.default_rng(seed)
    level = random.normal(size=(1000, 1)) + 0.8 * random.normal(size=(1000, 3))
    level[:, 1:] = 1 / (1 + np.exp(-level[:, 1:]))  # shares lie between 0 and 1
    frame = pd.DataFrame(level, columns=NAMES).assign(
        customer_key=[f"c{i:05d}" for i in range(1000)], order_count=100_000
    )
    found = discover(frame, NAMES, terms=QUICK, most_clusters=4, methods=["k-means"])
    assert found.chosen is None
    assert set(found.customers["persona"]) == {UNPLACED}
    assert "No cluster structure" in found.summary()
    assert found.checks()[0].status is Status.WARN


def test_customers_with_too_few_orders_stay_unplaced():
    kinds = np.repeat([0, 1, 2], 300)
    frame = customers(kinds)
    frame.loc[::9, "order_count"] = 1
    found = discover(frame, NAMES, terms=QUICK, most_clusters=3, methods=["k-means"], min_orders=2)
    assert (found.customers["persona"] == UNPLACED).sum() == 100
    assert found.n == 800


def test_the_same_seed_and_rows_in_another_order_give_the_same_personas():
    frame = customers(np.repeat([0, 1, 2], 120))
    shuffled = frame.sample(frac=1, random_state=3)
    first, second = (
        discover(f, NAMES, terms=QUICK, most_clusters=3, methods=["k-means"])
        for f in (frame, shuffled)
    )
    pd.testing.assert_frame_equal(first.customers, second.customers)


def test_features_that_cannot_help_are_left_out_with_the_reason():
    frame = customers(np.repeat([0, 1], 150)).assign(
        season_share=0.5, nps_score=[None] * 200 + [9.0] * 100
    )
    found = prepare(frame, [*NAMES, "season_share", "nps_score", "sessions_90d"])
    assert found.features == tuple(NAMES)
    assert found.left_out == {
        "season_share": "the same for all customers",
        "nps_score": "missing for most customers",
        "sessions_90d": "the data does not carry it",
    }
    assert np.allclose(found.values.mean(axis=0), 0)
    assert np.allclose(found.values.std(axis=0), 1, atol=0.01)


def test_a_share_of_one_order_counts_less_than_the_same_share_of_many():
    frame = customers(np.repeat([0, 1], 150))
    frame.loc[0, ["gift_share", "order_count"]] = [1.0, 1]
    frame.loc[1, ["gift_share", "order_count"]] = [1.0, 30]
    values = prepare(frame, NAMES).values
    assert values[0, 1] < values[1, 1]


def test_references_keep_margins_and_correlation_but_no_clusters():
    random = np.random.default_rng(5)
    rows = random.gamma(2.0, size=(800, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    drawn = _without_clusters(rows, random)
    for column in range(2):
        assert np.quantile(drawn[:, column], [0.1, 0.5, 0.9]) == pytest.approx(
            np.quantile(rows[:, column], [0.1, 0.5, 0.9]), rel=0.2
        )
    assert np.corrcoef(drawn.T)[0, 1] == pytest.approx(np.corrcoef(rows.T)[0, 1], abs=0.12)


def test_hedges_interval_of_a_known_difference():
    frame = customers(np.repeat([0, 1], 200))
    prepared = prepare(frame, NAMES)
    labels = np.repeat([0, 1], 200)
    table = effects(prepared, frame, labels)
    first = table[(table["cluster"] == 0) & (table["feature"] == "gift_share")].iloc[0]
    second = table[(table["cluster"] == 1) & (table["feature"] == "gift_share")].iloc[0]
    assert first["effect"] == pytest.approx(-second["effect"])
    assert first["effect"] < -3


def test_the_jewellery_template_matches_each_trade_persona_once(three_kinds):
    found = three_kinds[1]
    match = compare_with_template(found.effects, found.customers["persona"], "handmade_jewellery")
    table = match.to_frame().set_index("trade_persona")
    assert "high average order" in table.loc["Discerning Collector", "persona"]
    assert "high gift share" in table.loc["Gift-Giving Enthusiast", "persona"]
    assert table["persona"].is_unique
    assert not table.loc["Discerning Collector", "within"]
    assert "3 of 3" in match.summary()


def test_unknown_names_are_refused():
    with pytest.raises(ParameterError, match="magic"):
        list(candidates(["magic"], 3))
    with pytest.raises(ParameterError, match="template"):
        compare_with_template(pd.DataFrame(), pd.Series(dtype=str), "pottery")
    frame = customers(np.repeat([0, 1], 150)).assign(top_category="x")
    with pytest.raises(ParameterError, match="no number"):
        prepare(frame, [*NAMES, "top_category"])


def test_too_few_customers_are_left_unplaced_and_it_says_so():
    found = discover(customers(np.zeros(20)), NAMES)
    assert set(found.customers["persona"]) == {UNPLACED}
    assert "too few" in found.summary()
    assert compare_with_template(found.effects, found.customers["persona"], "").matches.empty


def test_features_that_do_not_vary_give_no_persona_and_it_says_so():
    found = discover(customers(np.zeros(300)), ["gift_share", "absent"])
    assert set(found.customers["persona"]) == {UNPLACED}
    assert found.candidates.columns.tolist()[:2] == ["method", "clusters"]
    assert "two features that differ" in found.summary()

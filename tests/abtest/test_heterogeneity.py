"""Segments and time: interaction before segments, shrinkage, trends, bands read every day."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention import abtest
from retention.abtest import MetricDefinition
from retention.abtest.heterogeneity import between_variance, segment_effects
from retention.abtest.over_time import cumulative_effect
from retention.abtest.since_assignment import daily_moments, effect_since_assignment
from retention.engine import Engine
from retention.errors import EvidenceError

Y = MetricDefinition("y", "y", unit="orders")


def collected(frame, **groups):
    engine = Engine()
    engine.register("units", frame)
    return abtest.collect(engine, "units", [Y], **groups)


def shop(effects, seed=0, n=12_000):
    generator = np.random.default_rng(seed)
    names = np.array(list(effects))
    frame = pd.DataFrame({"arm": np.where(generator.random(n) < 0.5, "a", "b")})
    frame["segment"] = names[generator.integers(0, len(names), n)]
    lift = frame["segment"].map(effects) * (frame["arm"] == "b")
    return frame.assign(y=generator.normal(size=n) + lift)


def test_equal_effects_are_not_told_apart():
    frame = shop(dict.fromkeys("uvwxyz", 0.1))
    found = segment_effects(collected(frame, segment="segment"), Y, "a", "b")
    assert not found.differ
    assert "not shown to differ" in found.summary()
    spread = found.table["shrunken_effect"].std()
    assert spread < 0.5 * found.table["effect"].std()


def test_different_effects_are_told_apart_and_keep_their_order():
    found = segment_effects(
        collected(shop({"new": 0.0, "old": 0.5}), segment="segment"), Y, "a", "b"
    )
    assert found.differ
    shrunken = found.table.set_index("segment")["shrunken_effect"]
    assert shrunken["old"] > shrunken["new"]
    assert found.summary().count("%") >= 1


def test_shrinkage_beats_raw_effects_on_average():
    generator = np.random.default_rng(1)
    raw, shrunk = [], []
    for seed in range(10):
        truth = dict(zip("abcdefgh", generator.normal(0.1, 0.05, 8), strict=True))
        found = segment_effects(collected(shop(truth, seed, 4_000), segment="segment"), Y, "a", "b")
        true = found.table["segment"].map(truth)
        raw.append(((found.table["effect"] - true) ** 2).mean())
        shrunk.append(((found.table["shrunken_effect"] - true) ** 2).mean())
    assert np.mean(shrunk) < 0.7 * np.mean(raw)


def test_small_segments_are_left_out_by_name():
    frame = pd.concat([shop({"new": 0.0, "old": 0.0}), shop({"tiny": 0.0}, n=20)])
    found = segment_effects(collected(frame, segment="segment"), Y, "a", "b")
    assert found.left_out == ("tiny",)
    assert "tiny" in found.summary()


def test_one_segment_is_no_comparison():
    with pytest.raises(EvidenceError, match="Fewer than two segments"):
        segment_effects(collected(shop({"all": 0.0}), segment="segment"), Y, "a", "b")


def test_no_spread_beyond_noise_gives_zero():
    assert between_variance(np.array([1.0, 1.0, 1.0]), np.array([0.5, 0.5, 0.5])) == 0
    assert between_variance(np.array([0.0, 10.0, 20.0]), np.full(3, 0.1)) == pytest.approx(
        100, rel=0.01
    )


def panel(effect_of_day, seed=0, units=1_500, days=10):
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame({"unit_key": np.repeat(np.arange(units), days)})
    frame["day"] = np.tile(np.arange(days), units)
    frame["arm"] = np.where(frame["unit_key"] % 2, "b", "a")
    own = generator.normal(size=units)[frame["unit_key"]]
    lift = effect_of_day(frame["day"]) * (frame["arm"] == "b")
    return frame.assign(value=own + generator.normal(size=len(frame)) + lift)


def by_day(rows):
    people = rows.drop_duplicates("unit_key")
    found = daily_moments(rows, people, int(rows["day"].max()) + 1)
    return effect_since_assignment(found["a"], found["b"], metric="y", arm="b")


def test_novelty_is_seen():
    found = by_day(panel(lambda day: 0.6 * np.exp(-day / 3)))
    assert found.slope_ci_high < 0
    assert "wears off" in found.summary()
    assert found.table["effect"].iloc[0] > found.table["effect"].iloc[-1]


def test_a_steady_effect_has_no_trend():
    found = by_day(panel(lambda day: 0.3 + 0 * day))
    assert "steady" in found.summary()
    assert ((found.table["ci_low"] < 0.3) & (found.table["ci_high"] > 0.3)).all()


def test_the_total_is_the_sum_of_the_days():
    found = by_day(panel(lambda day: 0.2 + 0 * day, units=400))
    assert found.table["total"].to_numpy() == pytest.approx(found.table["effect"].cumsum())
    assert found.table["total_low"].iloc[-1] > 0
    assert found.settled_on is not None


def test_the_cumulative_band_narrows_and_ends_at_all_units():
    generator = np.random.default_rng(2)
    n = 6_000
    frame = pd.DataFrame({"arm": np.where(np.arange(n) % 2, "b", "a"), "day": np.arange(n) // 600})
    frame["y"] = generator.normal(size=n) + 0.3 * (frame["arm"] == "b")
    found = cumulative_effect(collected(frame, day="day"), Y, "a", "b", tuned_at=3_000)
    width = found.table["ci_high"] - found.table["ci_low"]
    assert width.is_monotonic_decreasing
    assert found.table["n"].iloc[-1] == n
    assert found.first_crossing is not None
    assert "left zero" in found.summary()

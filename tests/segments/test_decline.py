"""Early signs of decline, and what came after them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from retention.segments import Decline, early_decline


def table(n: int, recency: np.ndarray, sessions: np.ndarray, **more: object) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_key": [f"c{i:05d}" for i in range(n)], "segment": "champions",
            "recency_days": recency, "median_gap_days": 20.0, "tenure_days": 300,
            "sessions_90d": sessions, **more,
        }
    )  # fmt: skip


def shop(seed: int, n: int = 4000) -> dict[str, pd.DataFrame]:
    """Build three dates of a shop whose overdue buy less, and whose visits are noise."""
    random = np.random.default_rng(seed)
    visits = [random.poisson(3, n) for _ in range(3)]
    pauses = [random.choice([10, 60], n) for _ in range(3)]
    bought = random.random(n) < np.where(pauses[1] == 60, 0.2, 0.4)
    tables = [table(n, pause, seen) for pause, seen in zip(pauses, visits, strict=True)]
    outcome = tables[1][["customer_key"]].assign(purchases=bought.astype(int))
    return dict(zip(("earlier", "before", "now"), tables, strict=True)) | {"outcome": outcome}


def found(world: dict[str, pd.DataFrame], watched: str = "champions") -> Decline:
    return early_decline(**world, watched=[watched], days=90)


def test_each_sign_counts_those_in_whom_it_can_show():
    world = shop(1)
    world["now"] = world["now"].assign(median_gap_days=[20.0, None] * 2000)
    signs = found(world).today().set_index("sign")
    assert signs.loc["overdue", "customers"] == 2000
    assert signs.loc["overdue", "showing"] == (world["now"]["recency_days"].iloc[::2] > 40).sum()
    able = world["before"]["sessions_90d"] >= 2
    halved = world["now"]["sessions_90d"] <= world["before"]["sessions_90d"] / 2
    assert signs.loc["visits_halved", "customers"] == able.sum()
    assert signs.loc["visits_halved", "showing"] == (able & halved).sum()
    assert "opens_halved" not in signs.index


def test_a_sign_that_silence_follows_is_a_warning_and_one_of_chance_is_none():
    warned = [found(shop(seed)).signs.set_index("sign")["is_warning"] for seed in range(8)]
    assert all(signs["overdue"] for signs in warned)
    assert sum(signs["visits_halved"] for signs in warned) <= 1


def test_the_difference_has_an_interval_that_holds_the_truth():
    rows = [found(shop(seed)).proof().set_index("sign").loc["overdue"] for seed in range(10)]
    holds = [row["difference_low"] < -0.2 < row["difference_high"] for row in rows]
    assert sum(holds) >= 8
    assert all(row["n_with"] + row["n_without"] == 4000 for row in rows)


def test_visits_are_not_held_against_the_window_of_the_first_purchase():
    world = shop(2)
    world["before"] = world["before"].assign(tenure_days=[89, 90] * 2000)
    seen = (world["before"]["sessions_90d"].iloc[1::2] >= 2).sum()
    assert found(world).today().set_index("sign").loc["visits_halved", "customers"] == seen


def test_the_fading_are_those_with_a_warning():
    world = shop(3)
    fading = found(world).fading
    late = world["now"].loc[world["now"]["recency_days"] > 40, "customer_key"]
    assert fading["customer_key"].tolist() == late.tolist()
    assert set(fading["signs"]) == {1}


def test_summary_and_advice_name_the_warning_and_what_is_none():
    decline = found(shop(4))
    assert "1 of 2 signs" in decline.summary()
    assert "overdue among champions" in decline.summary()
    assert "points" in decline.summary()
    assert "Do not act on the other 1" in decline.advice()


def test_too_few_to_compare_gives_no_warning():
    world = {name: frame.head(50) for name, frame in shop(5).items()}
    decline = found(world)
    assert not decline.signs["is_warning"].any()
    assert decline.fading.empty
    assert "No sign of decline" in decline.summary()
    assert "Do not act" in decline.advice()


def test_without_a_customer_to_watch_no_sign_shows():
    decline = found(shop(6), watched="nobody")
    assert decline.fading.empty
    assert "No sign of decline" in decline.summary()

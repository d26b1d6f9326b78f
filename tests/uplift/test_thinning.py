"""A part of a trial stands for the whole: arms in their shares, the draw blind to outcomes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.uplift import at_most, average_lift, learnt_from, trial_from_frame


@pytest.fixture(scope="module")
def trial():
    random = np.random.default_rng(5)
    n = 30_000
    arm = random.choice(["none", "email", "gift"], n, p=[0.5, 0.3, 0.2])
    visit = (random.random(n) < 0.2 + 0.1 * (arm == "email")).astype(float)
    keys = [f"u{i:05d}" for i in range(n)]
    frame = pd.DataFrame({"unit_key": keys, "arm": arm, "age": random.normal(size=n)})
    return trial_from_frame(frame.assign(visit=visit), control="none", outcomes=["visit"])


def test_every_arm_gives_the_same_share(trial):
    part = at_most(trial, 6_000)
    assert 6_000 <= part.units <= 6_003
    shares = np.bincount(part.arm) / np.bincount(trial.arm)
    assert shares == pytest.approx(0.2, abs=0.001)
    assert sorted(part.unit_key) == list(part.unit_key)
    assert learnt_from(part, trial).startswith(f"Rankings and policies stand on {part.units:,} of")


def test_a_small_trial_is_taken_whole(trial):
    assert at_most(trial, 30_000) is trial
    assert "all 30,000 customers" in learnt_from(trial, trial)


def test_the_part_shows_the_same_effect(trial):
    effect, other = (
        average_lift(of, ["visit"], currency="").of("visit", "email")
        for of in (trial, at_most(trial, 10_000))
    )
    assert other.ci_low < effect.difference < other.ci_high
    assert other.difference == pytest.approx(effect.difference, abs=0.02)


def test_the_draw_depends_on_the_keys_alone(trial):
    other = trial.take(np.arange(trial.units))
    other.outcomes["visit"] = 1 - other.outcomes["visit"]
    assert at_most(trial, 500).unit_key.tolist() == at_most(other, 500).unit_key.tolist()

"""Staged release: steps, stop rules, rollback."""

from __future__ import annotations

import numpy as np
import pytest

from retention.campaign.codes import CampaignCode
from retention.campaign.release import Release, Signals, Stage, advance, reached, resume, roll_back
from retention.errors import ParameterError
from retention.results import Check, Status

CALM = Signals(sent=5000, complaints=1, unsubscribes=10)


def test_calm_release_goes_out_step_by_step() -> None:
    release, seen = Release("targeted", "email to all"), []
    for _ in range(4):
        seen.append(release.percent)
        release = advance(release, CALM)
    assert seen == [5, 25, 50, 100]
    assert release.stage is Stage.COMPLETE
    assert release.check().status is Status.PASS


def test_few_messages_change_nothing() -> None:
    release = Release("targeted", "email to all")
    assert advance(release, Signals(sent=10, complaints=1, unsubscribes=1)) == release


@pytest.mark.parametrize(
    ("signals", "words"),
    [
        (Signals(5000, 20, 10), "complaints 0.40 %"),
        (Signals(5000, 0, 60), "unsubscribes 1.20 %"),
        (Signals(10, 0, 0, compliance=("no proof of consent",)), "no proof of consent"),
        (
            Signals(10, 0, 0, guardrails=(
                Check(CampaignCode.GUARDRAIL, Status.FAIL, "order value fell", "Stop."),)),
            "order value fell",
        ),
    ],
)  # fmt: skip
def test_stop_rule_pauses_the_release(signals: Signals, words: str) -> None:
    release = advance(Release("targeted", "email to all"), signals)
    assert release.stage is Stage.PAUSED
    assert release.percent == 0
    assert words in release.summary()
    assert release.check().status is Status.FAIL
    assert advance(release, CALM) == release


def test_rate_at_the_accepted_level_rarely_stops() -> None:
    generator = np.random.default_rng(1)
    stops = [
        advance(
            Release("targeted", "x"),
            Signals(4000, int(generator.binomial(4000, 0.001)), int(generator.binomial(4000,
            0.005))),
        ).stage is Stage.PAUSED
        for _ in range(400)
    ]  # fmt: skip
    assert np.mean(stops) <= 0.12


def test_rollback_returns_to_the_approved_policy() -> None:
    release = roll_back(Release("targeted", "email to all"))
    assert "gets email to all again" in release.summary()
    assert release.percent == 0


def test_resuming_starts_at_the_first_step_and_only_after_a_pause() -> None:
    paused = advance(Release("targeted", "x", step=2), Signals(5000, 50, 0))
    assert resume(paused).percent == 5
    with pytest.raises(ParameterError, match="not paused"):
        resume(Release("targeted", "x"))


def test_whoever_is_reached_stays_reached() -> None:
    keys = [f"c{i}" for i in range(4000)]
    early = reached(Release("targeted", "x"), keys)
    later = reached(Release("targeted", "x", step=1), keys)
    assert early.mean() == pytest.approx(0.05, abs=0.015)
    assert later.mean() == pytest.approx(0.25, abs=0.03)
    assert not (early & ~later).any()
    assert (early != reached(Release("another", "x"), keys)).any()


def test_steps_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ParameterError, match="rise to 100"):
        Release("targeted", "x", percents=(50, 25, 100))

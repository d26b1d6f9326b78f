"""Several arms: the interval that decides is corrected, against the minimum that decides."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from retention.abtest import (
    Decision,
    DecisionRule,
    MetricDefinition,
    Moments,
    correct,
    decide,
    estimate,
    posterior,
)
from retention.errors import ParameterError

Y = MetricDefinition("y", "y", unit="USD", role="primary")


def drawn(generator, mean, n=400):
    values = generator.normal(mean, 5, n)
    return Moments.of_sums("y", n, values.sum(), (values**2).sum())


def test_the_corrected_interval_is_students_at_the_level_of_one_comparison():
    generator = np.random.default_rng(0)
    control = drawn(generator, 10)
    found = [estimate(control, drawn(generator, 11), Y, arm=f"arm {k}") for k in range(4)]
    for plain, corrected in zip(found, correct(found, "holm"), strict=True):
        half = stats.t.ppf(1 - 0.05 / 8, plain.degrees_of_freedom) * plain.standard_error
        expected = plain.difference - half, plain.difference + half
        assert corrected.corrected_interval == pytest.approx(expected)
        assert (corrected.ci_low, corrected.ci_high) == (plain.ci_low, plain.ci_high)
    assert correct(found[:1], "holm")[0].corrected_interval == (found[0].ci_low, found[0].ci_high)


def test_arms_at_the_least_worthwhile_effect_are_seldom_shipped():
    generator, shipped, repetitions = np.random.default_rng(1), 0, 600
    for _ in range(repetitions):
        control = drawn(generator, 10)
        found = [estimate(control, drawn(generator, 11), Y) for _ in range(4)]
        verdicts = [decide(e, rule=DecisionRule(minimum_effect=1.0)) for e in correct(found)]
        shipped += any(v.decision is Decision.SHIP for v in verdicts)
    # 2.5 % one-sided at most; 7.8 % without the correction.
    assert shipped / repetitions < 0.025 + 3 * np.sqrt(0.025 * 0.975 / repetitions)


def test_the_sentence_shows_the_interval_that_decides():
    generator = np.random.default_rng(2)
    control = drawn(generator, 10)
    found = correct([estimate(control, drawn(generator, 11), Y, arm="a") for _ in range(3)])[0]
    sentence = decide(found, rule=DecisionRule(minimum_effect=0.5)).sentence
    low, high = found.corrected_interval
    assert f"interval over all arms USD {low:+.2f} to USD {high:+.2f}" in sentence


def test_the_chance_to_win_is_against_the_minimum_that_decides():
    belief = posterior(1.5, 0.5, minimum=1.0)
    assert belief.chance_to_win == pytest.approx(stats.norm.sf(-1.0))
    worse = posterior(-1.5, 0.5, minimum=1.0, higher_is_better=False)
    assert worse.chance_to_win == pytest.approx(belief.chance_to_win)
    found = estimate(*(drawn(np.random.default_rng(3), m) for m in (10, 12)), Y)
    verdict = decide(found, rule=DecisionRule(minimum_effect=1.0), belief=belief)
    assert "chance to win by more than USD 1.00 84 %" in verdict.sentence


@pytest.mark.parametrize("given", [(0.1, 0.0), (float("nan"), 1.0), (0.1, -1.0)])
def test_a_posterior_without_an_error_is_refused(given):
    with pytest.raises(ParameterError, match="no posterior"):
        posterior(*given)

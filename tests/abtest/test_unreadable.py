"""One metric, stratum or arm that cannot be read does not take the others with it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.abtest import (
    Decision,
    DecisionRule,
    Experiment,
    MetricDefinition,
    Moments,
    decide,
    estimate,
    evaluate,
)
from retention.abtest.collect import collect
from retention.abtest.stratification import post_stratified
from retention.engine import Engine
from retention.errors import EvidenceError
from retention.results import Status

TEXT = """
name: card
hypothesis: A card brings customers back.
owner: marketing
unit: customer
control: control
arms: {control: 0.5, card: 0.5}
starts: 2026-01-01
ends: 2026-02-01
horizon_days: 28
metrics:
  - {name: revenue, column: revenue, unit: EUR, role: primary}
  - {name: complaints, column: complained, kind: proportion, unit: share, role: guardrail,
     higher_is_better: false, MARGIN}
  - {name: days, column: days, kind: quantile, quantile: 0.5, unit: days}
  - {name: gifts, column: gifts, unit: gifts}
"""
N = 2_000


def plan(margin="absolute_margin: 0.01"):
    return Experiment.from_text(TEXT.replace("MARGIN", margin))


def units(**columns):
    generator = np.random.default_rng(0)
    return pd.DataFrame({
        "unit_key": [f"u{i}" for i in range(2 * N)], "arm": ["control"] * N + ["card"] * N,
        "revenue": generator.gamma(2, 20, 2 * N) + 4 * (np.arange(2 * N) >= N),
        "complained": 0, "days": generator.gamma(3, 5, 2 * N), "gifts": generator.poisson(1, 2 * N),
    }).assign(**columns)  # fmt: skip


def test_a_guardrail_without_events_is_read_by_the_score_interval():
    found = evaluate(Engine(), units(), plan())
    complaints = found.of("complaints", "card")
    # Nobody in either arm: the score test of a difference d solves d / (1 - d) = z² / (n - 1/2).
    end = 1.959964**2 / (1.959964**2 + N - 0.5)
    assert complaints.method == "score test"
    assert complaints.difference == 0
    assert (complaints.ci_low, complaints.ci_high) == pytest.approx((-end, end), rel=1e-5)
    assert found.best.decision is Decision.SHIP


def test_a_share_of_no_events_rules_out_no_harm():
    found = evaluate(Engine(), units(), plan("non_inferiority_margin: 0.02"))
    assert found.best.decision is Decision.DONT_SHIP
    assert "complaints is not shown to be unharmed" in found.summary()


@pytest.mark.parametrize(
    ("columns", "metric"),
    [({"gifts": 1}, "gifts"), ({"days": 3.0}, "days"), ({"complained": 1}, None)],
)
def test_a_metric_that_does_not_vary_says_so_and_the_others_are_read(columns, metric):
    found = evaluate(Engine(), units(**columns), plan())
    unread = [e.metric for e in found.estimates if not e.readable]
    assert unread == ([metric] if metric else [])
    assert found.of("revenue", "card").significant
    assert found.best.decision is Decision.SHIP
    if metric:
        (check,) = [c for c in found.checks if c.code == "abtest.unread_metric"]
        assert check.status is Status.WARN
        assert metric in check.detail
        assert f"Not read: {metric}" in found.summary()
        assert "nan" not in found.table().to_string().lower()


def test_a_primary_that_does_not_vary_decides_nothing_but_the_others_are_read():
    found = evaluate(Engine(), units(revenue=50.0), plan())
    assert found.best.decision is Decision.DONT_SHIP
    assert "does not vary" in found.summary()
    assert "nan" not in found.summary()
    assert found.of("days", "card").readable
    assert found.beliefs == {}
    assert "cannot be read" in found.beliefs_summary()


def test_nothing_that_can_be_read_is_too_little_evidence():
    frame = units(revenue=50.0)
    alone = Experiment.from_text(TEXT.split("  - {name: complaints")[0])
    with pytest.raises(EvidenceError, match="does not vary"):
        evaluate(Engine(), frame, alone)


def test_a_quantile_with_one_cluster_in_an_arm_is_said_not_to_be_readable():
    frame = units().assign(shop=np.r_[np.zeros(N), np.arange(N) % 50 + 1])
    clustered = Experiment.from_text(
        TEXT.replace("MARGIN", "absolute_margin: 0.01") + "cluster: shop"
    )
    with pytest.raises(EvidenceError, match="No metric"):
        evaluate(Engine(), frame, clustered)


def test_a_stratum_that_lacks_an_arm_is_left_out_and_named():
    frame = units().assign(country=lambda f: np.where(np.arange(2 * N) % 2, "DE", "US"))
    frame.loc[frame.index[:60], "country"] = "FR"
    metric = MetricDefinition("revenue", "revenue", strata="country")
    engine = Engine()
    engine.register("u", frame)
    both = post_stratified(
        collect(engine, "u", [metric], segment="country"), metric, "control", "card"
    )
    engine.register("u", frame[frame["country"] != "FR"])
    without = post_stratified(
        collect(engine, "u", [metric], segment="country"), metric, "control", "card"
    )
    assert both.left_out == ("FR",)
    assert both.difference == pytest.approx(without.difference)
    assert both.n_control == N - 60


@pytest.mark.parametrize("counts", [(0, 1000, 0, 1000), (0, 10, 10, 10), (10, 10, 10, 10)])
def test_rates_of_none_or_all_have_the_score_interval_and_a_standard_error(counts):
    metric = MetricDefinition("bought", "bought", kind="proportion")
    x0, n0, x1, n1 = counts
    found = estimate(Moments.of_counts("b", x0, n0), Moments.of_counts("b", x1, n1),
                     MetricDefinition("b", "b", kind="proportion"))  # fmt: skip
    assert found.ci_low < found.difference or found.difference == -1
    assert found.ci_low <= found.difference <= found.ci_high
    # Agresti and Caffo (2000): one success and one failure more in each arm.
    expected = sum(
        (x + 1) / (n + 2) * (1 - (x + 1) / (n + 2)) / (n + 2) for x, n in ((x0, n0), (x1, n1))
    )
    assert found.standard_error**2 == pytest.approx(expected)
    assert metric.kind == "proportion"


def test_an_unreadable_primary_waits_where_units_are_still_planned():
    found = evaluate(Engine(), units(revenue=50.0), plan())
    verdict = decide(found.of("revenue", "card"), rule=DecisionRule(planned_units=10_000))
    assert verdict.decision is Decision.KEEP_RUNNING

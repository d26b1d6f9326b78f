"""Hillstrom's three-arm e-mail test, from rows to the published table."""

from __future__ import annotations

import pandas as pd
import pytest

from retention import abtest
from retention.abtest import MetricDefinition, MetricKind
from retention.engine import Engine

METRICS = [
    MetricDefinition("visit", "visit", MetricKind.PROPORTION, unit="share"),
    MetricDefinition("conversion", "conversion", MetricKind.PROPORTION, unit="share"),
    MetricDefinition("spend", "spend", unit="USD"),
]
PUBLISHED = {
    "Mens E-Mail": (21_307, (0.182757, 0.012531, 1.422617)),
    "Womens E-Mail": (21_387, (0.151400, 0.008837, 1.077202)),
    "No E-Mail": (21_306, (0.106167, 0.005726, 0.652789)),
}
LIFTS = {
    "Mens E-Mail": ((0.076590, 0.003386), (0.006805, 0.000921), (0.769827, 0.145247)),
    "Womens E-Mail": ((0.045233, 0.003234), (0.003111, 0.000823), (0.424412, 0.130333)),
}


@pytest.fixture(scope="module")
def statistics(real_data):
    engine = Engine()
    engine.register("hillstrom", pd.read_csv(real_data / "hillstrom.csv.gz"))
    return abtest.collect(engine, "hillstrom", METRICS, arm="treatment", segment="womens")


@pytest.mark.realdata
@pytest.mark.parametrize("arm", sorted(PUBLISHED))
def test_rates_of_each_arm(statistics, arm):
    n, values = PUBLISHED[arm]
    for metric, value in zip(METRICS, values, strict=True):
        moments = statistics.of(metric.name, arm)
        assert moments.n == n
        assert round(float(moments.mean[0]), 6) == value


@pytest.mark.realdata
@pytest.mark.parametrize("arm", sorted(LIFTS))
def test_lift_of_each_arm_with_its_standard_error(statistics, arm):
    for metric, (lift, error) in zip(METRICS, LIFTS[arm], strict=True):
        found = abtest.estimate(
            statistics.of(metric.name, "No E-Mail"), statistics.of(metric.name, arm), metric
        )
        assert round(found.difference, 6) == lift
        assert round(found.standard_error, 6) == error
        assert found.significant


@pytest.mark.realdata
@pytest.mark.parametrize(("womens", "lift", "half"), [("1", 0.0731, 0.0090), ("0", 0.0111, 0.0087)])
def test_womens_lift_on_visit_by_what_was_bought_before(statistics, womens, lift, half):
    control = statistics.of("visit", "No E-Mail", womens)
    treatment = statistics.of("visit", "Womens E-Mail", womens)
    found = abtest.estimate(control, treatment, METRICS[0])
    assert round(found.difference, 4) == lift
    assert (found.ci_high - found.ci_low) / 2 == pytest.approx(half, abs=2e-4)


@pytest.mark.realdata
def test_the_split_is_as_planned(statistics):
    counts = {arm: statistics.of("visit", arm).n for arm in statistics.arms}
    assert not abtest.sample_ratio(counts).mismatch

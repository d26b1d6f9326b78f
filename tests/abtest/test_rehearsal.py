"""A planned experiment is rehearsed as it is declared: every kind, strata, looks, always valid."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.abtest import Experiment, MetricDefinition, MetricKind, rehearse, rehearse_plan
from retention.abtest.past_splits import material_of
from retention.abtest.simulation import _treated, few_enough
from retention.abtest.time_to_event import restricted_mean, time_to_event_effect
from retention.engine import Engine
from retention.errors import EvidenceError

N = 600
HEAD = """
name: card
hypothesis: A card brings customers back.
owner: marketing
unit: customer
control: control
arms: {control: 1, card: 1}
starts: 2026-03-02
ends: 2026-03-30
horizon_days: 28
metrics:
  - {name: revenue, column: revenue, unit: USD, role: primary, strata: kind}
  - {name: median, column: revenue, kind: quantile, quantile: 0.5}
  - {name: waited, column: waited, kind: time_to_event, event: ordered, horizon: 28}
"""


@pytest.fixture(scope="module")
def past() -> pd.DataFrame:
    generator = np.random.default_rng(8)
    kind = generator.choice(["a", "b"], N, p=[0.7, 0.3])
    level = np.where(kind == "b", 60.0, 20.0)
    waited = generator.exponential(20.0, N)
    return pd.DataFrame({
        "kind": kind, "house": np.arange(N) // 5, "revenue": level + generator.gamma(2.0, 5.0, N),
        "waited": np.minimum(waited, 28.0), "ordered": (waited < 28).astype(int),
        "whale": generator.lognormal(0, 2.0, N),
    })  # fmt: skip


KINDS = {
    "strata": MetricDefinition("m", "revenue", strata="kind"),
    "quantile": MetricDefinition("m", "revenue", MetricKind.QUANTILE, quantile=0.5),
    "time": MetricDefinition(
        "m", "waited", MetricKind.TIME_TO_EVENT, event="ordered", horizon=28.0
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_keeps_its_level_and_sees_a_large_lift(past, kind):
    found = rehearse(Engine(), past, KINDS[kind], relative_effect=0.25, draws=200, seed=3)
    assert found.false_positive_low <= 0.05 <= found.false_positive_high
    assert found.power > 0.5
    again = rehearse(Engine(), past, KINDS[kind], relative_effect=0.25, draws=200, seed=3)
    assert (again.p_values == found.p_values).all()


def test_strata_see_what_a_plain_mean_does_not(past):
    terms = {"relative_effect": 0.05, "draws": 200, "seed": 4}
    plain = rehearse(Engine(), past, MetricDefinition("m", "revenue"), **terms)
    within = rehearse(Engine(), past, KINDS["strata"], **terms)
    assert within.power > plain.power + 0.2


def test_an_always_valid_test_keeps_its_level_however_often_it_is_read(past):
    metric = MetricDefinition("m", "revenue")
    terms = {"relative_effect": 0.4, "draws": 150, "seed": 5}
    found = rehearse(Engine(), past, metric, tuned_at=N, **terms)
    assert found.false_positive_high <= 0.08
    assert found.power > 0.9
    assert "10 look(s), always valid" in found.summary()
    peeked = rehearse(Engine(), past, metric, looks=10, spending="pocock", **terms)
    assert found.power < peeked.power + 0.05


def test_looks_may_be_anywhere(past):
    metric = MetricDefinition("m", "revenue")
    found = rehearse(
        Engine(), past, metric, relative_effect=0.1, draws=150, seed=6, looks=2,
        information=(0.9, 1.0), spending="pocock",
    )  # fmt: skip
    assert found.false_positive_low <= 0.05 <= found.false_positive_high


def test_a_look_with_too_few_units_is_refused(past):
    for kind, share, problem in (
        ("quantile", 0.005, "too few for an interval|no units"), ("time", 0.001, "no units"),
        ("strata", 0.005, "two units|in the two arms"),
    ):  # fmt: skip
        with pytest.raises(EvidenceError, match=problem):
            rehearse(
                Engine(), past, KINDS[kind], relative_effect=0.1, draws=9, looks=2, seed=1,
                information=(share, 1.0),
            )  # fmt: skip


def test_strata_are_split_evenly():
    within = np.repeat([0, 1], [30, 11])
    treated = _treated(within, 0.5, 200, np.random.default_rng(0))
    assert set(treated[:, :30].sum(axis=1)) == {15}
    assert set(treated[:, 30:].sum(axis=1)) == {5, 6}
    assert treated.mean(axis=0) == pytest.approx(0.5, abs=0.15)


def test_a_skewed_mean_in_unequal_arms_is_rehearsed_with_redrawn_assignments(past):
    metric = MetricDefinition("m", "whale")
    assert len(material_of(Engine(), past, metric, share=0.1).reference)
    assert not len(material_of(Engine(), past, metric, share=0.5).reference)
    found = rehearse(
        Engine(), past, metric, relative_effect=0.1, share_treatment=0.1, draws=400, seed=7
    )
    assert found.false_positive_low <= 0.05 <= found.false_positive_high


def test_the_coded_restricted_mean_is_the_plain_one(past):
    times, codes = np.unique(past["waited"], return_inverse=True)
    side = past.index % 2 == 0
    events = past["ordered"].to_numpy(float)
    leaving, seen = (
        np.bincount(codes[side], weights, len(times)) for weights in (None, events[side])
    )
    mean, variance = restricted_mean(times, leaving, seen, 28.0)
    arms = [(past.loc[s, "waited"].to_numpy(), events[s]) for s in (side, ~side)]
    plain = time_to_event_effect(arms[0], arms[1], 28.0)
    assert mean == pytest.approx(plain.control)
    assert variance**0.5 == pytest.approx(plain.control_error)
    with pytest.raises(EvidenceError, match="observed for"):
        restricted_mean(times, leaving, seen, 50.0)


def test_a_plan_is_rehearsed_metric_by_metric_as_declared(past):
    more = "analysis: group_sequential\ninformation: [0.6, 1]\nstratify_by: kind\n"
    plan = Experiment.from_text(HEAD + more)
    found = rehearse_plan(Engine(), past, plan, relative_effect=0.1, draws=60, seed=1)
    assert found.to_frame()["metric"].tolist() == ["revenue", "median", "waited"]
    assert set(found.to_frame()["looks"]) == {"2"}
    assert [check.code for check in found.checks()] == ["abtest.false_positive_rate"] * 3
    assert found.summary().startswith("card as planned: revenue: over 60 random splits")


def test_what_the_past_does_not_hold_is_named(past):
    plan = Experiment.from_text(HEAD + "  - {name: clicks, column: clicks}\n")
    found = rehearse_plan(Engine(), past, plan, relative_effect=0.1, draws=20, seed=1)
    assert len(found.found) == 3
    assert "clicks could not be rehearsed" in found.summary()


def test_clusters_are_drawn_as_one_for_a_quantile(past):
    metric = KINDS["quantile"]
    found = rehearse(
        Engine(), past, metric, relative_effect=0.2, draws=100, seed=2, cluster="house"
    )
    assert found.units == N // 5
    assert found.drawn == "clusters"


def test_few_enough_units_are_evenly_spaced_and_clusters_stay_whole():
    units = pd.DataFrame({"unit_key": np.arange(100), "house": np.arange(100) // 4})
    assert few_enough(units, None) is units
    assert few_enough(units, 100) is units
    assert few_enough(units, 30)["unit_key"].tolist() == list(range(0, 100, 4))
    houses = few_enough(units, 30, "house").groupby("house").size()
    assert houses.tolist() == [4] * 7
    assert houses.index.tolist() == list(range(0, 25, 4))

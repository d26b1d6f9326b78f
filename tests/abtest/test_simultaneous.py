"""Intervals over several arms at once, and a model's prediction as covariate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from retention.abtest import MetricDefinition, collect, contrast
from retention.abtest.prediction_covariate import predicted_outcome
from retention.abtest.simultaneous import dunnett_quantile, simultaneous_effects
from retention.engine import Engine
from retention.errors import EvidenceError, InputError


@pytest.mark.parametrize(
    ("arms", "degrees", "table"),
    [(1, np.inf, 1.96), (2, np.inf, 2.21), (3, np.inf, 2.35), (2, 20, 2.38), (4, 10, 2.89)],
)
def test_critical_values_are_those_of_dunnetts_table(arms, degrees, table):
    # Dunnett (1964), "New tables for multiple comparisons with a control", table II, 5 %.
    found = dunnett_quantile(0.95, np.full(arms, np.sqrt(0.5)), degrees)
    assert found == pytest.approx(table, abs=0.012)


def collected(frame, metric):
    engine = Engine()
    engine.register("u", frame)
    return collect(engine, "u", [metric])


def test_p_values_are_those_of_scipys_dunnett():
    generator = np.random.default_rng(0)
    arms = {"c": generator.normal(0, 1, 60), "x": generator.normal(0.5, 1, 60),
            "y": generator.normal(0.3, 1, 60)}  # fmt: skip
    frame = pd.concat([pd.DataFrame({"arm": a, "y": v}) for a, v in arms.items()])
    metric = MetricDefinition("y", "y")
    found = simultaneous_effects(collected(frame, metric), metric, "c", ["x", "y"])
    expected = stats.dunnett(arms["x"], arms["y"], control=arms["c"], rng=np.random.default_rng(1))
    assert found.table["p_value"].to_numpy() == pytest.approx(expected.pvalue, abs=0.01)
    assert "over all arms: x" in found.summary()


def test_all_intervals_hold_at_once():
    generator, all_in, repetitions = np.random.default_rng(2), 0, 60
    metric = MetricDefinition("y", "y")
    from retention.abtest import Cell, Moments, Statistics

    for _ in range(repetitions):
        cells = {
            Cell("y", arm): Moments.of(("y",), generator.exponential(1, (n, 1)))
            for arm, n in (("c", 300), ("x", 200), ("y", 400), ("z", 200))
        }
        table = simultaneous_effects(Statistics(cells), metric, "c", ["x", "y", "z"]).table
        all_in += bool(((table["ci_low"] <= 0) & (table["ci_high"] >= 0)).all())
    assert all_in / repetitions == pytest.approx(0.95, abs=3 * np.sqrt(0.05 * 0.95 / repetitions))


def people(seed=0, n=2_000, effect=0.3):
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "unit_key": np.arange(n).astype(str), "arm": np.where(generator.random(n) < 0.5, "b", "a"),
        "before": generator.normal(0, 1, n), "country": generator.choice(["DE", "US", "FR"], n),
    })  # fmt: skip
    bump = frame["country"].map({"DE": 0.0, "US": 2.0, "FR": -2.0})
    frame["y"] = np.sin(2 * frame["before"]) * 2 + bump + generator.normal(0, 1, n)
    frame["y"] += effect * (frame["arm"] == "b")
    return frame


def test_a_prediction_removes_more_variance_than_a_line_and_keeps_the_effect():
    frame = people()
    frame["expected"] = predicted_outcome(frame, "y", ["before", "country"])
    reduced = {}
    for covariate in ("before", "expected"):
        metric = MetricDefinition("y", "y", covariates=covariate)
        found = collected(frame, metric)
        both = contrast(found.of("y", "a"), found.of("y", "b"), metric)
        reduced[covariate] = both.variance_reduction
        assert both.difference == pytest.approx(0.3, abs=4 * both.standard_error)
    assert reduced["expected"] > 0.7 > 0.3 > reduced["before"]


def test_no_units_own_outcome_enters_its_prediction():
    frame = people(n=400)
    first = predicted_outcome(frame, "y", ["before"], folds=4)
    moved = frame.assign(y=frame["y"].where(frame.index != 7, 1e6))
    second = predicted_outcome(moved, "y", ["before"], folds=4)
    assert first[7] == second[7]
    assert (first != second).any()


def test_a_prediction_refuses_what_came_after_and_too_few_units():
    with pytest.raises(InputError, match="arm"):
        predicted_outcome(people(), "y", ["arm"])
    with pytest.raises(EvidenceError, match="needs 100"):
        predicted_outcome(people(n=50), "y", ["before"])

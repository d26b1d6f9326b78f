"""Words that name a member of a closed set, wherever a public object takes one."""

from enum import StrEnum

import numpy as np
import pandas as pd
import pytest

from retention.abtest import (
    AbtestCode,
    Analysis,
    Experiment,
    MetricDefinition,
    MetricKind,
    NullPolicy,
    Role,
    collect,
    estimate,
)
from retention.abtest.experiment import EXAMPLE
from retention.abtest.study import Study, StudyDesign
from retention.campaign.release import Release, Stage
from retention.choices import choice
from retention.engine import Engine
from retention.errors import ParameterError
from retention.results import Check, Status
from retention.survival.logrank import Weighting


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


def test_a_word_becomes_the_member_that_it_names():
    assert choice(Size, "small", "size") is Size.SMALL
    assert choice(Size, Size.LARGE, "size") is Size.LARGE


@pytest.mark.parametrize("word", ["Small", "tiny", "", None, 1])
def test_an_unknown_word_is_refused_with_the_choices(word):
    with pytest.raises(ParameterError, match="small, large"):
        choice(Size, word, "size")


def test_a_metric_of_words_is_the_metric_of_enums():
    words = MetricDefinition(
        "y", "y", kind="proportion", nulls="drop", covariate_nulls="zero", role="guardrail"
    )
    assert words.kind is MetricKind.PROPORTION
    assert words.nulls is NullPolicy.DROP
    assert words.covariate_nulls is NullPolicy.ZERO
    assert words.role is Role.GUARDRAIL


def test_a_policy_given_as_a_word_drops_the_nulls():
    units = pd.DataFrame({"arm": ["a"] * 3 + ["b"] * 3, "y": [1.0, 3.0, None, 2.0, 4.0, None]})
    engine = Engine()
    engine.register("u", units)
    found = collect(engine, "u", [MetricDefinition("y", "y", nulls="drop")])
    assert found.of("y", "a").mean[0] == pytest.approx(2.0)
    assert found.of("y", "b").mean[0] == pytest.approx(3.0)


def test_a_proportion_given_as_a_word_is_compared_by_the_score_test():
    units = pd.DataFrame({"arm": np.repeat(["a", "b"], 50), "y": np.tile([0, 0, 0, 0, 1], 20)})
    engine = Engine()
    engine.register("u", units)
    metric = MetricDefinition("y", "y", kind="proportion")
    found = collect(engine, "u", [metric])
    assert estimate(found.of("y", "a"), found.of("y", "b"), metric).method == "score test"


@pytest.mark.parametrize("field", ["kind", "nulls", "covariate_nulls", "role"])
def test_a_metric_refuses_an_unknown_word(field):
    with pytest.raises(ParameterError, match="Choose one of"):
        MetricDefinition("y", "y", **{field: "guess"})


def test_a_single_covariate_is_not_taken_apart_into_letters():
    assert MetricDefinition("y", "y", covariates="spend").covariates == ("spend",)


def test_an_experiment_takes_and_refuses_words():
    plan = Experiment.from_text(EXAMPLE)
    fields = {f: getattr(plan, f) for f in plan.__dataclass_fields__}
    assert Experiment(**fields | {"analysis": "fixed"}).analysis is Analysis.FIXED
    for field in ("analysis", "correction", "spending"):
        with pytest.raises(ParameterError, match="Choose one of"):
            Experiment(**fields | {field: "guess"})


def test_other_objects_take_words_too():
    assert Check(AbtestCode.BALANCE, "fail", "x").status is Status.FAIL
    assert Release("p", "a", stage="paused").stage is Stage.PAUSED
    study = Study("s", "q", "o", "switchback", "2026-01-01")
    assert study.design is StudyDesign.SWITCHBACK
    with pytest.raises(ParameterError, match="gehan"):
        choice(Weighting, "wilcoxon", "weighting")

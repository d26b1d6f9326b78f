"""Ties share their average whatever the order of rows; what is no number is refused by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.campaign.costs import CampaignCost
from retention.errors import InputError, ParameterError
from retention.uplift.allocation import Limits, allocate
from retention.uplift.evaluation import (
    area_under_uplift_curve,
    bootstrap_qini,
    count_qini,
    uplift_at,
)
from retention.uplift.heterogeneity import effect_by_group
from retention.uplift.learners import TLearner
from retention.uplift.policy import compare_policies
from retention.uplift.ranking import areas, paired_qini, rank_quality, ranked, toc_curve
from retention.uplift.trial import trial_from_frame

METRICS: dict[str, Callable[[np.ndarray, np.ndarray], object]] = {
    "QINI and AUTOC": lambda p, s: areas(ranked(p, s), None),
    "their errors": lambda p, s: rank_quality(p, s, seed=1, draws=10).to_frame().iloc[:, 1:],
    "TOC": lambda p, s: toc_curve(p, s, points=20),
    "AUUC": area_under_uplift_curve,
    "effect at the top": lambda p, s: uplift_at(p, s, [0.1, 0.3, 0.5]),
    "QINI by counts": lambda p, s: count_qini(p, (s > 0).astype(int), np.abs(s)),
    "paired QINI": lambda p, s: paired_qini([p], s, seed=1, draws=3)[0],
    "half-samples": lambda p, s: bootstrap_qini(p, s, replicates=5, seed=1),
    "tenths": lambda p, s: effect_by_group(p, s, groups=10),
}


@pytest.mark.parametrize("metric", METRICS)
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_no_ranking_metric_depends_on_the_order_of_rows(metric: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    priority = generator.integers(0, 4, 120).astype(float)
    scores, shuffle = generator.normal(size=120), generator.permutation(120)
    one = METRICS[metric](priority, scores)
    other = METRICS[metric](priority[shuffle], scores[shuffle])
    assert np.asarray(one) == pytest.approx(np.asarray(other), abs=1e-9)


def test_a_tie_at_the_edge_gives_its_average() -> None:
    scores = np.array([9.0, 1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    priority = np.array([1.0, 1.0, 1.0, 1.0, *[0.0] * 6])
    assert uplift_at(priority, scores, [0.1])["effect"][0] == pytest.approx(15 / 4)
    assert toc_curve(priority, scores, points=10)["effect"][0] == pytest.approx(15 / 4)


def frame() -> pd.DataFrame:
    return pd.DataFrame({
        "unit_key": [f"u{i}" for i in range(8)], "arm": ["none", "email"] * 4,
        "age": np.arange(8.0), "sales": np.arange(8.0), "shop": np.arange(8) // 2,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [("sales", np.nan, "1 of 8 values of 'sales' are missing or infinite"),
     ("sales", np.inf, "1 of 8 values of 'sales' are missing or infinite"),
     ("age", -np.inf, "1 of 8 values of 'age' are infinite"),
     ("arm", None, "1 of 8 values of 'arm' are missing"),
     ("unit_key", None, "1 of 8 values of 'unit_key' are missing"),
     ("shop", np.nan, "1 of 8 values of 'shop' are missing")],
)  # fmt: skip
def test_what_is_no_number_is_refused_by_column_and_count(
    column: str, value: object, words: str
) -> None:
    bad = frame()
    bad[column] = bad[column].astype(object if isinstance(bad[column][0], str) else float)
    bad.loc[3, column] = value
    with pytest.raises(InputError, match=words):
        trial_from_frame(bad, control="none", outcomes=["sales"], cluster="shop")


@pytest.mark.parametrize("kind", ["double[pyarrow]", "Float64", float])
def test_a_missing_attribute_stays_missing_whatever_carries_it(kind: object) -> None:
    import pyarrow as pa

    bad = frame()
    bad.loc[3, "age"] = np.nan
    if kind == "double[pyarrow]":  # NaN that is not NULL
        bad["age"] = pd.Series(pd.arrays.ArrowExtensionArray(pa.array(bad["age"].to_numpy())))
    trial = trial_from_frame(bad.astype({"age": kind}), control="none", outcomes=["sales"])
    assert trial.covariates["age"].isna().tolist() == [False] * 3 + [True] + [False] * 4


def test_an_outcome_of_arrow_with_nan_is_refused() -> None:
    import pyarrow as pa

    bad = frame()
    values = np.where(np.arange(8) == 2, np.nan, 1.0)
    bad["sales"] = pd.Series(pd.arrays.ArrowExtensionArray(pa.array(values)))
    with pytest.raises(InputError, match="'sales'"):
        trial_from_frame(bad, control="none", outcomes=["sales"])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_metrics_plans_and_learners_refuse_what_is_no_number(bad: float) -> None:
    broken, sound = np.array([1.0, bad, 2.0]), np.array([1.0, 2.0, 3.0])
    for metric in ("QINI and AUTOC", "TOC", "AUUC", "effect at the top"):
        with pytest.raises(InputError, match="priority"):
            METRICS[metric](broken, sound)
        with pytest.raises(InputError, match="scores"):
            METRICS[metric](sound, broken)
    with pytest.raises(InputError, match="scores"):
        compare_policies(broken[:, None], {"a": np.zeros(3, int)}, costs=[0], reference="a")
    with pytest.raises(InputError, match="costs"):
        allocate(sound[:, None], np.array([bad]))
    with pytest.raises(InputError, match="outcome"):
        TLearner().fit(sound[:, None], np.array([0, 1, 1]), broken)
    with pytest.raises(InputError, match="propensity"):
        TLearner().fit(sound[:, None], np.array([0, 1, 1]), sound, np.full((3, 2), bad))
    with pytest.raises(ParameterError, match="no number"):
        CampaignCost(bad)


def test_a_reward_that_is_no_number_is_refused_and_a_ruled_out_arm_never_taken() -> None:
    for bad in (np.nan, np.inf):
        with pytest.raises(InputError, match="1 of 3 values of 'rewards'"):
            allocate(np.array([[1.0], [bad], [2.0]]), np.array([0.5]), limits=Limits(budget=1.0))
    plan = allocate(
        np.array([[-np.inf, 1.0], [-np.inf, 2.0]]), np.array([0.1, 0.1]),
        limits=Limits(budget=0.2, contacts=2, smallest_group=2),
    )  # fmt: skip
    assert plan.arm.tolist() == [2, 2]
    with pytest.raises(ParameterError, match="negative"):
        allocate(np.array([[1.0]]), np.array([0.1]), limits=Limits(budget=float("nan")))

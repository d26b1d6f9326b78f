"""The old system's scores are what their truth says: recency, blurred, and nothing else."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def scores(folder):
    return pd.read_parquet(folder / "truth" / "legacy_scores.parquet")


def test_every_score_is_of_a_recent_buyer_and_between_0_and_100(scores):
    assert scores["recency_days"].between(0, 365).all()
    assert scores["score"].between(0, 100).all()
    assert scores["at_s"].nunique() == 6
    assert not scores.duplicated(["customer", "at_s"]).any()


def test_the_score_follows_recency_as_closely_as_stated(scores):
    for _, day in scores.groupby("at_s"):
        rank = day["recency_days"].rank().corr(day["score"].rank())
        assert rank == pytest.approx(0.8, abs=0.06)


def test_the_export_tells_the_truth_rounded(folder, scores):
    told = pd.read_csv(folder / "legacy_crm" / "scores.csv")
    assert len(told) == len(scores)
    assert np.abs(told["Score"].to_numpy() - scores["score"].to_numpy()).max() <= 0.05 + 1e-9
    assert told["Score ID"].is_unique

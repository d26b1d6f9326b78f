"""Models fitted on what an engine compresses, and scored in batches, are the models of memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from retention.churn.batches import ChurnScorer, score_churn
from retention.churn.lineup import CANDIDATES
from retention.churn.panel import labelled_date
from retention.engine import Engine
from retention.features import customer_features, purchase_summary
from retention.value import GeometricDropout, ValueTerms, compress, fit_purchases, fit_spend
from retention.value.batches import (
    LifetimeScorer,
    compressed_histories,
    fit_sampled_spend,
    score_lifetime_values,
)
from retention.value.lifetime import lifetime_values

TERMS = ValueTerms(365, 0.4, 0.1, "USD")


def value_scorer(engine: Engine, as_of: str) -> LifetimeScorer:
    purchases = fit_purchases(GeometricDropout(), compressed_histories(engine, as_of))
    return LifetimeScorer(purchases, fit_sampled_spend(engine, as_of), TERMS, 1)


def scores(engine: Engine, name: str) -> pd.DataFrame:
    made = engine.sql(f"SELECT * FROM {name} ORDER BY customer_key").frame()
    engine.drop(name)
    return made


@pytest.fixture(scope="module")
def in_memory(demo) -> pd.DataFrame:
    frame = purchase_summary(demo.duck, demo.as_of)
    summary = compress(frame)
    spend = fit_spend(frame["frequency"].to_numpy(float), frame["monetary_value"].to_numpy(float))
    purchases = fit_purchases(GeometricDropout(), summary)
    return lifetime_values(frame, summary, purchases, spend, TERMS).customers


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["duck", pytest.param("spark", marks=pytest.mark.spark)])
def test_lifetime_values_by_batches_equal_those_of_memory(demo, in_memory, kind):
    engine = getattr(demo, kind)
    score_lifetime_values(engine, demo.as_of, value_scorer(engine, demo.as_of))
    made = scores(engine, "lifetime_value_scores")
    assert made["customer_key"].tolist() == in_memory["customer_key"].tolist()
    for name in made.columns[1:]:
        np.testing.assert_allclose(made[name], in_memory[name], rtol=1e-6, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["duck", pytest.param("spark", marks=pytest.mark.spark)])
def test_churn_scores_by_batches_equal_those_of_memory(demo, kind):
    engine = getattr(demo, kind)
    model = CANDIDATES["logistic_regression"].fit(
        [labelled_date(demo.duck, "2026-03-01", 90)], seed=1
    )
    score_churn(engine, demo.as_of, ChurnScorer(model))
    made = scores(engine, "churn_scores")
    features = customer_features(demo.duck, demo.as_of)
    assert made["customer_key"].tolist() == features["customer_key"].tolist()
    np.testing.assert_allclose(made["churn_probability"], model.probability(features), rtol=1e-9)


@pytest.mark.slow
def test_a_spend_sample_has_the_stated_size_and_is_the_same_again(demo):
    fits = [fit_sampled_spend(demo.duck, demo.as_of, fit_sample_customers=200) for _ in range(2)]
    assert [fit.customers for fit in fits] == [200, 200]
    assert fits[0].parameters.tolist() == fits[1].parameters.tolist()

"""Shapley values: they add up, agree with shap's, and the fit sample is fair."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from retention.churn import LabelledDate, candidates_named, explain
from retention.churn.attribution import Attributing, tree_effects
from retention.churn.panel import design, model_columns
from retention.churn.thinning import thinned
from retention.churn.trees import Trees


def fitted(panels, name):
    return candidates_named([name])[-1].fit(panels[:2], seed=1)


@pytest.mark.parametrize("name", ["gradient_boosting", "boosted_hazard"])
def test_tree_effects_add_up_to_the_difference_from_the_typical_customer(panels, name):
    model = fitted(panels, name)
    features = panels[-1].features.head(200)
    columns = model.columns
    typical = features[columns].astype(float).median().to_frame().T
    effects = model.effects(features, typical).to_numpy()

    def score(rows):
        x = design(rows, columns)
        if name == "gradient_boosting":
            return model.model.raw(x)
        each = [model.model.raw(np.column_stack([x, np.full(len(x), high)]))
                for high in model.cuts[1:]]  # fmt: skip
        return -np.mean(each, axis=0)

    assert np.isnan(design(features, columns)).any(), "missing values must be among the cases"
    assert effects.sum(axis=1) == pytest.approx(score(features) - score(typical), abs=1e-9)


def test_tree_effects_equal_shap_with_one_background_row(panels):
    shap = pytest.importorskip("shap")
    columns = model_columns(panels[0].features)
    model = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=15, random_state=1)
    model.fit(design(panels[0].features, columns), panels[0].churned)
    x = np.nan_to_num(design(panels[-1].features.head(40), columns))
    background = np.nanmedian(design(panels[-1].features, columns), axis=0)
    explainer = shap.TreeExplainer(
        model, data=background[None], feature_perturbation="interventional"
    )
    expected = explainer.shap_values(x)
    assert tree_effects(Trees.of(model), x, background) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", ["logistic_regression", "cox_regression", "weibull_times"])
def test_linear_effects_add_up_and_count_a_missing_value_for_its_feature(panels, name):
    model = fitted(panels, name)
    features = panels[-1].features.head(300)
    typical = features[model_columns(features)].astype(float).median().to_frame().T
    effects = model.effects(features, typical)
    moved = model.scaler.transform(features) - model.scaler.transform(typical)
    sign = {"logistic_regression": 1.0, "cox_regression": -1.0}.get(name)
    scale = sign if sign is not None else 1 / model.scale
    assert effects.sum(axis=1).to_numpy() == pytest.approx(moved @ model.coefficients * scale)
    assert set(effects.columns) <= set(model_columns(features))


def test_every_candidate_but_the_plainest_two_is_taken_apart_exactly(panels):
    for name in ("recency_rule", "purchase_model"):
        model = fitted(panels, name)
        assert not isinstance(model, Attributing)
        reasons = explain(model, panels[-1].features.head(50))
        read = {"recency_days", "tenure_days", "repeat_order_count"}
        moving = np.abs(reasons.effects).max(axis=0) > 0
        assert set(np.array(reasons.features)[moving]) <= read


def test_the_fit_sample_keeps_each_dates_churned_share_and_the_same_customers():
    keys = pd.DataFrame({"customer_key": [f"c{i}" for i in range(5_000)]})
    random = np.random.default_rng(1)
    dates = [LabelledDate(day, 90, keys, (random.random(5_000) < share).astype(np.int8),
                          np.ones(5_000), np.ones(5_000))
             for day, share in (("2026-01-01", 0.3), ("2026-02-01", 0.7))]  # fmt: skip
    kept = thinned(dates, 2_000)
    assert sum(len(date) for date in kept) == pytest.approx(2_000, abs=4)
    for before, after in zip(dates, kept, strict=True):
        assert after.churned.mean() == pytest.approx(before.churned.mean(), abs=1e-3)
    assert [list(date.keys) for date in thinned(dates, 2_000)] == [list(d.keys) for d in kept]
    assert thinned(dates, 20_000)[0] is dates[0]


def test_named_candidates_take_the_stated_sample():
    chosen = candidates_named(["cox_regression", "weibull_times"], fit_sample_customers=30_000)
    assert [getattr(c, "most_customers", None) for c in chosen] == [None, 30_000, 20_000]

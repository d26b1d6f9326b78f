"""A stored model says the same years later, is nothing but numbers, and can be gone back to."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from retention.churn import (
    CANDIDATES,
    Recalibration,
    StoredModel,
    acting_model,
    backtest,
    candidates_named,
    explain,
    stored_shadow,
)
from retention.churn.panel import design, model_columns
from retention.churn.trees import Trees
from retention.errors import InputError, ParameterError


def stored(panels, name, as_of="2026-03-03"):
    candidate = next(c for c in candidates_named([name]) if c.name == name)
    return StoredModel(name, as_of, 90, candidate.fit(panels[:2], seed=1), Recalibration(0.1, 0.9))


def reread(model, folder):
    model.to_frame().to_parquet(folder / "model.parquet")
    return StoredModel.from_frame(pd.read_parquet(folder / "model.parquet"))


@pytest.mark.parametrize("name", list(CANDIDATES))
def test_a_stored_model_scores_and_explains_to_the_last_bit(panels, tmp_path, name):
    model = stored(panels, name)
    again, features = reread(model, tmp_path), panels[-1].features.head(300)
    assert (again.probability(features) == model.probability(features)).all()
    assert (again.candidate, again.as_of, again.horizon_days) == (name, "2026-03-03", 90)
    assert explain(again.model, features).texts == explain(model.model, features).texts
    assert again.to_frame().equals(model.to_frame())


def test_our_trees_say_what_the_library_they_come_from_says(panels):
    columns = model_columns(panels[0].features)
    model = HistGradientBoostingClassifier(max_iter=30, random_state=1)
    model.fit(design(panels[0].features, columns), panels[0].churned)
    x = design(panels[-1].features, columns)
    assert (Trees.of(model).probability(x) == model.predict_proba(x)[:, 1]).all()


def changed(model, part, change):
    table = model.to_frame().set_index("part")
    content = json.loads(table.loc[part, "content"])
    change(content)
    table.loc[part, "content"] = json.dumps(content)
    return table.reset_index()


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("head", lambda c: c.update(format=99)),
        ("head", lambda c: c.pop("as_of")),
        ("model", lambda c: c.update(kind="Popen")),
        ("model", lambda c: c["fields"].update(surprise=1)),
        ("model", lambda c: c["fields"]["cuts"].update(dtype="object")),
    ],
    ids=["format", "no date", "foreign kind", "foreign field", "objects"],
)
def test_what_is_no_model_is_refused(panels, part, change):
    with pytest.raises(InputError, match="cannot be read"):
        StoredModel.from_frame(changed(stored(panels, "recency_rule"), part, change))


def test_a_tree_that_leads_back_is_refused(panels):
    model = stored(panels, "gradient_boosting")
    broken = changed(
        model, "model",
        lambda c: c["fields"]["model"]["columns"]["left"].__setitem__(0, 0),
    )  # fmt: skip
    with pytest.raises(InputError, match="broken"):
        StoredModel.from_frame(broken)
    with pytest.raises(InputError, match="cannot be read"):
        StoredModel.from_frame(pd.DataFrame({"part": ["head"]}))


def test_the_approved_model_acts_only_where_there_is_one_for_the_same_horizon(panels):
    fresh, old = stored(panels, "logistic_regression"), stored(panels, "recency_rule")
    assert acting_model(fresh, old, "chosen") is fresh
    assert acting_model(fresh, old, "approved") is old
    with pytest.raises(ParameterError, match="go back to"):
        acting_model(fresh, None, "approved")
    other = StoredModel(old.candidate, old.as_of, 30, old.model, old.recalibration)
    with pytest.raises(ParameterError, match="30 days ahead"):
        acting_model(fresh, other, "approved")


def test_a_stored_model_is_judged_only_by_outcomes_it_cannot_have_seen(panels):
    result = backtest(panels, candidates_named(["logistic_regression"]), test_dates=2, seed=1)
    fresh, today = stored(panels, "logistic_regression"), panels[-1].features
    assert stored_shadow(result, panels, today, fresh, None).note
    young = stored(panels, "recency_rule", as_of="2026-12-01")
    unknown = stored_shadow(result, panels, today, fresh, young)
    assert not unknown.outcomes_known
    assert unknown.frame["n"].iloc[0] == len(today)
    old = stored(panels, "recency_rule", as_of=panels[-1].as_of)
    judged = stored_shadow(result, panels, today, fresh, old)
    assert judged.outcomes_known
    saved = judged.frame.set_index("measure").loc["log_loss_saved"]
    last = result.predictions[result.predictions["as_of"] == panels[-1].as_of]
    p, q = old.probability(today), last["logistic_regression"].to_numpy()
    y = panels[-1].churned
    loss = -np.log(np.where(y == 1, p, 1 - p)) + np.log(np.where(y == 1, q, 1 - q))
    assert saved["value"] == pytest.approx(loss.mean())

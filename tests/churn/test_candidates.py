import numpy as np
import pytest

from retention.churn import (
    BoostedModel,
    backtest,
    candidates_named,
    default_candidates,
    matured,
    score_times,
    time_scores,
)
from retention.errors import EvidenceError, ParameterError

NAMES = [c.name for c in default_candidates()]


@pytest.fixture(scope="module")
def fitted(panels):
    test = panels[-1]
    train = matured(panels, test.as_of)[-2:]
    return {c.name: c.fit(train, seed=1) for c in default_candidates()}, test


@pytest.mark.parametrize("name", NAMES)
def test_every_candidate_gives_probabilities_that_rank_and_average_well(fitted, name):
    from sklearn.metrics import roc_auc_score

    models, test = fitted
    p = models[name].probability(test.features)
    assert ((p >= 0) & (p <= 1)).all()
    assert roc_auc_score(test.churned, p) > 0.7
    assert p.mean() == pytest.approx(test.churned.mean(), abs=0.06)


@pytest.mark.parametrize(
    "name", ["purchase_model", "cox_regression", "weibull_times", "boosted_hazard"]
)
def test_the_chance_of_silence_falls_with_the_days_and_ends_at_the_churn_probability(fitted, name):
    models, test = fitted
    silent = models[name].still_silent(test.features, [15, 45, 90])
    assert (np.diff(silent, axis=1) <= 1e-9).all()
    assert silent[:, 2] == pytest.approx(models[name].probability(test.features))
    scores = time_scores(models[name], test)
    assert scores["concordance"] > 0.7
    assert scores["integrated_brier"] < 0.2


def test_cox_probabilities_are_those_of_lifelines(panels):
    from retention.churn import CoxCandidate
    from retention.churn.survival_candidates import _time_rows
    from retention.survival import fit_cox

    train, test = panels[-3:-1], panels[-1]
    rows, scaler, columns = _time_rows(train)
    model = fit_cox(rows, columns, penalizer=1e-3)
    import pandas as pd

    shown = pd.DataFrame(scaler.transform(test.features), columns=columns)
    expected = model.survival(shown, [90])[:, 0]
    ours = CoxCandidate().fit(train, seed=1).probability(test.features)
    assert ours == pytest.approx(expected, abs=1e-9)


def test_longer_silence_never_lowers_the_boosted_risk(panels):
    model = BoostedModel().fit(panels[-3:-1], seed=1)
    features = panels[-1].features
    later = features.assign(recency_days=features["recency_days"] + 60)
    assert (model.probability(later) >= model.probability(features) - 1e-12).all()


def test_nothing_can_be_learnt_without_dates_or_from_one_outcome(panels):
    model = BoostedModel()
    with pytest.raises(EvidenceError, match="no earlier date"):
        model.fit([], seed=1)
    alike = panels[0].rows(panels[0].churned == 1)
    with pytest.raises(EvidenceError, match="ended alike"):
        model.fit([alike], seed=1)


def test_an_unknown_candidate_is_refused():
    with pytest.raises(ParameterError, match="no candidate 'oracle'"):
        candidates_named(["oracle"])


def test_candidates_that_know_when_are_scored_on_the_latest_date(panels):
    result = backtest(panels, candidates_named(["purchase_model", "logistic_regression"]), seed=1)
    table = score_times(result, panels)
    assert table["candidate"].tolist() == ["purchase_model"]
    assert table["integrated_brier"].between(0.05, 0.2).all()

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from retention.churn import score_probabilities
from retention.errors import EvidenceError, InputError


@pytest.fixture(scope="module")
def drawn():
    random = np.random.default_rng(2)
    p = random.beta(2, 3, 4000)
    return (random.random(4000) < p).astype(int), p


def test_scores_equal_those_of_scikit_learn(drawn):
    y, p = drawn
    scores = score_probabilities(y, np.round(p, 2))
    assert scores["auc"] == pytest.approx(roc_auc_score(y, np.round(p, 2)), abs=1e-12)
    assert scores["pr_auc"] == pytest.approx(average_precision_score(y, np.round(p, 2)), abs=1e-9)


def test_true_probabilities_are_called_calibrated(drawn):
    rows = score_probabilities(*drawn).frame.set_index("metric")
    assert rows.loc["calibration_slope", "ci_low"] < 1 < rows.loc["calibration_slope", "ci_high"]
    assert rows.loc["calibration_intercept", "ci_low"] < 0
    assert rows.loc["calibration_intercept", "ci_high"] > 0
    assert rows.loc["ece", "value"] < 0.03


def test_overconfident_probabilities_have_a_slope_below_one(drawn):
    y, p = drawn
    odds = (p / (1 - p)) ** 2
    scores = score_probabilities(y, odds / (1 + odds))
    assert scores["calibration_slope"] == pytest.approx(0.5, abs=0.1)
    assert "too extreme" in scores.summary()


def test_every_score_lies_within_its_interval(drawn):
    frame = score_probabilities(*drawn).frame
    inside = frame[frame["metric"] != "ece"]
    assert (inside["ci_low"] <= inside["value"]).all()
    assert (inside["value"] <= inside["ci_high"]).all()


def test_one_outcome_only_is_refused():
    with pytest.raises(EvidenceError, match="ended alike"):
        score_probabilities(np.ones(10), np.full(10, 0.5))


@pytest.mark.parametrize("bad", [np.nan, -0.1, 1.1])
def test_impossible_probabilities_are_refused(bad):
    with pytest.raises(InputError, match="outside 0 to 1"):
        score_probabilities(np.array([0, 1]), np.array([0.5, bad]))

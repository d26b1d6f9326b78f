"""Other views of a ranking: counts, top shares, sequential folds, bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from retention.errors import ParameterError
from retention.uplift.baselines import ConstantEffect
from retention.uplift.evaluation import (
    area_under_uplift_curve,
    bootstrap_qini,
    count_qini,
    pipeline_interval,
    sequential_quality,
    uplift_at,
)
from retention.uplift.heterogeneity import best_linear_predictor, effect_by_group, ols_hc3
from retention.uplift.learners import TLearner
from retention.uplift.ranking import rank_quality
from retention.uplift.scores import trial_scores
from retention.uplift.trial import Trial


@pytest.mark.realdata
def test_hillstrom_qini_by_counts_is_the_published_one(hillstrom: Trial) -> None:
    """The published coefficient divides by the area of a perfect ranking; both areas are taken."""
    pair = hillstrom.against_control("womens_email")
    visit, treated = pair.outcome("visit"), pair.arm
    actual = count_qini(pair.covariates["womens"].to_numpy(), treated, visit)
    perfect = count_qini(
        np.select([(treated == 1) & (visit == 1), (treated == 0) & (visit == 1)], [2.0, 0.0], 1.0),
        treated, visit,
    )  # fmt: skip
    assert actual == pytest.approx(0.0077, abs=0.0012)
    assert actual / perfect == pytest.approx(0.064016, abs=1e-3)


def test_count_and_robust_qini_estimate_the_same(strong_trial: Trial) -> None:
    scores, _ = trial_scores(strong_trial, "sales", model=LinearRegression())
    priority = strong_trial.covariates["x0"].to_numpy()
    robust = rank_quality(priority, scores[:, 1] - scores[:, 0], draws=50)
    counted = count_qini(priority, strong_trial.arm, strong_trial.outcome("sales"))
    assert counted == pytest.approx(robust.qini, abs=0.04)
    # n^-1 sum (i/n) TOC(i/n) of 0.8 x for x standard normal: 0.8 / (2 sqrt(pi))
    assert abs(robust.qini - 0.8 / (2 * np.sqrt(np.pi))) < 3 * robust.qini_error


def test_auuc_of_a_constant_is_half_the_average_effect() -> None:
    scores = np.random.default_rng(1).normal(0.4, 1, 999)
    area = area_under_uplift_curve(np.zeros(999), scores)
    assert area == pytest.approx(scores.mean() / 2, rel=2e-3)


def test_uplift_at_shares_ties_at_the_edge() -> None:
    scores = np.array([4.0, 2.0, 0.0, -2.0])
    table = uplift_at(np.array([1.0, 1.0, 0.0, 0.0]), scores, [0.25, 0.5, 0.75, 1.0])
    assert table["effect"].tolist() == pytest.approx([3.0, 3.0, 5 / 3, 1.0])


def test_bootstrap_has_the_spread_of_the_standard_error() -> None:
    generator = np.random.default_rng(2)
    priority = generator.normal(size=4000)
    scores = priority + generator.normal(size=4000)
    untied = bootstrap_qini(priority, scores, replicates=300, seed=1)
    quality = rank_quality(priority, scores, seed=2, draws=300)
    assert untied.std() == pytest.approx(quality.qini_error, rel=0.2)
    assert untied.mean() == pytest.approx(quality.qini, rel=0.05)


def test_sequential_folds_find_heterogeneity_and_only_that(
    strong_trial: Trial, flat_trial: Trial
) -> None:
    learner = TLearner(LinearRegression())
    for trial, found in ((strong_trial, True), (flat_trial, False)):
        scores, _ = trial_scores(trial, "sales", model=LinearRegression())
        effect = scores[:, 1] - scores[:, 0]
        quality = sequential_quality(trial, "sales", effect, learner, draws=50)
        assert (quality.p_value < 0.05) is found
        assert ("can be ranked" in quality.summary()) is found
    constant = sequential_quality(flat_trial, "sales", effect, ConstantEffect(), draws=5)
    assert constant.statistic == 0


def test_pipeline_interval_holds_the_learner_s_own_spread(strong_trial: Trial) -> None:
    scores, _ = trial_scores(strong_trial, "sales", model=LinearRegression())
    row = pipeline_interval(
        strong_trial, "sales", scores[:, 1] - scores[:, 0], TLearner(LinearRegression()),
        replicates=20,
    ).iloc[0]  # fmt: skip
    assert row.ci_low < 0.8 / (2 * np.sqrt(np.pi)) < row.ci_high
    with pytest.raises(ParameterError, match="show no spread"):
        pipeline_interval(
            strong_trial, "sales", scores[:, 1], TLearner(LinearRegression()), replicates=2
        )


def test_hc3_errors_are_those_of_statsmodels() -> None:
    import statsmodels.api as sm

    generator = np.random.default_rng(3)
    X = np.column_stack([np.ones(200), generator.normal(size=(200, 2))])
    y = X @ [1.0, 2.0, 0.0] + generator.normal(size=200) * (1 + np.abs(X[:, 1]))
    beta, error = ols_hc3(X, y)
    reference = sm.OLS(y, X).fit(cov_type="HC3")
    assert beta == pytest.approx(reference.params)
    assert error == pytest.approx(reference.bse)


def test_calibrated_predictions_have_slope_one(strong_trial: Trial) -> None:
    x = strong_trial.covariates["x0"].to_numpy()
    tested = best_linear_predictor(
        0.1 + 0.8 * x, strong_trial.arm, strong_trial.outcome("sales"),
        strong_trial.propensity[:, 1], strong_trial.covariates["x1"].to_numpy() + 0.05 + 0.4 * x,
    )  # fmt: skip
    assert tested.slope == pytest.approx(1, abs=0.12)
    assert tested.average == pytest.approx(0.1, abs=0.1)
    assert tested.p_value < 1e-6


def test_effect_by_decile_keeps_ties_together() -> None:
    table = effect_by_group(np.repeat([0.0, 1.0], 50), np.arange(100.0), groups=10)
    assert table["n"].tolist() == [50, 50]
    assert table["measured"].tolist() == [24.5, 74.5]

"""Units drawn in clusters: errors count clusters, folds keep them whole."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.campaign.accounting import account
from retention.campaign.costs import CampaignCost
from retention.campaign.groups import lift_by_group
from retention.campaign.guardrails import Guardrail, judge_guardrails
from retention.results import Status
from retention.uplift import at_most
from retention.uplift.clusters import error_of_mean, mean_error, summed
from retention.uplift.codes import UpliftCode
from retention.uplift.comparability import comparability
from retention.uplift.effects import average_lift
from retention.uplift.heterogeneity import best_linear_predictor, ols_hc3
from retention.uplift.policy import compare_policies
from retention.uplift.ranking import rank_quality
from retention.uplift.scores import balanced_folds, trial_folds
from retention.uplift.trial import Trial, trial_from_frame


def shops(seed: int, clusters: int = 200, spread: float = 0.8, effect: float = 0.0) -> Trial:
    """Shops of log-normal size; a shop's customers share its level of sales and its arm."""
    generator = np.random.default_rng([7, seed])
    size = np.maximum(generator.lognormal(1.5, 0.7, clusters).astype(int), 1)
    shop = np.repeat(np.arange(clusters), size)
    arm = generator.permutation(np.arange(clusters) % 2)[shop]
    level = spread * generator.normal(size=clusters)[shop]
    sales = level + effect * arm + generator.normal(size=len(shop))
    frame = pd.DataFrame({
        "unit_key": [f"{i:06d}" for i in range(len(shop))], "shop": shop,
        "arm": np.where(arm == 1, "email", "none"), "propensity": 0.5, "sales": sales,
        "bought": (sales > 1) * 1.0, "before": level + generator.normal(size=len(shop)),
    })  # fmt: skip
    return trial_from_frame(
        frame, control="none", outcomes=["sales", "bought"], covariates=["before"], cluster="shop"
    )


def without_clusters(trial: Trial) -> Trial:
    from dataclasses import replace

    return replace(trial, cluster=None)


def test_error_of_a_mean_is_cr2_written_out() -> None:
    generator = np.random.default_rng(1)
    cluster = generator.integers(0, 12, 90)
    values = generator.normal(size=90) + cluster
    # Bell & McCaffrey 2002: X'A_g e_g with A_g = (I - H_gg)^(-1/2), X a column of ones.
    total = 0.0
    for g in np.unique(cluster):
        inside = cluster == g
        hat = np.full((inside.sum(), inside.sum()), 1 / 90)
        roots, vectors = np.linalg.eigh(np.eye(len(hat)) - hat)
        root = vectors @ np.diag(roots**-0.5) @ vectors.T
        total += float(np.ones(len(hat)) @ root @ (values[inside] - values.mean())) ** 2
    assert mean_error(values, cluster).value == pytest.approx(np.sqrt(total) / 90)
    plain = mean_error(values)
    assert plain.value == pytest.approx(values.std(ddof=1) / np.sqrt(90))
    assert plain.degrees == pytest.approx(89)


def test_one_cluster_says_nothing() -> None:
    error = mean_error(np.arange(5.0), np.zeros(5, dtype=np.intp))
    assert np.isinf(error.value)
    assert error.p_value(3.0) == 1.0
    assert np.isinf(error_of_mean(summed(np.ones(1), None), np.ones(1)).value)


def test_intervals_hold_for_clusters_and_would_not_for_their_units() -> None:
    """Of 150 worlds 95 % are covered; Monte-Carlo error 1.8 points."""
    covered, naive = 0, 0
    for seed in range(150):
        trial = shops(seed, clusters=30)
        effect = average_lift(trial, ["sales"]).effects[0]
        covered += effect.ci_low <= 0 <= effect.ci_high
        alone = average_lift(without_clusters(trial), ["sales"]).effects[0]
        naive += alone.ci_low <= 0 <= alone.ci_high
    assert covered / 150 > 0.95 - 3 * 0.0178
    assert naive / 150 < 0.85


def test_sound_shop_level_tests_are_valid_and_tilted_ones_are_not() -> None:
    sound = [comparability(shops(seed), "sales") for seed in range(40)]
    assert all(found.is_valid for found in sound)
    assert {c.code for c in sound[0].checks()} >= {UpliftCode.CLUSTERS, UpliftCode.ARM_SHARES}
    assert "in 200 clusters" in sound[0].summary()
    trial = shops(1)
    trial.covariates["before"] += 2.4 * trial.covariates["before"].std() * trial.arm
    tilted = comparability(trial, "sales")
    assert not tilted.is_valid
    assert tilted.checks()[0].status is Status.FAIL


def test_shares_off_plan_fail() -> None:
    trial = shops(2)
    lost = trial.take((trial.arm == 0) | (trial.cluster % 3 == 0))
    status = {c.code: c.status for c in comparability(lost, "sales").checks()}
    assert status[UpliftCode.ARM_SHARES] is Status.FAIL


def test_clusters_in_two_arms_and_few_clusters_are_said() -> None:
    few = comparability(shops(3, clusters=12), "sales").checks()[-1]
    assert (few.code, few.status) == (UpliftCode.CLUSTERS, Status.WARN)
    trial = shops(4)
    trial.arm[0] = 1 - trial.arm[0]
    crossing = comparability(trial, "sales").checks()[-1]
    assert "1 of 200 clusters have units in several arms" in crossing.detail


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 40), st.integers(2, 6), st.integers(0, 10_000))
def test_folds_keep_clusters_whole_and_arms_in_balance(n: int, folds: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(n), generator.integers(1, 9, n))
    arm = generator.integers(0, 2, n)[cluster]
    fold = balanced_folds(arm, folds, seed, cluster)
    assert all(len(np.unique(fold[cluster == c])) == 1 for c in range(n))
    for k in np.unique(arm):
        counts = np.bincount(fold[arm == k], minlength=folds)
        first = np.unique(cluster[arm == k], return_index=True)[1]
        number = np.bincount(fold[arm == k][first], minlength=folds)
        assert number.max() - number.min() <= 2
        assert counts.sum() == (arm == k).sum()


def test_rare_outcomes_are_in_every_fold(strong_trial: Trial) -> None:
    from dataclasses import replace

    rare = (np.arange(strong_trial.units) % 400 == 0) * 1.0
    trial = replace(strong_trial, outcomes=pd.DataFrame({"rare": rare}))
    fold = trial_folds(trial, "rare", 5, seed=1)
    assert np.bincount(fold[rare == 1]).tolist() == pytest.approx([2] * 5, abs=1)


def test_every_error_grows_with_what_clusters_share() -> None:
    trial = shops(5)
    scores = np.column_stack([trial.outcome("sales"), trial.outcome("sales") * 2])
    before = trial.covariates["before"].to_numpy()
    policies = {"none": np.zeros(trial.units, int), "all": np.ones(trial.units, int)}
    wide, narrow = (
        compare_policies(scores, policies, costs=[0, 0], reference="none", cluster=c).of("all")
        for c in (trial.cluster, None)
    )
    assert wide.gain_high - wide.gain_low > 1.3 * (narrow.gain_high - narrow.gain_low)
    ranked = [
        rank_quality(np.round(before), scores[:, 1], cluster=c, seed=1).qini_error
        for c in (trial.cluster, None)
    ]
    assert ranked[0] > 1.2 * ranked[1]
    tested = [
        best_linear_predictor(before, trial.arm, trial.outcome("sales"), trial.propensity[:, 1],
                              np.zeros(trial.units), c).average_error
        for c in (trial.cluster, None)
    ]  # fmt: skip
    assert tested[0] > 1.3 * tested[1]


def test_cluster_errors_of_a_regression_are_those_of_statsmodels() -> None:
    import statsmodels.api as sm

    generator = np.random.default_rng(2)
    cluster = np.repeat(np.arange(40), 5)
    X = np.column_stack([np.ones(200), generator.normal(size=200)])
    y = generator.normal(size=40)[cluster] + X[:, 1] + generator.normal(size=200)
    reference = sm.OLS(y, X).fit(
        cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False}
    )
    # HC3 scales each residual by its leverage first: a little larger, G / (G - 1) beside.
    error = ols_hc3(X, y, cluster)[1]
    assert error == pytest.approx(np.asarray(reference.bse) * np.sqrt(40 / 39), rel=0.04)


def test_account_groups_and_guardrails_count_clusters() -> None:
    trial = shops(6, effect=1.0)
    books = pd.DataFrame({
        "revenue": trial.outcome("sales"), "goods": 0.0, "discount": 0.0, "gifts": 0.0,
    })  # fmt: skip
    halves = pd.Series(np.arange(trial.units) % 2, index=trial.unit_key).astype(str)
    rail = [Guardrail("bought", "bought", "", True, 0.01)]
    units = trial.outcomes.assign(unit_key=trial.unit_key)
    for one, other in ((trial, without_clusters(trial)),):
        arm = [
            account(t, books, campaign="c", costs={"email": CampaignCost(0.1)}, currency="USD")
            for t in (one, other)
        ]
        widths = [a.arms[0].profit_high - a.arms[0].profit_low for a in arm]
        assert widths[0] > 1.3 * widths[1]
        held = [judge_guardrails(t, units, rail).results[0] for t in (one, other)]
        assert held[0].ci_high - held[0].ci_low > 1.2 * (held[1].ci_high - held[1].ci_low)
        assert lift_by_group(one, "sales", halves, what="half").difference_p("email") > 0.001


def test_groups_that_share_clusters_are_compared_within_them() -> None:
    """Halves of the same shops share what the shop sells: their gap is far surer than either."""
    alarms = []
    for seed in range(100):
        trial = shops(seed, clusters=60, spread=1.5)
        halves = pd.Series(np.arange(trial.units) % 2, index=trial.unit_key).astype(str)
        lift = lift_by_group(trial, "sales", halves, what="half")
        alarms.append(lift.difference_p("email") < 0.05)
    assert np.mean(alarms) == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 100))


def test_nobody_in_a_cluster_complained_is_not_certainty() -> None:
    trial = shops(8)
    units = trial.outcomes.assign(unit_key=trial.unit_key, complained=0.0)
    rail = [Guardrail("complaints", "complained", "", False, 0.001)]
    wide = judge_guardrails(trial, units, rail).results[0]
    narrow = judge_guardrails(without_clusters(trial), units, rail).results[0]
    assert wide.ci_high > 2 * narrow.ci_high > 0
    assert wide.verdict == "open"


def test_a_part_of_a_trial_keeps_clusters_whole() -> None:
    trial = shops(9)
    part = at_most(trial, 400)
    assert 400 <= part.units < 520
    sizes = dict(zip(*np.unique(trial.cluster, return_counts=True), strict=True))
    whole = trial.cluster[np.isin(trial.unit_key, part.unit_key)]
    assert all(sizes[c] == n for c, n in zip(*np.unique(whole, return_counts=True), strict=True))


def test_shares_count_each_cluster_once_where_no_chance_is_given() -> None:
    frame = pd.DataFrame({
        "unit_key": range(12), "shop": [0] * 8 + [1, 2, 3, 3], "sales": 1.0,
        "arm": ["email"] * 8 + ["none", "email", "none", "none"],
    })  # fmt: skip
    trial = trial_from_frame(frame, control="none", outcomes=["sales"], cluster="shop")
    assert trial.propensity[0] == pytest.approx([0.5, 0.5])
    assert trial.covariates.nunique().tolist() == [1]  # nothing is known of the units
    assert trial.draws == 4

"""The old system's scores, the champion, matured runs, and what a trial says can be saved."""

import numpy as np
import pandas as pd
import pytest

from retention.churn import (
    Recommendation,
    against_champion,
    backtest,
    candidates_named,
    champion_of,
    contract_ends,
    latest_matured,
    legacy_scores,
    legacy_shadow,
    rank_by_stake,
    savable_share,
)
from retention.engine import Engine
from retention.features import epoch_of


@pytest.fixture(scope="module")
def result(panels):
    return backtest(panels, candidates_named(["logistic_regression"]), test_dates=2, seed=1)


def scored_shop(panels, score):
    """Return an engine with a legacy score for every customer and date."""
    rows = [
        pd.DataFrame(
            {
                "customer_key": date.keys,
                "score": score(date),
                "model": "old",
                "score_key": [f"{date.as_of}:{key}" for key in date.keys],
                "scored_epoch_s": epoch_of(date.as_of) - 86_400,
            }
        )
        for date in panels
    ]
    engine = Engine(threads=1)
    engine.register("scores", pd.concat(rows, ignore_index=True))
    return engine


def test_a_legacy_score_without_any_skill_is_replaced(panels, result):
    random = np.random.default_rng(1)
    engine = scored_shop(panels, lambda date: 100 * random.random(len(date)))
    shadow = legacy_shadow(engine, result, panels, model="old")
    assert shadow.recommendation is Recommendation.PROMOTE
    assert "promote it" in shadow.summary()


def test_a_legacy_score_that_is_nearly_right_is_kept(panels, result):
    random = np.random.default_rng(2)

    def nearly(date):
        return 10 * (date.churned + random.normal(0, 0.4, len(date)))

    engine = scored_shop(panels, nearly)
    shadow = legacy_shadow(engine, result, panels, model="old")
    assert shadow.recommendation is Recommendation.DROP
    assert shadow.outcomes_known


def test_only_what_was_scored_before_the_date_is_known(panels):
    engine = scored_shop(panels[-1:], lambda date: np.ones(len(date)))
    assert legacy_scores(engine, panels[-2].as_of, "old").empty
    assert len(legacy_scores(engine, panels[-1].as_of, "old")) == len(panels[-1])


def test_without_a_legacy_system_the_shadow_says_so(panels, result):
    shadow = legacy_shadow(Engine(threads=1), result, panels, model="old")
    assert shadow.recommendation is Recommendation.KEEP
    assert "No legacy system" in shadow.summary()
    assert shadow.to_frame().empty


def test_the_champion_is_the_named_the_approved_or_the_recency_rule(result):
    approved = pd.DataFrame({"model": ["logistic_regression"]})
    assert champion_of(result, "", None) == "recency_rule"
    assert champion_of(result, "", approved) == "logistic_regression"
    assert champion_of(result, "recency_rule", approved) == "recency_rule"
    assert champion_of(result, "", pd.DataFrame({"model": ["gone"]})) == "recency_rule"
    same = against_champion(result, result.chosen)
    assert "champion already" in same.summary()
    other = next(c.name for c in result.candidates if c.name != result.chosen)
    assert against_champion(result, other).outcomes_known


def test_the_newest_run_that_has_matured_is_judged(shop, result):
    said = result.latest()
    tables = {
        "0001": said.assign(as_of="2026-01-01"),
        "0002": said.assign(as_of="2026-02-01"),
        "0003": said.assign(as_of="2026-05-31"),
        "0004": said.drop(columns="horizon_days"),
    }
    assert latest_matured(tables, shop, otherwise=said)[0] == "0002"
    name, table = latest_matured({"0003": tables["0003"]}, shop, otherwise=said)
    assert name.startswith("the latest test date")
    assert table is said


TARGETING = pd.DataFrame({"customer_key": ["a", "b"], "expected_effect": [1.0, 9.0]})
PEOPLE = pd.DataFrame({"customer_key": ["a", "b", "c"], "monetary_minor": [1_000, 2_000, 1_000],
                       "margin_minor": [500, 1_000, 500]})  # fmt: skip
RISK, VALUE = np.array([0.5, 0.5, 0.5]), np.array([800.0, 600.0, 1_000.0])


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [("revenue", [0.25, 1.0, 0.625]), ("net_margin", [0.5, 1.0, 0.75]),
     ("purchased", [1.0, 1.0, 1.0])],
)  # fmt: skip
def test_the_savable_share_is_effect_over_what_is_at_risk_in_its_own_unit(outcome, expected):
    tested = TARGETING.assign(outcome=outcome)
    found = savable_share(tested, PEOPLE, RISK, VALUE, assumed=0.1, source="run 7")
    assert found.share == pytest.approx(expected)
    assert found.measured
    assert "run 7" in found.basis
    assert outcome.replace("_", " ") in found.basis


@pytest.mark.parametrize(
    "targeting",
    [None, TARGETING, TARGETING.assign(outcome="visits"),
     TARGETING.assign(outcome="revenue", expected_effect=0.0)],
    ids=["no campaign", "unit not told", "unit unknown", "nothing saved"],
)  # fmt: skip
def test_without_a_measured_share_the_parameter_is_taken_and_said_so(targeting):
    found = savable_share(targeting, PEOPLE, RISK, VALUE, assumed=0.1)
    assert found.share.tolist() == [0.1, 0.1, 0.1]
    assert not found.measured
    ranking = rank_by_stake(PEOPLE["customer_key"].to_numpy(), RISK, VALUE, savable=found)
    assert "10 % for everybody, by parameter" in ranking.summary()
    assert ranking.frame["value_at_stake_minor"].iloc[0] == pytest.approx(50.0)


def test_contracts_and_loyalty_memberships_end():
    day = epoch_of("2026-01-01")
    engine = Engine(threads=1)
    keys = np.array(["ended", "runs", "ends later", "left", "came back", "none"])
    assert contract_ends(engine, keys, "2026-06-01") is None
    contracts = [("ended", day), ("runs", None), ("ends later", epoch_of("2026-07-01"))]
    engine.register("contracts", pd.DataFrame({
        "customer_key": [name for name, _ in contracts], "kind": "subscription",
        "started_epoch_s": day - 86_400,
        "ended_epoch_s": pd.array([end for _, end in contracts], dtype="Int64")}))  # fmt: skip
    said = [("left", "loyalty_join", 0), ("left", "loyalty_leave", 9),
            ("came back", "loyalty_leave", 1), ("came back", "loyalty_join", 5)]  # fmt: skip
    engine.register("events", pd.DataFrame({
        "customer_key": [who for who, _, _ in said], "event_name": [what for _, what, _ in said],
        "event_epoch_s": [day + 86_400 * at for _, _, at in said]}))  # fmt: skip
    ended = contract_ends(engine, keys, "2026-06-01")
    assert dict(zip(keys, ended, strict=True)) == {
        "ended": True, "runs": False, "ends later": False, "left": True, "came back": False,
        "none": False}  # fmt: skip

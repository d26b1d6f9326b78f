from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from retention.churn import (
    Action,
    LogisticModel,
    MaturedScores,
    RecencyRule,
    Recommendation,
    alarm,
    backtest,
    compare_definitions,
    compare_in_shadow,
    drift,
    leak_check,
    leave_reasons,
    matured_scores,
    model_card,
    order_bands,
    own_window,
    protected_groups,
    reason_stability,
    score_groups,
    score_probabilities,
    stability_index,
    stated_reasons,
)
from retention.engine import Engine
from retention.errors import EvidenceError, InputError
from retention.results import Status


@pytest.fixture(scope="module")
def drawn():
    random = np.random.default_rng(2)
    p = random.beta(2, 3, 6000)
    return (random.random(6000) < p).astype(int), p


def matured_of(y, p):
    return MaturedScores(
        "2026-01-01", 90, score_probabilities(y, p, draws=20), p.mean(), y.mean(), len(y)
    )


def test_definitions_differ_and_are_held_against_what_happened(panels):
    result = compare_definitions(panels[-1], panels[:-1], window_days=90)
    table = result.frame.set_index("definition")
    assert table.loc["fixed window", "share"] == pytest.approx(
        (panels[-1].features["recency_days"] > 90).mean()
    )
    assert table.loc["what happened", "share"] == pytest.approx(panels[-1].churned.mean())
    assert table.loc["contract ended", "n"] == 0
    assert "never quote a churn rate without its definition" in result.summary()
    assert "drawn" not in result.summary()
    some = compare_definitions(replace(panels[-1], share=0.2), panels[:-1], window_days=90)
    assert ", told by a drawn 20.0 % of the customers, " in some.summary()


def test_contract_ends_are_counted_where_there_are_any(panels):
    ended = np.arange(len(panels[-1])) % 4 == 0
    table = compare_definitions(panels[-1], panels[:-1], window_days=90, ended=ended).frame
    assert table.set_index("definition").loc["contract ended", "share"] == ended.mean()
    with pytest.raises(InputError, match="differ in number"):
        compare_definitions(panels[-1], panels[:-1], window_days=90, ended=ended[:-1])


def test_a_regular_customer_has_a_window_of_their_own():
    table = pd.DataFrame(
        {"median_gap_days": [10.0, 40.0, np.nan], "repeat_order_count": [98, 1, 0]}
    )
    window = own_window(table, 90)
    assert window[0] == pytest.approx(3 * (10 * 98 + 25 * 2) / 100)
    assert window[1] == pytest.approx(3 * (40 + 25 * 2) / 3)
    assert window[2] == 90


def test_what_we_said_is_held_against_what_was(shop, panels):
    date = panels[-2]
    said = pd.DataFrame({"customer_key": date.keys, "churn_probability": 0.31})
    said.loc[0, "churn_probability"] = 0.3
    result = matured_scores(shop, said, date.as_of, 90)
    assert result.happened == pytest.approx(date.churned.mean())
    assert f"we said 31 %, it was {100 * date.churned.mean():.0f} %" in result.summary()
    with pytest.raises(EvidenceError, match="can be judged from"):
        matured_scores(shop, said, "2026-05-30", 90)
    with pytest.raises(InputError, match="None of the scored"):
        matured_scores(shop, said.assign(customer_key="nobody"), date.as_of, 90)


def test_a_model_that_keeps_its_promise_sounds_no_alarm(drawn):
    y, p = drawn
    assert alarm(matured_of(y, p), score_probabilities(y, p)).action is Action.NONE


def test_a_wrong_level_asks_for_recalibration(drawn):
    y, p = drawn
    found = alarm(matured_of(y, np.clip(p + 0.1, 0, 1)), score_probabilities(y, p))
    assert found.action is Action.RECALIBRATE
    assert "Said 49.9 %, was 40.1 %" in found.summary()


def test_lost_ranking_asks_to_roll_back_or_with_drifted_inputs_to_retrain(drawn, panels):
    y, p = drawn
    random = np.random.default_rng(1)
    muddled = np.clip(0.5 * p + 0.5 * random.permutation(p), 0, 1)
    approved = score_probabilities(y, p)
    assert (
        alarm(matured_of(y, muddled), approved, last_approved="run 0001").action is Action.ROLL_BACK
    )
    before = panels[-1].features
    moved = drift(before, before.assign(recency_days=before["recency_days"] + 200))
    assert moved.drifted == ["recency_days"]
    assert alarm(matured_of(y, muddled), approved, drifted=moved).action is Action.RETRAIN


def test_scores_no_better_than_chance_are_paused(drawn):
    y, p = drawn
    lost = np.random.default_rng(3).permutation(p)
    assert alarm(matured_of(y, lost), score_probabilities(y, p)).action is Action.PAUSE


def test_the_same_customers_have_not_drifted(panels):
    features = panels[-1].features
    same = drift(features, features)
    assert same.drifted == []
    assert same.frame["stability_index"].max() == pytest.approx(0)
    halves = drift(features.iloc[::2], features.iloc[1::2])
    assert halves.drifted == []
    assert all(check.status is Status.PASS for check in same.checks())


def test_a_column_that_vanished_has_drifted(panels):
    features = panels[-1].features
    assert "recency_days" in drift(features, features.drop(columns="recency_days")).drifted


def test_stability_index_of_a_known_shift():
    before = np.repeat([0.0, 1.0], [50, 50])
    now = np.repeat([0.0, 1.0], [80, 20])
    expected = 0.3 * np.log(0.8 / 0.5) - 0.3 * np.log(0.2 / 0.5)
    assert stability_index(before, now)[0] == pytest.approx(expected)


def test_a_better_challenger_is_promoted_and_a_worse_one_dropped(drawn):
    y, p = drawn
    keys = np.array([f"c{i}" for i in range(len(y))])
    noisy = np.clip(p + np.random.default_rng(1).normal(0, 0.2, len(p)), 0.01, 0.99)
    better = compare_in_shadow(keys, noisy, p, churned=y)
    assert better.recommendation is Recommendation.PROMOTE
    rows = better.frame.set_index("measure")["value"]
    assert rows["churned_of_moved_in"] > rows["churned_of_moved_out"]
    assert compare_in_shadow(keys, p, noisy, churned=y).recommendation is Recommendation.DROP
    assert compare_in_shadow(keys, p, p, churned=y).recommendation is Recommendation.KEEP


def test_without_outcomes_the_challenger_stays_in_the_shadow(drawn):
    y, p = drawn
    keys = np.arange(len(y)).astype(str)
    result = compare_in_shadow(keys, p, p**2)
    assert result.recommendation is Recommendation.KEEP
    assert "not known yet" in result.summary()
    assert result.movers.empty
    with pytest.raises(InputError, match="different customers"):
        compare_in_shadow(keys, p, p[:-1])


def test_a_group_with_false_promises_is_named_and_small_groups_are_hidden(drawn):
    y, p = drawn
    group = np.where(np.arange(len(y)) % 3 == 0, "b", "a").astype(object)
    group[:4], group[4:5] = "tiny", "alone"
    told = np.where(group == "b", np.clip(p + 0.15, 0, 1), p)
    result = score_groups(group, y, told, attribute="country")
    assert result.unfair == ["b"]
    assert result.check().status is Status.WARN
    assert set(result.frame["group"]) == {"a", "b"}
    assert result.suppressed == 5
    fair = score_groups(group, y, p, attribute="country")
    assert fair.unfair == []


def test_protected_attributes_are_read_for_the_audit_only():
    engine = Engine(threads=1)
    keys = np.array(["a", "b"])
    assert protected_groups(engine, keys, "country").tolist() == [None, None]
    engine.register("customers", pd.DataFrame({"customer_key": ["b"], "country": ["UK"]}))
    assert protected_groups(engine, keys, "country")[1] == "UK"
    assert protected_groups(engine, keys, "gender").tolist() == [None, None]


def test_order_bands():
    table = pd.DataFrame({"order_count": [1, 2, 3, 4]})
    assert order_bands(table).tolist() == [
        "one order",
        "two or three orders",
        "two or three orders",
        "four or more orders",
    ]


def test_one_small_group_takes_a_second_with_it(drawn):
    y, p = drawn
    group = np.array(["a"] * 4000 + ["b"] * 1995 + ["c"] * 5, dtype=object)
    assert set(score_groups(group, y, p, attribute="channel").frame["group"]) == {"a"}


def surveyed():
    engine = Engine(threads=1)
    day = int(pd.Timestamp("2026-05-01", tz="UTC").timestamp())
    engine.register(
        "surveys",
        pd.DataFrame(
            {
                "customer_key": ["a", "a", "b", None, "b"],
                "instrument": [*["exit_intent"] * 4, "post_purchase"],
                "reason_code": ["price", "delivery", "price", "x", "gift"],
                "answered_epoch_s": [day, day + 86_400, day, day, day + 5],
            }
        ),
    )
    engine.register(
        "tickets",
        pd.DataFrame(
            {
                "customer_key": ["b", "c"],
                "reason_code": ["broken", "late"],
                "opened_epoch_s": [day + 9, day],
            }
        ),
    )
    return engine


def test_the_latest_answer_counts_and_sources_are_not_mixed():
    said = stated_reasons(surveyed(), "2026-06-01")
    assert said.to_numpy().tolist() == [
        ["a", "delivery", "exit_intent"],
        ["b", "price", "exit_intent"],
    ]
    tickets = stated_reasons(surveyed(), "2026-06-01", source="tickets")
    assert tickets["reason_code"].tolist() == ["broken", "late"]
    assert stated_reasons(surveyed(), "2026-05-01").empty
    assert stated_reasons(Engine(threads=1), "2026-05-01").empty


def test_silent_leavers_are_weighted_in():
    n = 4000
    random = np.random.default_rng(6)
    repeat = random.integers(0, 2, n)
    leavers = pd.DataFrame(
        {
            "customer_key": [f"c{i:05d}" for i in range(n)],
            "repeat_order_count": repeat,
            "recency_days": 100,
        }
    )
    reason = np.where(random.random(n) < np.where(repeat == 1, 0.8, 0.2), "price", "taste")
    answers = random.random(n) < np.where(repeat == 1, 0.5, 0.1)
    said = pd.DataFrame(
        {"customer_key": leavers["customer_key"], "reason_code": reason, "source": "survey"}
    )[answers]
    result = leave_reasons(leavers, said, groups=np.where(repeat == 1, "regular", "once"))
    price = result.frame.set_index("reason").loc["price"]
    assert price["unweighted"] > 0.62
    assert price["share"] == pytest.approx(0.5, abs=0.05)
    assert price["ci_low"] < 0.5 < price["ci_high"]
    assert result.effective < result.answered
    regular = result.by_group.set_index(["group", "reason"])["share"]
    assert regular["regular", "price"] == pytest.approx(0.8, abs=0.05)


def test_no_answers_at_all_is_said_without_a_share():
    leavers = pd.DataFrame({"customer_key": ["a"], "repeat_order_count": 0, "recency_days": 9})
    elsewhere = pd.DataFrame({"customer_key": ["z"], "reason_code": "price", "source": "survey"})
    result = leave_reasons(leavers, elsewhere)
    assert result.frame.empty
    assert "None of 1 leavers gave a reason" in result.summary()


def test_the_model_card_says_what_the_model_is_not_for(panels):
    result = backtest(panels, [RecencyRule(), LogisticModel()], seed=1)
    card = model_card(
        result, result.scores(), panels, [leak_check(panels, result)], as_of="2026-06-01"
    )
    assert "not for: refusing service" in card.summary()
    assert "log loss: " in card.summary()


def test_reasons_of_a_stable_model_stay(panels):
    table = reason_stability(LogisticModel(), panels[-2:], panels[-1].features, seed=1, refits=2)
    assert (table["same_top_reason"] > 0.6).all()
    assert (table["rank_agreement"] > 0.7).all()

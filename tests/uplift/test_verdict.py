"""Which policy is recommended: what is shown to pay, on all customers, the winner's curse paid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from retention.results import Status
from retention.uplift.learners import TLearner
from retention.uplift.policy import PolicyRewards, joint_quantile
from retention.uplift.study import TargetingStudy, study_targeting
from retention.uplift.targeting import own_people, plan_campaign
from retention.uplift.trial import Trial, trial_from_frame
from retention.uplift.verdict import Action, Contest


def tenth(seed: int, effect: float, units: int = 4000) -> Trial:
    """The arm adds ``effect`` to the sales of the tenth of customers whose x0 is above 0.9."""
    generator = np.random.default_rng([9, seed])
    x, arm = generator.random((units, 4)), generator.integers(0, 2, units)
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(4)])
    frame.insert(0, "unit_key", [f"{i:06d}" for i in range(units)])
    frame["arm"], frame["propensity"] = np.where(arm == 1, "email", "none"), 0.5
    frame["sales"] = x[:, 1] + arm * effect * (x[:, 0] > 0.9) + generator.normal(size=units)
    return trial_from_frame(frame, control="none", outcomes=["sales"])


def study(trial: Trial, cost: float = 0.05, **options: object) -> TargetingStudy:
    return study_targeting(
        trial, "sales", candidates={"t": TLearner(LinearRegression())}, costs=[0.0, cost],
        model=LinearRegression(), **options,
    )  # fmt: skip


def test_an_effect_in_one_tenth_is_found_and_only_that_tenth_is_sent_it() -> None:
    """Benchmarks hold 200 such worlds to 95 %; here six."""
    for seed in range(6):
        found = study(tenth(seed, 1.0), seed=seed)
        assert found.verdict.action in (Action.USE_RULE, Action.TARGET)
    trial = tenth(1, 1.0)
    found = study(trial, seed=1)
    sent = found.recommend(trial.covariates) == 1
    assert sent[trial.covariates["x0"] > 0.9].mean() > 0.9
    assert sent.mean() < 0.6
    plan = plan_campaign(found, own_people(trial), worth=1.0).table
    assert ((plan["recommended_arm"] == "email").to_numpy() == sent).all()


def test_nothing_is_recommended_where_nothing_works() -> None:
    for seed in range(5):
        found = study(tenth(100 + seed, 0.0, 1500), seed=seed)
        assert found.verdict.action in (Action.NOT_PROVEN, Action.DO_NOT_SEND)
        assert found.recommend(tenth(0, 0.0, 100).covariates).sum() == 0


def test_what_is_not_shown_is_not_said_to_fail() -> None:
    text = study(tenth(102, 0.0, 1500), cost=0.0).summary()
    assert text.startswith("Not proven yet: repeat the campaign with more customers.")
    assert "Don't" not in text
    assert "not pay" not in text


def test_arms_that_chance_cannot_have_drawn_give_no_verdict() -> None:
    trial = tenth(1, 1.0)
    trial.covariates["x3"] += 2.4 * trial.covariates["x3"].std() * trial.arm
    found = study(trial)
    assert found.verdict.action is Action.INVALID
    assert found.status() is Status.FAIL
    assert found.summary().startswith("Stop: the groups differed before the campaign")
    assert found.recommend(trial.covariates).sum() == 0


def test_clusters_widen_every_policy(strong_trial: Trial) -> None:
    doubled = strong_trial.take(np.sort(np.tile(np.arange(1000), 2)))
    keys = np.array([f"u{i:05d}" for i in range(2000)], dtype=object)
    cluster = np.arange(2000) // 2
    one, other = (
        study(replace(doubled, unit_key=keys, cluster=c), seed=1).policies.of("email to all")
        for c in (cluster, None)
    )
    width = (one.ci_high - one.ci_low) / (other.ci_high - other.ci_low)
    # Every customer is there twice: without clusters intervals are too narrow by the root of 2.
    assert width == pytest.approx(np.sqrt(2), rel=0.05)


def contest(means: dict[str, float], noise: float = 1.0, units: int = 4000) -> Contest:
    """Policies whose rewards have these means, each with noise of its own."""
    generator = np.random.default_rng(3)
    rewards = {
        name: mean + noise * (lambda e: e - e.mean())(generator.normal(size=units))
        for name, mean in means.items()
    }
    rewards["nobody"] = np.zeros(units)
    families = (("all",), tuple(n for n in means if n != "all"))
    drawn = PolicyRewards(
        rewards, dict.fromkeys(rewards, 0.5), learnt=frozenset({"targeted"}), families=families
    )
    habits = tuple(n for n in means if n not in ("all", "targeted"))
    return Contest(drawn, "nobody", {"all": "email"}, ("targeted",), habits, {}, "per unit")


@pytest.mark.parametrize(
    ("means", "differing", "action", "policy"),
    [({"all": 0.2, "targeted": 0.5}, [], Action.TARGET, "targeted"),
     ({"all": 0.5, "targeted": 0.5}, [], Action.SEND_TO_ALL, "all"),
     ({"all": 0.5, "targeted": 0.5}, ["email"], Action.TARGET, "targeted"),
     ({"all": 0.5, "targeted": 0.2}, ["email"], Action.SEND_TO_ALL, "all"),
     ({"all": -0.5, "targeted": 0.0}, [], Action.NOT_PROVEN, "nobody"),
     ({"all": -0.5, "targeted": -0.1}, [], Action.DO_NOT_SEND, "nobody"),
     ({"all": 0.01, "targeted": 0.02}, [], Action.NOT_PROVEN, "nobody"),
     ({"all": 0.0, "targeted": 0.0, "likely": 0.3}, [], Action.TARGET, "likely")],
)  # fmt: skip
def test_the_verdict_follows_the_intervals(
    means: dict[str, float], differing: list[str], action: Action, policy: str
) -> None:
    verdict = contest(means).decide(differing)
    assert (verdict.action, verdict.policy) == (action, policy)


def test_many_policies_looked_at_together_cost_wider_intervals() -> None:
    generator = np.random.default_rng(1)
    apart = [generator.normal(size=5000) for _ in range(8)]
    # Šidák for eight independent two-sided tests: z of 1 - (1 - 0.95 ** (1 / 8)) / 2.
    assert joint_quantile(apart) == pytest.approx(2.727, abs=0.05)
    assert joint_quantile([apart[0], apart[0] * 3]) == pytest.approx(1.96, abs=0.04)

"""Plans under limits: exact where separable, never above a limit, consent kept."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.errors import ParameterError
from retention.uplift.allocation import Limits, allocate, efficiency_curve, hold_back


def best_by_trying(rewards: np.ndarray, costs: np.ndarray, limits: Limits) -> float:
    """Profit of the best plan, every plan tried."""
    best = 0.0
    units, arms = rewards.shape
    for plan in product(range(arms + 1), repeat=units):
        taken = [(i, k - 1) for i, k in enumerate(plan) if k]
        used = [plan.count(k + 1) for k in range(arms)]
        spend = sum(costs[k] for _, k in taken)
        if limits.budget is not None and spend > limits.budget + 1e-9:
            continue
        if limits.contacts is not None and len(taken) > limits.contacts:
            continue
        if any(0 < u < limits.smallest_group for u in used):
            continue
        best = max(best, sum(rewards[i, k] - costs[k] for i, k in taken))
    return best


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_contact_cap_alone_is_exact(seed: int, cap: int) -> None:
    rewards = np.random.default_rng(seed).normal(0.3, 1, size=(5, 2))
    costs = np.array([0.2, 0.5])
    plan = allocate(rewards, costs, limits=Limits(contacts=cap))
    assert plan.contacts <= cap
    assert plan.profit == pytest.approx(best_by_trying(rewards, costs, Limits(contacts=cap)))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.1, 2.0))
def test_budget_is_kept_and_misses_at_most_one_unit(seed: int, budget: float) -> None:
    rewards = np.random.default_rng(seed).normal(0.3, 1, size=(5, 2))
    costs = np.array([0.2, 0.5])
    plan = allocate(rewards, costs, limits=Limits(budget=budget))
    assert plan.spend <= budget + 1e-9
    best = best_by_trying(rewards, costs, Limits(budget=budget))
    largest = max(0.0, float((rewards - costs).max()))
    assert best - largest - 1e-9 <= plan.profit <= best + 1e-9


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000))
def test_group_sizes_and_two_limits_are_solved_exactly(seed: int) -> None:
    rewards = np.random.default_rng(seed).normal(0.3, 1, size=(5, 2))
    costs = np.array([0.2, 0.5])
    limits = Limits(budget=1.2, contacts=4, smallest_group=2)
    plan = allocate(rewards, costs, limits=limits)
    assert plan.profit == pytest.approx(best_by_trying(rewards, costs, limits), abs=1e-6)


def test_people_without_consent_are_never_contacted() -> None:
    rewards = np.ones((100, 2))
    eligible = np.arange(100) % 3 > 0
    for limits in (None, Limits(budget=4.0), Limits(contacts=10), Limits(9.0, 20, 5)):
        plan = allocate(rewards, np.array([0.1, 0.2]), limits=limits, eligible=eligible)
        assert plan.contacts > 0
        assert not plan.arm[~eligible].any()


def test_sleeping_dogs_are_left_alone_without_any_limit() -> None:
    plan = allocate(np.array([[-1.0], [0.05], [2.0]]), np.array([0.1]))
    assert plan.arm.tolist() == [0, 0, 1]
    assert "No single limit binds" in plan.summary()


def test_efficiency_curve_rises_and_its_marginal_worth_falls() -> None:
    rewards = np.random.default_rng(1).normal(0.2, 1, size=(2000, 2))
    curve = efficiency_curve(rewards, np.array([0.1, 0.3]))
    assert curve["profit"].is_monotonic_increasing
    worth = curve["marginal_worth"].dropna()
    assert worth.is_monotonic_decreasing
    assert worth.iloc[-1] >= 0


def test_hold_out_is_the_share_of_every_arm() -> None:
    arm = np.repeat([0, 1, 2], [50, 200, 100])
    held = hold_back(arm, 0.1, seed=1)
    assert np.bincount(arm[held], minlength=3).tolist() == [0, 20, 10]
    assert np.array_equal(held, hold_back(arm, 0.1, seed=1))
    with pytest.raises(ParameterError, match="hold-out"):
        hold_back(arm, 1.0, seed=1)


def test_negative_cost_is_refused() -> None:
    with pytest.raises(ParameterError, match="negative"):
        allocate(np.ones((2, 1)), np.array([-1.0]))

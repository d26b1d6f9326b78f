"""Whom to contact with which offer, under a budget, a cap, consent and smallest group sizes.

Where units are only tied together by one budget the problem is separable and is solved exactly but
for the last, partly affordable unit: per unit the upper convex hull of (cost, reward), hull steps
sorted by Δreward/Δcost, taken until the budget is spent (Sverdrup, Wu, Athey & Wager, arXiv
2306.11979, algorithm 1). A contact cap is a budget of contacts. Both at once, or group sizes, go to
HiGHS through ``scipy.optimize.milp``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from retention.errors import ParameterError
from retention.uplift.trial import Floats, Integers, finite

LARGEST_PROGRAMME = 400_000
"""Units times arms up to which the integer programme is attempted."""


@dataclass(frozen=True)
class Limits:
    """What the next campaign may not exceed.

    Parameters
    ----------
    budget
        Money for contacts; None for no limit.
    contacts
        Largest number of contacts; None for no limit.
    smallest_group
        An arm that is used at all must go to at least so many.
    """

    budget: float | None = None
    contacts: int | None = None
    smallest_group: int = 0


@dataclass(frozen=True)
class Allocation:
    """Which arm each unit gets, what that costs and what it is expected to bring.

    Parameters
    ----------
    arm
        Arm number of each unit, 0 for none.
    spend, reward
        Totals of cost and of expected effect, both in units of money.
    contacts
        Number of units given an arm.
    marginal_worth
        Profit that one more unit of the limit (of money, or one more contact) would bring. None
        where no limit binds, or several do.
    exact
        Whether the plan is optimal; a greedy plan under one limit misses at most one unit's reward.
    """

    arm: Integers
    spend: float
    reward: float
    contacts: int
    marginal_worth: float | None
    exact: bool

    @property
    def profit(self) -> float:
        """Expected reward less cost."""
        return self.reward - self.spend

    def to_frame(self) -> pd.DataFrame:
        """Return one row with the totals."""
        names = ("contacts", "spend", "reward", "profit", "marginal_worth", "exact")
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def summary(self) -> str:
        """Word the plan."""
        text = (
            f"{self.contacts:,} of {len(self.arm):,} units are contacted at a cost of "
            f"{self.spend:,.2f}, for an expected profit of {self.profit:,.2f}."
        )
        if self.marginal_worth is None:
            return f"{text} No single limit binds."
        return f"{text} One more unit of the limit would bring {self.marginal_worth:.2f}."


def allocate(
    rewards: Floats, costs: Floats, *, limits: Limits | None = None, eligible: Floats | None = None
) -> Allocation:
    """Choose the plan of highest expected profit.

    Parameters
    ----------
    rewards
        Expected effect of every arm in money against no contact, shape (units, arms − 1).
    costs
        Cost of every arm, shape (arms − 1,) or (units, arms − 1), above or equal to zero.
    limits
        What may not be exceeded; None for nothing.
    eligible
        Whether each unit may be contacted (consent, contact cap); None means all.

    Raises
    ------
    InputError
        If a reward or a cost is missing or infinite; a reward of -inf rules the arm out.
    ParameterError
        If a cost or limit is negative, or the programme would be too large.
    """
    limit = limits or Limits()
    rewards = _ruled_out(rewards)
    cost = np.broadcast_to(finite(costs, "costs"), rewards.shape)
    if (cost < 0).any() or not ((limit.budget or 0) >= 0 and (limit.contacts or 0) >= 0):
        raise ParameterError("A cost or a limit is negative.", "Give 0 or more.")
    allowed = np.ones(len(rewards), dtype=bool) if eligible is None else np.asarray(eligible, bool)
    limit = _one_limit(limit, cost)
    several = limit.budget is not None and limit.contacts is not None
    unlimited = _unlimited(rewards, cost, allowed)
    if _fits(unlimited, cost, limit):
        return _allocation(unlimited, rewards, cost, None, exact=True)
    if several or (limit.budget is None and limit.contacts is None):
        return _programme(rewards, cost, allowed, limit)
    by_money = limit.budget is not None
    load = cost if by_money else np.ones_like(cost)
    capacity = float((limit.budget if by_money else limit.contacts) or 0)
    plan = _by_hull(rewards, cost, load, allowed, capacity)
    keeps_groups = limit.smallest_group <= 1 or _fits(plan.arm, cost, limit)
    return plan if keeps_groups else _programme(rewards, cost, allowed, limit)


def efficiency_curve(
    rewards: Floats, costs: Floats, *, eligible: Floats | None = None, points: int = 20
) -> pd.DataFrame:
    """Return expected profit against budget, from nothing to what contacting all that pay costs.

    Returns
    -------
    DataFrame
        budget, spend, contacts, reward, profit, marginal_worth.
    """
    whole = allocate(rewards, costs, eligible=eligible)
    rows = []
    for budget in np.linspace(0, whole.spend, points + 1):
        plan = allocate(rewards, costs, limits=Limits(budget=float(budget)), eligible=eligible)
        rows.append((budget, plan.spend, plan.contacts, plan.reward, plan.profit,
                     plan.marginal_worth))  # fmt: skip
    names = ["budget", "spend", "contacts", "reward", "profit", "marginal_worth"]
    return pd.DataFrame(rows, columns=names)


def hold_back(arm: Integers, share: float, seed: int) -> np.ndarray:
    """Draw which of the contacted are left alone, so that the next campaign can be measured.

    The share is taken within every arm, rounded to whole units.
    """
    if not 0 <= share < 1:
        raise ParameterError(f"A hold-out share of {share} is impossible.", "Choose 0 to below 1.")
    generator = np.random.default_rng(seed)
    held = np.zeros(len(arm), dtype=bool)
    for value in np.unique(arm[arm > 0]):
        rows = np.flatnonzero(arm == value)
        held[generator.permutation(rows)[: round(share * len(rows))]] = True
    return held


def _ruled_out(rewards: Floats) -> Floats:
    """Return finite rewards: arms that are ruled out bring a loss that nothing makes up for."""
    out = np.isneginf(rewards)
    known = finite(np.where(out, 0.0, rewards), "rewards")
    return np.where(out, -1.0 - np.abs(known).max(initial=0.0), known)


def _one_limit(limit: Limits, cost: Floats) -> Limits:
    """Turn a budget into a number of contacts where every contact costs the same."""
    price = float(cost.flat[0]) if cost.size else 0.0
    if limit.budget is None or price <= 0 or (cost != price).any():
        return limit
    affordable = int(limit.budget / price * (1 + 1e-12))
    contacts = affordable if limit.contacts is None else min(affordable, limit.contacts)
    return replace(limit, budget=None, contacts=contacts)


def _unlimited(rewards: Floats, cost: Floats, allowed: np.ndarray) -> Integers:
    """Return each allowed unit's most profitable arm, 0 where none pays."""
    net = np.column_stack([np.zeros(len(rewards)), rewards - cost])
    return np.where(allowed, np.argmax(net, axis=1), 0).astype(np.intp)


def _fits(arm: Integers, cost: Floats, limit: Limits) -> bool:
    """Tell whether a plan keeps every limit."""
    used = np.bincount(arm, minlength=cost.shape[1] + 1)[1:]
    rows = np.flatnonzero(arm)
    spend = float(cost[rows, arm[rows] - 1].sum())
    return bool(
        (limit.budget is None or spend <= limit.budget * (1 + 1e-12))
        and (limit.contacts is None or len(rows) <= limit.contacts)
        and ((used == 0) | (used >= limit.smallest_group)).all()
    )


def _by_hull(
    rewards: Floats, cost: Floats, load: Floats, allowed: np.ndarray, capacity: float
) -> Allocation:
    """Take hull steps by falling gain per load until the capacity is used.

    The gain is the profit; ``load`` is what the capacity counts (money or contacts).
    """
    steps = _hull_steps(rewards - cost, load, allowed)
    order = np.lexsort((steps["arm"], steps["unit"], -steps["rate"]))
    used = np.cumsum(steps["load"][order])
    taken = order[used <= capacity * (1 + 1e-12)]
    arm = np.zeros(len(rewards), dtype=np.intp)
    arm[steps["unit"][taken]] = steps["arm"][taken]  # later steps of a unit overwrite earlier ones
    edge = order[len(taken)] if len(taken) < len(order) else None
    worth = None if edge is None else float(steps["rate"][edge])
    return _allocation(arm, rewards, cost, worth, exact=edge is None)


def _hull_steps(profit: Floats, load: Floats, allowed: np.ndarray) -> dict[str, Any]:
    """Return the steps along every unit's upper convex hull of (load, profit), all units at once.

    From the current point the arm of steepest rise is taken until none rises.
    """
    units, arms = profit.shape
    here_load, here_profit = np.zeros(units), np.zeros(units)
    found: dict[str, list[Any]] = {"unit": [], "arm": [], "rate": [], "load": []}
    active = np.flatnonzero(allowed)
    for _ in range(arms):
        more = load[active] - here_load[active, None]
        gain = profit[active] - here_profit[active, None]
        rate = np.where(gain > 0, gain / np.maximum(more, 1e-300), -np.inf)
        rate = np.where((more >= 0) & ((more > 0) | (gain > 0)), rate, -np.inf)
        best = np.argmax(rate, axis=1)
        rows = np.flatnonzero(np.isfinite(rate[np.arange(len(active)), best]))
        unit, arm = active[rows], best[rows]
        for name, value in (("unit", unit), ("arm", arm + 1), ("rate", rate[rows, arm]),
                            ("load", more[rows, arm])):  # fmt: skip
            found[name].append(value)
        here_load[unit], here_profit[unit] = load[unit, arm], profit[unit, arm]
        active = unit
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _programme(rewards: Floats, cost: Floats, allowed: np.ndarray, limit: Limits) -> Allocation:
    """Solve the plan as an integer programme: one 0/1 per unit and arm, one per arm used."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    rows = np.flatnonzero(allowed & ((rewards - cost) > 0).any(axis=1))
    if limit.smallest_group > 1:
        rows = np.flatnonzero(allowed)
    arms = rewards.shape[1]
    if len(rows) * arms > LARGEST_PROGRAMME:
        raise ParameterError(
            f"{len(rows):,} units × {arms} arms are too many for group sizes or two limits.",
            "Give one limit only, or plan by segment.",
        )
    profit, price = (rewards - cost)[rows], cost[rows]
    matrix, low, high = _constraints(price, limit)
    answer = milp(
        c=np.r_[-profit.ravel(), np.zeros(arms)], integrality=np.ones(profit.size + arms),
        bounds=Bounds(0, 1), constraints=LinearConstraint(matrix, low, high),
        options={"mip_rel_gap": 1e-6},
    )  # fmt: skip
    chosen = answer.x[: profit.size].reshape(profit.shape) > 0.5
    arm = np.zeros(len(rewards), dtype=np.intp)
    arm[rows] = np.where(chosen.any(axis=1), np.argmax(chosen, axis=1) + 1, 0)
    return _allocation(arm, rewards, cost, None, exact=bool(answer.success))


def _constraints(price: Floats, limit: Limits) -> tuple[Any, Floats, Floats]:
    """Return the sparse rows: one arm a unit, budget, contacts, smallest and empty groups."""
    from scipy.sparse import csr_array, eye_array, hstack, kron, vstack

    units, arms = price.shape
    none = csr_array((1, arms))
    by_unit = hstack([kron(eye_array(units), np.ones((1, arms))), csr_array((units, arms))])
    by_arm = kron(np.ones((1, units)), eye_array(arms))
    blocks, low, high = [by_unit], [np.zeros(units)], [np.ones(units)]
    for row, bound in ((price.reshape(1, -1), limit.budget), (np.ones((1, price.size)),
                                                              limit.contacts)):  # fmt: skip
        if bound is not None:
            blocks.append(hstack([csr_array(row), none]))
            low.append(np.zeros(1))
            high.append(np.array([float(bound)]))
    blocks.append(hstack([by_arm, -limit.smallest_group * eye_array(arms)]))
    low.append(np.zeros(arms))
    high.append(np.full(arms, np.inf))
    blocks.append(hstack([by_arm, -units * eye_array(arms)]))
    low.append(np.full(arms, -np.inf))
    high.append(np.zeros(arms))
    return vstack(blocks).tocsr(), np.concatenate(low), np.concatenate(high)


def _allocation(
    arm: Integers, rewards: Floats, cost: Floats, worth: float | None, *, exact: bool
) -> Allocation:
    """Return the plan with its totals."""
    rows = np.flatnonzero(arm)
    column = arm[rows] - 1
    return Allocation(
        arm, float(cost[rows, column].sum()), float(rewards[rows, column].sum()), len(rows),
        worth, exact,
    )  # fmt: skip

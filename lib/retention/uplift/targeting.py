"""The next campaign: who gets which arm under the limits, who is held out, what it should bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.quantities import is_currency
from retention.results import Metric, percent
from retention.uplift.allocation import Allocation, Limits, allocate, efficiency_curve, hold_back
from retention.uplift.study import TargetingStudy
from retention.uplift.trial import Floats, Trial

FREE = 1e-9
"""Cost of a contact where the outcome has no price: it only counts its place in the budget."""


@dataclass(frozen=True)
class People:
    """Customers whom the next campaign could be sent to.

    Parameters
    ----------
    customer_key
        Their pseudonyms.
    covariates
        What is known of them now, in the columns of the trial.
    eligible
        Whether each may be contacted (consent, suppressions, contact cap).
    scope
        Who they are, in words.
    steps
        ``(step, people left)``, from all to those who may be contacted.
    """

    customer_key: np.ndarray
    covariates: pd.DataFrame
    eligible: np.ndarray
    scope: str
    steps: tuple[tuple[str, int], ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return how many are left at each step, and how many it left out."""
        frame = pd.DataFrame(self.steps, columns=["step", "customers"])
        before = frame["customers"].shift(fill_value=0).where(frame.index > 0, frame["customers"])
        return frame.assign(left_out=before - frame["customers"])


@dataclass(frozen=True)
class Plan:
    """Who gets what, and what that should bring.

    Parameters
    ----------
    table
        ``customer_key``, ``recommended_arm`` (the control's name for those left alone),
        ``may_be_contacted``, ``is_hold_out`` (recommended an arm, left alone to measure it),
        ``expected_effect`` in units of the outcome, ``expected_profit`` in ``unit``, and
        ``effect_<arm>`` of every arm; ordered by customer.
    curve
        Profit against budget: budget, spend, contacts, reward, profit, marginal_worth.
    allocation
        The plan before the hold-out is taken from it.
    unit
        Unit of money, or of the outcome where it has no price.
    last_customer
        Profit expected of the least worthwhile customer who is contacted; None where nobody is.
    measured_low, measured, measured_high
        Profit of all who are sent it, from what the policy brought in cross-fitting, with its
        95 % interval.
    scope
        Who the customers are.
    """

    table: pd.DataFrame
    curve: pd.DataFrame
    allocation: Allocation
    unit: str
    last_customer: float | None
    measured_low: float
    measured: float
    measured_high: float
    scope: str

    def to_frame(self) -> pd.DataFrame:
        """Return the plan, customer by customer."""
        return self.table

    @property
    def sent(self) -> int:
        """Number of customers who are sent an arm, those held out not among them."""
        return self.allocation.contacts - int(self.table["is_hold_out"].sum())

    def counts(self) -> pd.DataFrame:
        """Return how many customers each arm is recommended for, sent to and held out of."""
        grouped = self.table.groupby("recommended_arm", sort=True)
        counts = grouped.agg(
            customers=("customer_key", "size"), may_be_contacted=("may_be_contacted", "sum"),
            held_out=("is_hold_out", "sum"), expected_profit=("expected_profit", "sum"),
        )  # fmt: skip
        return counts.reset_index()

    def actions(self) -> pd.DataFrame:
        """Return what is recommended for each customer, in the shape that audits of fairness take.

        Returns
        -------
        pandas.DataFrame
            ``customer_key`` and ``segment``: the arm recommended.
        """
        return self.table[["customer_key", "recommended_arm"]].set_axis(
            ["customer_key", "segment"], axis=1
        )

    def reach(self) -> pd.DataFrame:
        """Return in the same shape whether each customer may be contacted."""
        worded = self.table["may_be_contacted"].map({True: "may be contacted", False: "may not be"})
        return self.table[["customer_key"]].assign(segment=worded)

    def by_segment(self, labels: pd.Series) -> pd.DataFrame:
        """Return whom the plan reaches in each segment of today.

        Parameters
        ----------
        labels
            Each customer's segment, in the order of ``table``.

        Returns
        -------
        pandas.DataFrame
            ``segment``, ``customers``, ``may_be_contacted``, ``sent``, ``held_out``,
            ``expected_profit``; the one with the most messages first.
        """
        arms = {str(c).removeprefix("effect_") for c in self.table if str(c).startswith("effect_")}
        chosen = self.table["recommended_arm"].isin(arms)
        rows = self.table.assign(
            segment=labels.fillna("without a segment").to_numpy(),
            sent=chosen & ~self.table["is_hold_out"],
        )
        counts = rows.groupby("segment").agg(
            customers=("customer_key", "size"), may_be_contacted=("may_be_contacted", "sum"),
            sent=("sent", "sum"), held_out=("is_hold_out", "sum"),
            expected_profit=("expected_profit", "sum"),
        )  # fmt: skip
        order = ["sent", "customers", "segment"]
        return counts.reset_index().sort_values(
            order, ascending=[False, False, True], ignore_index=True
        )

    def segment_summary(self, labels: pd.Series, minimum: int) -> str:
        """Word which segment gets most of the messages, and whether more than its share.

        Segments of fewer customers than ``minimum`` are not spoken of.
        """
        counts = self.by_segment(labels)
        large = counts[(counts["customers"] >= minimum) & (counts["sent"] >= minimum)]
        if large.empty:
            return "No segment is written to that is large enough to be shown."
        first = large.iloc[0]
        return (
            f"Most messages go to {first['segment']}: {percent(first['sent'] / self.sent)} of "
            f"them, to {percent(first['customers'] / len(self.table))} of the customers."
        )

    def metrics(self) -> list[Metric]:
        """Return the expected profit of the next campaign and its size."""
        return [
            Metric("next_campaign_profit", self.measured, self.unit, self.measured_low,
                   self.measured_high, self.sent),
            Metric("next_campaign_contacts", self.sent, "customers"),
        ]  # fmt: skip

    def summary(self) -> str:
        """Word the plan: how many, for how much, with which interval."""
        if self.sent == 0:
            return f"Nobody of {len(self.table):,} {self.scope} is contacted."
        held = int(self.table["is_hold_out"].sum())
        gain = "profit" if is_currency(self.unit) else "gain"
        return (
            f"Of {len(self.table):,} {self.scope} {self.sent:,} are sent it and {held:,} "
            f"({percent(held / self.allocation.contacts)} of those chosen) are held out, so that "
            f"it can be measured. By what the policy brought in the test that is a "
            f"{gain} of {self._amount(self.measured)} (95 % interval {self.measured_low:,.2f} to "
            f"{self.measured_high:,.2f}). The last customer taken is expected to bring "
            f"{self._amount(self.last_customer or 0.0)}."
        )

    def _amount(self, value: float) -> str:
        """Write an amount in its unit."""
        return (
            f"{self.unit} {value:,.2f}" if is_currency(self.unit) else f"{value:,.2f} {self.unit}"
        )

    def budget_summary(self, budget: float) -> str:
        """Word what a budget buys and what one more unit of it would."""
        whole = self.curve.iloc[-1]
        if whole["profit"] <= 0:
            return "No budget is expected to pay: nobody is contacted."
        worth = self.allocation.marginal_worth
        more = (
            "A larger budget would buy nothing more."
            if worth is None
            else f"One more unit of the limit would bring {worth:,.2f} {self.unit}."
        )
        limit = f"Within a budget of {budget:,.2f}" if budget > 0 else "Without a limit"
        return (
            f"{limit}, {self.allocation.contacts:,} contacts for {self.allocation.spend:,.2f} are "
            f"expected to bring {self.allocation.profit:,.2f} {self.unit}; everybody expected to "
            f"pay takes {whole['spend']:,.2f} and brings {whole['profit']:,.2f}. {more}"
        )


def own_people(trial: Trial) -> People:
    """Return the units of the experiment itself, all of whom may be contacted."""
    return People(
        trial.unit_key.astype(str), trial.covariates, np.ones(trial.units, dtype=bool),
        "customers of the experiment",
    )  # fmt: skip


def plan_campaign(
    study: TargetingStudy, people: People, *, worth: float, currency: str = "",
    limits: Limits | None = None, hold_out: float = 0.0, seed: int = 0,
) -> Plan:  # fmt: skip
    """Plan the next campaign within the recommendation.

    Parameters
    ----------
    study
        The recommendation.
    people
        Whom it could be sent to.
    worth
        Money that one unit of the outcome brings; 0 leaves everything in units of the outcome and
        counts a contact as one unit of budget.
    currency
        ISO code of the money.
    limits
        Budget, contacts, smallest group; None for no limit.
    hold_out
        Share of every arm's customers that are left alone by chance.
    seed
        Seed of the hold-out.
    """
    effects = study.predict(people.covariates)
    price = worth if worth > 0 else 1.0
    cost = (np.asarray(study.costs)[1:] - study.costs[0]) * price if worth > 0 else (
        np.full(effects.shape[1], FREE))  # fmt: skip
    limit = limits or Limits()
    if worth <= 0 and limit.budget is not None:
        limit = Limits(limit.budget * FREE, limit.contacts, limit.smallest_group)
    rewards = study.usable(people.covariates, effects) * price
    plan = allocate(rewards, cost, limits=limit, eligible=people.eligible)
    held = hold_back(plan.arm, hold_out, seed)
    unit = currency if worth > 0 else study.outcome
    table = _table(study, people, effects, plan, held, cost, price)
    curve = efficiency_curve(rewards, cost, eligible=people.eligible)
    if worth <= 0:
        plan = _without_price(plan)
        curve[["budget", "spend"]] /= FREE
        curve["marginal_worth"] *= FREE
    taken = table.loc[plan.arm[_order(people)] > 0, "expected_profit"]
    low, middle, high = _measured(study, plan.contacts - int(held.sum()), price)
    return Plan(
        table, curve, plan, unit, float(taken.min()) if len(taken) else None, low, middle, high,
        people.scope,
    )  # fmt: skip


def _order(people: People) -> np.ndarray:
    """Return the positions of the people by key."""
    return np.argsort(people.customer_key, kind="stable")


def _table(
    study: TargetingStudy, people: People, effects: Floats, plan: Allocation, held: np.ndarray,
    cost: Floats, price: float,
) -> pd.DataFrame:  # fmt: skip
    """Return the plan, customer by customer."""
    rows = np.arange(len(effects))
    all_effects = np.column_stack([np.zeros(len(effects)), effects])
    effect = all_effects[rows, plan.arm]
    spent = np.r_[0.0, np.where(cost <= FREE, 0.0, cost)]
    frame = pd.DataFrame({
        "customer_key": people.customer_key,
        "recommended_arm": np.asarray(study.arms, dtype=object)[plan.arm],
        "may_be_contacted": people.eligible, "is_hold_out": held, "expected_effect": effect,
        "expected_profit": effect * price - spent[plan.arm],
    })  # fmt: skip
    for position, name in enumerate(study.arms[1:], start=1):
        frame[f"effect_{name}"] = all_effects[:, position]
    return frame.iloc[_order(people)].reset_index(drop=True)


def _without_price(plan: Allocation) -> Allocation:
    """Return the plan of an outcome without a price: it spends contacts."""
    worth = None if plan.marginal_worth is None else plan.marginal_worth * FREE
    return Allocation(
        plan.arm, float(plan.contacts), plan.reward + plan.contacts, plan.contacts, worth,
        plan.exact,
    )  # fmt: skip


def _measured(study: TargetingStudy, sent: int, price: float) -> Sequence[float]:
    """Return the profit of so many contacts from what the policy brought in the test."""
    gain = study.over_nobody
    if gain.contacted == 0 or sent == 0:
        return 0.0, 0.0, 0.0
    scale = price * sent / gain.contacted
    return gain.gain_low * scale, gain.gain * scale, gain.gain_high * scale

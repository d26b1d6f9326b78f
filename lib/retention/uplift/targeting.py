"""The recommendation, customer by customer, and what a budget buys of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.uplift.allocation import efficiency_curve
from retention.uplift.study import TargetingStudy
from retention.uplift.trial import Trial
from retention.uplift.verdict import Action


@dataclass(frozen=True)
class BudgetCurve:
    """Expected profit against the budget for contacts.

    Parameters
    ----------
    table
        budget, spend, contacts, reward, profit, marginal_worth.
    unit
        Unit of all amounts.
    """

    table: pd.DataFrame
    unit: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row per budget."""
        return self.table

    def summary(self, budget: float) -> str:
        """Word what a budget would buy."""
        within = self.table[self.table["budget"] <= budget]
        if self.table["profit"].max() <= 0 or within.empty:
            return "No budget is expected to pay: nobody is contacted."
        row = within.iloc[-1]
        whole = self.table.iloc[-1]
        return (
            f"Up to a budget of {budget:,.2f}, {row['contacts']:,.0f} contacts for "
            f"{row['spend']:,.2f} are expected to bring a profit of {row['profit']:,.2f} "
            f"({self.unit}); everybody expected to pay takes {whole['spend']:,.2f} and brings "
            f"{whole['profit']:,.2f}."
        )


def targeting_table(study: TargetingStudy, trial: Trial) -> pd.DataFrame:
    """Return each unit's recommended arm and what it is expected to bring.

    Returns
    -------
    DataFrame
        ``customer_key``, ``recommended_arm``, ``expected_effect`` (of the recommended arm, in units
        of the outcome), ``expected_profit`` (effect less cost) and ``effect_<arm>`` for every arm,
        ordered by customer.
    """
    effects = np.column_stack([np.zeros(trial.units), study.predict(trial.covariates)])
    arm = study.recommend(trial.covariates)
    rows = np.arange(trial.units)
    cost = np.asarray(study.costs)
    frame = pd.DataFrame({
        "customer_key": trial.unit_key.astype(str),
        "recommended_arm": np.asarray(study.arms, dtype=object)[arm],
        "expected_effect": effects[rows, arm],
        "expected_profit": effects[rows, arm] - (cost[arm] - cost[0]),
    })  # fmt: skip
    for position, name in enumerate(trial.treatments, start=1):
        frame[f"effect_{name}"] = effects[:, position]
    return frame.sort_values("customer_key", ignore_index=True)


def budget_curve(study: TargetingStudy, trial: Trial, *, worth: float) -> BudgetCurve:
    """Return expected profit against the budget, within the recommendation.

    Parameters
    ----------
    study, trial
        The recommendation and the units it is for.
    worth
        Money that one unit of the outcome brings; 0 leaves everything in units of the outcome and
        counts a contact as one unit of budget.
    """
    arms = np.arange(1, len(study.arms))
    effects = study.predict(trial.covariates)
    if study.verdict.action is Action.DO_NOT_SEND:
        effects = np.full_like(effects, -1.0)
    elif study.verdict.arm is not None:
        effects = np.where(study.arms.index(study.verdict.arm) == arms[None, :], effects, -1.0)
    if worth > 0:
        cost = (np.asarray(study.costs)[1:] - study.costs[0]) * worth
        return BudgetCurve(efficiency_curve(effects * worth, cost), "money")
    tiny = np.full(effects.shape[1], 1e-9)  # a free contact still has its place in the budget
    table = efficiency_curve(effects, tiny)
    table[["budget", "spend"]] /= 1e-9
    return BudgetCurve(table, f"contacts, profit in {study.outcome}")


def recommendation_counts(table: pd.DataFrame) -> str:
    """Word how many customers each arm is recommended for."""
    counts = table["recommended_arm"].value_counts().sort_index()
    parts = [f"{name} for {count:,}" for name, count in counts.items()]
    return f"Recommended among {len(table):,} customers: {', '.join(parts)}."

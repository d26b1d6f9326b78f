"""What a campaign costs: messages and set-up, discounts given, goods sold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from retention.engine import Engine
from retention.errors import ParameterError
from retention.features import minor_per_major
from retention.uplift.trial import Trial

DAY_S = 86_400
AUTOMATIC = "auto"
"""Name that stands for the best money outcome there is."""


@dataclass(frozen=True)
class CampaignCost:
    """What an arm costs, known beforehand.

    Parameters
    ----------
    per_contact
        Cost of one contact, in major units of the currency.
    fixed
        Cost of the arm as a whole (design, set-up), in major units.
    """

    per_contact: float
    fixed: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a cost that is no number."""
        if not (math.isfinite(self.per_contact) and math.isfinite(self.fixed)):
            raise ParameterError(
                f"A cost of {self.per_contact} a contact and {self.fixed} in all is no number.",
                "Give amounts of money; 0 where there is no cost.",
            )

    def total(self, contacts: int) -> float:
        """Return the cost of so many contacts."""
        return self.per_contact * contacts + self.fixed


def recorded_costs(
    engine: Engine, campaign_key: str, contacts: Mapping[str, int], *, otherwise: CampaignCost
) -> dict[str, CampaignCost]:  # fmt: skip
    """Return each arm's cost as recorded in ``costs``, or the given one where nothing is.

    Messages are shared by contact; everything else of the campaign (design, set-up) is split
    evenly among the arms.

    Parameters
    ----------
    engine
        Engine that may hold ``costs``.
    campaign_key
        The campaign, as ``costs`` names it.
    contacts
        Contacted units of each arm.
    otherwise
        Cost of an arm where none is recorded.
    """
    rows = pd.DataFrame()
    if engine.has("costs"):
        rows = engine.query("campaign_costs", campaign_key=campaign_key).frame()
    if rows.empty:
        return dict.fromkeys(contacts, otherwise)
    by_kind = rows.groupby("kind")["amount_minor"].sum() / minor_per_major(engine)
    messages = float(by_kind.get("message", 0.0))
    per_contact = messages / max(sum(contacts.values()), 1)
    fixed = (float(by_kind.sum()) - messages) / len(contacts)
    return {arm: CampaignCost(per_contact, fixed) for arm in contacts}


def costs_of_contact(costs: Mapping[str, CampaignCost]) -> dict[str, float]:
    """Return each arm's cost of one contact."""
    return {arm: cost.per_contact for arm, cost in costs.items()}


def chosen_outcome(trial: Trial, name: str, margin_share: float, worth: float) -> tuple[str, float]:
    """Return the outcome that is to be increased, and the margin that one unit of it brings.

    Parameters
    ----------
    trial
        The experiment.
    name
        An outcome, or ``auto``: the net margin where the cost of goods is known, else the revenue.
    margin_share
        Margin left of revenue.
    worth
        Margin that one unit of an outcome that is not money brings; 0 leaves money out.

    Examples
    --------
    >>> from retention.uplift.trial import trial_from_frame
    >>> frame = pd.DataFrame({"unit_key": ["a", "b"], "arm": ["none", "email"],
    ...                       "revenue": [1.0, 2.0]})
    >>> trial = trial_from_frame(frame, control="none", outcomes=["revenue"])
    >>> chosen_outcome(trial, "auto", 0.45, 0.0)
    ('revenue', 0.45)
    """
    if name == AUTOMATIC:
        name = "net_margin" if "net_margin" in trial.outcomes else "revenue"
    trial.outcome(name)
    return name, {"net_margin": 1.0, "revenue": margin_share}.get(name, worth)


def counted_in(outcome: str, currency: str) -> str:
    """Return what a chosen outcome is counted in: the currency where it is money, else its name.

    Examples
    --------
    >>> counted_in("net_margin", "EUR"), counted_in("visits", "EUR")
    ('EUR', 'visits')
    """
    return currency if outcome in ("net_margin", "revenue") else outcome


def ledger(
    engine: Engine, trial: Trial, experiment_key: str, *, outcome: str, margin_share: float,
    redemption_cost: float, horizon_days: int,
) -> pd.DataFrame:  # fmt: skip
    """Return what each unit brought and cost, before the cost of contact.

    Parameters
    ----------
    engine
        Engine that may hold ``orders``, from which the discounts given come.
    trial, experiment_key
        The experiment.
    outcome
        Its money outcome, after discounts and refunds; ``net_margin`` is taken as it is.
    margin_share
        Share of revenue left after the cost of goods, where goods are not on record.
    redemption_cost
        Cost of one redeemed offer that is no discount on the order (a gift), in major units.
    horizon_days
        Days after the assignment that count.

    Returns
    -------
    DataFrame
        In the trial's order, major units: ``revenue``, ``goods``, ``discount``, ``gifts``.

    Raises
    ------
    ParameterError
        If the margin share is not between 0 and 1.
    """
    if not 0 < margin_share <= 1:
        raise ParameterError(
            f"A margin of {margin_share} of revenue is impossible.",
            "Give a share between 0 and 1.",
            column="margin_share",
        )
    is_margin = outcome == "net_margin" and "revenue" in trial.outcomes
    revenue = trial.outcome("revenue" if is_margin else outcome)
    kept = trial.outcome(outcome) if is_margin else revenue * margin_share
    discount, redemptions = _offers(engine, trial, experiment_key, horizon_days)
    return pd.DataFrame({
        "revenue": revenue, "goods": revenue - kept, "discount": discount,
        "gifts": redemptions * redemption_cost,
    })  # fmt: skip


def net_of_gifts(trial: Trial, outcome: str, books: pd.DataFrame, worth: float) -> Trial:
    """Return the trial with the cost of redeemed gifts taken off a money outcome.

    Who is targeted must bear what redeeming costs, not only what contact costs.
    """
    if worth <= 0 or not books["gifts"].any():
        return trial
    values = trial.outcome(outcome) - books["gifts"].to_numpy() / worth
    return replace(trial, outcomes=trial.outcomes.assign(**{outcome: values}))


def _offers(
    engine: Engine, trial: Trial, experiment_key: str, horizon_days: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the discount given to each unit in major units, and how many offers it redeemed."""
    if not engine.has("orders"):
        return np.zeros(trial.units), np.zeros(trial.units)
    found = engine.query(
        "campaign_offers", experiment_key=experiment_key, horizon_s=horizon_days * DAY_S
    ).frame()
    found = found.set_index("unit_key").reindex(trial.unit_key).fillna(0.0)
    discount = found["discount_minor"].to_numpy(dtype=np.float64) / minor_per_major(engine)
    return discount, found["redemptions"].to_numpy(dtype=np.float64)

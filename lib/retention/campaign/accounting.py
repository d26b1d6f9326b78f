"""Was it worth it? Incremental revenue, margin, profit and return of each arm, from the hold-out.

Only what the contacted bought *beyond* what the hold-out bought counts as the campaign's. The
return is (gain − cost) / cost, where the gain is the incremental margin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import pandas as pd

from retention.engine import Engine
from retention.errors import ParameterError
from retention.features import minor_per_major
from retention.results import Metric
from retention.uplift.effects import NORMAL_95, ArmEffect, AverageLift


@dataclass(frozen=True)
class CampaignCost:
    """What an arm costs.

    Parameters
    ----------
    per_contact
        Cost of one contact, in major units of the currency.
    fixed
        Cost of the arm as a whole (design, set-up), in major units.
    """

    per_contact: float
    fixed: float = 0.0

    def total(self, contacts: int) -> float:
        """Return the cost of so many contacts."""
        return self.per_contact * contacts + self.fixed


@dataclass(frozen=True)
class ArmAccount:
    """Profit and loss of one arm; money in major units, totals over the contacted."""

    arm: str
    contacts: int
    incremental_revenue: float
    revenue_low: float
    revenue_high: float
    margin_share: float
    gain: float
    cost: float
    profit: float
    profit_low: float
    profit_high: float
    return_on_investment: float | None
    return_low: float | None
    return_high: float | None

    def calculation(self, currency: str) -> str:
        """Show how the return comes about, with the numbers put in."""
        if self.return_on_investment is None:
            return "No cost was given, so there is no return on it."
        return (
            f"({currency} {self.gain:,.2f} gain − {currency} {self.cost:,.2f} cost) / "
            f"{currency} {self.cost:,.2f} cost = {100 * self.return_on_investment:,.0f} %"
        )


@dataclass(frozen=True)
class CampaignAccount:
    """Accounts of every arm of a campaign."""

    campaign: str
    currency: str
    arms: tuple[ArmAccount, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per arm."""
        return pd.DataFrame([asdict(arm) for arm in self.arms])

    def metrics(self) -> list[Metric]:
        """Return profit and return per arm."""
        metrics = []
        for a in self.arms:
            metrics.append(
                Metric(f"incremental_revenue.{a.arm}", a.incremental_revenue, self.currency,
                       a.revenue_low, a.revenue_high, a.contacts)
            )  # fmt: skip
            metrics.append(
                Metric(f"profit.{a.arm}", a.profit, self.currency, a.profit_low, a.profit_high,
                       a.contacts)
            )  # fmt: skip
            metrics.append(
                Metric(f"return_on_investment.{a.arm}", a.return_on_investment, "ratio",
                       a.return_low, a.return_high, a.contacts)
            )  # fmt: skip
        return metrics

    def summary(self) -> str:
        """Word what each arm earned."""
        return " ".join(self._sentence(arm) for arm in self.arms)

    def _sentence(self, arm: ArmAccount) -> str:
        """Word one arm's account."""
        verdict = "is open"
        if arm.profit_low > 0:
            verdict = "is shown: it earned more than it cost"
        elif arm.profit_high < 0:
            verdict = "is refuted: it cost more than it earned"
        return (
            f"Whether {arm.arm} paid {verdict} (profit {self.currency} {arm.profit:,.2f}, 95 % "
            f"interval {arm.profit_low:,.2f} to {arm.profit_high:,.2f}, n = {arm.contacts:,}). "
            f"{arm.calculation(self.currency)}."
        )


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


def account(
    lift: AverageLift,
    *,
    campaign: str,
    outcome: str,
    costs: dict[str, CampaignCost],
    margin_share: float,
    currency: str,
) -> CampaignAccount:
    """Turn average lifts in revenue into profit and return of each arm.

    Parameters
    ----------
    lift
        Average lifts, among them that of ``outcome``.
    campaign
        Name of the campaign.
    outcome
        The money outcome: revenue per unit in major units.
    costs
        Cost of each arm by its name.
    margin_share
        Share of revenue that is left after the cost of goods, 0 to 1; 1 if the outcome is a margin
        already.
    currency
        ISO code of the money.

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
    arms = [
        _arm(effect, costs[effect.arm], margin_share)
        for effect in lift.effects
        if effect.outcome == outcome
    ]
    return CampaignAccount(campaign, currency, tuple(arms))


def _arm(effect: ArmEffect, cost: CampaignCost, margin_share: float) -> ArmAccount:
    """Return one arm's account; only the lift is uncertain, the cost is known."""
    n = effect.n_arm
    revenue, error = n * effect.difference, n * effect.standard_error
    spent, gain, half = cost.total(n), revenue * margin_share, NORMAL_95 * error * margin_share
    profit = gain - spent
    returns = (
        (profit / spent, (profit - half) / spent, (profit + half) / spent)
        if spent > 0
        else (None, None, None)
    )
    return ArmAccount(
        effect.arm, n, revenue, revenue - NORMAL_95 * error, revenue + NORMAL_95 * error,
        margin_share, gain, spent, profit, profit - half, profit + half, *returns,
    )  # fmt: skip

"""Was it worth it? Incremental revenue, margin, profit and returns of each arm, from the hold-out.

Only what the contacted bought *beyond* what the hold-out bought counts as the campaign's. Two
returns are told apart, both (gain − cost) / cost with the same profit above the line:

- the return on investment sets all that was laid out against the sales it brought: goods, discounts
  given, messages and set-up;
- the return on *marketing* investment sets what marketing spent (discounts, messages, set-up)
  against the margin that the goods left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from retention.campaign.costs import CampaignCost
from retention.intervals import NORMAL_95
from retention.results import Metric, percent
from retention.uplift.effects import ArmEffect, AverageLift, average_lift
from retention.uplift.trial import Trial, finite

COLUMNS = ("revenue", "goods", "discount", "gifts", "profit", "marketing", "laid_out",
           "profit_and_marketing", "profit_and_laid_out")  # fmt: skip
"""Figures of each unit whose lifts make the account; sums of two give their covariance."""


@dataclass(frozen=True)
class ArmAccount:
    """Profit and loss of one arm; money in major units, totals over the contacted.

    ``gain`` and ``cost`` are the sales before discounts and all that was laid out, the terms of the
    return on investment; ``marketing_gain`` and ``marketing_cost`` those of the return on marketing
    investment. A return is None where its cost is not above zero; its interval is None where the
    cost is not shown to be.
    """

    arm: str
    contacts: int
    incremental_revenue: float
    revenue_low: float
    revenue_high: float
    margin_share: float
    goods: float
    discounts: float
    messages_and_set_up: float
    profit: float
    profit_low: float
    profit_high: float
    gain: float
    cost: float
    return_on_investment: float | None
    return_low: float | None
    return_high: float | None
    marketing_gain: float
    marketing_cost: float
    return_on_marketing_investment: float | None
    marketing_return_low: float | None
    marketing_return_high: float | None

    def calculation(self, currency: str) -> str:
        """Show how both returns come about, with the numbers put in."""
        return "; ".join((
            _shown("ROI", self.gain, self.cost, self.return_on_investment, currency)
            + _between(self.return_low, self.return_high),
            _shown("ROMI", self.marketing_gain, self.marketing_cost,
                   self.return_on_marketing_investment, currency)
            + _between(self.marketing_return_low, self.marketing_return_high),
        ))  # fmt: skip


@dataclass(frozen=True)
class CampaignAccount:
    """Accounts of every arm of a campaign."""

    campaign: str
    currency: str
    arms: tuple[ArmAccount, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per arm."""
        return pd.DataFrame([asdict(arm) for arm in self.arms])

    def statement(self) -> pd.DataFrame:
        """Return the account as lines from sales to profit and returns, one column per arm."""
        return pd.DataFrame(
            {"line": list(_LINES.values())}
            | {arm.arm: [_cell(getattr(arm, name)) for name in _LINES] for arm in self.arms}
        )

    def metrics(self) -> list[Metric]:
        """Return incremental revenue, profit and both returns per arm."""
        return [metric for arm in self.arms for metric in self._metrics(arm)]

    def summary(self) -> str:
        """Word what each arm earned."""
        return " ".join(self._sentence(arm) for arm in self.arms)

    def _metrics(self, a: ArmAccount) -> list[Metric]:
        """Return one arm's metrics."""
        rows = (
            ("incremental_revenue", a.incremental_revenue, a.revenue_low, a.revenue_high),
            ("profit", a.profit, a.profit_low, a.profit_high),
            ("return_on_investment", a.return_on_investment, a.return_low, a.return_high),
            ("return_on_marketing_investment", a.return_on_marketing_investment,
             a.marketing_return_low, a.marketing_return_high),
        )  # fmt: skip
        return [
            Metric(f"{name}.{a.arm}", value, "ratio" if "return" in name else self.currency,
                   low, high, a.contacts)
            for name, value, low, high in rows
        ]  # fmt: skip

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


_LINES = {
    "contacts": "customers contacted", "gain": "sales beyond the hold-out's, before discounts",
    "discounts": "less discounts and gifts", "incremental_revenue": "incremental revenue",
    "revenue_low": "… lower end of its 95 % interval",
    "revenue_high": "… upper end of its 95 % interval",
    "goods": "less cost of goods", "messages_and_set_up": "less messages and set-up",
    "profit": "profit", "profit_low": "… lower end of its 95 % interval",
    "profit_high": "… upper end of its 95 % interval",
}  # fmt: skip


def account(
    trial: Trial, books: pd.DataFrame, *, campaign: str, costs: Mapping[str, CampaignCost],
    currency: str,
) -> CampaignAccount:  # fmt: skip
    """Turn what each unit brought and cost into profit and returns of each arm.

    Parameters
    ----------
    trial
        The experiment.
    books
        What each unit brought and cost, in the trial's order (see ``costs.ledger``).
    campaign
        Name of the campaign.
    costs
        Cost of contact and set-up of each arm by its name; known, unlike the lifts.
    currency
        ISO code of the money.
    """
    own = books[["revenue", "goods", "discount", "gifts"]].apply(
        lambda column: finite(column.to_numpy(np.float64, na_value=np.nan), str(column.name))
    )
    own["profit"] = own["revenue"] - own["goods"] - own["gifts"]
    own["marketing"] = own["discount"] + own["gifts"]
    own["laid_out"] = own["marketing"] + own["goods"]
    own["profit_and_marketing"] = own["profit"] + own["marketing"]
    own["profit_and_laid_out"] = own["profit"] + own["laid_out"]
    lift = average_lift(replace(trial, outcomes=own), COLUMNS)
    arms = tuple(_arm(lift, arm, costs[arm]) for arm in trial.treatments)
    return CampaignAccount(campaign, currency, arms)


def ratio_interval(
    above: float, below: float, covariance: np.ndarray, reach: float = NORMAL_95
) -> tuple[float | None, float | None]:
    """Return Fieller's 95 % interval of above / below; None where below is not shown to be > 0.

    Parameters
    ----------
    above, below
        Two estimates.
    covariance
        Their covariance matrix, shape (2, 2).
    reach
        Standard errors that a 95 % interval reaches: more than the normal's where clusters are few.

    Examples
    --------
    >>> ratio_interval(10.0, 5.0, np.zeros((2, 2)))
    (2.0, 2.0)
    """
    z2 = reach**2
    square = below**2 - z2 * covariance[1, 1]
    if below <= 0 or square <= 0:
        return None, None
    middle = above * below - z2 * covariance[0, 1]
    rest = above**2 - z2 * covariance[0, 0]
    root = float(np.sqrt(max(middle**2 - square * rest, 0.0)))
    return (middle - root) / square, (middle + root) / square


def _arm(lift: AverageLift, arm: str, cost: CampaignCost) -> ArmAccount:
    """Return one arm's account; only the lifts are uncertain, the cost of contact is known."""
    effect = {name: lift.of(name, arm) for name in COLUMNS}
    n = effect["revenue"].n_arm
    total = {name: n * e.difference for name, e in effect.items()}
    spent = cost.total(n)
    revenue_half = effect["revenue"].reach * n * effect["revenue"].standard_error
    half = effect["profit"].reach * n * effect["profit"].standard_error
    profit, revenue = total["profit"] - spent, total["revenue"]
    marketing, laid_out = total["marketing"] + spent, total["laid_out"] + spent
    return ArmAccount(
        arm, n, revenue, revenue - revenue_half, revenue + revenue_half,
        1 - total["goods"] / revenue if revenue else float("nan"), total["goods"],
        total["marketing"], spent, profit, profit - half, profit + half,
        profit + laid_out, laid_out, *_return(profit, laid_out, n, effect, "laid_out"),
        profit + marketing, marketing, *_return(profit, marketing, n, effect, "marketing"),
    )  # fmt: skip


def _return(
    profit: float, cost: float, n: int, effect: Mapping[str, ArmEffect], name: str
) -> tuple[float | None, float | None, float | None]:
    """Return profit over cost with its interval."""
    if cost <= 0:
        return None, None, None
    errors = [n * effect[k].standard_error for k in ("profit", name, f"profit_and_{name}")]
    shared = (errors[2] ** 2 - errors[0] ** 2 - errors[1] ** 2) / 2
    covariance = np.array([[errors[0] ** 2, shared], [shared, errors[1] ** 2]])
    return (profit / cost, *ratio_interval(profit, cost, covariance, effect["profit"].reach))


def _shown(name: str, gain: float, cost: float, share: float | None, currency: str) -> str:
    """Write one return with the numbers put in."""
    if share is None:
        return f"{name}: nothing was laid out beyond the hold-out's, so there is no return on it"
    return (
        f"{name} = ({currency} {gain:,.2f} gain − {currency} {cost:,.2f} cost) / "
        f"{currency} {cost:,.2f} cost = {percent(share, 0)}"
    )


def _between(low: float | None, high: float | None) -> str:
    """Write the interval of a return; nothing where there is none."""
    if low is None or high is None:
        return ""
    return f" (95 % interval {100 * low:,.0f} to {percent(high, 0)})"


def _cell(value: float) -> str:
    """Write one amount of the statement."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"

"""Why a customer is at risk, in words: what sets them apart from a typical customer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from retention.churn.attribution import Attributing
from retention.churn.candidates import Candidate, Fitted
from retention.churn.metrics import logit
from retention.churn.panel import Array, LabelledDate, model_columns
from retention.errors import InputError
from retention.results import percent

Wording = Callable[[float, float], str]


def _count(one: str, many: str) -> Wording:
    """Return a wording for counts."""
    return lambda value, usual: f"{value:,.0f} {one if round(value) == 1 else many}"


def _share(what: str) -> Wording:
    """Return a wording for shares."""
    return lambda value, usual: f"{percent(value, 0)} {what} against a usual {percent(usual, 0)}"


def _days(what: str) -> Wording:
    """Return a wording for durations."""
    return lambda value, usual: f"{what} {value:,.0f} days against a usual {usual:,.0f}"


WORDINGS: dict[str, Wording] = {
    "recency_days": _days("silent for"),
    "silence_ratio": lambda value, usual: f"silent {value:.1f} times their own usual gap",
    "tenure_days": _days("customer for"),
    "median_gap_days": _days("usual gap of"),
    "last_gap_days": _days("last gap of"),
    "order_count": _count("order so far", "orders so far"),
    "repeat_order_count": lambda value, usual: (
        "never came back after the first day" if value == 0 else f"came back {value:,.0f} times"),
    "discount_share": _share("of value bought on discount"),
    "return_share": _share("of value sent back"),
    "gift_share": _share("of orders are gifts"),
    "season_share": _share("of orders in November and December"),
    "made_to_order_share": _share("of lines made to order"),
    "category_count": _count("category bought", "categories bought"),
    "sessions_90d": _count("visit in 90 days", "visits in 90 days"),
    "views_90d": _count("product view in 90 days", "product views in 90 days"),
    "browse_sessions_90d": _count("visit without buying", "visits without buying"),
    "carts_abandoned_90d": _count("cart abandoned", "carts abandoned"),
    "exit_intents_90d": _count("exit signalled", "exits signalled"),
    "emails_sent_90d": _count("e-mail sent in 90 days", "e-mails sent in 90 days"),
    "opens_90d": _count("e-mail opened in 90 days", "e-mails opened in 90 days"),
    "clicks_90d": _count("e-mail clicked in 90 days", "e-mails clicked in 90 days"),
    "days_since_open": _days("no e-mail opened for"),
    "is_unsubscribed": lambda value, usual: "unsubscribed" if value else "still subscribed",
    "is_loyalty_member": lambda value, usual: (
        "in the loyalty programme" if value else "not in the loyalty programme"),
    "loyalty_points": _count("loyalty point", "loyalty points"),
    "loyalty_redemptions_180d": _count("redemption in 180 days", "redemptions in 180 days"),
    "preference_count": _count("preference stated", "preferences stated"),
    "margin_minor": lambda value, usual: (
        "more margin than usual" if value > usual else "less margin than usual"),
    "late_deliveries": _count("late delivery", "late deliveries"),
    "refund_count": _count("refund", "refunds"),
    "tickets_180d": _count("ticket in 180 days", "tickets in 180 days"),
    "nps_score": lambda value, usual: f"promoter score {value:.0f} against a usual {usual:.0f}",
    "monetary_minor": lambda value, usual: (
        "spent more than usual" if value > usual else "spent less than usual"),
    "average_order_minor": lambda value, usual: (
        "larger orders than usual" if value > usual else "smaller orders than usual"),
}  # fmt: skip
"""How each feature is told, from its value and the typical one."""


@dataclass(frozen=True)
class Reasons:
    """What raises each customer's risk above that of a typical customer.

    Parameters
    ----------
    effects
        Log-odds that each feature adds, rows x features, in the order of ``features``.
    features
        Names of the features.
    texts
        One sentence part per customer, strongest reasons first; empty where nothing raises it.
    top
        Name of the strongest raising feature per customer (empty where there is none).
    """

    effects: Array
    features: list[str]
    texts: list[str]
    top: list[str]

    def importance(self, *, seed: int = 0, draws: int = 100) -> pd.DataFrame:
        """Return each feature's mean absolute effect with a bootstrap interval over customers."""
        size = np.abs(self.effects)
        random = np.random.default_rng(seed)
        weights = random.poisson(1.0, (draws, len(size)))
        drawn = weights @ size / np.maximum(weights.sum(axis=1), 1)[:, None]
        low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
        frame = pd.DataFrame({"feature": self.features, "importance": size.mean(axis=0),
                              "ci_low": low, "ci_high": high})  # fmt: skip
        return frame.sort_values("importance", ascending=False, kind="stable", ignore_index=True)

    def to_frame(self) -> pd.DataFrame:
        """Return texts and strongest features."""
        return pd.DataFrame({"top_reason": self.top, "reasons": self.texts})

    def summary(self) -> str:
        """Say which reason leads most often."""
        counted = pd.Series([name for name in self.top if name]).value_counts()
        if counted.empty:
            return "No single feature raises anybody's risk above the typical customer's."
        return (
            f"The most frequent leading reason is {_plain(str(counted.index[0]))}: for "
            f"{percent((counted.iloc[0] / len(self.top)), 0)} of {len(self.top):,} customers."
        )


def explain(
    model: Fitted, features: pd.DataFrame, *, reference: pd.DataFrame | None = None, most: int = 3
) -> Reasons:
    """Tell for each customer which features raise the risk, and by how much.

    Parameters
    ----------
    model
        Fitted candidate.
    features
        Feature table of the customers to explain.
    reference
        Feature table whose medians stand for the typical customer; None means ``features``.
    most
        Largest number of reasons per customer.

    Notes
    -----
    Linear models and boosted trees are taken apart exactly (Shapley values against the typical
    customer, on the model's own additive scale: log-odds, or minus the log hazard of a purchase).
    For the recency rule and the purchase model a feature's effect is the change in log-odds when
    it alone takes the typical value. Either describes the model, not a cause.

    Raises
    ------
    InputError
        If there is no customer.
    """
    if features.empty:
        raise InputError("There is nobody to explain.", "Give at least one customer.")
    columns = model_columns(features)
    base = features if reference is None else reference
    usual = base[columns].astype(float).median()
    shown = features[columns].astype(float).to_numpy()
    if isinstance(model, Attributing):
        added = model.effects(features, usual.to_frame().T)
        effects = added.reindex(columns=columns, fill_value=0.0).to_numpy(copy=True)
    else:
        effects = _replaced(model, features, usual)
    effects[np.isnan(shown)] = 0.0
    return _worded(effects, columns, shown, usual.to_numpy(), most)


def _replaced(model: Fitted, features: pd.DataFrame, usual: pd.Series) -> Array:
    """Return the change in log-odds when each feature alone takes the typical value."""
    own = logit(model.probability(features))
    return np.column_stack([
        own - logit(model.probability(features.assign(**{str(column): typical})))
        for column, typical in usual.items()
    ])  # fmt: skip


def _worded(effects: Array, columns: list[str], shown: Array, usual: Array, most: int) -> Reasons:
    """Put the strongest raising features of each row into words, distinct values once."""
    order = np.argsort(-effects, axis=1, kind="stable")[:, :most]
    raises = np.take_along_axis(effects, order, axis=1) > 0.05
    told = np.full(order.shape, "", dtype=object)
    for j, column in enumerate(columns):
        rows, ranks = np.nonzero((order == j) & raises)
        told[rows, ranks] = _phrases(column, shown[rows, j], float(usual[j]))
    texts = told[:, 0].copy()
    for rank in range(1, order.shape[1]):
        more = raises[:, rank]
        texts[more] += "; " + told[more, rank]
    top = np.where(raises[:, 0], np.array(columns, dtype=object)[order[:, 0]], "")
    return Reasons(effects, columns, texts.tolist(), top.tolist())


def _phrases(column: str, values: Array, usual: float) -> Array:
    """Return a feature's phrase for each value, worded once per distinct one."""
    distinct, position = np.unique(values, return_inverse=True)
    wording = WORDINGS.get(column, lambda value, typical: _plain(column))
    told = [("" if np.isnan(v) else wording(float(v), usual)) for v in distinct]
    return np.array(told, dtype=object)[position]


def _plain(name: str) -> str:
    """Return a feature's name in words."""
    return name.removesuffix("_days").removesuffix("_minor").replace("_", " ")


def reason_stability(
    candidate: Candidate,
    dates: Sequence[LabelledDate],
    features: pd.DataFrame,
    *,
    seed: int,
    refits: int = 3,
    first: Reasons | None = None,
) -> pd.DataFrame:
    """Refit on bootstrap samples of customers and see whether the reasons stay.

    Parameters
    ----------
    candidate
        The chosen candidate.
    dates
        Labelled dates it learns from.
    features
        Feature table of the customers to explain.
    seed
        Seed of the samples.
    refits
        Number of refits.
    first
        Reasons of these customers by the model itself; None fits it first.

    Returns
    -------
    pandas.DataFrame
        One row per refit: ``refit``, ``same_top_reason`` (share of customers whose strongest
        reason is that of the first fit) and ``rank_agreement`` (Spearman's correlation of the
        features' importance).
    """
    first = first or explain(candidate.fit(dates, seed=seed), features)
    size = np.abs(first.effects).mean(axis=0)
    rows = []
    for refit in range(1, refits + 1):
        random = np.random.default_rng(seed + refit)
        drawn = [date.rows(np.sort(random.integers(0, len(date), len(date)))) for date in dates]
        again = explain(candidate.fit(drawn, seed=seed + refit), features)
        same = float(np.mean(np.array(again.top) == np.array(first.top)))
        rank = stats.spearmanr(size, np.abs(again.effects).mean(axis=0)).statistic
        rows.append((refit, same, float(rank)))
    return pd.DataFrame(rows, columns=["refit", "same_top_reason", "rank_agreement"])

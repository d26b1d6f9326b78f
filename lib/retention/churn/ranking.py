"""Whom to look after first: by value at stake, never by risk alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.churn.panel import Array, LabelledDate
from retention.errors import EvidenceError, InputError
from retention.results import percent


@dataclass(frozen=True)
class ValueIfKept:
    """What a customer who stays buys within the horizon, by size of their past orders.

    Parameters
    ----------
    cuts
        Inner cuts of the average order value, minor units.
    mean_minor
        Mean revenue within the horizon of those who came back, per band.
    """

    cuts: Array
    mean_minor: Array

    @classmethod
    def of(cls, date: LabelledDate, bands: int = 10) -> ValueIfKept:
        """Learn from a matured date: revenue of those who came back, by average order value.

        Raises
        ------
        EvidenceError
            If nobody came back.
        """
        back = date.churned == 0
        if not back.any():
            raise EvidenceError(
                "Nobody came back, so a stay has no observed value.", "Use a longer horizon."
            )
        size = date.features["average_order_minor"].to_numpy(dtype=float)
        bands = max(min(bands, int(back.sum()) // 20), 1)
        cuts = np.unique(np.quantile(size[back], np.arange(1, bands) / bands))
        band = np.searchsorted(cuts, size[back], side="right")
        n = np.bincount(band, minlength=len(cuts) + 1)
        total = np.bincount(band, date.revenue_minor[back], len(cuts) + 1)
        overall = date.revenue_minor[back].mean()
        return cls(cuts, np.maximum((total + overall) / (n + 1), 0.0))

    def of_customers(self, features: pd.DataFrame) -> Array:
        """Return the expected revenue if kept, minor units."""
        size = features["average_order_minor"].to_numpy(dtype=float)
        return self.mean_minor[np.searchsorted(self.cuts, size, side="right")]


@dataclass(frozen=True)
class Savable:
    """Share of each customer's risk that an action removes, and where that is known from.

    Parameters
    ----------
    share
        One share per customer, 0 to 1.
    measured
        Whether a trial measured it; else it is a parameter.
    basis
        Where it comes from, in a sentence.
    """

    share: Array
    measured: bool
    basis: str


@dataclass(frozen=True)
class Ranking:
    """Customers by expected value at stake.

    Parameters
    ----------
    frame
        Columns ``customer_key``, ``churn_probability``, ``value_if_kept_minor``,
        ``savable_share``, ``value_at_stake_minor``, ``rank``; the highest stake first.
    savable
        Where the savable share comes from; None where all of the risk is taken as savable.
    """

    frame: pd.DataFrame
    savable: Savable | None = None

    def to_frame(self) -> pd.DataFrame:
        """Return the ranking."""
        return self.frame.copy()

    def summary(self) -> str:
        """Say how concentrated the stake is, and what the savable share rests on."""
        stake = self.frame["value_at_stake_minor"].to_numpy()
        tenth = max(len(stake) // 10, 1)
        share = stake[:tenth].sum() / stake.sum() if stake.sum() else 0.0
        by_risk = self.frame.sort_values("churn_probability", ascending=False, kind="stable")
        same = by_risk["customer_key"].head(tenth).isin(self.frame["customer_key"].head(tenth))
        note = (
            self.savable.basis
            if self.savable
            else "How much of it a campaign can save is not known until one is tested."
        )
        return (
            f"The first tenth of {len(stake):,} customers holds {percent(share, 0)} of the value "
            f"at stake; "
            f"ranking by risk alone would share {percent(same.mean(), 0)} of its names. {note}"
        )


def savable_share(
    targeting: pd.DataFrame | None,
    features: pd.DataFrame,
    probability: Array,
    value_minor: Array,
    *,
    assumed: float,
    minor_per_major: int = 100,
    source: str = "an earlier run",
) -> Savable:
    """Return the share of each customer's risk that the last tested campaign removes.

    Parameters
    ----------
    targeting
        Table ``targeting`` of an earlier run: ``customer_key``, ``expected_effect`` of the
        recommended arm and ``outcome``, what the effect is measured in; None where there is none.
    features
        Feature table of the customers to rank.
    probability, value_minor
        Their churn probability, and the revenue a stay is worth in minor units.
    assumed
        Share where no trial has measured one.
    minor_per_major
        Minor units of one major unit of money.
    source
        Name of the earlier run, for wording.

    Notes
    -----
    What is at risk is told in the effect's own unit: the churn probability where the effect is in
    purchases, that times the value of a stay where it is in revenue, and that again times the
    margin rate where it is in net margin. The share is effect over what is at risk, from 0 to 1;
    customers outside the trial get the mean of those inside.
    """
    unknown = Savable(
        np.full(len(features), assumed), False,
        f"The savable share is taken as {percent(assumed, 0)} for everybody, by parameter: no "
        "tested campaign tells it.",
    )  # fmt: skip
    if targeting is None or not {"expected_effect", "outcome"} <= set(targeting):
        return unknown
    outcome = str(targeting["outcome"].iloc[0]) if len(targeting) else ""
    at_risk = _at_risk(outcome, features, probability, value_minor / minor_per_major)
    if at_risk is None:
        return unknown
    effect = targeting.drop_duplicates("customer_key").set_index("customer_key")["expected_effect"]
    saved = effect.reindex(pd.Index(features["customer_key"])).to_numpy(dtype=float)
    gained = np.full(len(saved), np.nan)
    share = np.clip(np.divide(saved, at_risk, out=gained, where=at_risk > 0), 0, 1)
    known = np.isfinite(share)
    if not known.any() or not share[known].any():
        return unknown
    mean = share[known].mean()
    return Savable(
        np.where(known, share, mean), True,
        f"The savable share was measured by the campaign of {source} (effect on "
        f"{outcome.replace('_', ' ')}): {percent(mean)} on average, known of "
        f"{known.sum():,} customers and taken as that average for the others.",
    )  # fmt: skip


def _at_risk(
    outcome: str, features: pd.DataFrame, probability: Array, value: Array
) -> Array | None:
    """Return what each customer has at risk, in units of an outcome; None where that is unknown."""
    if outcome in ("purchased", "orders"):
        return probability
    if outcome == "revenue":
        return probability * value
    if outcome == "net_margin" and "margin_minor" in features:
        known = features["margin_minor"].notna()
        spent = features.loc[known, "monetary_minor"].sum()
        rate = features.loc[known, "margin_minor"].sum() / spent if spent else 0.0
        return probability * value * float(np.clip(rate, 0, 1))
    return None


def rank_by_stake(
    keys: Array,
    churn_probability: Array,
    value_if_kept_minor: Array,
    *,
    savable: Savable | None = None,
) -> Ranking:
    """Rank customers by risk × value if kept × savable share.

    Parameters
    ----------
    keys
        Customer keys.
    churn_probability, value_if_kept_minor
        Risk and the revenue a stay is worth, per customer.
    savable
        Share of the risk that an action removes, see :func:`savable_share`; None takes all of it
        and says that it is not known.

    Raises
    ------
    InputError
        If a value is missing.
    """
    share = 1.0 if savable is None else savable.share
    stake = churn_probability * value_if_kept_minor * share
    if not np.isfinite(stake).all():
        raise InputError("A customer's risk or value is missing.", "Score every customer.")
    frame = pd.DataFrame({"customer_key": keys, "churn_probability": churn_probability,
                          "value_if_kept_minor": value_if_kept_minor, "savable_share": share,
                          "value_at_stake_minor": stake})  # fmt: skip
    frame = frame.sort_values(["value_at_stake_minor", "customer_key"], ascending=[False, True],
                              kind="stable", ignore_index=True)  # fmt: skip
    return Ranking(frame.assign(rank=np.arange(1, len(frame) + 1)), savable)

"""Whom to look after first: by value at stake, never by risk alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.churn.panel import Array, LabelledDate
from retention.errors import EvidenceError, InputError


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
class Ranking:
    """Customers by expected value at stake.

    Parameters
    ----------
    frame
        Columns ``customer_key``, ``churn_probability``, ``value_if_kept_minor``,
        ``savable_share``, ``value_at_stake_minor``, ``rank``; the highest stake first.
    savable_known
        Whether the savable share was measured by an experiment.
    """

    frame: pd.DataFrame
    savable_known: bool

    def to_frame(self) -> pd.DataFrame:
        """Return the ranking."""
        return self.frame.copy()

    def summary(self) -> str:
        """Say how concentrated the stake is."""
        stake = self.frame["value_at_stake_minor"].to_numpy()
        tenth = max(len(stake) // 10, 1)
        share = stake[:tenth].sum() / stake.sum() if stake.sum() else 0.0
        by_risk = self.frame.sort_values("churn_probability", ascending=False, kind="stable")
        same = by_risk["customer_key"].head(tenth).isin(self.frame["customer_key"].head(tenth))
        note = (
            ""
            if self.savable_known
            else (" How much of it a campaign can save is not known until one is tested.")
        )
        return (
            f"The first tenth of {len(stake):,} customers holds {100 * share:.0f} % of the value "
            f"at stake; "
            f"ranking by risk alone would share {100 * same.mean():.0f} % of its names.{note}"
        )


def savable_share(
    targeting: pd.DataFrame | None, keys: Array, stake: Array, *, minor_per_major: int
) -> Array | None:
    """Return the share of each customer's risk that the last tested campaign removes.

    Parameters
    ----------
    targeting
        Table ``targeting`` of an earlier run (``customer_key`` and ``expected_effect``, the revenue
        that the recommended arm adds); None where there is none.
    keys
        Customers to rank.
    stake
        Risk times value if kept, minor units.
    minor_per_major
        Minor units of one major unit of money.

    Returns
    -------
    numpy.ndarray or None
        Effect over stake, from 0 to 1; customers outside the trial get the mean of those inside.
        None where no trial found anything that saves revenue: then the share is not known.
    """
    if targeting is None or "expected_effect" not in targeting:
        return None
    effect = targeting.drop_duplicates("customer_key").set_index("customer_key")["expected_effect"]
    saved = effect.reindex(pd.Index(keys)).to_numpy(dtype=float) * minor_per_major
    share = np.clip(np.divide(saved, stake, out=np.full(len(stake), np.nan), where=stake > 0), 0, 1)
    known = np.isfinite(share)
    if not known.any() or not share[known].any():
        return None
    return np.where(known, share, share[known].mean())


def rank_by_stake(
    keys: Array,
    churn_probability: Array,
    value_if_kept_minor: Array,
    *,
    savable_share: Array | float | None = None,
) -> Ranking:
    """Rank customers by risk × value if kept × savable share.

    Parameters
    ----------
    keys
        Customer keys.
    churn_probability, value_if_kept_minor
        Risk and the revenue a stay is worth, per customer.
    savable_share
        Share of the risk that an action removes, from an uplift model; None where no test has
        measured it (then it is taken as 1 and said to be unknown).

    Raises
    ------
    InputError
        If a value is missing.
    """
    share = 1.0 if savable_share is None else savable_share
    stake = churn_probability * value_if_kept_minor * share
    if not np.isfinite(stake).all():
        raise InputError("A customer's risk or value is missing.", "Score every customer.")
    frame = pd.DataFrame({"customer_key": keys, "churn_probability": churn_probability,
                          "value_if_kept_minor": value_if_kept_minor, "savable_share": share,
                          "value_at_stake_minor": stake})  # fmt: skip
    frame = frame.sort_values(["value_at_stake_minor", "customer_key"], ascending=[False, True],
                              kind="stable", ignore_index=True)  # fmt: skip
    return Ranking(frame.assign(rank=np.arange(1, len(frame) + 1)), savable_share is not None)

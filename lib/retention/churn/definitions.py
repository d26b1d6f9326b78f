"""What counts as churn: four definitions side by side, and how the headline moves with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.churn.panel import Array, LabelledDate, churn_share_interval
from retention.churn.survival_candidates import SilenceModel
from retention.engine import Engine
from retention.errors import InputError
from retention.features import epoch_of
from retention.results import of_drawn, percent

OWN_RHYTHM_GAPS = 3.0
"""A silence of so many of one's own usual gaps is out of rhythm."""


@dataclass(frozen=True)
class Definitions:
    """Share of customers who have churned, by definition.

    Parameters
    ----------
    frame
        Columns ``definition``, ``share``, ``ci_low``, ``ci_high``, ``n``, ``came_back`` (share of
        those called churned who bought within the horizon all the same), ``meaning``.
    as_of
        Date of the comparison.
    share
        Share of the customers that were drawn to be looked at.
    """

    frame: pd.DataFrame
    as_of: str
    share: float = 1.0

    def to_frame(self) -> pd.DataFrame:
        """Return the comparison."""
        return self.frame.copy()

    def summary(self) -> str:
        """Say how far the headline moves with the definition."""
        known = self.frame.dropna(subset=["share"])
        low, high = known.loc[known["share"].idxmin()], known.loc[known["share"].idxmax()]
        return (
            f"As of {self.as_of}{of_drawn(self.share, ', told by a drawn ')}, "
            f"{percent(float(low.share), 0)} of customers have churned if "
            f"churn means '{low.definition}', {percent(float(high.share), 0)} if it means "
            f"'{high.definition}': never quote a churn rate without its definition."
        )


def compare_definitions(
    date: LabelledDate,
    earlier: Sequence[LabelledDate],
    *,
    window_days: int,
    seed: int = 0,
    ended: Array | None = None,
) -> Definitions:
    """Apply every definition to the customers of one matured date and see who came back.

    Parameters
    ----------
    date
        Labelled date: what the definitions said then can be held against what happened.
    earlier
        Matured dates for the purchase model.
    window_days
        Fixed inactivity window.
    seed
        Seed of the fit.
    ended
        Whether each customer's contract (subscription, loyalty tier) had ended by the date; None
        where there are no contracts, as in a shop without subscriptions.

    Raises
    ------
    InputError
        If ``ended`` is not one flag per customer.
    """
    silent = SilenceModel().fit(earlier, seed=seed).probability(date.features)
    rows = [
        _row(name, flag, meaning, date)
        for name, flag, meaning in _called(date, silent, window_days, ended)
    ]
    happened = churn_share_interval(date.churned)
    rows.append(("what happened", float(date.churned.mean()), *happened, len(date), np.nan,
                 f"bought nothing in the {date.horizon_days} days after"))  # fmt: skip
    if ended is None:
        rows.append(("contract ended", np.nan, np.nan, np.nan, 0, np.nan,
                     "does not apply: no contracts in the data"))  # fmt: skip
    columns = ["definition", "share", "ci_low", "ci_high", "n", "came_back", "meaning"]
    return Definitions(pd.DataFrame(rows, columns=columns), date.as_of, date.share)


def _called(
    date: LabelledDate, silent: Array, window_days: int, ended: Array | None
) -> list[tuple[str, Array, str]]:
    """Return each definition's name, whom it calls gone, and what it means."""
    recency = date.features["recency_days"].to_numpy(dtype=float)
    called = [
        ("fixed window", recency > window_days, f"no purchase for {window_days} days"),
        ("own rhythm", recency > own_window(date.features, window_days),
         f"silent for {OWN_RHYTHM_GAPS:.0f} times the own usual gap"),
        ("purchase model", silent > 0.5,
         f"more likely than not to buy nothing in {date.horizon_days} days"),
    ]  # fmt: skip
    if ended is not None:
        if len(ended) != len(date):
            raise InputError("Contract ends and customers differ in number.",
                             "Give one flag per customer.", column="ended")  # fmt: skip
        called.append(
            ("contract ended", ended.astype(bool), "subscription or loyalty membership has ended")
        )
    return called


def contract_ends(engine: Engine, keys: Array, as_of: str) -> Array | None:
    """Return whose subscription or loyalty membership had ended by a date.

    Parameters
    ----------
    engine
        Engine with ``contracts``, or with ``events`` named ``loyalty_join`` and ``loyalty_leave``.
    keys
        Customers.
    as_of
        ISO date; only what happened before it is known.

    Returns
    -------
    numpy.ndarray or None
        One flag per customer, False for those who never had a contract; None where the data know
        of no contract at all.
    """
    until = {"as_of_s": epoch_of(as_of)}
    queries = {"contracts": "churn_contracts", "events": "churn_loyalty"}
    found = [engine.query(query, **until).frame()
             for table, query in queries.items() if engine.has(table)]  # fmt: skip
    every = pd.concat([frame for frame in found if len(frame)] or [pd.DataFrame()])
    if every.empty:
        return None
    ended = every.groupby("customer_key")["has_ended"].min()
    return ended.reindex(pd.Index(keys), fill_value=0).to_numpy(dtype=bool)


def own_window(features: pd.DataFrame, fallback_days: int) -> Array:
    """Return each customer's own window: so many usual gaps, at least a week.

    Those with one purchase have no rhythm of their own and get the fixed window; those with few
    gaps are drawn towards the shop's median by the weight of two gaps.

    Examples
    --------
    >>> table = pd.DataFrame({"median_gap_days": [10.0, None], "repeat_order_count": [98, 0]})
    >>> own_window(table, 90).round(1).tolist()
    [30.0, 90.0]
    """
    gap = features["median_gap_days"].to_numpy(dtype=float)
    count = features["repeat_order_count"].to_numpy(dtype=float)
    typical = np.nanmedian(gap) if np.isfinite(gap).any() else fallback_days / OWN_RHYTHM_GAPS
    drawn = (np.nan_to_num(gap) * count + typical * 2) / (count + 2)
    own = np.maximum(OWN_RHYTHM_GAPS * drawn, 7.0)
    return np.where(np.isfinite(gap), own, float(fallback_days))


def _row(
    name: str, flag: Array, meaning: str, date: LabelledDate
) -> tuple[str, float, float, float, int, float, str]:
    """Return one definition's share and how many it called gone came back."""
    back = float(1 - date.churned[flag].mean()) if flag.any() else float("nan")
    return (name, float(flag.mean()), *churn_share_interval(flag), len(flag), back, meaning)

"""How customers moved between the segments of two as-of dates, and by what cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from retention.errors import EvidenceError
from retention.features import FEATURES
from retention.results import percent
from retention.segments.intervals import wilson

NEW = "new"
"""Where a customer comes from who was not known at the earlier date."""

CAUSES = ("bought", "sent_back", "silence", "cut_offs")
"""Why a known customer changed segment; the first that holds counts."""

CUSTOMERS = "customers"
"""Column of counts."""

Draw = Callable[[pd.DataFrame], pd.Series]
"""Gives the segment of every row of a feature table."""

RESTORED = {f.name for f in FEATURES if f.table in ("orders", "order_lines", "costs")} - {
    "first_order_at", "tenure_days", "recency_days"
}  # fmt: skip
"""Features that only an order or money paid back changes; time alone leaves them as they were."""


@dataclass(frozen=True)
class Migration:
    """Counts and shares of moves between two dates.

    Parameters
    ----------
    moves
        One row per pair of segments that occurs: ``from_segment, to_segment, customers``, one
        count per cause (``bought, sent_back, silence, cut_offs``), ``from_customers, share,
        ci_low, ci_high``; shares are of those who were in ``from_segment``, with 95 % Wilson
        intervals.
    before_as_of, as_of
        The two dates.
    """

    moves: pd.DataFrame
    before_as_of: str
    as_of: str

    def to_frame(self) -> pd.DataFrame:
        """Return the moves, largest flow first."""
        return self.moves.sort_values(
            ["customers", "from_segment", "to_segment"], ascending=[False, True, True]
        ).reset_index(drop=True)

    def balance(self) -> pd.DataFrame:
        """Return size before and now, and inflow and outflow by cause, per segment.

        A customer came by a first order (``in_new``) or changed segment because of an order since
        (``bought``: without it they would be elsewhere), money paid back (``sent_back``, likewise),
        time alone (``silence``: the earlier cut-offs would have moved them, too), or because the
        cut-offs themselves moved (``cut_offs``: with the earlier ones they would have stayed).
        """
        moves = self.moves
        moved = moves[moves["from_segment"] != moves["to_segment"]]
        known = moved[moved["from_segment"] != NEW]
        names = sorted((set(moves["from_segment"]) | set(moves["to_segment"])) - {NEW})
        came, went = known.groupby("to_segment"), known.groupby("from_segment")
        first = moved[moved["from_segment"] == NEW].groupby("to_segment")
        parts = {
            "before": moves.groupby("from_segment")["customers"].sum(),
            "in_new": first["customers"].sum(),
            **{f"in_{cause}": came[cause].sum() for cause in CAUSES},
            **{f"out_{cause}": went[cause].sum() for cause in CAUSES},
            "now": moves.groupby("to_segment")["customers"].sum(),
        }
        frame = pd.DataFrame(parts).reindex(names).fillna(0).astype("int64")
        return frame.rename_axis("segment").reset_index()

    def causes(self) -> pd.DataFrame:
        """Return how many known customers changed segment by each cause, with the share of them."""
        known = self.moves[self.moves["from_segment"] != NEW]
        moved = known[known["from_segment"] != known["to_segment"]]
        total = int(moved["customers"].sum())
        frame = pd.DataFrame({"cause": CAUSES, "customers": [int(moved[c].sum()) for c in CAUSES]})
        low, high = wilson(frame["customers"], max(total, 1))
        share = frame["customers"] / max(total, 1)
        return frame.assign(share=share, ci_low=np.asarray(low), ci_high=np.asarray(high))

    def summary(self) -> str:
        """Return the finding in words: how many stayed, and the largest move."""
        known = self.moves[self.moves["from_segment"] != NEW]
        stayed = known.loc[known["from_segment"] == known["to_segment"], "customers"].sum()
        total = int(known["customers"].sum())
        low, high = wilson(stayed, total)
        moved = known[known["from_segment"] != known["to_segment"]].sort_values(
            ["customers", "from_segment", "to_segment"], ascending=[False, True, True]
        )
        text = (
            f"Between {self.before_as_of} and {self.as_of}, {percent(stayed / total)} "
            f"({percent(float(low))} to {percent(float(high))}) of {total:,} customers stayed in "
            "their segment"
        )
        if moved.empty:
            return f"{text}; nobody moved."
        top = moved.iloc[0]
        names = [str(top[c]).replace("_", " ") for c in ("from_segment", "to_segment")]
        return f"{text}; the largest move is {top.customers:,} from {names[0]} to {names[1]}."

    def causes_summary(self, shown: pd.DataFrame | None = None) -> str:
        """Return in words what moved the customers.

        Parameters
        ----------
        shown
            The table of causes as readers see it, small cells blank: those are not spoken of.
        """
        if not self.causes()["customers"].sum():
            return "Nobody changed segment."
        words = {"bought": "an order", "sent_back": "a refund", "silence": "silence alone",
                 "cut_offs": "cut-offs that moved, not the customer"}  # fmt: skip
        table = (self.causes() if shown is None else shown).dropna(subset="share")
        shares = dict(zip(table["cause"], table["share"], strict=True))
        parts = [f"{percent(shares[c])} by {words[c]}" for c in CAUSES if shares.get(c, 0) > 0]
        if not parts:
            return "Too few changed segment for what moved them to be shown."
        return f"Of those who changed segment: {'; '.join(parts)}."

    def advice(self) -> str:
        """Return what to do about the moves: whom to reach first, and why them."""
        known = self.moves[(self.moves["from_segment"] != NEW) & (self.moves["silence"] > 0)]
        faded = known[known["from_segment"] != known["to_segment"]]
        if faded.empty:
            return "Nobody faded: leave the segments as they are."
        top = faded.sort_values(["silence", "from_segment", "to_segment"],
                                ascending=[False, True, True]).iloc[0]  # fmt: skip
        names = [str(top[c]).replace("_", " ") for c in ("from_segment", "to_segment")]
        return (
            f"Write to {names[0]} before more of them turn into {names[1]}, on trial against a "
            "hold-out: no other path takes as many customers by silence."
        )


def migration(
    before: pd.DataFrame, now: pd.DataFrame, before_as_of: str, as_of: str,
    *, drawn_before: Draw, drawn_now: Draw,
) -> Migration:  # fmt: skip
    """Compare the segments of the same customers at two dates.

    Parameters
    ----------
    before, now
        Tables with ``customer_key``, ``segment`` and the features that scores and rules read
        (`retention.segments.columns_read`) at the earlier and the later date.
    before_as_of, as_of
        The two dates.
    drawn_before, drawn_now
        Give the segment of every row of such a table by the cut-offs of the earlier and of the
        later date (`RFM.apply`).

    Raises
    ------
    EvidenceError
        If no customer was known at the earlier date.

    Notes
    -----
    An order or a refund is the cause of a move only if the customer would be in another segment
    without it: what it changed is put back as it was, recency that much older, and the segment is
    drawn again. What only time changes, tenure among it, stays as it is.
    """
    if before.empty:
        raise EvidenceError(
            f"No customer was known at {before_as_of}.", "Compare with a later date."
        )
    segments = ["customer_key", "segment"]
    pair = now[segments].merge(before[segments], "left", "customer_key",
                               suffixes=("_now", "_before"))  # fmt: skip
    pair["segment_before"] = pair["segment_before"].fillna(NEW)
    moved = (pair["segment_before"] != pair["segment_now"]) & (pair["segment_before"] != NEW)
    keys = pair.loc[moved, "customer_key"]
    days = (date.fromisoformat(as_of) - date.fromisoformat(before_as_of)).days
    causes = _causes(_rows(before, keys), _rows(now, keys), days, drawn_before, drawn_now)
    for cause in CAUSES:
        pair[cause] = 0
        pair.loc[moved, cause] = (causes == cause).astype("int64")
    return Migration(_counted(pair.assign(customers=1)), before_as_of, as_of)


def _rows(table: pd.DataFrame, keys: pd.Series) -> pd.DataFrame:
    """Return the rows of some customers, in their order."""
    return keys.to_frame().merge(table, "left", "customer_key")


def _counted(pair: pd.DataFrame) -> pd.DataFrame:
    """Return the counts of every pair of segments, with shares of the earlier one."""
    grouped = pair.groupby(["segment_before", "segment_now"])[[CUSTOMERS, *CAUSES]]
    moves = grouped.sum().reset_index()
    moves.columns = pd.Index(["from_segment", "to_segment", CUSTOMERS, *CAUSES])
    total = moves.groupby("from_segment")[CUSTOMERS].transform("sum")
    low, high = wilson(moves[CUSTOMERS], total)
    return moves.assign(
        from_customers=total, share=moves[CUSTOMERS] / total,
        ci_low=np.asarray(low), ci_high=np.asarray(high),
    )  # fmt: skip


def _causes(
    was: pd.DataFrame, is_now: pd.DataFrame, days: int, drawn_before: Draw, drawn_now: Draw
) -> np.ndarray:
    """Return what moved each of the customers who moved.

    Everything rests on one question: where would they be had only time passed?
    """
    quiet = is_now.assign(
        recency_days=(was["recency_days"] + days).to_numpy(),
        **{name: was[name].to_numpy() for name in is_now if name in RESTORED and name in was},
    )
    mattered = drawn_now(quiet).to_numpy() != is_now["segment"].to_numpy()
    bought = is_now["order_count"].to_numpy() > was["order_count"].to_numpy()
    fell = [is_now[n].to_numpy() < was[n].to_numpy() for n in ("monetary_minor", "order_count")]
    aged = drawn_before(quiet).to_numpy() != was["segment"].to_numpy()
    return np.select(
        [mattered & bought, mattered & np.logical_or(*fell), mattered | aged], CAUSES[:3], CAUSES[3]
    )

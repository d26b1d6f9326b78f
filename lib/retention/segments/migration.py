"""How customers moved between the segments of two as-of dates, and by what cause."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.errors import EvidenceError
from retention.results import percent
from retention.segments.intervals import wilson

NEW = "new"
"""Where a customer comes from who was not known at the earlier date."""

CAUSES = ("bought", "sent_back", "silence", "cut_offs")
"""Why a known customer changed segment; the first that holds counts."""


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

    def matrix(self) -> pd.DataFrame:
        """Return shares: rows are where customers were, columns where they are now."""
        known = self.moves[self.moves["from_segment"] != NEW]
        return known.pivot_table("share", "from_segment", "to_segment", fill_value=0.0)

    def balance(self) -> pd.DataFrame:
        """Return size before and now, and inflow and outflow by cause, per segment.

        A customer came by a first order (``in_new``) or changed segment because of an order since
        (``bought``), money paid back (``sent_back``), time alone (``silence``: the earlier
        cut-offs would have moved them, too), or because the cut-offs themselves moved
        (``cut_offs``: with the earlier ones they would have stayed).
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
        """Return the finding in words."""
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

    def causes_summary(self) -> str:
        """Return in words what moved the customers."""
        table = self.causes().set_index("cause")["share"]
        words = {"bought": "an order", "sent_back": "a refund", "silence": "silence alone",
                 "cut_offs": "cut-offs that moved, not the customer"}  # fmt: skip
        parts = [f"{percent(float(table[c]))} by {words[c]}" for c in CAUSES if table[c] > 0]
        if not parts:
            return "Nobody changed segment."
        return f"Of those who changed segment: {'; '.join(parts)}."


def migration(
    before: pd.DataFrame, now: pd.DataFrame, before_as_of: str, as_of: str,
    carried_over: pd.Series | None = None,
) -> Migration:  # fmt: skip
    """Compare the segments of the same customers at two dates.

    Parameters
    ----------
    before, now
        Tables with ``customer_key``, ``segment``, ``order_count`` and ``monetary_minor`` at the
        earlier and the later date.
    before_as_of, as_of
        The two dates, for the wording.
    carried_over
        Segment that the earlier cut-offs give each row of ``now``; without it the cut-offs are
        taken as fixed.

    Raises
    ------
    EvidenceError
        If no customer was known at the earlier date.
    """
    if before.empty:
        raise EvidenceError(
            f"No customer was known at {before_as_of}.", "Compare with a later date."
        )
    columns = ["customer_key", "segment", "order_count", "monetary_minor"]
    kept = now["segment"] if carried_over is None else carried_over
    today = now[columns].assign(carried=np.asarray(kept, dtype=object))
    pair = today.merge(before[columns], "left", "customer_key", suffixes=("_now", "_before"))
    pair["segment_before"] = pair["segment_before"].fillna(NEW)
    pair = pair.assign(**_by_cause(pair), customers=1)
    grouped = pair.groupby(["segment_before", "segment_now"])[["customers", *CAUSES]]
    moves = grouped.sum().reset_index()
    moves.columns = pd.Index(["from_segment", "to_segment", "customers", *CAUSES])
    total = moves.groupby("from_segment")["customers"].transform("sum")
    low, high = wilson(moves["customers"], total)
    moves = moves.assign(
        from_customers=total, share=moves["customers"] / total,
        ci_low=np.asarray(low), ci_high=np.asarray(high),
    )  # fmt: skip
    return Migration(moves, before_as_of, as_of)


def _by_cause(pair: pd.DataFrame) -> dict[str, pd.Series]:
    """Return 1 in the column of the cause that moved a known customer, the first that holds."""
    moved = (pair["segment_before"] != pair["segment_now"]) & (pair["segment_before"] != NEW)
    holds = {
        "bought": pair["order_count_now"] > pair["order_count_before"].fillna(0),
        "sent_back": pair["monetary_minor_now"] < pair["monetary_minor_before"],
        "silence": pair["carried"] != pair["segment_before"],
        "cut_offs": pd.Series(True, index=pair.index),
    }
    found, left = {}, moved
    for cause in CAUSES:
        found[cause] = (left & holds[cause]).astype("int64")
        left = left & ~holds[cause]
    return found

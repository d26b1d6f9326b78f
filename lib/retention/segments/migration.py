"""How customers moved between the segments of two as-of dates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.errors import EvidenceError
from retention.segments.intervals import wilson

NEW = "new"
"""Where a customer comes from who was not known at the earlier date."""


@dataclass(frozen=True)
class Migration:
    """Counts and shares of moves between two dates.

    Parameters
    ----------
    moves
        One row per pair of segments that occurs: ``from_segment, to_segment, customers,
        from_customers, share, ci_low, ci_high``; shares are of those who were in
        ``from_segment``, with 95 % Wilson intervals.
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
        """Return size before and now, inflow (new and from others) and outflow per segment."""
        moves = self.moves
        stayed = moves["from_segment"] == moves["to_segment"]
        names = sorted((set(moves["from_segment"]) | set(moves["to_segment"])) - {NEW})
        parts = {
            "before": moves.groupby("from_segment")["customers"].sum(),
            "new_customers": moves[moves["from_segment"] == NEW]
            .groupby("to_segment")["customers"].sum(),
            "from_other_segments": moves[~stayed & (moves["from_segment"] != NEW)]
            .groupby("to_segment")["customers"].sum(),
            "to_other_segments": moves[~stayed].groupby("from_segment")["customers"].sum(),
            "now": moves.groupby("to_segment")["customers"].sum(),
        }  # fmt: skip
        frame = pd.DataFrame(parts).reindex(names).fillna(0).astype("int64")
        return frame.rename_axis("segment").reset_index()

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
            f"Between {self.before_as_of} and {self.as_of}, {stayed / total:.1%} "
            f"({low:.1%} to {high:.1%}) of {total:,} customers stayed in their segment"
        )
        if moved.empty:
            return f"{text}; nobody moved."
        top = moved.iloc[0]
        names = [str(top[c]).replace("_", " ") for c in ("from_segment", "to_segment")]
        return f"{text}; the largest move is {top.customers:,} from {names[0]} to {names[1]}."


def migration(before: pd.DataFrame, now: pd.DataFrame, before_as_of: str, as_of: str) -> Migration:
    """Compare the segments of the same customers at two dates.

    Parameters
    ----------
    before, now
        Tables with ``customer_key`` and ``segment`` at the earlier and the later date.
    before_as_of, as_of
        The two dates, for the wording.

    Raises
    ------
    EvidenceError
        If no customer was known at the earlier date.
    """
    if before.empty:
        raise EvidenceError(
            f"No customer was known at {before_as_of}.", "Compare with a later date."
        )
    pair = now[["customer_key", "segment"]].merge(
        before[["customer_key", "segment"]], "left", "customer_key", suffixes=("_now", "_before")
    )
    pair["segment_before"] = pair["segment_before"].fillna(NEW)
    moves = pair.groupby(["segment_before", "segment_now"]).size().reset_index(name="customers")
    moves.columns = pd.Index(["from_segment", "to_segment", "customers"])
    total = moves.groupby("from_segment")["customers"].transform("sum")
    low, high = wilson(moves["customers"], total)
    moves = moves.assign(
        from_customers=total, share=moves["customers"] / total,
        ci_low=np.asarray(low), ci_high=np.asarray(high),
    )  # fmt: skip
    return Migration(moves, before_as_of, as_of)

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
        bought_since, from_customers, share, ci_low, ci_high``; shares are of those who were in
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
        """Return size before and now, and inflow and outflow by cause, per segment.

        Customers are new, or they changed segment because they bought, or because they did not:
        time passed, or others overtook them.
        """
        moves = self.moves
        moved = moves[(moves["from_segment"] != moves["to_segment"])]
        known = moved[moved["from_segment"] != NEW]
        names = sorted((set(moves["from_segment"]) | set(moves["to_segment"])) - {NEW})
        came, went = known.groupby("to_segment"), known.groupby("from_segment")
        parts = {
            "before": moves.groupby("from_segment")["customers"].sum(),
            "in_new": moved[moved["from_segment"] == NEW].groupby("to_segment")["customers"].sum(),
            "in_bought": came["bought_since"].sum(),
            "in_without_buying": came["customers"].sum() - came["bought_since"].sum(),
            "out_bought": went["bought_since"].sum(),
            "out_without_buying": went["customers"].sum() - went["bought_since"].sum(),
            "now": moves.groupby("to_segment")["customers"].sum(),
        }
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
        Tables with ``customer_key``, ``segment`` and ``order_count`` at the earlier and the later
        date.
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
    columns = ["customer_key", "segment", "order_count"]
    pair = now[columns].merge(before[columns], "left", "customer_key", suffixes=("_now", "_before"))
    pair["segment_before"] = pair["segment_before"].fillna(NEW)
    pair["bought"] = pair["order_count_now"] > pair["order_count_before"].fillna(0)
    grouped = pair.groupby(["segment_before", "segment_now"])["bought"]
    moves = grouped.agg(["size", "sum"]).reset_index()
    moves.columns = pd.Index(["from_segment", "to_segment", "customers", "bought_since"])
    total = moves.groupby("from_segment")["customers"].transform("sum")
    low, high = wilson(moves["customers"], total)
    moves = moves.assign(
        from_customers=total, share=moves["customers"] / total,
        ci_low=np.asarray(low), ci_high=np.asarray(high),
    )  # fmt: skip
    return Migration(moves, before_as_of, as_of)

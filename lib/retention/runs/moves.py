"""How segments grew, shrank and exchanged customers between two runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.intervals import NORMAL_95
from retention.reports.suppression import suppress_counts
from retention.runs.run import Run

TABLE = "segments"
OUTSIDE = "(not in the run)"
"""Where customers come from, or go to, who are in one of the runs only."""


@dataclass(frozen=True)
class SegmentMoves:
    """Sizes of the segments in two runs and the flows between them.

    Parameters
    ----------
    sizes
        segment, before, after, moved_in, moved_out (customers), reading.
    flows
        came_from, went_to, customers; the largest first, small ones left out.
    """

    sizes: pd.DataFrame
    flows: pd.DataFrame

    def summary(self) -> str:
        """Say which segments changed by more than chance."""
        moved = self.sizes.loc[self.sizes["reading"] == "changed", "segment"]
        return (
            f"Segments whose size changed beyond noise: {', '.join(moved)}."
            if len(moved)
            else "No segment's size changed beyond noise."
        )


def segment_moves(before: Run, after: Run, minimum: int) -> SegmentMoves | None:
    """Compare who was in which segment; None where a run names no segments.

    A segment's net change is held against the chance of equal flows in and out (McNemar's test on
    the customers who moved): many coming and as many going is noise, not growth.

    Parameters
    ----------
    before, after
        The runs.
    minimum
        Smallest number of customers that may be shown.
    """
    if not (before.publishes(TABLE) and after.publishes(TABLE)):
        return None
    columns = ["customer_key", "segment"]
    tables = [run.table(TABLE) for run in (before, after)]
    if not all(set(columns) <= set(table) for table in tables):
        return None
    old, new = (table[columns].astype(str) for table in tables)
    both = old.merge(new, on="customer_key", how="outer", suffixes=("_old", "_new"))
    both = both.fillna(OUTSIDE)
    table = pd.crosstab(both["segment_old"], both["segment_new"])
    names = sorted({*table.index, *table.columns} - {OUTSIDE})
    table = table.reindex(index=[*names, OUTSIDE], columns=[*names, OUTSIDE], fill_value=0)
    return SegmentMoves(_sizes(table, names, minimum), _flows(table, minimum))


def _sizes(table: pd.DataFrame, names: list[str], minimum: int) -> pd.DataFrame:
    """Return one row per segment: size before and after, flows, and what to make of them."""
    counts = table.to_numpy()[: len(names), : len(names)]
    stayed = counts.diagonal()
    before, after = table.sum(axis=1).to_numpy()[:-1], table.sum(axis=0).to_numpy()[:-1]
    moved_in, moved_out = after - stayed, before - stayed
    error = np.sqrt(moved_in + moved_out)
    beyond = np.abs(moved_in - moved_out) > NORMAL_95 * error
    reading = np.where(before == after, "same", np.where(beyond, "changed", "within noise"))
    sizes = {"before": before, "after": after, "moved_in": moved_in, "moved_out": moved_out}
    hidden = suppress_counts(pd.DataFrame(sizes, index=names), minimum)
    return hidden.rename_axis("segment").reset_index().assign(reading=reading)


def _flows(table: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Return how many customers went from where to where, small flows left out."""
    rows = table.melt(ignore_index=False, var_name="went_to", value_name="customers")
    rows = rows.rename_axis("came_from").reset_index()
    moved = rows[(rows["came_from"] != rows["went_to"]) & (rows["customers"] >= minimum)]
    order = ["customers", "came_from", "went_to"]
    return moved.sort_values(order, ascending=[False, True, True]).reset_index(drop=True)

"""Retention by the month of the first purchase: who came back in each month since."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.engine import Engine
from retention.errors import EvidenceError
from retention.features import epoch_of
from retention.results import percent
from retention.segments.intervals import wilson


@dataclass(frozen=True)
class CohortRetention:
    """Share of each monthly cohort that bought in each month since its first purchase.

    Parameters
    ----------
    cells
        One row per cohort and whole month since: ``cohort`` (YYYY-MM), ``months_since``,
        ``cohort_customers, customers, share, ci_low, ci_high`` (95 % Wilson).
    as_of
        The as-of date; months not over by then are left out.
    """

    cells: pd.DataFrame
    as_of: str

    def to_frame(self) -> pd.DataFrame:
        """Return the cells."""
        return self.cells

    def matrix(self) -> pd.DataFrame:
        """Return shares, one row per cohort, one column per month since the first purchase."""
        return self.cells.pivot_table("share", "cohort", "months_since")

    def average(self, months_since: int) -> tuple[float, float, float, int]:
        """Return the share over all cohorts old enough, its interval and their customers.

        Raises
        ------
        EvidenceError
            If no cohort is that old.
        """
        cells = self.cells[self.cells["months_since"] == months_since]
        if cells.empty:
            raise EvidenceError(
                f"No cohort has been observed for {months_since} months.", "Ask for fewer."
            )
        n, back = int(cells["cohort_customers"].sum()), int(cells["customers"].sum())
        low, high = wilson(back, n)
        return back / n, float(low), float(high), n

    def summary(self) -> str:
        """Return the finding in words."""
        latest = min(3, int(self.cells["months_since"].max()))
        if latest < 1:
            return "No cohort has been observed for a whole month after its first purchase."
        share, low, high, n = self.average(latest)
        return (
            f"In month {latest} after the first purchase, {percent(share)} "
            f"({percent(low)} to {percent(high)}) of {n:,} customers bought again."
        )


def cohort_retention(engine: Engine, as_of: str) -> CohortRetention:
    """Return the retention of monthly cohorts.

    Parameters
    ----------
    engine
        Engine with the table ``orders``.
    as_of
        ISO date; the month it falls into is left out unless it begins on that date.

    Raises
    ------
    EvidenceError
        If there is no whole month of orders before the as-of date.
    """
    counts = engine.query("segments_cohorts", as_of_s=epoch_of(as_of)).frame()
    year, month = int(as_of[:4]), int(as_of[5:7])
    open_month = year * 12 + month - 1
    counts = counts[counts["cohort_month"] + counts["months_since"] < open_month]
    if counts.empty:
        raise EvidenceError(
            f"No whole month of orders lies before {as_of}.", "Choose a later date."
        )
    return CohortRetention(_cells(counts, open_month), as_of)


def _cells(counts: pd.DataFrame, open_month: int) -> pd.DataFrame:
    """Complete the cells (no purchase is a zero, not a gap) and add shares with intervals."""
    sizes = counts[counts["months_since"] == 0].set_index("cohort_month")["customers"]
    lengths = open_month - sizes.index.to_numpy()
    cells = pd.DataFrame(
        {
            "cohort_month": np.repeat(sizes.index.to_numpy(), lengths),
            "months_since": np.concatenate([np.arange(length) for length in lengths]),
        }
    ).merge(counts, "left", ["cohort_month", "months_since"])
    cells["customers"] = cells["customers"].fillna(0).astype("int64")
    cells["cohort_customers"] = cells["cohort_month"].map(sizes).astype("int64")
    low, high = wilson(cells["customers"], cells["cohort_customers"])
    cells["share"] = cells["customers"] / cells["cohort_customers"]
    months = cells["cohort_month"]
    cells["cohort"] = (months // 12).astype(str) + "-" + (months % 12 + 1).astype(str).str.zfill(2)
    cells["ci_low"], cells["ci_high"] = np.asarray(low), np.asarray(high)
    return cells[["cohort", "months_since", "cohort_customers", "customers", "share", "ci_low",
                  "ci_high"]]  # fmt: skip

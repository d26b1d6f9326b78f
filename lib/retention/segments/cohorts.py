"""Retention by the month of the first purchase: who came back in each month since."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.engine import Engine
from retention.errors import EvidenceError
from retention.features import epoch_of
from retention.intervals import difference
from retention.results import percent, points, points_between
from retention.segments.intervals import wilson

RECENT = 6
"""Newest cohorts that are held against the older ones."""

QUARTER_MONTHS = 3


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

    def trend(self, months_since: int) -> tuple[float, float, float, str] | None:
        """Return how much more of the newest cohorts bought than of the older ones.

        Returns
        -------
        tuple or None
            Difference of the shares, its 95 % interval (Newcombe 1998, method 10) and the first of
            the newest cohorts; None where there are no older ones.
        """
        cells = self.cells[self.cells["months_since"] == months_since].sort_values("cohort")
        old, new = cells.iloc[:-RECENT], cells.iloc[-RECENT:]
        if old.empty:
            return None
        (x, n), (y, m) = (
            (int(part["customers"].sum()), int(part["cohort_customers"].sum()))
            for part in (new, old)
        )
        gap, low, high = difference((x / n, *wilson(x, n)), (y / m, *wilson(y, m)))
        return gap, float(low), float(high), str(new.iloc[0]["cohort"])

    def summary(self) -> str:
        """Return the finding in words."""
        latest = min(3, int(self.cells["months_since"].max()))
        if latest < 1:
            return "No cohort has been observed for a whole month after its first purchase."
        share, low, high, n = self.average(latest)
        text = (
            f"In month {latest} after the first purchase, {percent(share)} "
            f"({percent(low)} to {percent(high)}) of {n:,} customers bought again."
        )
        found = self.trend(latest)
        if found is None:
            return text
        gap, least, most, since = found
        how = (
            "do better" if least > 0 else "do worse" if most < 0 else "do neither better nor worse"
        )
        return (
            f"{text} Cohorts since {since} {how} than the older ones: "
            f"{points(gap, signed=True)} (95 % interval {points_between(least, most)})."
        )

    def advice(self) -> str:
        """Return what to do: ask for the next order when most come back; heed a trend."""
        latest = int(self.cells["months_since"].max())
        if latest < 1:
            return "Come back when a cohort is a month old."
        months = {month: self.average(month) for month in range(1, min(latest, 12) + 1)}
        enough = months[1][3] / 2  # later months are known of the oldest cohorts alone
        shares = {month: found[0] for month, found in months.items() if found[3] >= enough}
        best = max(shares, key=lambda month: (shares[month], -month))
        text = (
            f"Ask for the next order in month {best}, when most come back "
            f"({percent(shares[best])} of all cohorts observed so long)."
        )
        found = self.trend(min(3, latest))
        if found is not None and found[2] < 0:
            text += f" Find out what has changed since {found[3]} in whom the shop wins, or how."
        return text


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
            f"No whole month of orders lies before {as_of}.", "Wait until the first one is over."
        )
    return CohortRetention(_cells(counts, open_month), as_of)


def newest_cohorts(features: pd.DataFrame, until: str, quarters: int = 4) -> pd.DataFrame:
    """Return the customers of the newest whole quarters of first purchases.

    Parameters
    ----------
    features
        Feature table with ``customer_key`` and ``first_order_at``.
    until
        ISO date; a quarter counts if it was over by then. For figures of a window give its first
        day: who first bought within it has bought by definition.
    quarters
        Number of quarters.

    Returns
    -------
    pandas.DataFrame
        ``customer_key`` and ``segment``: the quarter, such as ``2026 Q1``.

    Examples
    --------
    >>> first = pd.DataFrame({"customer_key": ["a", "b", "c"], "first_order_at": pd.to_datetime(
    ...     ["2025-12-31", "2026-01-01", "2026-04-01"])})
    >>> newest_cohorts(first, "2026-04-01", quarters=1).to_dict("list")
    {'customer_key': ['b'], 'segment': ['2026 Q1']}
    """
    first = features["first_order_at"].dt
    number = first.year * 4 + (first.month - 1) // QUARTER_MONTHS
    newest = int(until[:4]) * 4 + (int(until[5:7]) - 1) // QUARTER_MONTHS - 1
    taken = number.between(newest - quarters + 1, newest)
    labels = (number // 4).astype(str) + " Q" + (number % 4 + 1).astype(str)
    return (
        features.loc[taken, ["customer_key"]].assign(segment=labels[taken]).reset_index(drop=True)
    )


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

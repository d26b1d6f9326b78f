"""Cohort triangles: what share of each cohort is still there, with the missing corner projected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.errors import ParameterError
from retention.results import percent
from retention.survival.counts import count_events
from retention.survival.kaplan_meier import kaplan_meier


@dataclass(frozen=True)
class CohortTriangle:
    """Retention by cohort and age, observed and projected.

    Parameters
    ----------
    frame
        Columns ``cohort``, ``n``, ``age`` (in periods), ``retained``, ``ci_low``, ``ci_high``,
        ``is_projected``; sorted by cohort and age.
    period
        Length of a period, in ``unit``.
    unit
        Unit of the durations.
    """

    frame: pd.DataFrame
    period: int
    unit: str

    def matrix(self, column: str = "retained") -> pd.DataFrame:
        """Return one column of the cells as cohorts x ages (``is_projected`` says which are)."""
        cells = self.frame[column].to_numpy().reshape(self.frame["cohort"].nunique(), -1)
        ages = pd.Index(self.frame["age"].unique(), name="age")
        return pd.DataFrame(cells, index=pd.Index(self.frame["cohort"].unique(), name="cohort"),
                            columns=ages)  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """Return the cells."""
        return self.frame.copy()

    def summary(self) -> str:
        """Compare the first and last cohort at the latest age both have lived through."""
        seen = self.frame[~self.frame["is_projected"].astype(bool) & (self.frame["retained"] < 1)]
        if seen.empty:
            return "No cohort has been followed to its first departures."
        first, last = seen["cohort"].min(), seen["cohort"].max()
        shared = set(seen.loc[seen["cohort"] == last, "age"]) & set(
            seen.loc[seen["cohort"] == first, "age"]
        )
        share = self.frame["is_projected"].mean()
        if first == last or not shared:
            return (
                f"{percent(share, 0)} of the cells are projected; there are no two cohorts to "
                "compare yet."
            )
        age = max(shared)
        a, b = (seen[(seen["cohort"] == c) & (seen["age"] == age)].iloc[0] for c in (first, last))
        return (
            f"After {age * self.period:,} {self.unit}, {percent(a.retained)} "
            f"({percent(a.ci_low)} to "
            f"{percent(a.ci_high)}) of the cohort {first} and {percent(b.retained)} "
            f"({percent(b.ci_low)} to "
            f"{percent(b.ci_high)}) of {last} were still there. {percent(share, 0)} of the "
            f"cells are projected."
        )


def cohort_triangle(
    spells: pd.DataFrame, *, period: int = 90, periods: int = 8, unit: str = "days"
) -> CohortTriangle:
    """Follow each cohort in whole periods, and project what it has not lived through.

    Parameters
    ----------
    spells
        Columns ``cohort``, ``duration``, ``event``.
    period, periods
        Length of a period in the unit of the durations, and how many of them.
    unit
        Unit of the durations.

    Raises
    ------
    ParameterError
        If a period is not positive.

    Notes
    -----
    Within the follow-up a cell is the cohort's own Kaplan-Meier estimate. Beyond it the last one is
    carried on by the retention of all cohorts from one period to the next (chain ladder, Mack
    1993), and the bounds are carried on alike; they do not hold the risk that later cohorts
    behave differently. A period counts as lived through if at least ten were followed to its end.
    """
    if period <= 0 or periods <= 0:
        raise ParameterError(
            "A triangle needs positive periods.", "Give 1 or more.", column="period"
        )
    ages = [float(period * k) for k in range(1, periods + 1)]
    every = kaplan_meier(count_events(spells, unit=unit)).at(ages)["survival"].to_numpy()
    every = np.concatenate([[1.0], every])
    step = np.divide(every[1:], every[:-1], out=np.ones(periods), where=every[:-1] > 0)
    curves = kaplan_meier(count_events(spells, group="cohort", unit=unit))
    sizes = spells.groupby("cohort").size()
    parts = [_row(part, int(sizes[cohort]), step) for cohort, part in
             curves.at(ages).groupby("group", sort=True)]  # fmt: skip
    return CohortTriangle(pd.concat(parts, ignore_index=True), period, unit)


def _row(part: pd.DataFrame, n: int, step: np.ndarray) -> pd.DataFrame:
    """Return one cohort's row, projected beyond its follow-up."""
    part = part.reset_index(drop=True)
    lived = (part["at_risk"].to_numpy() >= min(10, n)) & part["survival"].notna().to_numpy()
    gone = part["survival"].eq(0).to_numpy()
    last = int(np.cumprod(lived | gone).sum())
    values = part[["survival", "ci_low", "ci_high"]].to_numpy()
    for age in range(last, len(part)):
        before = values[age - 1] if age else np.ones(3)
        values[age] = before * step[age] if np.isfinite(step[age]) else np.nan
    return pd.DataFrame({
        "cohort": part["group"], "n": n, "age": np.arange(1, len(part) + 1),
        "retained": values[:, 0], "ci_low": values[:, 1], "ci_high": values[:, 2],
        "is_projected": np.arange(len(part)) >= last,
    })  # fmt: skip

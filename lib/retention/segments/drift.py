"""Drift: whether the customers have changed so much that a definition no longer fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.errors import EvidenceError
from retention.results import Check, Status
from retention.segments.codes import SegmentCode
from retention.segments.intervals import Numbers
from retention.segments.stability import advice_on_cut_offs

BINS = 10
MODERATE, LARGE = 0.10, 0.25
"""Customary bounds of the index: below the first stable, above the second another population."""

WATCHED = (
    "recency_days", "order_count", "monetary_minor", "discount_share",
    "gift_share", "category_count", "sessions_90d", "opens_90d",
)  # fmt: skip
"""Features whose change would make segments of two dates mean different things."""


@dataclass(frozen=True)
class Drift:
    """Population stability index of each variable between two dates.

    Parameters
    ----------
    indices
        One row per variable, largest first: ``variable, psi, chance, bins, n_before, n_now,
        status``; ``chance`` is the 95 % bound of the index if nothing had changed.
    before_as_of, as_of
        The two dates.
    method
        How the segments' cut-offs are drawn: ``quantile`` or ``fixed``.
    """

    indices: pd.DataFrame
    before_as_of: str
    as_of: str
    method: str = "quantile"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per variable."""
        return self.indices

    def checks(self) -> list[Check]:
        """Return the alarm: which definitions no longer fit."""
        moved = self.indices[self.indices["status"] != "stable"]
        if moved.empty:
            return [
                Check(SegmentCode.DEFINITION_DRIFTED, Status.PASS,
                      f"No variable has drifted since {self.before_as_of}.")
            ]  # fmt: skip
        names = ", ".join(f"{r.variable} ({r.psi:.2f})" for r in moved.itertuples())
        worst = Status.FAIL if (moved["status"] == "large").any() else Status.WARN
        return [
            Check(
                SegmentCode.DEFINITION_DRIFTED,
                worst,
                f"Drifted since {self.before_as_of} (index above {MODERATE}): {names}.",
                advice_on_cut_offs(self.method),
            )
        ]

    def summary(self) -> str:
        """Return the finding in words."""
        top = self.indices.iloc[0]
        moved = int((self.indices["status"] != "stable").sum())
        return (
            f"Since {self.before_as_of}, {moved} of {len(self.indices)} variables have drifted; "
            f"the largest stability index is {top.psi:.2f} ({top.variable.replace('_', ' ')}, "
            f"up to {top.chance:.2f} is chance)."
        )


def drift(
    before: pd.DataFrame, now: pd.DataFrame, before_as_of: str, as_of: str,
    variables: Sequence[str] = WATCHED, method: str = "quantile",
) -> Drift:  # fmt: skip
    """Compare the distributions of variables at two dates.

    Parameters
    ----------
    before, now
        Tables with the variables as columns, one row per customer. Numbers are put into tenths of
        the earlier date, labels stay as they are, missing is a bin of its own.
    before_as_of, as_of
        The two dates, for the wording.
    variables
        Columns to compare; those that either table lacks are left out.
    method
        How the segments' cut-offs are drawn; what to do about drift depends on it.

    Raises
    ------
    EvidenceError
        If a date has no customer or no variable is in both tables.

    Notes
    -----
    PSI = sum (q - p) ln(q / p). If nothing has changed, PSI / (1/n + 1/m) follows a chi-squared
    law with bins - 1 degrees of freedom (Yurdakul and Naranjo 2020, "Statistical properties of
    the population stability index"); an index within that bound is stable whatever its size.
    """
    from scipy.stats import chi2

    shared = [name for name in variables if name in before and name in now]
    if before.empty or now.empty or not shared:
        raise EvidenceError("There is nothing to compare.", "Choose another earlier date.")
    rows = []
    for name in shared:
        p, q = _counts(before[name], now[name])
        psi = stability_index(p, q)
        n, m, bins = int(p.sum()), int(q.sum()), len(p)
        chance = float(chi2.ppf(0.95, max(bins - 1, 1)) * (1 / n + 1 / m))
        rows.append((name, psi, chance, bins, n, m, _status(psi, chance)))
    names = ["variable", "psi", "chance", "bins", "n_before", "n_now", "status"]
    frame = pd.DataFrame(rows, columns=names)
    frame = frame.sort_values(["psi", "variable"], ascending=[False, True], ignore_index=True)
    return Drift(frame, before_as_of, as_of, method)


def drift_within(
    before: pd.DataFrame, now: pd.DataFrame, before_as_of: str, as_of: str,
    variables: Sequence[str] = WATCHED, *, least: int = 50,
) -> pd.DataFrame:  # fmt: skip
    """Return for each segment the variable in which its members have changed most.

    A segment keeps its name while its members come to be others: this finds out which.

    Parameters
    ----------
    before, now
        Tables with ``segment`` and the variables as columns, one row per customer.
    before_as_of, as_of, variables
        As in `drift`.
    least
        Segments with fewer members at either date are left out: tenths of them are noise.

    Returns
    -------
    pandas.DataFrame
        One row per segment, largest index first: ``segment, variable, psi, chance, n_before,
        n_now, median_before, median_now, status``.
    """
    rows = []
    read = [name for name in ("segment", *variables) if name in before and name in now]
    before, now = before[read], now[read]
    for name in sorted(set(before["segment"]) & set(now["segment"])):
        was, is_now = (table[table["segment"] == name] for table in (before, now))
        if min(len(was), len(is_now)) < least:
            continue
        top = drift(was, is_now, before_as_of, as_of, variables).to_frame().iloc[0]
        values = (pd.to_numeric(t[top["variable"]], errors="coerce") for t in (was, is_now))
        medians = [float(value.median()) for value in values]
        rows.append((name, top["variable"], top["psi"], top["chance"], len(was), len(is_now),
                     *medians, top["status"]))  # fmt: skip
    names = ["segment", "variable", "psi", "chance", "n_before", "n_now", "median_before",
             "median_now", "status"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=names)
    return frame.sort_values(["psi", "segment"], ascending=[False, True], ignore_index=True)


def stability_index(before: Numbers, now: Numbers) -> float:
    """Return the population stability index of two vectors of counts.

    Half a customer is added to every bin, so that an empty one does not make it infinite.

    Examples
    --------
    >>> round(stability_index(np.array([50.0, 50.0]), np.array([50.0, 50.0])), 6)
    0.0
    """
    p = (before + 0.5) / (before.sum() + 0.5 * len(before))
    q = (now + 0.5) / (now.sum() + 0.5 * len(now))
    return float(np.sum((q - p) * np.log(q / p)))


def _counts(before: pd.Series, now: pd.Series) -> tuple[Numbers, Numbers]:
    """Count both dates in the same bins; those that are empty at both are left out."""
    number = len(before)
    bins = _bins(before, now)
    counts = [
        np.bincount(part, minlength=bins.max() + 1) for part in (bins[:number], bins[number:])
    ]
    taken = (counts[0] + counts[1]) > 0
    return counts[0][taken].astype(float), counts[1][taken].astype(float)


def _bins(before: pd.Series, now: pd.Series) -> NDArray[np.intp]:
    """Return the bin of each value of the first date and then of the second; 0 is for missing."""
    if pd.api.types.is_numeric_dtype(before) and not pd.api.types.is_bool_dtype(before):
        both = np.concatenate([series.to_numpy(dtype=float) for series in (before, now)])
        first = both[: len(before)]
        values = first[~np.isnan(first)]
        cuts = np.unique(np.quantile(values, np.arange(1, BINS) / BINS)) if len(values) else values
        return np.where(np.isnan(both), 0, np.searchsorted(cuts, both, side="left") + 1)
    codes, _ = pd.factorize(pd.concat([before, now], ignore_index=True))
    return codes + 1


def _status(psi: float, chance: float) -> str:
    """Name the size of an index."""
    if psi <= max(MODERATE, chance):
        return "stable"
    return "large" if psi > LARGE else "moderate"

"""Early signs of decline: which of them have come before silence, and who shows them now."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.abtest.multiplicity import adjust
from retention.intervals import difference
from retention.results import percent, points, points_between
from retention.segments.intervals import wilson

OVERDUE_FACTOR = 2.0
"""Overdue: the pause is this many times the customer's own median gap between purchases."""

WINDOW_DAYS = 90
"""Length of the windows in which visits and opens are counted."""

LEAST = 30
"""Fewest customers with a sign, and without it, whose purchases are compared."""

LEVEL = 0.05
"""Share of the signs called a warning that may be chance (false discovery rate)."""

READ_NOW = (
    "median_gap_days",
    "recency_days",
    "tenure_days",
    "sessions_90d",
    "opens_90d",
    "nps_score",
)
READ_BEFORE = ("tenure_days", "sessions_90d", "opens_90d")
"""What the signs read of a date and of the date before it."""

Signs = dict[str, tuple[NDArray[np.bool_], NDArray[np.bool_]]]
"""For every sign in whom it could show, and in whom it does."""


@dataclass(frozen=True)
class Decline:
    """Signs of decline by segment, and what came after them before.

    Parameters
    ----------
    signs
        One row per segment and sign: ``segment, sign, customers, showing, share, ci_low,
        ci_high`` today (``customers`` are those in whom the sign could show), and of those of the
        earlier date: ``n_with, bought_with, rate_with, n_without, bought_without, rate_without,
        difference, difference_low, difference_high, p_adjusted, is_warning``. A sign is a warning
        where those who showed it bought less often afterwards, beyond chance.
    fading
        ``customer_key, segment, signs``: customers with at least one warning, and how many.
    days
        Length of the time after the earlier date in which they could buy.
    """

    signs: pd.DataFrame
    fading: pd.DataFrame
    days: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row per segment and sign."""
        return self.signs

    def today(self) -> pd.DataFrame:
        """Return how many show each sign now."""
        names = ["segment", "sign", "customers", "showing", "share", "ci_low", "ci_high"]
        return self.signs[[*names, "is_warning"]]

    def proof(self) -> pd.DataFrame:
        """Return what came after each sign at the earlier date, where enough had it or not."""
        told = self.signs[self.signs["difference"].notna()].reset_index(drop=True)
        return told.drop(columns=["customers", "showing", "share", "ci_low", "ci_high"])

    def summary(self) -> str:
        """Return the finding in words."""
        warnings = self.signs[self.signs["is_warning"]]
        if warnings.empty:
            return (
                f"No sign of decline has come before fewer purchases in the next {self.days} days, "
                f"beyond chance; {len(self.signs)} were looked for."
            )
        row = warnings.sort_values(["difference", "segment", "sign"]).iloc[0]
        return (
            f"{len(self.fading):,} customers show a warning of decline. {len(warnings)} of "
            f"{len(self.signs)} signs have proved to be one: the strongest is {_named(row)}: of "
            f"those who showed it {percent(row.rate_with)} bought in the next {self.days} days, of "
            f"the others {percent(row.rate_without)} ({points(row.difference, signed=True)}, 95 % "
            f"interval {points_between(row.difference_low, row.difference_high)}, "
            f"n = {row.n_with + row.n_without:,})."
        )

    def advice(self) -> str:
        """Return what to do about the signs."""
        warnings = self.signs[self.signs["is_warning"]]
        if warnings.empty:
            return "Do not act on these signs: nothing shows that silence follows them."
        row = warnings.sort_values(["showing", "segment", "sign"], ascending=[False, True, True])
        first = row.iloc[0]
        others = int((~self.signs["is_warning"]).sum())
        text = (
            f"Try to win back those in `fading_customers` first, most of them {_named(first)}, "
            "against a hold-out."
        )
        rest = f" Do not act on the other {others}: silence is not shown to follow them."
        return text + (rest if others else "")


def _named(row: pd.Series) -> str:
    """Return a sign and its segment in words."""
    return f"{row['sign']} among {row['segment']}".replace("_", " ")


def early_decline(
    now: pd.DataFrame, before: pd.DataFrame, earlier: pd.DataFrame, outcome: pd.DataFrame,
    watched: list[str], days: int,
) -> Decline:  # fmt: skip
    """Look for signs of decline in the segments that are still doing well.

    Parameters
    ----------
    now, before, earlier
        Feature tables at the date of today, at the one before it and at the one before that;
        ``now`` and ``before`` have a column ``segment``.
    outcome
        ``customer_key, purchases`` in the days after the date before
        (`retention.features.future_purchases`).
    watched
        Segments to look into; those without a customer show no sign.
    days
        Distance of the dates.

    Notes
    -----
    The signs: *overdue* (pause longer than twice the own median gap), *visits_halved* and
    *opens_halved* (at most half of the earlier window's, from at least two), *detractor* (latest
    promoter score 6 or lower). A sign whose feature is absent is not looked for, and visits and
    opens are not compared with the window of the first purchase: it always holds more of them.

    That half remains of at least two may be a return to the usual, no decline. So each sign is held
    against what came after: the same sign at the date before, and who bought since. The interval
    of the difference is Newcombe's (1998, method 10); p-values are adjusted for the number of signs
    (Benjamini and Hochberg 1995).
    """
    counts, frame, found = _counted(now, before, watched)
    evidence = _evidence(before, earlier, outcome, watched)
    table = counts.merge(evidence, "left", ["segment", "sign"])
    table["is_warning"] = table["is_warning"].eq(True)
    for name in ("n_with", "n_without", "bought_with", "bought_without"):
        table[name] = table[name].fillna(0).astype("int64")
    total = np.zeros(len(frame), dtype=int)
    for sign, (_, showing) in found.items():
        warning = table.loc[table["is_warning"] & (table["sign"] == sign), "segment"]
        total += showing & frame["segment"].isin(warning).to_numpy()
    fading = frame.loc[total > 0, ["customer_key", "segment"]].assign(signs=total[total > 0])
    return Decline(table, fading.sort_values("customer_key", ignore_index=True), days)


def _counted(
    now: pd.DataFrame, before: pd.DataFrame, watched: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame, Signs]:
    """Return how many show each sign, the customers watched, and who shows what."""
    frame = _watched(now, before, watched)
    found = _signs(frame)
    parts = [
        pd.DataFrame({"segment": frame["segment"], "customers": able, "showing": showing})
        .groupby("segment").sum().reset_index().assign(sign=sign)
        for sign, (able, showing) in found.items()
    ]  # fmt: skip
    table = pd.concat(parts, ignore_index=True)
    table = table[table["customers"] > 0].reset_index(drop=True)
    table["share"] = table["showing"] / table["customers"]
    table["ci_low"], table["ci_high"] = wilson(table["showing"], table["customers"])
    order = ["segment", "sign", "customers", "showing", "share", "ci_low", "ci_high"]
    return table[order].sort_values(["segment", "sign"], ignore_index=True), frame, found


def _watched(now: pd.DataFrame, before: pd.DataFrame, watched: list[str]) -> pd.DataFrame:
    """Return the customers of the segments watched with what was known of them before."""
    present, past = (
        table[["customer_key", *(name for name in read if name in table)]]
        for table, read in ((now, ("segment", *READ_NOW)), (before, READ_BEFORE))
    )
    return present[present["segment"].isin(watched)].merge(
        past, "left", "customer_key", suffixes=("", "_before")
    )


def _evidence(
    before: pd.DataFrame, earlier: pd.DataFrame, outcome: pd.DataFrame, watched: list[str]
) -> pd.DataFrame:
    """Return who bought after each sign, and who bought without it."""
    frame = _watched(before, earlier, watched).merge(
        outcome[["customer_key", "purchases"]], "left", "customer_key"
    )
    is_buyer = (frame["purchases"] > 0).to_numpy()
    parts = []
    for sign, (able, showing) in _signs(frame).items():
        cells = pd.DataFrame(
            {"segment": frame["segment"], "n_with": showing, "bought_with": showing & is_buyer,
             "n_without": able & ~showing, "bought_without": able & ~showing & is_buyer}
        )  # fmt: skip
        parts.append(cells.groupby("segment").sum().reset_index().assign(sign=sign))
    table = pd.concat(parts, ignore_index=True)
    return _compared(table[table[["n_with", "n_without"]].min(axis=1) >= LEAST].copy())


def _compared(table: pd.DataFrame) -> pd.DataFrame:
    """Add rates, their difference with its interval, and whether the sign is a warning."""
    from scipy.stats import norm

    (x, n), (y, m) = (
        (table[f"bought_{side}"].to_numpy(float), table[f"n_{side}"].to_numpy(float))
        for side in ("with", "without")
    )
    p, q = x / n, y / m
    gap, low, high = difference((p, *wilson(x, n)), (q, *wilson(y, m)))
    pooled = (x + y) / (n + m)
    error = np.sqrt(np.maximum(pooled * (1 - pooled) * (1 / n + 1 / m), 1e-12))
    adjusted = adjust((2 * norm.sf(np.abs(gap) / error)).tolist(), "benjamini-hochberg")
    return table.assign(
        rate_with=p, rate_without=q, difference=gap, difference_low=low, difference_high=high,
        p_adjusted=adjusted, is_warning=(np.asarray(adjusted) < LEVEL) & (p < q),
    )  # fmt: skip


def _signs(frame: pd.DataFrame) -> Signs:
    """Return for every sign in whom it could show and in whom it does."""
    found: Signs = {}
    gap = frame["median_gap_days"]
    able = gap.notna().to_numpy()
    found["overdue"] = (able, able & (frame["recency_days"] > OVERDUE_FACTOR * gap).to_numpy())
    settled = (frame["tenure_days_before"] >= WINDOW_DAYS).to_numpy(dtype=bool)
    for sign, name in (("visits_halved", "sessions_90d"), ("opens_halved", "opens_90d")):
        if name in frame and f"{name}_before" in frame:
            was = frame[f"{name}_before"].fillna(0)
            able = settled & (was >= 2).to_numpy()
            found[sign] = (able, able & (frame[name] <= was / 2).to_numpy())
    if "nps_score" in frame:
        able = frame["nps_score"].notna().to_numpy()
        found["detractor"] = (able, able & (frame["nps_score"] <= 6).to_numpy())
    return found

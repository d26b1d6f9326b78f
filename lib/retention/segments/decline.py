"""Early signs of decline: customers still counted as good who have begun to fade."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.results import percent
from retention.segments.intervals import wilson

OVERDUE_FACTOR = 2.0
"""Overdue: the pause is this many times the customer's own median gap between purchases."""


@dataclass(frozen=True)
class Decline:
    """Signs of decline by segment.

    Parameters
    ----------
    signs
        One row per segment and sign: ``segment, sign, customers, showing, share, ci_low,
        ci_high``; ``customers`` are those in whom the sign could show.
    fading
        ``customer_key, segment, signs``: customers with at least one sign, and how many.
    """

    signs: pd.DataFrame
    fading: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return one row per segment and sign."""
        return self.signs

    def summary(self) -> str:
        """Return the finding in words."""
        top = self.signs.sort_values(["showing", "segment", "sign"], ascending=[False, True, True])
        if top.empty or top.iloc[0].showing == 0:
            return "No early sign of decline shows among the segments watched."
        row = top.iloc[0]
        return (
            f"{len(self.fading):,} customers show an early sign of decline; the most common is "
            f"{row.sign.replace('_', ' ')} among {row.segment.replace('_', ' ')}: {row.showing:,} "
            f"of {row.customers:,} ({percent(row.share)}, 95 % interval {percent(row.ci_low)} to "
            f"{percent(row.ci_high)})."
        )


def early_decline(now: pd.DataFrame, before: pd.DataFrame, watched: list[str]) -> Decline:
    """Look for signs of decline in the segments that are still doing well.

    Parameters
    ----------
    now, before
        Feature tables at the later and the earlier date; ``now`` has a column ``segment``.
    watched
        Segments to look into; those without a customer show no sign.

    Notes
    -----
    The signs: *overdue* (pause longer than twice the own median gap), *visits_halved* and
    *opens_halved* (at most half of the earlier window's, from at least two), *detractor* (latest
    promoter score 6 or lower). A sign whose feature is absent is not looked for.
    """
    frame = now[now["segment"].isin(watched)].merge(
        before.drop(columns="segment", errors="ignore"), "left", "customer_key",
        suffixes=("", "_before"),
    )  # fmt: skip
    found = _signs(frame)
    rows, total = [], np.zeros(len(frame), dtype=int)
    for sign, (able, showing) in found.items():
        total += showing
        counts = pd.DataFrame({"segment": frame["segment"], "able": able, "showing": showing})
        rows.append(counts.groupby("segment").sum().reset_index().assign(sign=sign))
    table = pd.concat(rows, ignore_index=True).rename(columns={"able": "customers"})
    table = table[table["customers"] > 0].reset_index(drop=True)
    table["share"] = table["showing"] / table["customers"]
    table["ci_low"], table["ci_high"] = wilson(table["showing"], table["customers"])
    fading = frame.loc[total > 0, ["customer_key", "segment"]].assign(signs=total[total > 0])
    order = ["segment", "sign", "customers", "showing", "share", "ci_low", "ci_high"]
    return Decline(
        table[order].sort_values(["segment", "sign"], ignore_index=True),
        fading.sort_values("customer_key", ignore_index=True),
    )


def _signs(frame: pd.DataFrame) -> dict[str, tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Return for every sign in whom it could show and in whom it does."""
    found = {}
    gap = frame["median_gap_days"]
    able = gap.notna().to_numpy()
    found["overdue"] = (able, able & (frame["recency_days"] > OVERDUE_FACTOR * gap).to_numpy())
    for sign, name in (("visits_halved", "sessions_90d"), ("opens_halved", "opens_90d")):
        if name in frame and f"{name}_before" in frame:
            was = frame[f"{name}_before"].fillna(0)
            able = (was >= 2).to_numpy()
            found[sign] = (able, able & (frame[name] <= was / 2).to_numpy())
    if "nps_score" in frame:
        able = frame["nps_score"].notna().to_numpy()
        found["detractor"] = (able, able & (frame["nps_score"] <= 6).to_numpy())
    return found

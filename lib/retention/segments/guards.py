"""Guards against segments that guide nothing: too small, no different, too few to test in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.abtest.design import power_at, proportion_design
from retention.errors import EvidenceError
from retention.intervals import NORMAL_95
from retention.results import Check, Status, points
from retention.segments.codes import SegmentCode
from retention.segments.intervals import wilson

JOIN = " + "
"""Between the names of segments that were merged."""


@dataclass(frozen=True)
class Guards:
    """What each segment did after it was drawn, and which ones deserve to stay apart.

    Parameters
    ----------
    segments
        One row per segment as declared, by rate: ``segment, customers, bought, rate, ci_low,
        ci_high, power, merged_segment``.
    merged
        Name of each declared segment to the name it goes by after merging.
    min_customers, min_difference, lift
        The thresholds: customers, share points in the outcome, share points of campaign effect.
    """

    segments: pd.DataFrame
    merged: dict[str, str]
    min_customers: int
    min_difference: float
    lift: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row per segment as declared."""
        return self.segments

    def renamed(self, segment: pd.Series) -> pd.Series:
        """Return the merged name of each customer's segment."""
        return segment.map(lambda name: self.merged.get(name, name))

    def checks(self) -> list[Check]:
        """Return size, difference and power, each with what to do."""
        frame = self.segments
        small = frame.loc[frame["customers"] < self.min_customers, "segment"].tolist()
        joined = sorted({name for name in self.merged.values() if JOIN in name})
        weak = frame.loc[frame["power"] < 0.8, "segment"].tolist()
        return [
            _check(
                SegmentCode.SEGMENT_TOO_SMALL,
                small,
                f"Fewer than {self.min_customers:,} customers",
                "They are merged with the segment that behaves most like them.",
            ),
            _check(
                SegmentCode.SEGMENT_GUIDES_NOTHING,
                joined,
                f"Told apart by less than {points(self.min_difference)} or by chance, merged",
                "Treat them alike, or give them rules that part what customers do.",
            ),
            _check(
                SegmentCode.SEGMENT_UNDERPOWERED,
                weak,
                f"Too few for a test to show a lift of {points(self.lift)} with power 80 %",
                "Test across segments, or look for a larger effect.",
            ),
        ]

    def summary(self) -> str:
        """Return the finding in words."""
        before, after = len(self.segments), len(set(self.merged.values()))
        if after == before:
            return f"All {before} segments differ in what their customers did next; none is merged."
        joined = "; ".join(sorted({n for n in self.merged.values() if JOIN in n}))
        return (
            f"Of {before} segments {after} differ in what their customers did next; merged: "
            f"{joined.replace('_', ' ')}."
        )


def guard(
    segments: pd.DataFrame,
    outcome: pd.DataFrame,
    *,
    min_customers: int = 100,
    min_difference: float = 0.02,
    lift: float = 0.03,
) -> Guards:
    """Ask whether segments drawn at an earlier date told what customers did next.

    Parameters
    ----------
    segments
        ``customer_key, segment`` at the earlier date.
    outcome
        ``customer_key, purchases`` in the window that followed
        (`retention.features.future_purchases`).
    min_customers
        Segments with fewer are merged.
    min_difference
        Segments whose share of buyers differs by less, or not beyond chance (95 %), are merged.
    lift
        Effect of a campaign, in share points, that a test within the segment should show with
        equal arms at level 5 %.

    Raises
    ------
    EvidenceError
        If no customer has both a segment and an outcome.
    """
    pair = segments[["customer_key", "segment"]].merge(outcome, "inner", "customer_key")
    if pair.empty:
        raise EvidenceError(
            "No customer has both a segment and an outcome.", "Choose an earlier date to compare."
        )
    pair["is_buyer"] = pair["purchases"] > 0
    grouped = pair.groupby("segment")["is_buyer"]
    table = pd.DataFrame({"customers": grouped.size(), "bought": grouped.sum()}).reset_index()
    table["rate"] = table["bought"] / table["customers"]
    table = table.sort_values(["rate", "segment"], ascending=[False, True], ignore_index=True)
    table["ci_low"], table["ci_high"] = wilson(table["bought"], table["customers"])
    table["power"] = [
        _power(float(r), float(n), lift)
        for r, n in zip(table["rate"], table["customers"], strict=True)
    ]
    merged = _merge(table, min_customers, min_difference)
    table["merged_segment"] = table["segment"].map(merged)
    return Guards(table, merged, min_customers, min_difference, lift)


def _power(rate: float, customers: float, lift: float) -> float:
    """Return the chance that a test within the segment shows the lift."""
    baseline = float(np.clip(rate, 1e-3, 1 - 1e-3 - lift))
    return power_at(proportion_design(baseline, lift), lift, customers)


def _merge(table: pd.DataFrame, min_customers: int, min_difference: float) -> dict[str, str]:
    """Merge neighbours by rate, the most alike first, until all that remain are told apart."""
    groups = [
        ([str(name)], int(n), int(x))
        for name, n, x in zip(table["segment"], table["customers"], table["bought"], strict=True)
    ]
    while len(groups) > 1:
        gaps = [_gap(groups[i], groups[i + 1], min_customers, min_difference)
                for i in range(len(groups) - 1)]  # fmt: skip
        place = int(np.argmin(gaps))
        if gaps[place] >= 1.0:
            break
        (names, n, x), (more, m, y) = groups[place], groups[place + 1]
        groups[place : place + 2] = [(names + more, n + m, x + y)]
    return {name: JOIN.join(sorted(names)) for names, _, _ in groups for name in names}


def _gap(
    one: tuple[list[str], int, int],
    other: tuple[list[str], int, int],
    min_customers: int,
    min_difference: float,
) -> float:
    """Return how far apart two groups are; 1 or more: far enough, beyond chance, both large."""
    (_, n, x), (_, m, y) = one, other
    p, q = x / n, y / m
    error = np.sqrt(max(p * (1 - p) / n + q * (1 - q) / m, 1e-12))
    told = min(abs(p - q) / max(min_difference, 1e-12), abs(p - q) / (NORMAL_95 * error))
    return float(told if min(n, m) >= min_customers else min(told, 1.0) * min(n, m) / min_customers)


def _check(code: SegmentCode, names: list[str], problem: str, action: str) -> Check:
    """Return the check: a warning that names the segments, or a pass."""
    if not names:
        return Check(code, Status.PASS, f"None: {problem[0].lower()}{problem[1:]}.")
    listed = "; ".join(name.replace("_", " ") for name in names)
    return Check(code, Status.WARN, f"{problem}: {listed}.", action)

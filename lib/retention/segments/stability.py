"""Whether segments hold: against the luck of the sample, and against the age of the cut-offs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.errors import ParameterError
from retention.results import Check, Status
from retention.segments.codes import SegmentCode
from retention.segments.intervals import wilson

LEAST_AGREEMENT = 0.9
"""Below this, one customer in ten would carry another name by the luck of the sample alone."""


@dataclass(frozen=True)
class Stability:
    """Share of customers who keep their segment when the cut-offs come from a resample.

    Parameters
    ----------
    agreement
        One value per resample.
    n
        Customers.
    """

    agreement: np.ndarray
    n: int

    def interval(self) -> tuple[float, float, float]:
        """Return mean and 95 % range over the resamples."""
        low, high = np.quantile(self.agreement, [0.025, 0.975])
        return float(self.agreement.mean()), float(low), float(high)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per resample."""
        return pd.DataFrame({"resample": range(len(self.agreement)), "agreement": self.agreement})

    def checks(self) -> list[Check]:
        """Return whether the segments are stable."""
        mean, low, high = self.interval()
        stable = mean >= LEAST_AGREEMENT
        return [
            Check(
                SegmentCode.SEGMENTS_UNSTABLE,
                Status.PASS if stable else Status.WARN,
                f"{mean:.1%} of customers ({low:.1%} to {high:.1%} over {len(self.agreement)} "
                "resamples) keep their segment when the cut-offs are drawn anew.",
                "" if stable else "Use fixed cut-offs, or fewer levels.",
            )
        ]

    def summary(self) -> str:
        """Return the finding in words."""
        mean, low, high = self.interval()
        return (
            f"{mean:.1%} of {self.n:,} customers (95 % range {low:.1%} to {high:.1%}) keep their "
            "segment when the cut-offs come from a resample."
        )


@dataclass(frozen=True)
class Staleness:
    """Share of customers whom the earlier cut-offs would put into another segment than today's.

    Parameters
    ----------
    changed, n
        Customers who would carry another name, and all.
    before_as_of
        When the earlier cut-offs were drawn.
    """

    changed: int
    n: int
    before_as_of: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row: share with its 95 % interval."""
        low, high = wilson(self.changed, self.n)
        return pd.DataFrame(
            {"changed": [self.changed], "customers": [self.n], "share": [self.changed / self.n],
             "ci_low": [float(low)], "ci_high": [float(high)]}
        )  # fmt: skip

    def checks(self) -> list[Check]:
        """Return whether the earlier cut-offs may still be used."""
        fresh = self.changed / self.n <= 1 - LEAST_AGREEMENT
        action = "" if fresh else "Draw the cut-offs anew at every run; do not carry them over."
        status = Status.PASS if fresh else Status.WARN
        return [Check(SegmentCode.SEGMENTS_STALE, status, self.summary(), action)]

    def summary(self) -> str:
        """Return the finding in words."""
        row = self.to_frame().iloc[0]
        return (
            f"The cut-offs of {self.before_as_of} would give {row.share:.1%} of {self.n:,} "
            f"customers ({row.ci_low:.1%} to {row.ci_high:.1%}) another segment today."
        )


def staleness(fresh: pd.Series, carried_over: pd.Series, before_as_of: str) -> Staleness:
    """Compare today's segments with those that earlier cut-offs would give to the same rows."""
    changed = int((fresh.to_numpy() != carried_over.to_numpy()).sum())
    return Staleness(changed, len(fresh), before_as_of)


def resampled_agreement(
    features: pd.DataFrame,
    draw: Callable[[pd.DataFrame, pd.DataFrame], pd.Series],
    *,
    resamples: int = 20,
    seed: int = 0,
) -> Stability:
    """Draw the cut-offs from resamples and count who keeps their segment.

    Parameters
    ----------
    features
        Feature table.
    draw
        Takes the table that cut-offs come from and the table to segment; returns the segment of
        every row of the latter.
    resamples, seed
        Number of bootstrap samples of customers, and the seed of the draw.

    Raises
    ------
    ParameterError
        If fewer than two resamples are asked for.
    """
    if resamples < 2:
        raise ParameterError(f"{resamples} resamples show no spread.", "Ask for 20 or more.")
    random = np.random.default_rng(seed)
    own = draw(features, features).to_numpy()
    agreement = [
        np.mean(draw(features.iloc[random.integers(0, len(own), len(own))], features) == own)
        for _ in range(resamples)
    ]
    return Stability(np.array(agreement, dtype=float), len(own))

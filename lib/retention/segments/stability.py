"""Whether segments hold: against the luck of the sample, and against the age of the cut-offs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.errors import ParameterError
from retention.results import Check, Status, percent
from retention.segments.codes import SegmentCode
from retention.segments.intervals import wilson

LEAST_AGREEMENT = 0.9
"""Below this, one customer in ten would carry another name by the luck of the sample alone."""

LEAST_OVERLAP = 0.75
"""Overlap from which two groups are usually taken for the same one (Hennig 2007)."""


def advice_on_cut_offs(method: str) -> str:
    """Return what to do where cut-offs of two dates part customers differently.

    One answer for every check that finds it: what to do depends on how the cut-offs are drawn, not
    on which of the checks has noticed.

    Examples
    --------
    >>> advice_on_cut_offs("fixed")[:29]
    'Set the fixed cut-offs anew, '
    """
    if method == "fixed":
        return (
            "Set the fixed cut-offs anew, from today's customers; compare with earlier dates only "
            "after applying the new ones to both."
        )
    return (
        "Use today's segments as they are: their cut-offs are drawn anew at every run. To compare "
        "dates by one definition, set `rfm_method` to fixed."
    )


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
                f"{percent(mean)} of customers ({percent(low)} to {percent(high)} over "
                f"{len(self.agreement)} resamples) keep their segment when the cut-offs are "
                "drawn anew.",
                "" if stable else "Use fixed cut-offs, or fewer levels.",
            )
        ]

    def summary(self) -> str:
        """Return the finding in words."""
        mean, low, high = self.interval()
        return (
            f"{percent(mean)} of {self.n:,} customers (95 % range {percent(low)} to "
            f"{percent(high)}) keep their segment when the cut-offs come from a resample."
        )


@dataclass(frozen=True)
class Staleness:
    """Whom the earlier cut-offs would put into another segment than today's, segment by segment.

    Parameters
    ----------
    segments
        One row per segment: ``segment``, ``now`` (customers by today's cut-offs), ``carried_over``
        (by the earlier ones), ``both``, ``came`` and ``went`` (by today's alone, by the earlier
        alone), ``overlap`` (both over either, Jaccard) with its 95 %
        interval, ``fits``: whether the overlap may be as high as `LEAST_OVERLAP`.
    changed, n
        Customers who would carry another name, and all.
    before_as_of
        When the earlier cut-offs were drawn.
    method
        How cut-offs are drawn: ``quantile`` or ``fixed``.
    """

    segments: pd.DataFrame
    changed: int
    n: int
    before_as_of: str
    method: str = "quantile"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per segment."""
        return self.segments

    def checks(self) -> list[Check]:
        """Return whether the earlier cut-offs may still be used, and where they may not."""
        fresh = self.changed / self.n <= 1 - LEAST_AGREEMENT
        advice = advice_on_cut_offs(self.method)
        status = Status.PASS if fresh else Status.WARN
        old = self.segments[~self.segments["fits"]]
        pairs = zip(old["segment"], old["overlap"].astype(float), strict=True)
        named = "; ".join(f"{name} ({percent(overlap, 0)})" for name, overlap in pairs)
        fit = (
            f"Named alike, but other people since {self.before_as_of} (share of members in common "
            f"below {percent(LEAST_OVERLAP, 0)}): {named.replace('_', ' ')}."
            if named
            else f"Every definition still finds the people it found on {self.before_as_of}."
        )
        return [
            Check(SegmentCode.SEGMENTS_STALE, status, self.summary(), "" if fresh else advice),
            Check(
                SegmentCode.DEFINITION_OUTDATED,
                Status.WARN if named else Status.PASS,
                fit,
                advice if named else "",
            ),
        ]

    def summary(self) -> str:
        """Return the finding in words."""
        low, high = wilson(self.changed, self.n)
        return (
            f"The cut-offs of {self.before_as_of} would give {percent(self.changed / self.n)} of "
            f"{self.n:,} customers ({percent(float(low))} to {percent(float(high))}) another "
            "segment today."
        )


def staleness(
    fresh: pd.Series, carried_over: pd.Series, before_as_of: str, method: str = "quantile"
) -> Staleness:
    """Compare today's segments with those that earlier cut-offs would give to the same rows.

    Parameters
    ----------
    fresh, carried_over
        Segment of every customer by today's and by the earlier cut-offs, in the same order.
    before_as_of
        When the earlier cut-offs were drawn.
    method
        How cut-offs are drawn; what to do about the finding depends on it.
    """
    table = pd.crosstab(carried_over.to_numpy(), fresh.to_numpy())
    names = sorted(set(table.index) | set(table.columns))
    table = table.reindex(index=names, columns=names, fill_value=0)
    both = np.diag(table.to_numpy())
    now, before = table.sum(axis=0).to_numpy(), table.sum(axis=1).to_numpy()
    low, high = wilson(both, now + before - both)
    found = pd.DataFrame(
        {"segment": names, "now": now, "carried_over": before, "both": both, "came": now - both,
         "went": before - both,
         "overlap": both / (now + before - both), "ci_low": np.asarray(low),
         "ci_high": np.asarray(high), "fits": np.asarray(high) >= LEAST_OVERLAP}
    )  # fmt: skip
    ordered = found.sort_values(["overlap", "segment"], ignore_index=True)
    changed = int(len(fresh) - both.sum())
    return Staleness(ordered, changed, len(fresh), before_as_of, method)


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

"""Sample-ratio mismatch: whether the assignment split the units as planned.

A split off plan means that units were lost or duplicated on the way, mostly not at random, and no
estimate can repair that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats

from retention.abtest.codes import AbtestCode
from retention.abtest.statistics import Array
from retention.errors import EvidenceError, ParameterError
from retention.results import Check, Status

ACTION = (
    "Don't read the effects. Find where units are lost or doubled (redirects, filters, bots, late "
    "joins), mend it and restart."
)

UNUSUAL = 1e-2
"""p-value below which a split is called unusual."""

CHECK_LOGGING = (
    "Chance does this now and then. Check the logging before acting: are units lost or doubled?"
)


@dataclass(frozen=True)
class SampleRatio:
    """Counts per arm against plan, with the chi-square statistic and its p-value."""

    counts: dict[str, int]
    expected: dict[str, float]
    chi_square: float
    p_value: float
    threshold: float

    @property
    def unusual(self) -> bool:
        """Whether a split as planned is seldom as far off, though not so seldom as to be off."""
        return self.threshold <= self.p_value < UNUSUAL

    @property
    def mismatch(self) -> bool:
        """Whether the split is off plan."""
        return self.p_value < self.threshold

    def to_frame(self) -> pd.DataFrame:
        """Return one row per arm."""
        return pd.DataFrame(
            {
                "arm": list(self.counts),
                "units": list(self.counts.values()),
                "expected_units": [self.expected[a] for a in self.counts],
            }
        )

    def summary(self) -> str:
        """Say whether the split is as planned."""
        split = ", ".join(f"{a} {n:,} ({self.expected[a]:,.0f})" for a, n in self.counts.items())
        verdict = "is off plan" if self.mismatch else "is as planned"
        if self.unusual:
            verdict = f"is unusual, 1 in {1 / self.p_value:,.0f} drawn as planned is as far off"
        return f"The split {verdict}: {split} expected; p = {self.p_value:.3g}."

    def check(self, code: AbtestCode = AbtestCode.SAMPLE_RATIO) -> Check:
        """Return the trust check."""
        if self.unusual:
            return Check(code, Status.WARN, self.summary(), CHECK_LOGGING)
        status = Status.FAIL if self.mismatch else Status.PASS
        return Check(code, status, self.summary(), ACTION if self.mismatch else "")


def sample_ratio(
    counts: Mapping[str, int], shares: Mapping[str, float] | None = None, *, threshold: float = 1e-3
) -> SampleRatio:
    """Test the split of k arms against plan by Pearson's chi-square.

    Parameters
    ----------
    counts
        Units per arm; an arm that got none must be listed with 0.
    shares
        Planned shares (any positive scale); equal if not given.
    threshold
        p-value below which the split is off; strict, because every experiment is tested.

    Examples
    --------
    >>> found = sample_ratio({"a": 53, "b": 47})
    >>> round(found.chi_square, 2), round(found.p_value, 10)
    (0.36, 0.5485062355)
    """
    plan = dict(shares) if shares is not None else dict.fromkeys(counts, 1.0)
    if set(plan) != set(counts) or min(plan.values()) <= 0:
        raise ParameterError(
            f"The plan names arms {sorted(plan)}, the data {sorted(counts)}.",
            "Give every arm one positive share.",
        )
    if len(counts) < 2 or sum(counts.values()) == 0:
        raise EvidenceError(
            f"An experiment needs two arms with units; there is {dict(counts)}.",
            "Check the arms' names and the assignment log.",
        )
    total, scale = sum(counts.values()), sum(plan.values())
    expected = {arm: total * plan[arm] / scale for arm in counts}
    statistic = sum((counts[a] - expected[a]) ** 2 / expected[a] for a in counts)
    p_value = float(stats.chi2.sf(statistic, len(counts) - 1))
    return SampleRatio(dict(counts), expected, float(statistic), p_value, threshold)


def exact_p_value(first: int, second: int, share: float = 0.5) -> float:
    """Return the exact binomial p-value of a two-arm split.

    Examples
    --------
    >>> round(exact_p_value(53, 47), 10)
    0.6172994136
    """
    return float(stats.binomtest(first, first + second, share).pvalue)


@dataclass(frozen=True, eq=False)
class SequentialSampleRatio:
    """Running p-value of the split; it may be read every day at one level."""

    p_values: Array
    threshold: float

    @property
    def first_alarm(self) -> int | None:
        """Position of the first look below the threshold, None if there is none."""
        below = np.flatnonzero(self.p_values < self.threshold)
        return int(below[0]) if below.size else None

    def summary(self) -> str:
        """Say whether and when the split went off plan."""
        if self.first_alarm is None:
            return f"The split stayed on plan at all {len(self.p_values)} looks."
        return f"The split went off plan at look {self.first_alarm + 1} of {len(self.p_values)}."

    def check(self) -> Check:
        """Return the trust check."""
        failed = self.first_alarm is not None
        status = Status.FAIL if failed else Status.PASS
        code = AbtestCode.SAMPLE_RATIO_SEQUENTIAL
        return Check(code, status, self.summary(), ACTION if failed else "")


def sequential_sample_ratio(
    counts: Array, shares: Array, *, threshold: float = 1e-3, concentration: float = 10_000.0
) -> SequentialSampleRatio:
    """Test the split at every look with one error probability over all of them.

    Bayes factor of a Dirichlet alternative centred on the plan; by Ville's inequality its inverse,
    running minimum, is an always-valid p-value (Lindon & Malek, NeurIPS 2022, eq. 5-7).

    Parameters
    ----------
    counts
        Cumulative units, shape (looks, arms).
    shares
        Planned shares, shape (arms,).
    threshold
        Level over all looks together.
    concentration
        Weight of the alternative: larger looks for smaller departures.
    """
    counts = np.asarray(counts, dtype=float)
    plan = np.asarray(shares, dtype=float) / np.sum(shares)
    prior = concentration * plan
    total = counts.sum(axis=1)
    log_alternative = (
        special.gammaln(prior + counts).sum(axis=1)
        - special.gammaln(prior).sum()
        + math.lgamma(concentration)
        - special.gammaln(concentration + total)
    )
    log_factor = log_alternative - counts @ np.log(plan)
    running = np.maximum.accumulate(np.maximum(log_factor, 0.0))
    return SequentialSampleRatio(np.exp(-running), threshold)

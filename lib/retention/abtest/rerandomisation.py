"""Means so skewed that Student's t misleads: redraw the assignment instead of trusting normality.

A few large orders in the smaller of two unequal arms move its mean and its variance together, and
Welch's t refuses too often on one side. The studentised re-randomisation test (Chung & Romano 2013,
Annals of Statistics 41, theorem 2.2) is exact where nothing was done and right for large arms where
the arms' variances differ; its quantiles in place of Student's give the interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retention.abtest.contrasts import Contrast
from retention.abtest.estimates import Interval
from retention.abtest.relative import RelativeLift
from retention.abtest.statistics import Array

TOLERATED = 0.1
"""Skewness of the difference under no effect up to which Student's t is trusted."""

DRAWS = 1_999
CELLS = 4_000_000
"""Values x draws held in memory at once."""


@dataclass(frozen=True)
class Redrawn:
    """Interval and p-value of the difference, and interval of the relative lift."""

    interval: Interval
    relative: RelativeLift


def difference_skewness(values: Array, n_control: int, n_treatment: int) -> float:
    """Return the skewness of a difference of means where nothing was done.

    Pooled over the arms, so that it does not depend on which unit got which arm. Zero for equal
    arms, however skewed the values: the arms' skewness cancels.

    Examples
    --------
    >>> round(difference_skewness(np.array([0.0] * 99 + [1.0]), 50, 50), 6)
    0.0
    """
    spread = float(values.std())
    if spread == 0:
        return 0.0
    skewness = float(np.mean(((values - values.mean()) / spread) ** 3))
    share = abs(1 / n_treatment**2 - 1 / n_control**2)
    return abs(skewness) * share / (1 / n_treatment + 1 / n_control) ** 1.5


def redrawn(
    control: Array, treatment: Array, both: Contrast, *, alpha: float, seed: int, draws: int = DRAWS
) -> Redrawn:
    """Return interval, p-value and relative interval from redrawn assignments.

    Each unit is drawn into the treatment anew with the arm's own share; the difference and the log
    ratio are studentised in every draw. Units at zero are drawn as one binomial count.

    Parameters
    ----------
    control, treatment
        Values of the units of each arm.
    both
        Their contrast.
    alpha
        Two-sided level.
    seed
        Seed of the draws: the same data give the same interval.
    draws
        Redrawn assignments; the smallest p-value is 2 / (draws + 1).
    """
    pooled = np.concatenate([control, treatment])
    share = len(treatment) / len(pooled)
    t, log_t = redrawn_statistics(pooled, share, draws, np.random.default_rng(seed))
    seen, error = both.difference / both.standard_error, both.standard_error
    tails = [np.sum(t >= seen), np.sum(t <= seen)]
    p_value = min(1.0, 2 * (1 + float(min(tails))) / (draws + 1))
    low, high = np.quantile(t, [alpha / 2, 1 - alpha / 2])
    ends = both.difference - high * error, both.difference - low * error
    return Redrawn(
        (float(ends[0]), float(ends[1]), p_value, f"{draws:,} redrawn assignments, studentised"),
        _relative(both, log_t, alpha),
    )


def redrawn_statistics(
    pooled: Array, share: float, draws: int, generator: np.random.Generator
) -> tuple[Array, Array]:
    """Return the studentised difference and log ratio of every redrawn assignment.

    Parameters
    ----------
    pooled
        Values of the units of both arms.
    share
        Share of treatment.
    draws
        Redrawn assignments.
    generator
        What they are drawn with.
    """
    values = pooled[pooled != 0]
    zeros = len(pooled) - len(values)
    # Squares of values far from zero lose their digits; zeros that are counted have to stay zero.
    origin = 0.0 if zeros else float(values.mean())
    near = values - origin
    columns = np.column_stack([np.ones_like(near), near, near**2])
    total = columns.sum(axis=0)
    drawn = np.empty((draws, 3))
    block = max(CELLS // max(len(values), 1), 1)
    for start in range(0, draws, block):
        size = min(block, draws - start)
        marks = generator.integers(0, 2**16, (size, len(values)), dtype=np.uint16)
        drawn[start : start + size] = (marks < round(share * 2**16)).astype(np.float64) @ columns
    n = drawn[:, 0] + generator.binomial(zeros, share, draws)
    b, of_b = _mean_and_variance(n, drawn)
    a, of_a = _mean_and_variance(len(pooled) - n, total - drawn)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (b - a) / np.sqrt(of_b + of_a)
        a, b = a + origin, b + origin
        return t, np.log(b / a) / np.sqrt(of_b / b**2 + of_a / a**2)


def _mean_and_variance(n: Array, sums: Array) -> tuple[Array, Array]:
    """Return means and their sampling variances from counts, sums and sums of squares."""
    mean = sums[:, 1] / n
    return mean, (sums[:, 2] - n * mean**2) / (n - 1) / n


def _relative(both: Contrast, ratios: Array, alpha: float) -> RelativeLift:
    """Return the relative lift with the redrawn log ratio's quantiles in place of Student's."""
    if not (both.control > 0 and both.treatment > 0):
        return RelativeLift(np.nan, np.nan, np.nan, "log")
    lift, spread = both.treatment / both.control, both.covariance
    error = np.sqrt(spread[1, 1] / both.treatment**2 + spread[0, 0] / both.control**2)
    if not np.isfinite(ratios).all():  # a draw without a buyer: no bounded set of ratios
        return RelativeLift(lift - 1, -1.0, np.inf, "log")
    low, high = np.quantile(ratios, [alpha / 2, 1 - alpha / 2])
    ends = np.exp(np.log(lift) - np.array([high, low]) * error) - 1
    return RelativeLift(lift - 1, float(ends[0]), float(ends[1]), "log")

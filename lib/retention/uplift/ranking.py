r"""How well a score ranks units by their effect: TOC, AUTOC and QINI, ties sharing their mean.

With doubly robust effect scores :math:`\Gamma` and a priority :math:`S`,
:math:`TOC(q) = \bar\Gamma_{top\,q} - \bar\Gamma`,
:math:`AUTOC = n^{-1}\sum_i TOC(i/n)` and :math:`QINI = n^{-1}\sum_i (i/n)\,TOC(i/n)`
(Yadlowsky, Fleming, Shah, Brunskill & Wager, arXiv 2111.07966, eq. 2.2-2.5). Units of equal
priority
share the mean of their scores, so a constant priority scores exactly zero and the order of rows
cannot matter. Nothing is divided by the average effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.intervals import NORMAL_95
from retention.uplift.trial import Floats, Integers, finite

HALF_SAMPLES = 400
"""Half-samples drawn for a standard error."""


@dataclass(frozen=True)
class RankQuality:
    """Quality of one ranking, in units of the outcome per unit.

    Parameters
    ----------
    qini, autoc
        Areas, the first weighing every unit alike, the second the top of the list.
    qini_error, autoc_error
        Half-sample standard errors.
    n
        Number of units ranked.
    """

    qini: float
    qini_error: float
    autoc: float
    autoc_error: float
    n: int

    @property
    def p_value(self) -> float:
        """One-sided p-value of AUTOC > 0."""
        return one_sided_p(self.autoc, self.autoc_error)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per measure with its 95 % interval."""
        rows = [("QINI", self.qini, self.qini_error), ("AUTOC", self.autoc, self.autoc_error)]
        return pd.DataFrame(
            [(m, v, e, v - NORMAL_95 * e, v + NORMAL_95 * e, self.n) for m, v, e in rows],
            columns=["measure", "value", "standard_error", "ci_low", "ci_high", "n"],
        )

    def summary(self) -> str:
        """Word whether the ranking is better than chance."""
        low, high = (
            self.autoc - NORMAL_95 * self.autoc_error,
            self.autoc + NORMAL_95 * self.autoc_error,
        )
        verdict = "ranks better than chance" if self.p_value < 0.05 else "does not beat chance"
        return (
            f"The ranking {verdict} (AUTOC {self.autoc:.4g}, 95 % interval {low:.4g} to "
            f"{high:.4g}, n = {self.n:,})."
        )


@dataclass(frozen=True)
class Ranked:
    """Scores in the order of a priority, with the groups of equal priority.

    Rows of equal priority are ordered by score, so that drawing from positions is invariant to the
    order in which rows arrived.
    """

    scores: Floats
    starts: Integers
    order: Integers

    @property
    def tied(self) -> bool:
        """Whether any two units share a priority."""
        return len(self.starts) < len(self.scores)


def ranked(priority: Floats, scores: Floats) -> Ranked:
    """Order scores by falling priority; refuse missing ones, which have no place in an order."""
    priority, scores = finite(priority, "priority"), finite(scores, "scores")
    order = np.lexsort((scores, -priority))
    sorted_priority = priority[order]
    first = np.r_[True, sorted_priority[1:] != sorted_priority[:-1]]
    return Ranked(np.ascontiguousarray(scores[order]), np.flatnonzero(first), order)


def rank_quality(
    priority: Floats, scores: Floats, *, cluster: Integers | None = None, seed: int = 0,
    draws: int = HALF_SAMPLES,
) -> RankQuality:  # fmt: skip
    """Measure how well ``priority`` ranks units whose doubly robust effects are ``scores``.

    Parameters
    ----------
    priority
        Higher is treated first; must not have been fitted on these units.
    scores
        Doubly robust effect scores of the same units.
    cluster
        Number of the cluster of each unit, where units were drawn in clusters: halves are then
        halves of the clusters.
    seed, draws
        Seed and number of the half-samples behind the standard errors.

    Raises
    ------
    InputError
        If a priority or a score is missing or infinite.

    Examples
    --------
    >>> rank_quality(np.ones(4), np.array([1.0, -1.0, 2.0, 0.0])).qini
    0.0
    """
    order = ranked(priority, scores)
    qini, autoc = areas(order, None)
    halves = half_sample_areas(order, cluster=cluster, seed=seed, draws=draws)
    errors = halves.std(axis=0, ddof=1)
    return RankQuality(qini, float(errors[0]), autoc, float(errors[1]), len(scores))


def areas(order: Ranked, weight: Floats | None) -> tuple[float, float]:
    """Return QINI and AUTOC of the units with weights 0 or 1 (None: all).

    Within a group of m equal priorities whose mean score is g, reached after c units with sum S,
    the cumulative sum after j more is S + jg, so both areas have closed forms in m, g, c and S.
    """
    if weight is None:
        sizes = np.diff(np.r_[order.starts, len(order.scores)]).astype(np.float64)
        sums = np.add.reduceat(order.scores, order.starts) if order.tied else order.scores
    else:
        weighted = order.scores * weight
        sizes = np.add.reduceat(weight, order.starts) if order.tied else weight
        sums = np.add.reduceat(weighted, order.starts) if order.tied else weighted
    return _areas(sizes, sums)


def half_sample_areas(
    order: Ranked, *, seed: int, draws: int, autoc: bool = True, cluster: Integers | None = None
) -> Floats:
    """Return QINI and AUTOC of random halves, shape (draws, 2); AUTOC is NaN where not asked for.

    The spread over random halves is the standard error of the whole (Yadlowsky et al., section 3);
    of units that were drawn in clusters, halves of the clusters are taken.
    """
    generator = np.random.default_rng(seed)
    own = None if cluster is None else cluster[order.order]
    n = len(order.scores) if own is None else int(own.max()) + 1
    result = np.full((draws, 2), np.nan)
    for draw in range(draws):
        bits = np.frombuffer(generator.bytes((n + 7) // 8), dtype=np.uint8)
        weight = np.unpackbits(bits, count=n)
        weight = weight if own is None else weight[own]
        if autoc or order.tied:
            result[draw] = areas(order, weight.astype(np.float64))
        else:
            result[draw, 0] = _untied_qini(order.scores, weight.astype(bool))
    return result


def _untied_qini(scores: Floats, kept: NDArray[np.bool_]) -> float:
    """Return QINI of the kept units, none of which share a priority.

    The i-th of m kept units is among the top j for every j from i on, so the sum of the cumulative
    sums is the scores weighted by m − i + 1: one pass, no cumulative sum.
    """
    part = scores[kept]
    m = len(part)
    falling = float(part @ np.arange(m, 0, -1, dtype=np.float64))
    return falling / m**2 - float(part.sum()) * (m + 1) / (2 * m**2)


def paired_qini(
    priorities: Sequence[Floats], scores: Floats, *, seed: int, draws: int = 100,
    cluster: Integers | None = None,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return the QINI of several rankings and of each on the same random halves.

    Returns
    -------
    (ndarray of shape (rankings,), ndarray of shape (draws, rankings))
        Differences between columns of the second have the spread of the paired difference.
    """
    orders = [ranked(priority, scores) for priority in priorities]
    whole = np.array([areas(order, None)[0] for order in orders])
    generator = np.random.default_rng(seed)
    halves = np.empty((draws, len(orders)))
    n = len(scores) if cluster is None else int(cluster.max()) + 1
    for draw in range(draws):
        drawn = generator.integers(0, 2, n).astype(np.float64)
        weight = drawn if cluster is None else drawn[cluster]
        halves[draw] = [areas(order, weight[order.order])[0] for order in orders]
    return whole, halves


def one_sided_p(estimate: float, error: float) -> float:
    """Return the normal p-value of an estimate above zero; 1 where the error is zero."""
    from scipy.stats import norm

    return float(norm.sf(estimate / error)) if error > 0 else 1.0


def toc_curve(priority: Floats, scores: Floats, *, points: int = 100) -> pd.DataFrame:
    """Return TOC and gain at ``points`` shares treated; gain is (q TOC(q)) per unit."""
    order = ranked(priority, scores)
    sizes = np.diff(np.r_[order.starts, len(order.scores)])
    means = np.add.reduceat(order.scores, order.starts) / sizes
    cumulative = np.cumsum(np.repeat(means, sizes))
    n = len(scores)
    count = np.unique(np.maximum(1, np.round(np.linspace(0, 1, points + 1)[1:] * n).astype(int)))
    top = cumulative[count - 1] / count
    share = count / n
    toc = top - scores.mean() if order.starts.size > 1 else np.zeros(len(top))
    return pd.DataFrame({"share": share, "effect": top, "toc": toc, "gain": share * toc})


def _areas(sizes: Floats, sums: Floats) -> tuple[float, float]:
    """Return QINI and AUTOC from the size and the sum of each group, best first."""
    if len(sizes) == 1:
        return 0.0, 0.0
    count, total = np.cumsum(sizes), np.cumsum(sums)
    n = count[-1]
    before, sum_before = count - sizes, total - sums
    mean = np.divide(sums, sizes, out=np.zeros_like(sums), where=sizes > 0)
    average = total[-1] / n
    ranks = sizes @ sum_before + mean @ (sizes * (sizes + 1)) / 2
    qini = ranks / n**2 - average * (n + 1) / (2 * n)
    harmonic = np.r_[0.0, np.cumsum(1.0 / np.arange(1, int(n) + 1))]
    spread = harmonic[count.astype(np.intp)] - harmonic[before.astype(np.intp)]
    autoc = (mean @ sizes + (sum_before - before * mean) @ spread) / n - average
    return float(qini), float(autoc)

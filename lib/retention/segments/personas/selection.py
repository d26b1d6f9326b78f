"""Which clustering, if any: stable under resampling, separated beyond chance, large enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.segments.intervals import Numbers
from retention.segments.personas.methods import Assign, Labels, Method

SEPARATION_ROWS = 1000
"""Rows the silhouette is computed on: it costs the square of them."""


@dataclass(frozen=True)
class Terms:
    """What a clustering must meet.

    Parameters
    ----------
    min_stability
        Least mean adjusted Rand index between clusterings of resamples and of the whole.
    min_share
        Least share of customers in the smallest cluster.
    resamples
        Bootstrap samples for stability.
    references
        Data sets without clusters that the separation is held against; 19 test at level 5 %.
    sample
        Customers to compare methods on.
    seed
        Seed of every draw.
    """

    min_stability: float = 0.8
    min_share: float = 0.05
    resamples: int = 20
    references: int = 19
    sample: int = 2000
    seed: int = 0


COLUMNS = (
    "method", "clusters", "stability", "ci_low", "ci_high", "separation", "chance_separation",
    "smallest_share", "verdict",
)  # fmt: skip
"""Columns of the table of candidates, with and without rows."""


@dataclass(frozen=True)
class Candidate:
    """How one clustering fared.

    ``stability`` and its bootstrap interval, ``separation`` (mean silhouette), ``chance`` (the
    largest separation among the references; NaN where it was not asked), ``smallest`` (share of
    the smallest cluster) and ``verdict``: ``eligible`` or why not.
    """

    method: Method
    clusters: int
    stability: float
    ci_low: float
    ci_high: float
    separation: float
    chance: float
    smallest: float
    verdict: str
    assign: Assign

    def row(self) -> dict[str, object]:
        """Return the candidate as a row of a table."""
        return {
            "method": self.method.name, "clusters": self.clusters, "stability": self.stability,
            "ci_low": self.ci_low, "ci_high": self.ci_high, "separation": self.separation,
            "chance_separation": self.chance, "smallest_share": self.smallest,
            "verdict": self.verdict,
        }  # fmt: skip


def compare(values: Numbers, methods: list[Method], terms: Terms) -> list[Candidate]:
    """Judge every method on one sample of the rows, with the same resamples for all."""
    random = np.random.default_rng(terms.seed)
    n = len(values)
    rows = values[np.sort(random.choice(n, min(n, terms.sample), replace=False))]
    draws = [random.integers(0, len(rows), len(rows)) for _ in range(terms.resamples)]
    references = [_Apart.of(_without_clusters(rows, random)) for _ in range(terms.references)]
    apart = _Apart.of(rows)
    return [_judge(apart, method, draws, references, terms) for method in methods]


def choose(found: list[Candidate]) -> Candidate | None:
    """Return the eligible clustering with the largest separation over chance; None without any.

    Ties go to fewer clusters.
    """
    eligible = [c for c in found if c.verdict == "eligible"]
    if not eligible:
        return None
    return max(eligible, key=lambda c: (round(c.separation - c.chance, 3), -c.clusters))


def table(found: list[Candidate]) -> pd.DataFrame:
    """Return the candidates as a table."""
    return pd.DataFrame([candidate.row() for candidate in found], columns=list(COLUMNS))


@dataclass(frozen=True)
class _Apart:
    """Rows and how far apart the first of them are, computed once for all clusterings."""

    rows: Numbers
    distances: Numbers

    @classmethod
    def of(cls, rows: Numbers) -> _Apart:
        """Measure the distances that separation is judged on."""
        return cls(rows, _distances(rows[:SEPARATION_ROWS]))

    def separation(self, labels: Labels) -> float:
        """Return the mean silhouette (Rousseeuw 1987) of the rows that have a cluster."""
        kept = np.flatnonzero(labels >= 0)[:SEPARATION_ROWS]
        whole = len(kept) == len(self.distances) and kept[-1] == len(kept) - 1
        between = self.distances if whole else _distances(self.rows[kept])
        return _silhouette(between, labels[kept])


def _judge(
    apart: _Apart, method: Method, draws: list[Labels], references: list[_Apart], terms: Terms
) -> Candidate:
    """Measure stability, size and separation; ask for chance only where the rest holds."""
    rows = apart.rows
    assign = method.fit(rows, terms.seed)
    labels = assign(rows)
    clusters = len(set(labels[labels >= 0]))
    if clusters < 2:
        return _candidate(method, clusters, "no clusters found", assign)
    stability = np.array([_agreement(rows, labels, method, d, terms.seed) for d in draws])
    mean = float(stability.mean())
    low, high = (float(q) for q in np.quantile(stability, [0.025, 0.975]))
    smallest = float(np.bincount(labels[labels >= 0]).min() / len(labels))
    separation, chance = apart.separation(labels), np.nan
    verdict = "eligible"
    if mean < terms.min_stability:
        verdict = "unstable"
    elif smallest < terms.min_share:
        verdict = "a cluster is too small"
    else:
        chance = max(r.separation(method.fit(r.rows, terms.seed)(r.rows)) for r in references)
        verdict = "eligible" if separation > chance else "no more separate than chance"
    return Candidate(
        method, clusters, mean, low, high, separation, chance, smallest, verdict, assign
    )


def _candidate(method: Method, clusters: int, verdict: str, assign: Assign) -> Candidate:
    """Return a candidate that there is nothing to measure about."""
    none = float("nan")
    return Candidate(method, clusters, none, none, none, none, none, none, verdict, assign)


def _agreement(rows: Numbers, labels: Labels, method: Method, draw: Labels, seed: int) -> float:
    """Return the adjusted Rand index between the clustering of a resample and of the whole."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(labels, method.fit(rows[draw], seed)(rows)))


def _distances(rows: Numbers) -> Numbers:
    """Return the distance of each row from each."""
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(rows, rows))


def _silhouette(distances: Numbers, labels: Labels) -> float:
    """Return the mean silhouette from distances, -1 where there is one cluster."""
    from sklearn.metrics import silhouette_score

    if len(np.unique(labels)) < 2:
        return -1.0
    return float(silhouette_score(distances, labels, metric="precomputed"))


def _without_clusters(rows: Numbers, random: np.random.Generator) -> Numbers:
    """Return rows with the same margins and rank correlations but no clusters across features.

    A Gaussian copula: what one feature alone shows (few distinct values, two humps) is in the
    reference, too. A rule on that feature says as much; personas must say more.
    """
    from scipy.stats import norm, rankdata

    n, features = rows.shape
    scores = norm.ppf(rankdata(rows, axis=0) / (n + 1))
    correlation = np.corrcoef(scores, rowvar=False) + 1e-9 * np.eye(features)
    drawn = random.standard_normal((n, features)) @ np.linalg.cholesky(correlation).T
    place = (norm.cdf(drawn) * n).astype(np.int64).clip(0, n - 1)
    return np.take_along_axis(np.sort(rows, axis=0), place, axis=0)

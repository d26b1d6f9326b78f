"""Post-stratification: compare like with like, then weigh the strata by their size.

Miratrix, Sekhon & Yu (2013), eq. 3: the effect is the mean of the strata's effects weighted by the
strata's share of all units. It removes what the arms differ in by chance between strata.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from retention.abtest.contrasts import Contrast, contrast
from retention.abtest.metrics import MetricDefinition
from retention.abtest.statistics import Moments, Statistics
from retention.errors import EvidenceError


def post_stratified(
    statistics: Statistics, metric: MetricDefinition, control: str, treatment: str
) -> Contrast:
    """Return the contrast of two arms, post-stratified by the statistics' segments.

    Parameters
    ----------
    statistics
        Collected with ``segment``; each segment is a stratum known before the start.
    metric
        The metric, with or without covariates.
    control, treatment
        Arms.

    Raises
    ------
    EvidenceError
        If every stratum lacks two units in an arm. One that does is left out of the comparison and
        named in ``left_out``: nothing in it can be compared.
    """
    parts, sizes, left_out = [], [], []
    for segment in statistics.segments:
        both = _both(statistics, metric, segment, control, treatment)
        if both is None:
            left_out.append(segment)
            continue
        a, b = both
        parts.append(contrast(a, b, metric, may_be_constant=True))
        sizes.append(a.n + b.n)
    if not parts:
        raise EvidenceError(
            f"No stratum of metric {metric.name!r} has two units in both arms.",
            "Merge small strata before stratifying.",
            column=metric.column,
        )
    if not any(part.standard_error > 0 for part in parts):
        raise EvidenceError(
            f"Metric {metric.name!r} does not vary in any stratum.",
            "Every unit has the same value: check that the column was filled.",
            column=metric.column,
        )
    found = _weighted(parts, np.asarray(sizes, dtype=float))
    return replace(found, left_out=tuple(left_out))


def _both(
    statistics: Statistics, metric: MetricDefinition, segment: str, control: str, treatment: str
) -> tuple[Moments, Moments] | None:
    """Return a stratum's moments in both arms, None where an arm has fewer than two units."""
    try:
        a, b = (statistics.of(metric.name, arm, segment) for arm in (control, treatment))
    except EvidenceError:
        return None
    return (a, b) if min(a.n, b.n) >= 2 else None


def _weighted(parts: list[Contrast], sizes: np.ndarray) -> Contrast:
    """Return the size-weighted mean of independent contrasts."""
    weights = sizes / sizes.sum()
    covariance = np.sum([w**2 * p.covariance for w, p in zip(weights, parts, strict=True)], axis=0)
    variances = np.array([w**2 * p.standard_error**2 for w, p in zip(weights, parts, strict=True)])
    # Welch-Satterthwaite again, over the strata.
    degrees = variances.sum() ** 2 / np.sum(
        variances**2 / np.array([p.degrees_of_freedom for p in parts])
    )
    return Contrast(
        float(sum(w * p.control for w, p in zip(weights, parts, strict=True))),
        float(sum(w * p.treatment for w, p in zip(weights, parts, strict=True))),
        covariance,
        float(degrees),
        sum(p.n_control for p in parts),
        sum(p.n_treatment for p in parts),
        np.zeros(0),
        0.0,
    )

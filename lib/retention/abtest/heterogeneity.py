"""Does the effect differ between segments? One interaction test first, then shrunken effects.

A segment is never called significant on its own: with twenty segments one of them nearly always
is. Cochran's Q asks whether they differ at all; empirical Bayes draws each towards the common
effect by as much as its own noise deserves; p-values are corrected for the number of segments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats

from retention.abtest.estimates import Estimate, estimate
from retention.abtest.metrics import MetricDefinition
from retention.abtest.multiplicity import adjust
from retention.abtest.statistics import Array, Statistics
from retention.abtest.unit_values import labels_of
from retention.errors import EvidenceError, InputError
from retention.quantities import quantity
from retention.results import percent


@dataclass(frozen=True, eq=False)
class SegmentEffects:
    """Effects by segment, the test that they differ, and their spread beyond noise.

    ``between_deviation`` is the standard deviation of the true effects between segments (τ).
    """

    metric: str
    arm: str
    unit: str
    alpha: float
    common_effect: float
    q_statistic: float
    interaction_p_value: float
    between_deviation: float
    table: pd.DataFrame
    left_out: tuple[str, ...]
    column: str = "segment"

    @property
    def differ(self) -> bool:
        """Whether the interaction test refuses equal effects."""
        return self.interaction_p_value < self.alpha

    def to_frame(self) -> pd.DataFrame:
        """Return raw and shrunken effect of each segment, with corrected p-values."""
        return self.table

    def summary(self) -> str:
        """Say whether segments differ, and which stand out if they do."""
        note = f" Too small to judge: {', '.join(self.left_out)}." if self.left_out else ""
        between = f"{len(self.table)} groups of {self.column}"
        if not self.differ:
            return (
                f"{self.metric}, {self.arm}: the effect is not shown to differ between "
                f"{between} (interaction p = {self.interaction_p_value:.3g}); "
                f"act on the common effect of "
                f"{quantity(self.common_effect, self.unit, signed=True)}.{note}"
            )
        high = self.table.loc[self.table["shrunken_effect"].idxmax()]
        low = self.table.loc[self.table["shrunken_effect"].idxmin()]
        ends = ", ".join(
            f"{row['segment']} {quantity(float(row['shrunken_effect']), self.unit, signed=True)}"
            for row in (high, low)
        )
        return (
            f"{self.metric}, {self.arm}: the effect differs between {between} (interaction "
            f"p = {self.interaction_p_value:.3g}); after shrinkage from {ends}, "
            f"{percent(1 - self.alpha, 0)} intervals in the table.{note}"
        )


def segment_effects(
    statistics: Statistics,
    metric: MetricDefinition,
    control: str,
    treatment: str,
    *,
    alpha: float = 0.05,
    minimum_units: int = 30,
) -> SegmentEffects:
    """Return the effect in each segment with interaction test, shrinkage and correction.

    Between-segment variance by Paule & Mandel (1982); shrinkage is the normal-normal posterior
    mean, its error with the unknown spread allowed for (Morris 1983, eq. 1.16). Q is compared with
    chi-square on segments - 1 degrees of freedom (Cochran 1954).

    Parameters
    ----------
    statistics
        Collected with ``segment``.
    metric, control, treatment
        What is compared.
    minimum_units
        Smaller arms of a segment are left out and named.

    Raises
    ------
    EvidenceError
        If fewer than two segments are large enough.
    """
    found, left_out = {}, []
    for segment in statistics.segments:
        try:
            a, b = (statistics.of(metric.name, arm, segment) for arm in (control, treatment))
            if min(a.n, b.n) < minimum_units:
                raise EvidenceError(f"{segment} is small.", "Merge it.")
            found[segment] = estimate(a, b, metric, arm=treatment, control_arm=control, alpha=alpha)
        except EvidenceError:
            left_out.append(segment)
    if len(found) < 2:
        raise EvidenceError(
            f"Fewer than two segments have {minimum_units} varying units in both arms.",
            "Merge segments.",
            column=metric.column,
        )
    errors = np.array([e.standard_error for e in found.values()])
    return _pooled(_table(found), errors, metric, treatment, alpha, tuple(left_out))


def _table(found: Mapping[str, Estimate]) -> pd.DataFrame:
    """Return one row per segment with its raw effect and corrected p-value."""
    return pd.DataFrame(
        {
            "segment": list(found),
            "n": [e.n_control + e.n_treatment for e in found.values()],
            "effect": [e.difference for e in found.values()],
            "ci_low": [e.ci_low for e in found.values()],
            "ci_high": [e.ci_high for e in found.values()],
            "corrected_p_value": adjust([e.p_value for e in found.values()]),
        }
    )


def _pooled(
    table: pd.DataFrame,
    errors: Array,
    metric: MetricDefinition,
    arm: str,
    alpha: float,
    left_out: tuple[str, ...],
) -> SegmentEffects:
    """Add interaction test and shrunken effects."""
    effects = table["effect"].to_numpy(dtype=float)
    weights = 1 / errors**2
    q = float(np.sum(weights * (effects - np.sum(weights * effects) / weights.sum()) ** 2))
    tau_square = between_variance(effects, errors)
    weights = 1 / (errors**2 + tau_square)
    common = float(np.sum(weights * effects) / weights.sum())
    k = len(effects)
    # Morris' factor (k - 3)/(k - 1): τ is estimated, so pull less; with three groups not at all.
    pull = max(k - 3, 0) / (k - 1) * errors**2 / (tau_square + errors**2)
    shrunken = effects - pull * (effects - common)
    spread = _shrunken_error(effects - common, errors, pull)
    z = float(stats.norm.ppf(1 - alpha / 2))
    shrunk = table.assign(
        shrunken_effect=shrunken, shrunken_low=shrunken - z * spread,
        shrunken_high=shrunken + z * spread,
    )  # fmt: skip
    return SegmentEffects(
        metric.name, arm, metric.unit, alpha, common, q,
        float(stats.chi2.sf(q, len(effects) - 1)), float(np.sqrt(tau_square)), shrunk, left_out,
    )  # fmt: skip


def _shrunken_error(distance: Array, errors: Array, pull: Array) -> Array:
    """Return the standard error of shrunken effects, the unknown τ allowed for.

    Morris (1983), eq. 1.16: V (1 - B (k - 1)/k) + 2 B² (Y - μ)² / (k - 3); with three groups or
    fewer τ is as good as unknown and the raw error stands.
    """
    k = len(errors)
    if k <= 3:
        return errors
    known = errors**2 * (1 - pull * (k - 1) / k)
    return np.asarray(np.sqrt(known + 2 / (k - 3) * pull**2 * distance**2))


def between_variance(effects: Array, errors: Array) -> float:
    """Return the variance of true effects between groups (Paule & Mandel 1982), zero at least.

    It is the τ² at which the weighted squares about the weighted mean equal their expectation.
    """

    def excess(tau_square: float) -> float:
        weights = 1 / (errors**2 + tau_square)
        mean = np.sum(weights * effects) / weights.sum()
        return float(np.sum(weights * (effects - mean) ** 2) - (len(effects) - 1))

    if excess(0.0) <= 0:
        return 0.0
    high = float(np.var(effects) + np.max(errors) ** 2) + 1e-300
    while excess(high) > 0:
        high *= 2
    return float(optimize.brentq(excess, 0.0, high, xtol=1e-14 * high))


def segment_labels(units: pd.DataFrame, column: str) -> pd.Series:
    """Return each unit's segment as text: labels as they are, many numbers by quartile.

    Raises
    ------
    InputError
        If the column is not there, or is an outcome: what came after cannot split what was done.
    """
    if column not in units or column in units.attrs.get("outcomes", ()):
        known = [c for c in units if c not in units.attrs.get("outcomes", ())]
        raise InputError(
            f"{column!r} is no column known before the start.",
            f"Choose among {', '.join(map(str, known))}.",
            column=column,
        )
    return labels_of(units[column])

"""What a design needs beside its main metric: clusters as they are in the shop, and guardrails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from retention.abtest.baseline import Baseline
from retention.abtest.design import Design, required_units
from retention.errors import EvidenceError, InputError
from retention.quantities import quantity
from retention.results import percent


@dataclass(frozen=True)
class Clusters:
    """Clusters of past units: how many, how large, how alike their units are."""

    column: str
    count: int
    size: float
    size_variation: float
    correlation: float

    @property
    def terms(self) -> dict[str, float]:
        """Terms of a :class:`Design` for these clusters."""
        return {
            "cluster_size": self.size, "intraclass_correlation": self.correlation,
            "cluster_size_variation": self.size_variation,
        }  # fmt: skip

    @property
    def design_effect(self) -> float:
        """How many times as many customers a test needs as without clusters."""
        return Design(
            1.0, 1.0, cluster_size=self.size, intraclass_correlation=self.correlation,
            cluster_size_variation=self.size_variation,
        ).design_effect  # fmt: skip

    def summary(self) -> str:
        """Say how far the clusters inflate a test."""
        if not self.column:
            return "Each customer is drawn by itself."
        return (
            f"{self.count:,} clusters of {self.column}, {self.size:.3g} customers each on average, "
            f"correlation within {self.correlation:.3f}: a test needs {self.design_effect:.3g} "
            "times the customers."
        )


SINGLE = Clusters("", 0, 1.0, 0.0, 0.0)
"""Units drawn one by one."""


def clusters_of(units: pd.DataFrame, column: str, outcome: str) -> Clusters:
    """Return sizes of the clusters and the intraclass correlation of an outcome.

    One-way analysis of variance with unequal sizes (Donner 1986, International Statistical Review
    54, eq. 2.1), zero at least. An empty ``column`` is no clusters.

    Raises
    ------
    InputError
        If the column is not there or has gaps.
    EvidenceError
        If there are fewer than two clusters, or none with two units.
    """
    if not column:
        return SINGLE
    if column not in units or units[column].isna().any():
        raise InputError(
            f"The units have no complete column {column!r}.", "Name a column without gaps.",
            column=column,
        )  # fmt: skip
    groups = units.groupby(column)[outcome]
    sizes = groups.size().to_numpy(dtype=float)
    n, k = sizes.sum(), len(sizes)
    if k < 2 or n <= k:
        raise EvidenceError(
            f"{k} clusters of {int(n)} customers show no correlation within.", "Use more units."
        )
    within = float(((units[outcome] - groups.transform("mean")) ** 2).sum()) / (n - k)
    spread = (groups.mean().to_numpy() - units[outcome].mean()) ** 2
    between = float(np.sum(sizes * spread)) / (k - 1)
    typical = (n - float(np.sum(sizes**2)) / n) / (k - 1)
    total = between + (typical - 1) * within
    correlation = max((between - within) / total, 0.0) if total > 0 else 0.0
    return Clusters(column, k, float(sizes.mean()), float(sizes.std() / sizes.mean()), correlation)


@dataclass(frozen=True, eq=False)
class GuardrailSizes:
    """Units that show each metric unharmed, if truly nothing changes."""

    table: pd.DataFrame
    margin: float
    units_available: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row per metric."""
        return self.table

    def summary(self) -> str:
        """Say which metrics can stand guard with the units at hand."""
        fit = self.table[self.table["units_required"] <= self.units_available]
        what = f"to show a loss of {percent(self.margin, 0)} or more ruled out"
        if fit.empty:
            least = int(self.table["units_required"].min())
            return (
                f"No metric can stand guard: {what}, {least:,} customers are needed and "
                f"{self.units_available:,} are there."
            )
        return f"The customers at hand suffice {what} on {', '.join(fit['metric'])}."


def guardrail_sizes(
    baselines: Sequence[Baseline], terms: Design, *, margin: float, units_available: int
) -> GuardrailSizes:
    """Return the units of both arms that show non-inferiority within a relative margin.

    Parameters
    ----------
    baselines
        From :func:`retention.abtest.baseline`; what covariates leave of the variance counts.
    terms
        Level, power, shares, looks and clusters.
    margin
        Largest tolerable relative loss; the truth is taken to be no change.
    """
    rows = []
    for base in baselines:
        limit = margin * abs(base.value)
        spread = base.residual_variance
        design = replace(terms, variance_control=spread, variance_treatment=spread, margin=limit)
        units = int(np.ceil(required_units(design, 0.0)))
        rows.append(
            (base.metric, quantity(base.value, base.unit), quantity(limit, base.unit), units)
        )
    columns = ["metric", "today", "largest_tolerable_loss", "units_required"]
    return GuardrailSizes(pd.DataFrame(rows, columns=columns), margin, units_available)

"""Clusters (households, shops): what was drawn is what is counted, and few of them are allowed for.

The error of an arm's value is CR2 (Bell & McCaffrey 2002, "Bias reduction in standard errors", eq.
7): a cluster's residual is divided by √(1 - its share of the arm), since the arm's value was fitted
to it. Degrees of freedom are Satterthwaite's of that error (eq. 12; Imbens & Kolesár 2016), the
smaller of those where the cluster matters not at all and where it alone matters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from retention.abtest.codes import AbtestCode
from retention.abtest.collect import UnitSums
from retention.abtest.contrasts import ArmValues, contrast, linearised
from retention.abtest.estimates import t_interval
from retention.abtest.metrics import MetricDefinition
from retention.abtest.statistics import CLUSTER_SIZE, Array, Moments
from retention.abtest.unit_values import numbers
from retention.errors import EvidenceError
from retention.results import Check, Status

FEW = 40
"""Clusters of both arms below which the check says that they are few."""

MOST_CLUSTERS = 1_000
"""Clusters of both arms up to which CR2 is computed; beyond, it is the plain error."""


def cluster_values(sums: UnitSums, metric: MetricDefinition) -> ArmValues:
    """Return an arm's values with their CR2 covariance and its degrees of freedom.

    Parameters
    ----------
    sums
        One row per cluster, from :func:`~retention.abtest.collect.unit_sums`.
    metric
        What is measured.

    Raises
    ------
    EvidenceError
        If there are fewer than two clusters, or one holds all of the arm's denominator.
    """
    rows = sums.rows[sums.rows[:, 0] > 0]
    if len(rows) < 2:
        raise EvidenceError(
            f"An arm has {len(rows)} cluster, so that its spread is not known.",
            "Give each arm two clusters or more.",
        )
    moments, k = sums.moments(rows.sum(axis=0)), len(sums.names)
    values, linear = linearised(moments, metric.terms)
    sizes = rows[:, 1 + sums.names.index(CLUSTER_SIZE)]
    below = sums.names.index(metric.denominator or CLUSTER_SIZE)
    weights = rows[:, 1 + below] + sums.origin[below] * sizes
    leverage = np.abs(weights) / np.abs(weights).sum()
    if leverage.max() > 1 - 1e-9:
        raise EvidenceError(
            "One cluster holds all of an arm's units.", "Give each arm two clusters or more."
        )
    residuals = rows[:, 1 : 1 + k] @ linear.T / np.sqrt(1 - leverage)[:, None]
    covariance = residuals.T @ residuals / len(rows)
    return ArmValues(len(rows), values, covariance, satterthwaite(leverage))


def satterthwaite(leverage: Array) -> float:
    """Return the degrees of freedom of an arm's CR2 error.

    Parameters
    ----------
    leverage
        Share of the arm that each cluster holds.

    Examples
    --------
    >>> round(satterthwaite(np.full(10, 0.1)), 6)
    9.0
    """
    residual = (np.eye(len(leverage)) - leverage[:, None]) / np.sqrt(1 - leverage)[:, None]
    found = []
    for working in (leverage, leverage**2):
        spread = (residual * working) @ residual.T
        found.append(float(np.trace(spread) ** 2 / np.sum(spread**2)))
    return min(found)


def cluster_counts(units: pd.DataFrame, cluster: str, arms: Sequence[str]) -> dict[str, int]:
    """Return how many clusters each arm has: what the split is to be checked on."""
    counts = units.groupby("arm")[cluster].nunique()
    return {arm: int(counts.get(arm, 0)) for arm in arms}


def cluster_check(units: pd.DataFrame, cluster: str, arms: Sequence[str]) -> Check:
    """Check that every cluster lies in one arm, and say how many there are."""
    split = units.groupby(cluster, sort=False)["arm"].nunique()
    crossed, lost = int((split > 1).sum()), int(units[cluster].isna().sum())
    counts = cluster_counts(units, cluster, arms)
    listed = ", ".join(f"{arm} {n:,}" for arm, n in counts.items())
    if crossed or lost:
        what = (
            f"{crossed:,} of {len(split):,} clusters have units in two arms." if crossed
            else f"{lost:,} units have no {cluster}."
        )  # fmt: skip
        return Check(
            AbtestCode.CLUSTERS, Status.FAIL, what,
            f"Was each {cluster} drawn as one? If units were drawn one by one, leave out cluster.",
        )  # fmt: skip
    few = min(counts.values()) * 2 < FEW
    return Check(
        AbtestCode.CLUSTERS, Status.WARN if few else Status.PASS,
        f"Every {cluster} lies in one arm: {listed}.",
        f"These are few: the intervals allow for it, and are wide. More of each {cluster} help, "
        "more customers in the same ones hardly." if few else "",
    )  # fmt: skip


def cluster_table(units: pd.DataFrame, covariates: Sequence[str], cluster: str) -> pd.DataFrame:
    """Return one row per cluster: arm, mean of each numeric covariate, number of units."""
    known = units[list(covariates)].select_dtypes(["number", "bool"]).columns
    values = numbers(units, list(known)).assign(**{CLUSTER_SIZE: 1.0})
    grouped = values.groupby(units[cluster].to_numpy())
    table = grouped.mean().assign(**{CLUSTER_SIZE: grouped.size()})
    return table.assign(arm=units.groupby(units[cluster].to_numpy())["arm"].first())


def gap_p_value(
    gaps: pd.Series, units: pd.DataFrame, cluster: str, arms: Mapping[str, float], control: str
) -> float:
    """Return the p-value that gaps are alike in the arms, clusters being the draws."""
    metric = MetricDefinition("gap", "gap")
    rows = pd.DataFrame({"gap": gaps.astype(float), CLUSTER_SIZE: 1.0})
    moments = {
        arm: Moments.of(
            ("gap", CLUSTER_SIZE),
            rows[units["arm"] == arm].groupby(units[cluster]).sum().to_numpy(),
        )
        for arm in arms
    }  # fmt: skip
    found = []
    for arm in arms:
        if arm != control:
            both = contrast(moments[control], moments[arm], metric, may_be_constant=True)
            found.append(t_interval(both, 0.05, "")[2] if both.standard_error > 0 else 1.0)
    return min(1.0, min(found) * len(found))

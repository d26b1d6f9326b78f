"""No randomisation? Difference-in-differences, with its assumption tested and its label on.

"Before and after" alone credits the treatment with season, growth and luck. Comparing the change
with that of units that were not treated takes out what all share, and nothing else: the result is
not causal proof.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from retention.abtest.codes import AbtestCode
from retention.abtest.statistics import Array
from retention.errors import EvidenceError, InputError
from retention.quantities import quantity
from retention.results import Check, Status, percent

Flags = NDArray[np.bool_]

LABEL = "Not causal proof"
NEEDED = (
    "A test would need the treatment to be drawn at random among like units and the others to be "
    "left alone over the same days."
)


@dataclass(frozen=True, eq=False)
class DifferenceInDifferences:
    """Change of the treated minus change of the others, and the test of parallel trends."""

    unit: str
    effect: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float
    before_after: float
    trends_p_value: float
    trends: pd.DataFrame
    units_treated: int
    units_control: int
    alpha: float

    @property
    def parallel(self) -> bool:
        """Whether the trends before the start are compatible with being parallel."""
        return self.trends_p_value >= self.alpha

    def to_frame(self) -> pd.DataFrame:
        """Return the gap between the groups in each period, against the last one before."""
        return self.trends

    def check(self) -> Check:
        """Return the check of parallel trends."""
        return Check(
            AbtestCode.PARALLEL_TRENDS,
            Status.WARN if self.parallel else Status.FAIL,
            f"Trends before the start: p = {self.trends_p_value:.3g} against being parallel.",
            NEEDED
            if self.parallel
            else f"Don't read the effect: the groups drifted apart before "
            f"anything was done. {NEEDED}",
        )

    def summary(self) -> str:
        """Say effect, label and what a test would need."""
        if not self.parallel:
            return (
                f"{LABEL}, and not readable: the groups' trends already differed before the start "
                f"(p = {self.trends_p_value:.3g}). {NEEDED}"
            )
        return (
            f"{LABEL}: the treated changed by {quantity(self.effect, self.unit, signed=True)} more "
            f"than the others ({percent(1 - self.alpha, 0)} interval "
            f"{quantity(self.ci_low, self.unit, signed=True)} to "
            f"{quantity(self.ci_high, self.unit, signed=True)}; before and after alone would claim "
            f"{quantity(self.before_after, self.unit, signed=True)}). {NEEDED}"
        )


def difference_in_differences(
    panel: pd.DataFrame, start: int, *, unit: str = "", alpha: float = 0.05
) -> DifferenceInDifferences:
    """Estimate the effect of a treatment that began at one time for some units.

    Each unit is reduced to its mean change, so that a unit's serial correlation cannot narrow the
    interval (Bertrand, Duflo & Mullainathan 2004, section IV.C); the two groups' mean changes are
    compared by Welch's t. Parallel trends: joint Wald test that the gap between the groups was the
    same in all periods before the start (event-study leads).

    Parameters
    ----------
    panel
        One row per unit and period: ``unit_key, period`` (integers), ``treated`` (0/1, constant in
        a unit), ``value``; balanced.
    start
        First treated period.
    unit
        Unit of the value.

    Raises
    ------
    InputError
        If the panel is not balanced or a unit changes group.
    EvidenceError
        If fewer than two periods lie before the start, or a group has fewer than two units.
    """
    wide, treated = _wide(panel)
    before = wide.columns.to_numpy() < start
    _require_periods_and_units(start, treated, before)
    values = wide.to_numpy(dtype=float)
    change = values[:, ~before].mean(axis=1) - values[:, before].mean(axis=1)
    found = stats.ttest_ind(change[treated], change[~treated], equal_var=False)
    interval = found.confidence_interval(1 - alpha)
    effect = float(change[treated].mean() - change[~treated].mean())
    p_value, trends = _leads(wide, treated, before, alpha)
    return DifferenceInDifferences(
        unit, effect, abs(effect / found.statistic) if found.statistic else 0.0,
        float(interval.low), float(interval.high), float(found.pvalue),
        float(change[treated].mean()), p_value, trends, int(treated.sum()), int((~treated).sum()),
        alpha,
    )  # fmt: skip


def _require_periods_and_units(start: int, treated: Flags, before: Flags) -> None:
    """Refuse a panel that cannot show trends or spread."""
    if before.sum() < 2 or before.all():
        raise EvidenceError(
            f"{int(before.sum())} periods lie before {start} and {int((~before).sum())} after.",
            "Give two periods or more before the start, so that trends can be compared.",
            column="period",
        )
    if min(treated.sum(), (~treated).sum()) < 2:
        raise EvidenceError(
            f"There are {int(treated.sum())} treated and {int((~treated).sum())} other units.",
            "Give two units or more in each group, or use a synthetic control.",
            column="treated",
        )


def _wide(panel: pd.DataFrame) -> tuple[pd.DataFrame, Flags]:
    """Return unit x period values, sorted, and which units are treated.

    Units are looked up by number: pivoting and grouping by fifteen million keys took 25 seconds.
    """
    units = pd.Categorical(panel["unit_key"]).remove_unused_categories()
    unit = units.codes.astype(np.int64)
    if (unit < 0).any():
        raise InputError("A row names no unit.", "Leave it out.", column="unit_key")
    periods, period = np.unique(panel["period"].to_numpy(), return_inverse=True)
    shape = len(units.categories), len(periods)
    place = unit * len(periods) + period
    if (np.bincount(place) > 1).any():
        raise InputError("A unit has two rows in one period.", "Sum them first.", column="period")
    values = np.full(shape, np.nan)
    values.flat[place] = panel["value"].to_numpy(dtype=float)
    if missing := int(np.isnan(values).sum()):
        raise InputError(
            f"{missing:,} unit-periods are missing.",
            "Fill them knowingly (no orders are 0), or leave those units out.",
            column="value",
        )
    treated = _groups(unit, panel["treated"].to_numpy().astype(bool), len(units.categories))
    return pd.DataFrame(values, units.categories, periods), treated


def _groups(unit: NDArray[np.int64], treated: Flags, units: int) -> Flags:
    """Return which units are treated; refuse one that is so in some rows alone."""
    groups = np.zeros(units, dtype=bool)
    groups[unit] = treated
    changed = np.unique(unit[groups[unit] != treated])
    if changed.size:
        raise InputError(
            f"{changed.size:,} units change group.", "Use their first group.", column="treated",
        )  # fmt: skip
    return groups


def _leads(
    wide: pd.DataFrame, treated: Flags, before: Flags, alpha: float
) -> tuple[float, pd.DataFrame]:
    """Return the joint test of the leads and the gap of every period against the last before."""
    values = wide.to_numpy(dtype=float)
    last = int(np.flatnonzero(before)[-1])
    relative = values - values[:, [last]]
    a, b = relative[~treated], relative[treated]
    gap = b.mean(axis=0) - a.mean(axis=0)
    covariance = np.cov(a.T) / len(a) + np.cov(b.T) / len(b)
    half = stats.norm.ppf(1 - alpha / 2) * np.sqrt(np.diag(covariance))
    table = pd.DataFrame({
        "period": wide.columns.to_numpy(), "gap": gap, "ci_low": gap - half, "ci_high": gap + half,
        "before_start": before,
    })  # fmt: skip
    leads = np.flatnonzero(before)[:-1]
    part = covariance[np.ix_(leads, leads)]
    statistic = float(gap[leads] @ np.linalg.pinv(part) @ gap[leads])
    rank = int(np.linalg.matrix_rank(part))
    inverse = np.linalg.pinv(part)
    own = [np.cov(group[:, leads].T).reshape(part.shape) / len(group) @ inverse for group in (a, b)]
    degrees = behrens_fisher_degrees(own, [len(a), len(b)]) if rank else 0.0
    free = degrees - rank + 1
    if rank == 0 or free <= 0:
        raise EvidenceError(
            f"{len(values)} units are too few to test {len(leads)} periods before the start.",
            "Give more units, or fewer and longer periods.",
        )
    scaled = statistic * free / (rank * degrees)
    return float(stats.f.sf(scaled, rank, free)), table


def behrens_fisher_degrees(parts: list[Array], sizes: list[int]) -> float:
    """Return the degrees of freedom of Hotelling's T² with unequal covariances.

    Krishnamoorthy & Yu (2004, Statistics & Probability Letters 66, eq. 6): Nel and Van der Merwe's
    approximation made invariant. The covariance is estimated from few units: chi-square would
    refuse far too often, and degrees that look at the gap itself (Yao 1965) still do.

    Parameters
    ----------
    parts
        Sampling covariance of each group's mean, in coordinates in which their sum is the identity.
    sizes
        Units of each group.
    """
    rank = round(float(np.trace(parts[0] + parts[1])))
    below = sum(
        (np.trace(part @ part) + np.trace(part) ** 2) / (n - 1)
        for part, n in zip(parts, sizes, strict=True)
    )
    return float((rank + rank**2) / below) if below > 0 else 0.0

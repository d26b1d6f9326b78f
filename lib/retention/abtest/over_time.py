"""How the effect moves: by days since exposure (novelty, fatigue) and as it adds up.

Statistics are collected with ``day``; each unit-day is a row. Days of one unit are not independent,
so the cumulative effect is formed of units' totals, and its band is a confidence sequence that may
be read on every day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from retention.abtest.confidence_sequence import sequence_half_width
from retention.abtest.estimates import contrast
from retention.abtest.metrics import MetricDefinition
from retention.abtest.statistics import Statistics
from retention.errors import EvidenceError, InputError


@dataclass(frozen=True, eq=False)
class EffectOverTime:
    """Effect on each day since exposure, and the test of a trend."""

    metric: str
    unit: str
    table: pd.DataFrame
    slope: float
    slope_ci_low: float
    slope_ci_high: float
    slope_p_value: float
    alpha: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row per day: effect with simultaneous interval and units."""
        return self.table

    def summary(self) -> str:
        """Say whether the effect wears off, grows or stays."""
        words = "is steady as far as can be seen"
        if self.slope_p_value < self.alpha:
            first = float(self.table["effect"].iloc[0])
            fading = np.sign(self.slope) != np.sign(first)
            words = "wears off (novelty or fatigue)" if fading else "grows"
        return (
            f"{self.metric}: the effect {words} over {len(self.table)} days since exposure "
            f"(slope {self.slope:+.3g} {self.unit} a day, {self.slope_ci_low:+.3g} to "
            f"{self.slope_ci_high:+.3g}, p = {self.slope_p_value:.3g})."
        )


def effect_by_day(
    rows: pd.DataFrame, control: str, treatment: str, *, metric: str, unit: str = "",
    alpha: float = 0.05,
) -> EffectOverTime:  # fmt: skip
    """Return the effect on each day since exposure.

    Parameters
    ----------
    rows
        One row per unit and day with ``unit_key, arm, day, value``; a unit is in the comparison on
        the days it was observed, days without a purchase as 0.
    control, treatment
        Arms.
    metric, unit
        Names for sentences.
    alpha
        Two-sided level; the intervals of the days hold together (Bonferroni).

    Notes
    -----
    The trend is a unit-level one: each unit's slope over its own days is the outcome of a two-arm
    comparison, so that the correlation of a unit's days is allowed for. Units seen for one day have
    no slope and are left out of it.

    Raises
    ------
    EvidenceError
        If fewer than two days are observed in both arms.
    InputError
        If a unit has two rows on one day.
    """
    if rows.duplicated(["unit_key", "day"]).any():
        raise InputError("A unit has two rows on one day.", "Sum them first.", column="day")
    both = rows[rows["arm"].isin([control, treatment])]
    days = both.pivot_table("value", "day", "arm", aggfunc=["size", "mean", "var"]).dropna()
    if len(days) < 2:
        raise EvidenceError(
            "Fewer than two days are observed in both arms.", "Wait, or compare totals."
        )
    effect = days["mean"][treatment] - days["mean"][control]
    variances = [days["var"][a] / days["size"][a] for a in (control, treatment)]
    half = stats.norm.ppf(1 - alpha / 2 / len(days)) * np.sqrt(variances[0] + variances[1])
    table = pd.DataFrame({
        "day": days.index.to_numpy(), "effect": effect.to_numpy(),
        "ci_low": (effect - half).to_numpy(), "ci_high": (effect + half).to_numpy(),
        "n": (days["size"][control] + days["size"][treatment]).astype(int).to_numpy(),
    })  # fmt: skip
    slope, low, high, p_value = _trend(both, control, treatment, alpha)
    return EffectOverTime(metric, unit, table, slope, low, high, p_value, alpha)


def _trend(
    rows: pd.DataFrame, control: str, treatment: str, alpha: float
) -> tuple[float, float, float, float]:
    """Return the difference of mean unit-level slopes, its interval and p-value (Welch)."""
    keys = rows["unit_key"]
    centred = rows["day"] - rows.groupby("unit_key")["day"].transform("mean")
    sums = pd.DataFrame({"xy": centred * rows["value"], "xx": centred**2}).groupby(keys).sum()
    arms = rows.groupby("unit_key")["arm"].first()
    seen = sums["xx"] > 0
    slopes = (sums["xy"] / sums["xx"])[seen]
    a, b = slopes[arms[seen] == control], slopes[arms[seen] == treatment]
    found = stats.ttest_ind(b, a, equal_var=False)
    interval = found.confidence_interval(1 - alpha)
    return (
        float(b.mean() - a.mean()), float(interval.low), float(interval.high), float(found.pvalue)
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class CumulativeEffect:
    """Effect as the units come in, with a band that may be read at every look."""

    metric: str
    unit: str
    table: pd.DataFrame
    tuned_at: int

    @property
    def first_crossing(self) -> int | None:
        """First day on which the band leaves out zero, None if it never does."""
        out = self.table[(self.table["ci_low"] > 0) | (self.table["ci_high"] < 0)]
        return None if out.empty else int(out["day"].iloc[0])

    def to_frame(self) -> pd.DataFrame:
        """Return one row per day: effect so far, band, units so far."""
        return self.table

    def summary(self) -> str:
        """Say when the band left zero, if it did."""
        last = self.table.iloc[-1]
        when = (
            "its always-valid band still holds zero"
            if self.first_crossing is None
            else f"its always-valid band left zero on day {self.first_crossing}"
        )
        return (
            f"{self.metric}: after {int(last['n']):,} units the effect is {last['effect']:+.4g} "
            f"{self.unit} ({last['ci_low']:+.4g} to {last['ci_high']:+.4g}); {when}."
        )


def cumulative_effect(
    statistics: Statistics,
    metric: MetricDefinition,
    control: str,
    treatment: str,
    *,
    tuned_at: int,
    alpha: float = 0.05,
) -> CumulativeEffect:
    """Return the effect of all units that came in up to each day, with its confidence sequence.

    Parameters
    ----------
    statistics
        Collected with ``day``: the day a unit came in; each unit on one day only.
    metric, control, treatment
        What is compared.
    tuned_at
        Units at which the band is tightest; declared beforehand.
    alpha
        Level over all days together.

    Raises
    ------
    EvidenceError
        If no day has enough units in both arms.
    """
    rows, so_far = [], Statistics()
    for day in statistics.days:
        so_far += Statistics({c: m for c, m in statistics.cells.items() if c.day == day})
        row = _look(so_far, metric, control, treatment, tuned_at, alpha)
        if row is not None:
            rows.append((day, *row))
    if not rows:
        raise EvidenceError("No day has two varying units in both arms.", "Wait for more units.")
    columns = ["day", "effect", "ci_low", "ci_high", "n"]
    return CumulativeEffect(metric.name, metric.unit, pd.DataFrame(rows, columns=columns), tuned_at)


def _look(
    statistics: Statistics,
    metric: MetricDefinition,
    control: str,
    treatment: str,
    tuned_at: int,
    alpha: float,
) -> tuple[float, float, float, int] | None:
    """Return effect and band at one look, None where there is too little to say."""
    try:
        both = contrast(
            statistics.of(metric.name, control), statistics.of(metric.name, treatment), metric
        )
    except EvidenceError:
        return None
    n = both.n_control + both.n_treatment
    half = sequence_half_width(both.standard_error, n, tuned_at, alpha)
    return both.difference, both.difference - half, both.difference + half, n

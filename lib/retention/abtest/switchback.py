"""Switchback: the whole shop is switched between arms, period by period.

For treatments that units share (prices, delivery promises), where one customer's arm would change
another's outcome. Periods, not customers, are randomised; the start of each period is cut off,
since the arm before still works there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from retention.abtest.statistics import Array
from retention.errors import EvidenceError, ParameterError
from retention.quantities import quantity


@dataclass(frozen=True, eq=False)
class SwitchbackEffect:
    """Treated minus untreated periods: interval over pairs, p-value by re-drawing the schedule."""

    unit: str
    difference: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float
    periods_control: int
    periods_treatment: int
    draws: int

    def summary(self) -> str:
        """Say the effect in a sentence."""
        return (
            f"Treated periods differ by {quantity(self.difference, self.unit, signed=True)} "
            f"({quantity(self.ci_low, self.unit, signed=True)} to "
            f"{quantity(self.ci_high, self.unit, signed=True)}; randomisation p = "
            f"{self.p_value:.3g}; {self.periods_treatment} periods against {self.periods_control})."
        )


def switchback_schedule(periods: int, seed: int) -> Array:
    """Return the arm (0/1) of each period: each pair of periods in random order.

    Pairing keeps the arms balanced over the season.
    """
    if periods < 4:
        raise ParameterError(f"{periods} periods are too few.", "Plan 4 or more.")
    generator = np.random.default_rng(seed)
    pairs = generator.permuted(np.tile([0.0, 1.0], (math.ceil(periods / 2), 1)), axis=1)
    return pairs.ravel()[:periods]


def switchback_effect(
    periods: pd.DataFrame,
    *,
    unit: str = "",
    alpha: float = 0.05,
    draws: int = 4_999,
    seed: int = 0,
) -> SwitchbackEffect:
    """Compare treated with untreated periods of a paired switchback.

    Parameters
    ----------
    periods
        One row per period in time order: ``treated`` (0/1, as drawn by
        :func:`switchback_schedule`), ``total`` and ``exposure`` (units, sessions or hours after
        the carry-over was cut off). The outcome of a period is total / exposure.
    unit
        Unit of that ratio.
    draws
        Re-drawn schedules for the p-value; its smallest value is 1 / (draws + 1).

    Notes
    -----
    Differences within pairs are the independent draws: the interval is Student's over pairs, the
    test re-draws the order within each pair (Bojinov, Simchi-Levi & Zhao 2023, section 5).

    Raises
    ------
    EvidenceError
        If a pair is not one treated and one untreated period, or fewer than three pairs are there.
    """
    treated = periods["treated"].to_numpy(dtype=float)
    rate = (periods["total"] / periods["exposure"].replace(0, np.nan)).to_numpy(dtype=float)
    if np.isnan(rate).any():
        raise EvidenceError("A period has no exposure.", "Leave its pair out knowingly.")
    count = len(treated) // 2
    pairs, values = treated[: 2 * count].reshape(-1, 2), rate[: 2 * count].reshape(-1, 2)
    if count < 3 or not (pairs.sum(axis=1) == 1).all():
        raise EvidenceError(
            f"{len(treated)} periods do not form three pairs of one treated, one untreated.",
            "Draw the schedule with switchback_schedule and keep the order of time.",
            column="treated",
        )
    differences = np.where(pairs[:, 1] == 1, 1.0, -1.0) * (values[:, 1] - values[:, 0])
    mean, error = float(differences.mean()), float(differences.std(ddof=1) / math.sqrt(count))
    half = float(stats.t.ppf(1 - alpha / 2, count - 1)) * error
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (draws, count))
    beyond = np.sum(np.abs(signs @ differences) >= abs(differences.sum()) * (1 - 1e-12))
    return SwitchbackEffect(
        unit, mean, error, mean - half, mean + half, float((beyond + 1) / (draws + 1)),
        count, count, draws,
    )  # fmt: skip


def cut_carry_over(
    events: pd.DataFrame,
    period_seconds: int,
    carry_over_seconds: int,
    start_epoch_s: int,
    *,
    periods: int | None = None,
) -> pd.DataFrame:
    """Return total and exposure of each period without its first seconds.

    Parameters
    ----------
    events
        Rows with ``epoch_s`` and ``value``.
    period_seconds, carry_over_seconds
        Length of a period and of the start that is cut off.
    start_epoch_s
        Start of the first period.
    periods
        Number of periods, also where the last ones saw nothing; None for those that saw something.
    """
    if not 0 <= carry_over_seconds < period_seconds:
        raise ParameterError(
            f"A carry-over of {carry_over_seconds} s does not fit a period of {period_seconds} s.",
            "Cut off less than a period.",
        )
    since = events["epoch_s"] - start_epoch_s
    kept = (since >= 0) & (since % period_seconds >= carry_over_seconds)
    period = (since // period_seconds)[kept]
    totals = events["value"][kept].groupby(period).sum()
    count = int(period.max()) + 1 if periods is None else periods
    full = totals.reindex(range(count), fill_value=0.0)
    return pd.DataFrame({
        "period": full.index.to_numpy(), "total": full.to_numpy(),
        "exposure": float(period_seconds - carry_over_seconds) / 3600,
    })  # fmt: skip

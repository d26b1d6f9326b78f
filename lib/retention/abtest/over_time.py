"""How the effect of the units assigned so far moves as more of them come in.

Its band is a confidence sequence that may be read on every day. How an effect moves with the days
since each unit's own assignment is another question: see since_assignment.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from retention.abtest.confidence_sequence import sequence_half_width
from retention.abtest.contrasts import contrast
from retention.abtest.metrics import MetricDefinition
from retention.abtest.statistics import Statistics
from retention.errors import EvidenceError


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

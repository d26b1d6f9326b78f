"""Is there enough evidence to predict at all? Asked before any figure is shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.results import Check, Status, worst
from retention.value.codes import ValueCheck


@dataclass(frozen=True)
class Gate:
    """What a lifetime value needs at the least.

    The thresholds follow what a large e-mail platform asks for before it predicts (see the
    project's notes): below them a forecast is noise in the shape of a number.

    Parameters
    ----------
    buyers
        Fewest customers with an order.
    history_days
        Fewest days from the first order to the as-of date.
    recent_days
        There must be an order within so many days before the as-of date.
    repeat_buyers
        Fewest customers with a second purchase.
    frequent_buyers
        Fewest customers with three purchases or more.
    interval_buyers
        Customers from which on the intervals hold what they promise. They rest on large samples:
        of simulated bases of 1,000 customers the 95 % interval of the total held the truth in 87
        of 100, of 3,000 customers in as many as it should (benchmarks/VALIDITY.md).
    """

    buyers: int = 500
    history_days: int = 180
    recent_days: int = 30
    repeat_buyers: int = 100
    frequent_buyers: int = 20
    interval_buyers: int = 3_000


@dataclass(frozen=True)
class Evidence:
    """The outcome of the gate."""

    checks: tuple[Check, ...]

    @property
    def enough(self) -> bool:
        """Whether the data can carry a lifetime value."""
        return worst(list(self.checks)) != "fail"

    def to_frame(self) -> pd.DataFrame:
        """Return one line per check."""
        return pd.DataFrame([check.as_dict() for check in self.checks])

    def summary(self) -> str:
        """Return in words whether there is enough evidence."""
        failed = [check for check in self.checks if check.status is Status.FAIL]
        if not failed:
            return "There is enough evidence to estimate lifetime values."
        reasons = " ".join(check.detail for check in failed)
        return (
            f"Too little evidence for lifetime values; the figures are not fit for use. {reasons}"
        )


def evidence_gate(frame: pd.DataFrame, *, unit_days: float, gate: Gate | None = None) -> Evidence:
    """Check a purchase summary against the least that a lifetime value needs.

    Parameters
    ----------
    frame
        One line per customer: ``frequency``, ``recency``, ``tenure`` in units of ``unit_days``.
    unit_days
        Length of the time unit in days.
    gate
        Thresholds.

    Examples
    --------
    >>> frame = pd.DataFrame({"frequency": [0, 1], "recency": [0, 5], "tenure": [9, 9]})
    >>> evidence_gate(frame, unit_days=1).enough
    False
    """
    wanted = gate or Gate()
    frequency = frame["frequency"].to_numpy(dtype=float)
    tenure = frame["tenure"].to_numpy(dtype=float) * unit_days
    silence = tenure - frame["recency"].to_numpy(dtype=float) * unit_days
    history = float(tenure.max(initial=0.0))
    latest = float(silence.min(initial=np.inf))
    rows = [
        (ValueCheck.ENOUGH_BUYERS, len(frame), wanted.buyers, "customers with an order"),
        (ValueCheck.ENOUGH_HISTORY, history, wanted.history_days, "days of history"),
        (ValueCheck.REPEAT_BUYERS, int((frequency >= 1).sum()), wanted.repeat_buyers,
         "customers with a second purchase"),
        (ValueCheck.FREQUENT_BUYERS, int((frequency >= 2).sum()), wanted.frequent_buyers,
         "customers with three purchases or more"),
    ]  # fmt: skip
    checks = [_at_least(code, found, least, what) for code, found, least, what in rows]
    large = _large(len(frame), wanted.interval_buyers)
    return Evidence((*checks, _recent(latest, wanted.recent_days), large))


def _large(buyers: int, least: int) -> Check:
    """Return the check that the base is large enough for the intervals; it warns, no more."""
    enough = buyers >= least
    return Check(
        ValueCheck.LARGE_BASE,
        Status.PASS if enough else Status.WARN,
        f"{buyers:,} customers; from {least:,} on the intervals hold what they promise.",
        "" if enough else "Widen the intervals of totals by about a third.",
    )


def _recent(latest: float, most: int) -> Check:
    """Return the check that orders reach up to the as-of date."""
    recent = latest <= most
    return Check(
        ValueCheck.RECENT_ORDERS,
        Status.PASS if recent else Status.FAIL,
        f"The latest order is {latest:.0f} days before the as-of date; at most {most} are asked "
        "for.",
        "" if recent else "Bring newer orders in, or set the as-of date to when they end.",
    )


def _at_least(code: ValueCheck, found: float, least: int, what: str) -> Check:
    """Return the check that there are at least so many of something."""
    enough = found >= least
    return Check(
        code,
        Status.PASS if enough else Status.FAIL,
        f"{found:,.0f} {what}; at least {least:,} are asked for.",
        "" if enough else "Wait for more data, or join shops; until then use segments.",
    )

"""The margin that values are reckoned with: measured where the cost of goods is on record."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from retention.engine import Engine
from retention.errors import ParameterError
from retention.features import epoch_of, goods_costs, known_orders, shifted
from retention.intervals import NORMAL_95
from retention.results import Check, Status, percent
from retention.value.codes import ValueCheck

YEAR_DAYS = 365
"""Days over which the margin is measured: a whole year has all seasons."""

ENOUGH_COSTED = 0.5
"""Share of the value sold whose cost must be known for the measured margin to stand for all."""

APART = 0.05
"""Difference of the given and the measured margin (share points) that is pointed out."""

AUTOMATIC, GIVEN = "auto", "given"


@dataclass(frozen=True)
class Margin:
    """Share of an order's value that is left after the cost of its goods.

    Parameters
    ----------
    used
        The share that values are reckoned with.
    given
        The one that was given.
    measured, ci_low, ci_high
        The one on record, with its 95 % interval (customers as clusters); NaN where no cost is.
    customers
        Customers behind it.
    costed
        Share of the value sold whose cost is on record.
    insisted
        Whether the given one was to be taken whatever is on record.
    """

    used: float
    given: float
    measured: float
    ci_low: float
    ci_high: float
    customers: int
    costed: float
    insisted: bool

    @property
    def is_measured(self) -> bool:
        """Whether enough costs are on record to measure the margin."""
        return self.costed >= ENOUGH_COSTED and 0 < self.measured <= 1

    def to_frame(self) -> pd.DataFrame:
        """Return one line per margin, the one in use marked."""
        takes_measured = self.is_measured and not self.insisted
        return pd.DataFrame(
            {
                "margin": ["measured", "given"],
                "share": [self.measured, self.given],
                "ci_low": [self.ci_low, np.nan],
                "ci_high": [self.ci_high, np.nan],
                "customers": [self.customers, 0],
                "used": ["yes" if takes_measured else "no", "no" if takes_measured else "yes"],
            }
        )

    def summary(self) -> str:
        """Return in words which margin is used and how it compares with the other."""
        if not self.customers:
            return (
                f"The margin of {percent(self.given)} is given: no cost of goods is on record to "
                "measure it by."
            )
        told = (
            f"{percent(self.measured)} (95 % interval {percent(self.ci_low)} to "
            f"{percent(self.ci_high)}, n = {self.customers:,} customers, costs known of "
            f"{percent(self.costed, 0)} of the value sold in the year before)"
        )
        if not self.is_measured:
            return f"The margin of {percent(self.given)} is given; measured: {told}, too little."
        if not self.insisted:
            return f"The margin is measured: {told}; given: {percent(self.given)}, not used."
        return f"The margin of {percent(self.given)} is insisted on; measured: {told}."

    def check(self) -> Check:
        """Return whether the margin in use is the one on record."""
        status, action = Status.PASS, ""
        if not self.is_measured:
            status = Status.WARN
            action = "Every value scales with the margin: bring costs of goods in, or confirm it."
        elif self.insisted and abs(self.given - self.measured) > APART:
            status = Status.WARN
            action = (
                f"Set margin_source to auto: values would change by "
                f"{percent(self.measured / self.given - 1, 0, signed=True)}."
            )
        return Check(ValueCheck.MARGIN, status, self.summary(), action)


def margin_of(engine: Engine, as_of: str, *, given: float, source: str = AUTOMATIC) -> Margin:
    """Measure the margin of the year before a date, and choose the one to use.

    Refunds known by then are taken off both value and margin; the goods' cost is that of the pieces
    sold, by the latest unit cost known.

    Parameters
    ----------
    engine
        Engine with ``orders`` and, where costs are on record, ``order_lines`` and ``costs``.
    as_of
        ISO date.
    given
        Share to use where too few costs are on record (above 0, up to 1).
    source
        ``auto`` uses the measured margin where there is one, ``given`` never.

    Raises
    ------
    ParameterError
        If there is no such source.
    """
    if source not in (AUTOMATIC, GIVEN):
        raise ParameterError(
            f"There is no margin source {source!r}.", "Use auto or given.", column="margin_source"
        )
    start_s = epoch_of(shifted(as_of, -YEAR_DAYS))
    found = pd.DataFrame()
    with known_orders(engine, as_of), goods_costs(engine, as_of) as known:
        if known:
            found = engine.query("value_margin", start_s=start_s).frame()
    insisted = source == GIVEN
    costed = found[found["costed_minor"] > 0] if known else found
    if costed.empty:
        nothing = float("nan")
        return Margin(given, given, nothing, nothing, nothing, 0, 0.0, insisted)
    value, margin = (costed[c].to_numpy(dtype=float) for c in ("costed_minor", "margin_minor"))
    share = float(margin.sum() / value.sum())
    # Linearised variance of a ratio of means (Cochran 1977, "Sampling techniques", equation 6.13).
    reach = NORMAL_95 * float(np.sqrt(((margin - share * value) ** 2).sum()) / value.sum())
    part = float(value.sum() / max(found["value_minor"].sum(), 1))
    made = Margin(given, given, share, share - reach, share + reach, len(costed), part, insisted)
    return replace(made, used=share) if made.is_measured and not insisted else made

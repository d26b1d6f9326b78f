"""Hold-out purchases by earlier frequency: frequent told from rare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.intervals import NORMAL_95
from retention.results import percent

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ConditionalExpectations:
    """Mean actual and predicted purchases by the number of repeat purchases before.

    Parameters
    ----------
    table
        One line per frequency: ``frequency`` (text; the last one ends in +), ``customers``,
        ``actual`` with ``actual_ci_low`` and ``actual_ci_high`` (95 %), one column per forecast.
    forecasts
        Names of the forecasts' columns.
    """

    table: pd.DataFrame
    forecasts: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def covered(self, forecast: str) -> int:
        """Return in how many groups the prediction lies inside the actual mean's interval."""
        within = self.table[forecast].between(
            self.table["actual_ci_low"], self.table["actual_ci_high"]
        )
        return int(within.sum())

    def summary(self) -> str:
        """Return in words how many groups each forecast gets right."""
        parts = [f"{name} in {self.covered(name)}" for name in self.forecasts]
        return (
            f"Of {len(self.table)} groups by earlier frequency the predicted mean lies inside the "
            f"95 % interval of the actual one for {', '.join(parts)} "
            f"(n = {int(self.table['customers'].sum()):,})."
        )

    def advice(self, forecast: str, minimum: int = 10) -> str:
        """Return in words for which customers a forecast may be used as it is.

        Parameters
        ----------
        forecast
            Name of the forecast in use.
        minimum
            Smaller groups are not spoken of.
        """
        if forecast not in self.forecasts:
            return f"{forecast} is not shown by earlier frequency; look at its total instead."
        table = self.table[(self.table["customers"] >= minimum) & (self.table["actual"] > 0)]
        inside = table[forecast].between(table["actual_ci_low"], table["actual_ci_high"])
        off = table[~inside]
        if off.empty:
            return f"Budget customers of every frequency with {forecast} as it is."
        amiss = (off[forecast] - off["actual"]) * off["customers"]
        worst = off.loc[amiss.abs().idxmax()]
        part = worst[forecast] / worst["actual"] - 1
        return (
            f"Most purchases are amiss among the {worst['customers']:,} customers with "
            f"{worst['frequency']} repeat purchases before, of whom {forecast} expected "
            f"{percent(abs(part))} {'more' if part > 0 else 'less'} than came: multiply what it "
            f"expects of them by {1 / (1 + part):.2f} before a budget rests on it."
        )


def conditional_expectations(
    frequency: Floats, actual: Floats, forecasts: dict[str, Floats], *, most: int = 7
) -> ConditionalExpectations:
    """Return mean actual and predicted purchases by the number of repeat purchases before.

    Parameters
    ----------
    frequency
        Repeat purchases in the calibration period per customer.
    actual
        Purchases in the hold-out per customer.
    forecasts
        Name to prediction per customer.
    most
        Frequencies from here on share the last line.

    Examples
    --------
    >>> x = np.array([0.0, 0, 0, 1, 1, 1])
    >>> found = conditional_expectations(x, x, {"model": x})
    >>> found.to_frame()["frequency"].tolist()
    ['0', '1']
    """
    data = pd.DataFrame({"level": np.minimum(frequency, most).astype(int), "actual": actual})
    for name, forecast in forecasts.items():
        data[name] = forecast
    grouped = data.groupby("level")
    table = grouped.mean()
    counts = grouped.size()
    spread = grouped["actual"].std(ddof=1).fillna(0.0)
    reach = NORMAL_95 * spread / counts**0.5
    table.insert(0, "customers", counts)
    table.insert(2, "actual_ci_low", np.maximum(table["actual"] - reach, 0.0))
    table.insert(3, "actual_ci_high", table["actual"] + reach)
    names = [f"{level}+" if level == most else str(level) for level in table.index]
    table.insert(0, "frequency", names)
    return ConditionalExpectations(table.reset_index(drop=True), tuple(forecasts))

"""Nelson-Aalen cumulative hazard and the smoothed hazard, which shows when the danger is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from retention.errors import EvidenceError, ParameterError
from retention.results import percent
from retention.survival.counts import Array, EventCounts


@dataclass(frozen=True)
class Hazard:
    """A hazard per group, cumulative or smoothed.

    Parameters
    ----------
    frame
        Columns ``group``, ``time``, ``hazard``, ``standard_error``, ``ci_low``, ``ci_high``
        (cumulative hazard, or share leaving per unit of time where smoothed).
    unit
        Unit of time.
    bandwidth
        Half-width of the kernel; None for the cumulative hazard.
    """

    frame: pd.DataFrame
    unit: str
    bandwidth: float | None = None

    def peaks(self) -> pd.DataFrame:
        """Return the row with the greatest hazard of each group."""
        order = self.frame.groupby("group", sort=True)["hazard"].idxmax()
        return self.frame.loc[order].reset_index(drop=True)

    def to_frame(self) -> pd.DataFrame:
        """Return the hazard as a DataFrame."""
        return self.frame.copy()

    def summary(self) -> str:
        """Say when the danger is greatest, or how much hazard has gathered."""
        if self.bandwidth is None:
            last = self.frame.groupby("group", sort=True).tail(1)
            return " ".join(
                f"{r['group']}: cumulative hazard {r['hazard']:.2f} "
                f"({r['ci_low']:.2f} to {r['ci_high']:.2f}) by {r['time']:,.0f} {self.unit}."
                for r in last.to_dict("records")
            )
        return " ".join(
            f"{r['group']}: the danger is greatest around {r['time']:,.0f} {self.unit}, when "
            f"{percent(r['hazard'], 2)} of those left go per {self.unit.removesuffix('s')} "
            f"({percent(r['ci_low'], 2)} to {percent(r['ci_high'], 2)})."
            for r in self.peaks().to_dict("records")
        )


def nelson_aalen(counts: EventCounts, *, confidence: float = 0.95) -> Hazard:
    """Estimate the cumulative hazard of each group.

    Notes
    -----
    H(t) is the sum of d/n, its variance the sum of d/n² (Aalen 1978); the interval is on the log
    scale.

    Examples
    --------
    >>> from retention.survival import count_events
    >>> data = pd.DataFrame({"duration": [1, 2], "event": [1, 1]})
    >>> nelson_aalen(count_events(data)).frame.hazard.tolist()
    [0.5, 1.5]
    """
    z = stats.norm.ppf(0.5 + confidence / 2)
    parts = []
    for group in counts.groups:
        part = counts.of(group)
        at_risk, events = part["at_risk"].to_numpy(), part["events"].to_numpy()
        hazard = np.cumsum(events / at_risk)
        error = np.sqrt(np.cumsum(events / at_risk**2))
        parts.append(_with_band(group, part["time"].to_numpy(), hazard, error, z))
    return Hazard(pd.concat(parts, ignore_index=True), counts.unit)


def smoothed_hazard(
    counts: EventCounts, *, bandwidth: float, points: int = 100, confidence: float = 0.95
) -> Hazard:
    """Smooth the hazard with an Epanechnikov kernel.

    Parameters
    ----------
    counts
        Compressed durations.
    bandwidth
        Half-width of the kernel, in the unit of the durations.
    points
        Number of evenly spaced times at which the hazard is given.
    confidence
        Level of the pointwise band (for the smoothed hazard, not corrected for smoothing bias).

    Raises
    ------
    ParameterError
        If the bandwidth is not positive.
    EvidenceError
        If a group has no event.

    Notes
    -----
    Ramlau-Hansen 1983, eq. 3.1, divided near both ends by the kernel's mass within the follow-up.
    """
    if not bandwidth > 0:
        raise ParameterError(
            "The bandwidth is not positive.", "Give it in the durations' unit.", column="bandwidth"
        )
    z = stats.norm.ppf(0.5 + confidence / 2)
    parts = []
    for group in counts.groups:
        part = counts.of(group)
        if not part["events"].sum():
            raise EvidenceError(f"Nobody left in group {group!r}.", "Leave the group out.")
        grid = np.linspace(0, float(part["time"].iloc[-1]), points)
        hazard, error = _smooth(part, grid, bandwidth)
        parts.append(_with_band(group, grid, hazard, error, z))
    return Hazard(pd.concat(parts, ignore_index=True), counts.unit, bandwidth)


def _smooth(part: pd.DataFrame, grid: Array, bandwidth: float) -> tuple[Array, Array]:
    """Return the smoothed hazard and its standard error on the grid."""
    happened = part[part["events"] > 0]
    times, d = happened["time"].to_numpy(), happened["events"].to_numpy()
    n = happened["at_risk"].to_numpy()
    distance = (grid[:, None] - times[None, :]) / bandwidth
    kernel = np.where(np.abs(distance) <= 1, 0.75 * (1 - distance**2), 0.0) / bandwidth
    low, high = np.clip(grid / bandwidth, 0, 1), np.clip((grid[-1] - grid) / bandwidth, 0, 1)
    mass = 0.5 + 0.75 * (low - low**3 / 3) - 0.5 + 0.75 * (high - high**3 / 3)
    kernel = kernel / mass[:, None]
    return kernel @ (d / n), np.sqrt(kernel**2 @ (d / n**2))


def _with_band(group: str, time: Array, hazard: Array, error: Array, z: float) -> pd.DataFrame:
    """Attach the log-scale interval; where the hazard is 0 there is none to give."""
    ratio = np.divide(error, hazard, out=np.zeros_like(hazard), where=hazard > 0)
    return pd.DataFrame(
        {
            "group": group,
            "time": time,
            "hazard": hazard,
            "standard_error": error,
            "ci_low": hazard * np.exp(-z * ratio),
            "ci_high": hazard * np.exp(z * ratio),
        }
    )

"""The shop's calendar: its history, its time zone and its gift seasons."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

START = date(2024, 1, 1)
END = date(2026, 7, 1)
"""First day after the history; equals the demo profile's as-of date."""

DAYS = (END - START).days
TIME_ZONE = "America/New_York"
DAY_S = 86_400
START_S = int(datetime(START.year, START.month, START.day, tzinfo=UTC).timestamp())
END_S = START_S + DAYS * DAY_S
TRACKED_FROM = date(2025, 1, 1)
"""Web events and e-mail events reach back to here only, as trackers were installed later."""

OCCASIONS: dict[str, tuple[tuple[str, ...], float]] = {
    "mothers_day": (("2024-05-03", "2025-05-02", "2026-05-01"), 6.0),
    "december": (("2023-12-08", "2024-12-08", "2025-12-08"), 10.0),
    "valentine": (("2024-02-07", "2025-02-07", "2026-02-07"), 5.0),
}
"""Days around which gifts are bought, and the spread in days; deliveries must still arrive."""


def day_of(day: date) -> int:
    """Return the number of days since the start of the history."""
    return (day - START).days


def occasion_curve(name: str) -> NDArray[np.float64]:
    """Return the height of one gift occasion on each day, 1 at its peak; shape (DAYS,)."""
    peaks, spread = OCCASIONS[name]
    days = np.arange(DAYS)[:, None]
    centres = np.array([day_of(date.fromisoformat(peak)) for peak in peaks])[None, :]
    curve: NDArray[np.float64] = np.exp(-0.5 * ((days - centres) / spread) ** 2).sum(axis=1)
    return curve


def season_clock(weights: dict[str, float]) -> NDArray[np.float64]:
    """Return elapsed seasonal time at each midnight, shape (DAYS + 1,), ending at DAYS.

    Buying at a constant rate on this clock is buying at a seasonal rate on the calendar.
    """
    rate = np.ones(DAYS)
    for name, weight in weights.items():
        rate += weight * occasion_curve(name)
    clock = np.concatenate([[0.0], np.cumsum(rate)])
    return clock * (DAYS / clock[-1])


def utc_offset_s(epoch_s: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the shop's offset from UTC in seconds at each instant (summer time included)."""
    offsets = _hourly_offsets()
    index = (epoch_s - (START_S - DAY_S)) // 3600
    return offsets[np.clip(index, 0, len(offsets) - 1)]


@lru_cache(maxsize=1)
def _hourly_offsets() -> NDArray[np.int64]:
    """Return the shop's offset in each hour from a day before the history to a month after it."""
    zone = ZoneInfo(TIME_ZONE)
    instants = range(START_S - DAY_S, END_S + 31 * DAY_S, 3600)
    offsets = [datetime.fromtimestamp(s, tz=zone).utcoffset() or timedelta() for s in instants]
    return np.array([int(offset.total_seconds()) for offset in offsets], dtype=np.int64)

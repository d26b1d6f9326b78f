"""Backtest of all candidates, timed."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.race import Contestant, is_quick, solo
from benchmarks.record import Entry


def cases() -> Iterator[Entry]:
    """Yield the backtest of all candidates within five minutes on two cores."""
    size = {"customers": 20_000 if is_quick() else 200_000, "features": 40, "dates": 4}
    yield solo(
        "churn",
        f"backtest of all candidates, {size['customers']:,} customers x 40 features x 4 dates",
        Contestant("ours", "benchmarks.speed._survival:all_candidates", size, threads=2),
        300, size["customers"] * 4, rounds=1,
        note="every customer is scored; fits use 50,000 drawn evenly by hash, Weibull 20,000",
    )  # fmt: skip

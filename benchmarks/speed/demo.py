"""How long it takes to write the simulated shop."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.race import Contestant, is_quick, solo
from benchmarks.record import Entry


def cases() -> Iterator[Entry]:
    """Yield the time for a million customers (a tenth of them for a quick look)."""
    customers = 100_000 if is_quick() else 1_000_000
    writer = Contestant("ours", "benchmarks.speed._demo:write", {"customers": customers}, threads=2)
    yield solo(
        "demo", f"write the simulated shop with {customers:,} customers", writer,
        120.0 * customers / 1_000_000, customers, rounds=1 if is_quick() else 3,
    )  # fmt: skip

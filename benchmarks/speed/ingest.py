"""How long ten million order lines take into a snapshot, and what the checks cost."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.race import Contestant, is_quick, race, solo
from benchmarks.record import Entry

_MODULE = "benchmarks.speed._ingest"


def cases() -> Iterator[Entry]:
    """Yield the time of an ingest with all checks, alone and against the engine's bare copy."""
    lines = 1_000_000 if is_quick() else 10_000_000
    arguments = {"lines": lines, "memory_limit": "2GB", "threads": 2}
    ours = Contestant("ours", f"{_MODULE}:ours", arguments, threads=2)
    bare = Contestant("bare COPY", f"{_MODULE}:bare_copy", arguments, threads=2)
    yield solo("ingest", f"{lines:,} order lines to a snapshot, all checks on", ours,
               180.0 * lines / 10_000_000, lines, rounds=1)  # fmt: skip
    yield race("ingest", f"{lines:,} order lines, all checks on", ours, bare, 0.2, lines, rounds=1,
               note="the goal 0.2 means at most five times the bare copy's time")  # fmt: skip

"""How long millions of order lines take into a snapshot, in how much memory, all checks on."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.race import Contestant, Timing, disagreement, is_quick, measure
from benchmarks.record import Entry
from benchmarks.speed._ingest import exported

_MODULE = "benchmarks.speed._ingest"
_SIZES = ((10_000_000, "2600MB", 180.0, 3_072, 5), (50_000_000, "3GB", 900.0, 4_096, 1))
"""Order lines, the engine's memory limit, the goals in seconds and megabytes, and the rounds."""

_QUICK = ((500_000, "1GB", 9.0, 3_072, 1),)


def cases() -> Iterator[Entry]:
    """Yield time and memory of an ingest, and its time against the engine's bare copy."""
    for lines, memory_limit, seconds, megabytes, rounds in _QUICK if is_quick() else _SIZES:
        with exported(lines) as path:
            arguments = {"path": str(path), "memory_limit": memory_limit, "threads": 2}
            ours = Contestant("ours", f"{_MODULE}:ours", arguments, threads=2)
            bare = Contestant("bare COPY", f"{_MODULE}:bare_copy", arguments, threads=2)
            yield from _entries(lines, seconds, megabytes, *measure([ours, bare], rounds))


def _entries(
    lines: int, seconds: float, megabytes: int, mine: Timing, theirs: Timing
) -> Iterator[Entry]:
    """Yield the three figures of both, measured in turn on the same file."""
    gap, key = disagreement(mine.answer, theirs.answer)
    said = (
        f"ours {mine.seconds:.3g} s ({mine.processor:.3g} processor s), {mine.peak_mb:,.0f} MB; "
        f"bare COPY {theirs.seconds:.3g} s ({theirs.processor:.3g} processor s), "
        f"{theirs.peak_mb:,.0f} MB"
    )
    if gap > 0:
        said = f"THE ANSWERS DISAGREE on {key} by {gap:.1e}; " + said
    case = f"{lines:,} order lines to a snapshot, all checks on"
    ratio = mine.seconds / theirs.seconds
    for what, figure, goal in (
        ("seconds", mine.seconds, seconds),
        ("peak megabytes", mine.peak_mb, megabytes),
        ("times the bare COPY's seconds", ratio, 5.0),
    ):
        yield Entry("ingest", f"{case}: {what}", None, figure, "same rows", lines,
                    gap == 0 and figure <= goal, said, f"at most {goal:g}")  # fmt: skip

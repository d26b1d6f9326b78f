"""BG/NBD on a million customers: against lifetimes and pymc-marketing, and by the grain of time."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.race import Contestant, Timing, is_quick, measure, race
from benchmarks.record import Entry

WORK = "benchmarks.speed._value_peers"
GOALS = {
    (1, "lifetimes"): 6,
    (1, "pymc-marketing"): 3,
    (7, "lifetimes"): 40,
    (7, "pymc-marketing"): 30,
}
GRAINS = {1: "day", 7: "week"}
ENVIRONMENTS = {"lifetimes": "main", "pymc-marketing": "bayes"}
ROUNDS = 3
PRIORS = "its default priors shrink by less than .3 % at this size"


def cases() -> Iterator[Entry]:
    """Yield the races, the growth with the number of customers, and the effect of the grain."""
    customers = 100_000 if is_quick() else 1_000_000
    for (unit, peer), goal in GOALS.items():
        yield race(
            "value", f"BG/NBD on {customers:,} customers at {GRAINS[unit]} grain",
            _ours(customers, unit), _peer(peer, customers, unit), goal, customers,
            tolerance=0.01, rounds=ROUNDS, note=PRIORS if peer == "pymc-marketing" else "",
        )  # fmt: skip
    yield from _growth_and_grain(customers)


def _growth_and_grain(customers: int) -> Iterator[Entry]:
    """Yield how our time grows with customers, and what grain and compression change."""
    tenth = customers // 10
    few, many, days, apart = measure(
        [
            _ours(tenth, 7),
            _ours(customers, 7),
            _ours(customers, 1),
            _ours(tenth, 1, together=False),
        ],
        ROUNDS,
    )
    (joined,) = measure([_ours(tenth, 1)], ROUNDS)
    growth = many.processor / few.processor  # fractions of a second: a busy machine blurs the clock
    yield Entry(
        "value", f"BG/NBD at week grain from {tenth:,} to {customers:,} customers: growth of time",
        None, growth, "", customers, growth < 3,
        f"processor time, {few.processor:.3f} s to {many.processor:.3f} s", "less than 3",
    )  # fmt: skip
    for name in ("a", "b"):
        moved = many.answer[name] / days.answer[name] - 1
        yield Entry(
            "value", f"week instead of day grain: relative change of {name}", None, moved,
            "within 0.06", customers, abs(moved) <= 0.06, _grain_words(days, many), "stated",
        )  # fmt: skip
    gain = apart.seconds / joined.seconds
    yield Entry(
        "value", f"unique rows instead of one row per customer, {tenth:,} customers at day grain",
        None, gain, "", tenth, gain >= 1.2,
        f"{apart.seconds:.3f} s to {joined.seconds:.3f} s", "at least 1.2",
    )  # fmt: skip


def _grain_words(days: Timing, weeks: Timing) -> str:
    """Return what the grain costs and saves."""
    return (
        f"day grain {days.seconds:.3f} s, week grain {weeks.seconds:.3f} s; a, b by day "
        f"{days.answer['a']:.4f}, {days.answer['b']:.4f}, by week {weeks.answer['a']:.4f}, "
        f"{weeks.answer['b']:.4f} (truth 0.793, 2.426): rounding down to weeks loses half a week "
        "of recency and tenure on average"
    )


def _ours(customers: int, unit_days: int, *, together: bool = True) -> Contestant:
    """Return our contestant."""
    arguments = {"customers": customers, "unit_days": unit_days, "together": together}
    return Contestant("ours", f"{WORK}:ours", arguments)


def _peer(name: str, customers: int, unit_days: int) -> Contestant:
    """Return a peer's contestant."""
    arguments = {"customers": customers, "unit_days": unit_days}
    target = f"{WORK}:{name.replace('-', '_')}"
    return Contestant(name, target, arguments, ENVIRONMENTS[name])

"""Customer features on 10,000,000 order lines, and the purchase summary, against their peers."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.race import Contestant, is_quick, measure, race
from benchmarks.record import Entry

WORK = "benchmarks.speed._features_peers"
ROUNDS = 3
OVERHEAD = 1.3
"""Our time may be this many times that of a query written by hand."""


def cases() -> Iterator[Entry]:
    """Yield the races for features and for the purchase summary."""
    customers = 100_000 if is_quick() else 1_000_000
    ours = _contestant("ours", "ours", customers)
    lines = 10 * customers
    yield race(
        "features", f"customer features of {lines:,} lines (at most {OVERHEAD} times its time)",
        ours, _contestant("a query by hand", "by_hand", customers), 1 / OVERHEAD, lines,
        rounds=ROUNDS, note="a goal below 1: by hand may be faster by that much",
    )  # fmt: skip
    pandas = _contestant("pandas", "with_pandas", customers)
    yield race("features", f"customer features of {lines:,} lines", ours, pandas, 2.5, lines,
               rounds=ROUNDS)  # fmt: skip
    mine, theirs = measure([ours, pandas], 1)
    yield Entry(
        "features", f"customer features of {lines:,} lines: share of pandas' peak memory", None,
        mine.peak_mb / theirs.peak_mb, "", lines, mine.peak_mb < theirs.peak_mb,
        f"{mine.peak_mb:,.0f} MB against {theirs.peak_mb:,.0f} MB", "less than 1",
    )  # fmt: skip
    yield from _summaries(customers)


def _summaries(customers: int) -> Iterator[Entry]:
    """Yield the races for the purchase summary of the same shop."""
    orders = customers * 10 // 3
    for name, function, environment, goal in (
        ("lifetimes", "lifetimes_summary", "main", 3),
        ("pymc-marketing", "pymc_summary", "bayes", 5),
    ):
        yield race(
            "features", f"purchase summary of {orders:,} orders of {customers:,} customers",
            _contestant("ours", "our_summary", customers),
            _contestant(name, function, customers, environment), goal, orders, rounds=ROUNDS,
            note="timed: ours from the Parquet file of orders, the peer's from a data frame in "
            "memory that holds only what it needs; both to one row per customer, at day grain",
        )  # fmt: skip


def _contestant(name: str, function: str, customers: int, environment: str = "own") -> Contestant:
    """Return a contestant of this race; DuckDB has two threads wherever it runs."""
    return Contestant(name, f"{WORK}:{function}", {"customers": customers}, environment, 2)

"""Kaplan-Meier by group and the proportional-hazards test, raced against lifelines."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.race import Contestant, is_quick, race, solo
from benchmarks.record import Entry

OURS = "benchmarks.speed._survival:"
PEERS = "benchmarks.speed._survival_peers:"


def cases() -> Iterator[Entry]:
    """Yield the races."""
    size = {"customers": 100_000 if is_quick() else 1_000_000, "groups": 20}
    yield race(
        "survival", f"Kaplan-Meier, {size['customers']:,} customers in 20 groups",
        Contestant("ours", f"{OURS}curves", size),
        Contestant("lifelines in a loop", f"{PEERS}lifelines_curves", size, "main"),
        5, size["customers"], tolerance=1e-10, rounds=3,
    )  # fmt: skip
    rows = {"customers": 10_000 if is_quick() else 100_000}
    yield race(
        "survival", f"proportional-hazards test, {rows['customers']:,} rows, 10 covariates",
        Contestant("exact score test", f"{OURS}proportionality", rows),
        Contestant("lifelines (approximation)", f"{PEERS}lifelines_proportionality", rows, "main"),
        20, rows["customers"], rounds=3,
        note="the two test different statistics; ours equals R's on Rossi (see validity)",
    )  # fmt: skip
    many = {"customers": 1_000_000 if is_quick() else 10_000_000}
    yield solo(
        "survival", f"Kaplan-Meier, {many['customers']:,} customers in 20 groups, from SQL counts",
        Contestant("ours", f"{OURS}compressed", many), 10, many["customers"], rounds=3,
    )  # fmt: skip

"""A full evaluation of 1,000,000 users from Parquet, against hand-written SQL and two libraries."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.race import Contestant, race
from benchmarks.record import Entry

THETA = (
    "the libraries take CUPED's coefficient from both arms merged, we within arms: they differ by "
    "the order of 1/n"
)


def cases() -> Iterator[Entry]:
    """Yield every case."""
    n = 1_000_000  # also for a quick look: with fewer, opening a connection is all there is to time
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "units.parquet")
        users = _users(n)
        users.to_parquet(path, index=False)
        np.savez(f"{path}.npz", **{c: users[c].to_numpy().astype(_kind(c)) for c in users})
        case = f"mean, ratio and CUPED of {n:,} users from Parquet"
        ours = Contestant("retention", "benchmarks.speed._abtest_ours:ours", {"path": path})
        for name, target, environment, goal in (
            ("hand-written DuckDB", "_abtest_ours:by_hand", "own", 1 / 1.2),
            ("tea-tasting on pandas in memory", "_abtest_peers:tea_tasting", "main", 1.0),
            ("gbstats on pandas sums", "_abtest_peers:gbstats", "gbstats", 1.0),
        ):
            peer = Contestant(name, f"benchmarks.speed.{target}", {"path": path}, environment)
            yield race("abtest", case, ours, peer, goal, n=n, tolerance=1e-4, note=THETA)


def _kind(column: str) -> str:
    """Return the type of a column that every environment reads."""
    return "U1" if column == "arm" else "f8"


def _users(n: int) -> pd.DataFrame:
    """Return users with revenue, sessions and what they spent before."""
    generator = np.random.default_rng(0)
    before = generator.gamma(1.0, 10.0, n)
    sessions = 1 + generator.poisson(2, n)
    revenue = np.where(generator.random(n) < 0.2, before + generator.gamma(1, 10, n), 0.0)
    return pd.DataFrame(
        {
            "arm": np.where(generator.random(n) < 0.5, "a", "b"),
            "revenue": revenue,
            "sessions": sessions,
            "before": before,
        }
    )

"""A full evaluation (mean, ratio, CUPED) of an experiment in Parquet, by us and by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

Answer = dict[str, float]


def ours(path: str) -> Callable[[], Answer]:
    """Return our evaluation: one query by the library, then arithmetic on its statistics."""
    from retention.abtest import MetricDefinition, MetricKind, collect, estimate
    from retention.engine import Engine

    metrics = [
        MetricDefinition("mean", "revenue"),
        MetricDefinition("ratio", "revenue", MetricKind.RATIO, denominator="sessions"),
        MetricDefinition("cuped", "revenue", covariates=("before",)),
    ]

    def run() -> Answer:
        engine = Engine(threads=1)
        engine.register("units", path)
        found = collect(engine, "units", metrics)
        estimates = {
            m.name: estimate(found.of(m.name, "a"), found.of(m.name, "b"), m) for m in metrics
        }
        return {
            key: value
            for name, e in estimates.items()
            for key, value in ((name, e.difference), (f"{name} error", e.standard_error))
        }

    return run


def by_hand(path: str) -> Callable[[], Answer]:
    """Return the query one would write by hand for these three metrics, and the arithmetic."""
    import duckdb

    query = f"""
        SELECT arm, count(*), sum(revenue), sum(revenue * revenue), sum(sessions),
               sum(sessions * sessions), sum(revenue * sessions), sum(before),
               sum(before * before), sum(revenue * before)
        FROM read_parquet('{path}') GROUP BY arm ORDER BY arm
    """

    def run() -> Answer:
        rows = duckdb.connect(config={"threads": 1}).execute(query).fetchall()
        (a, b) = (_moments(*row[1:]) for row in rows)
        theta = (a["xy"] / a["n"] + b["xy"] / b["n"]) / (a["xx"] / a["n"] + b["xx"] / b["n"])
        adjusted = [s["yy"] - 2 * theta * s["xy"] + theta**2 * s["xx"] for s in (a, b)]
        return {
            "mean": b["y"] - a["y"],
            "mean error": math.sqrt(a["yy"] / a["n"] + b["yy"] / b["n"]),
            "ratio": b["y"] / b["d"] - a["y"] / a["d"],
            "cuped": b["y"] - a["y"] - theta * (b["x"] - a["x"]),
            "cuped error": math.sqrt(adjusted[0] / a["n"] + adjusted[1] / b["n"]),
        }

    return run


def _moments(
    n: int, y: float, yy: float, d: float, dd: float, yd: float, x: float, xx: float, xy: float
) -> dict[str, float]:
    """Return means and covariances from sums."""
    return {
        "n": n, "y": y / n, "d": d / n, "x": x / n,
        "yy": (yy - y * y / n) / (n - 1), "dd": (dd - d * d / n) / (n - 1),
        "yd": (yd - y * d / n) / (n - 1), "xx": (xx - x * x / n) / (n - 1),
        "xy": (xy - x * y / n) / (n - 1),
    }  # fmt: skip

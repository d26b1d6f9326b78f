"""How the data differs from the snapshot before: volume per table and day, shape per column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.engine import Engine
from retention.ingest.codes import IngestCheck
from retention.ingest.quality_limits import QualityLimits
from retention.ingest.snapshot import Snapshot
from retention.results import Check, Status

_LEVELS = 50
"""Labels kept apart at most; rarer ones are counted together."""

_STOPPING = ("orders.net_minor", "order_lines.unit_price_minor", "orders.currency")
"""Columns whose shift means another unit, not another season: they stop the run."""

_MONEY = "CASE WHEN {0} IS NULL THEN NULL WHEN {0} <= 0 THEN -1 ELSE floor(log2({0})) END"
WATCHED: dict[str, dict[str, str]] = {
    "orders": {
        "net_minor": _MONEY.format("net_minor"),
        "discount_minor": _MONEY.format("discount_minor"),
        "shipping_minor": _MONEY.format("shipping_minor"),
        "currency": "currency", "status": "status", "source": "source",
        "hour of the day": "CASE time_precision WHEN 'second' THEN hour(ordered_at) END",
        "day of the week": "dayofweek(ordered_at)",
        "known buyer": "customer_key IS NOT NULL",
    },
    "order_lines": {
        "unit_price_minor": _MONEY.format("unit_price_minor"), "quantity": "quantity",
        "category": "category",
    },
    "customers": {
        "country": "country", "channel": "channel", "is_guest": "is_guest",
        "identity_confidence": "identity_confidence",
    },
    "events": {"event_name": "event_name", "hour of the day": "hour(event_at)"},
    "touches": {"channel": "channel", "kind": "kind"},
    "surveys": {"instrument": "instrument", "score": "score", "reason_code": "reason_code"},
    "tickets": {"reason_code": "reason_code"},
}  # fmt: skip
"""Columns that are compared, by table, with the SQL that puts their values into classes."""


@dataclass(frozen=True)
class Drift:
    """Comparison with the snapshot before.

    Parameters
    ----------
    columns
        Per column: stability index, what chance alone explains, rows on both sides, status.
    tables
        Per table: rows now and before.
    """

    columns: pd.DataFrame
    tables: pd.DataFrame


def stability_index(expected: np.ndarray, found: np.ndarray) -> float:
    """Return the population stability index of two histograms over the same bins.

    The sum over bins of (q - p) ln(q / p), with half a unit added to every bin so that an empty
    one stays finite (Siddiqi, Credit Risk Scorecards, 2006, section 9).

    Examples
    --------
    >>> round(stability_index(np.array([50, 50]), np.array([50, 50])), 6)
    0.0
    """
    p, q = (expected + 0.5) / (expected + 0.5).sum(), (found + 0.5) / (found + 0.5).sum()
    return float(((q - p) * np.log(q / p)).sum())


def chance_level(bins: int, expected: int, found: int) -> float:
    """Return the stability index that one of a thousand equal samples exceeds by chance.

    The index is close to (1/n + 1/m) times a chi-squared variable with ``bins - 1`` degrees of
    freedom (Yurdakul and Naranjo, Statistical properties of the population stability index, 2020).
    """
    from scipy.stats import chi2

    if bins < 2 or not (expected and found):
        return 0.0
    return float(chi2.ppf(0.999, bins - 1) * (1 / expected + 1 / found))


def compare(engine: Engine, parent: Snapshot | None, limits: QualityLimits) -> Drift:
    """Compare what is new with the snapshot before, table by table and column by column.

    Parameters
    ----------
    engine
        Engine that holds the tables under their names.
    parent
        The snapshot before, None for the first.
    limits
        Thresholds.

    Notes
    -----
    New are the rows of imports that the snapshot before did not hold: a month that is added is
    compared with all that came earlier, an export that was made again is compared as a whole.
    """
    tables, columns = [], []
    known = [batch["batch_id"] for batch in parent.manifest["batches"]] if parent else []
    for table, watched in WATCHED.items() if parent else ():
        if not (engine.has(table) and parent and parent.tables.get(table)):
            continue
        engine.register(f"before_{table}", parent.tables[table])
        tables.append({"table": table, "rows before": _rows(engine, f"before_{table}"),
                       "rows now": _rows(engine, table)})  # fmt: skip
        for column, classes in watched.items():
            histogram = _histogram(engine, table, classes, known)
            if histogram["now"].sum() and histogram["before"].sum():
                columns.append(_judged(f"{table}.{column}", histogram, limits))
    names = ["column", "stability_index", "chance", "rows_before", "rows_new", "status"]
    return Drift(
        pd.DataFrame(columns, columns=names).sort_values(
            ["stability_index", "column"], ascending=[False, True], ignore_index=True),
        pd.DataFrame(tables, columns=["table", "rows before", "rows now"]),
    )  # fmt: skip


def checks(engine: Engine, parent: Snapshot | None, drift: Drift) -> Iterator[Check]:
    """Judge shape and volume against the snapshot before."""
    if parent is None or drift.tables.empty:
        return
    yield _shape(drift.columns)
    if engine.has("orders") and engine.has("before_orders"):
        yield _volume(engine, drift.tables)


def _shape(columns: pd.DataFrame) -> Check:
    """Judge the columns' shape: the worst status of any of them."""
    moved = columns[columns.status != "pass"]
    status = Status.FAIL if (moved.status == "fail").any() else Status.WARN
    if moved.empty:
        detail = (f"No column of {len(columns)} has moved against the snapshot before."
                  if len(columns) else "Nothing is new against the snapshot before.")  # fmt: skip
        return Check(IngestCheck.DISTRIBUTION_DRIFT, Status.PASS, detail)
    told = ", ".join(
        f"{row.column} {row.stability_index:.2f}" for row in moved.head(5).itertuples()
    )
    return Check(
        IngestCheck.DISTRIBUTION_DRIFT, status,
        f"{len(moved)} of {len(columns)} columns have moved against the snapshot before "
        f"(stability index: {told}).",
        "Find out whether prices, currency or the export changed; models fitted on the earlier "
        "data may not hold.",
    )  # fmt: skip


def _volume(engine: Engine, tables: pd.DataFrame) -> Check:
    """Judge whether a table has shrunk, or a day has lost orders."""
    lost = engine.sql("""
        SELECT count(*) AS days, min(day) AS first FROM (
            SELECT b.day, b.n AS was, coalesce(o.n, 0) AS remains
            FROM (SELECT CAST(ordered_at AS DATE) AS day, count(*) AS n
                  FROM before_orders GROUP BY 1) AS b
            LEFT JOIN (SELECT CAST(ordered_at AS DATE) AS day, count(*) AS n
                       FROM orders GROUP BY 1) AS o ON b.day = o.day)
        WHERE was >= 5 AND remains < was / 2""").frame().iloc[0]  # fmt: skip
    shrunk = tables[tables["rows now"] < tables["rows before"]]
    bad = len(shrunk) > 0 or lost["days"] > 0
    orders = tables[tables.table == "orders"].iloc[0]
    detail = f"{orders['rows now']:,} orders now, {orders['rows before']:,} in the snapshot before"
    detail += f"; shrunk: {', '.join(shrunk.table)}" if len(shrunk) else "; no table has shrunk"
    if lost["days"]:
        detail += f"; {lost['days']} day(s) lost more than half of their orders (first: "
        detail += f"{pd.Timestamp(lost['first']):%Y-%m-%d})"
    return Check(
        IngestCheck.VOLUME_DRIFT, Status.WARN if bad else Status.PASS, detail + ".",
        "A snapshot should not shrink unless people were erased: look for a missing file."
        if bad else "",
    )  # fmt: skip


def _rows(engine: Engine, table: str) -> int:
    """Return the number of rows of a table."""
    return int(engine.sql(f"SELECT count(*) AS n FROM {table}").frame()["n"][0])


def _histogram(engine: Engine, table: str, classes: str, known: list[str]) -> pd.DataFrame:
    """Return counts per class: in the snapshot before, and in the imports that it did not hold."""
    return engine.sql(
        f"""
        WITH counted AS (
            SELECT coalesce(CAST({classes} AS VARCHAR), 'missing') AS class, 0 AS now, 1 AS before
            FROM before_{table}
            UNION ALL
            SELECT coalesce(CAST({classes} AS VARCHAR), 'missing'), 1, 0 FROM {table}
            WHERE NOT list_contains($known, batch_id)
        ), classed AS (
            SELECT class, CAST(sum(now) AS BIGINT) AS now, CAST(sum(before) AS BIGINT) AS before,
                   row_number() OVER (ORDER BY sum(now + before) DESC, class) AS place
            FROM counted GROUP BY class
        )
        SELECT CASE WHEN place <= {_LEVELS} THEN class ELSE 'rarer' END AS class,
               CAST(sum(now) AS BIGINT) AS now, CAST(sum(before) AS BIGINT) AS before
        FROM classed GROUP BY 1 ORDER BY 1""",
        known=known,
    ).frame()


def _judged(column: str, histogram: pd.DataFrame, limits: QualityLimits) -> dict[str, object]:
    """Return one column's stability index and what it means."""
    before, now = histogram["before"].to_numpy(float), histogram["now"].to_numpy(float)
    index = stability_index(before, now)
    chance = chance_level(len(histogram), int(before.sum()), int(now.sum()))
    moved = index > max(limits.psi_warn, chance)
    stops = moved and index > limits.psi_fail and column in _STOPPING
    return {
        "column": column, "stability_index": index, "chance": chance,
        "rows_before": int(before.sum()), "rows_new": int(now.sum()),
        "status": "fail" if stops else "warn" if moved else "pass",
    }  # fmt: skip

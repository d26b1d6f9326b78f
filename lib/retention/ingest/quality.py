"""Is the data good enough? Each finding says what it would do to segments, churn or lift."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from retention.engine import Engine
from retention.ingest.assemble import Assembly
from retention.ingest.codes import IngestCheck
from retention.ingest.snapshot import Snapshot
from retention.results import Check, Status

QUARANTINE_WARN, QUARANTINE_FAIL = 0.01, 0.20


def inspect(
    assembly: Assembly, accounts: pd.DataFrame, parent: Snapshot | None, as_of: str
) -> list[Check]:
    """Return the findings on a snapshot that is about to be published.

    Parameters
    ----------
    assembly
        The assembled tables, by name in its engine.
    accounts
        Rows and money per source, file, day and currency.
    parent
        The snapshot before, None for the first.
    as_of
        As-of date (ISO).
    """
    return [*_quarantine_shares(accounts), *_tables(assembly.engine, as_of)]


def _quarantine_shares(accounts: pd.DataFrame) -> Iterator[Check]:
    """Judge each source by the share of its records that was refused."""
    totals = accounts.groupby("source")[["rows_read", "rows_quarantined"]].sum()
    share = (totals.rows_quarantined / totals.rows_read).sort_values(ascending=False, kind="stable")
    for source, value in share[share > QUARANTINE_WARN].items():
        yield Check(
            IngestCheck.QUARANTINE_SHARE,
            Status.FAIL if value > QUARANTINE_FAIL else Status.WARN,
            f"{100 * value:.1f} % of the records of {source} were refused.",
            "Read the reasons in the quarantine table; figures built on this source are biased if "
            "the refused records differ from the rest.",
        )
    if not (share > QUARANTINE_WARN).any():
        detail = f"At most {100 * share.max():.2f} % of any source's records were refused."
        yield Check(IngestCheck.QUARANTINE_SHARE, Status.PASS, detail)


def _tables(engine: Engine, as_of: str) -> Iterator[Check]:
    """Judge freshness of the orders, where there are any."""
    if not engine.has("orders"):
        return
    last = engine.sql("SELECT max(ordered_at) AS last FROM orders").frame()["last"][0]
    age = (pd.Timestamp(as_of) - pd.Timestamp(last)).days
    late = age > 14
    yield Check(
        IngestCheck.FRESHNESS,
        Status.WARN if late else Status.PASS,
        f"The last order is {age} day(s) before the as-of date.",
        "Export again, or set as_of to the day after the last order: otherwise everyone looks "
        "dormant." if late else "",
    )  # fmt: skip

"""Is the data good enough? Each finding says what it would do to segments, churn or lift."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from retention.engine import Engine
from retention.ingest.assemble import Assembly
from retention.ingest.codes import IngestCheck
from retention.ingest.snapshot import Snapshot
from retention.results import Check, Status

QUARANTINE_WARN, QUARANTINE_FAIL = 0.01, 0.20
LATE_DAYS = 14
PSI_WARN, PSI_FAIL = 0.10, 0.25
"""Usual marks of the population stability index: below the first stable, above the second not."""


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
    engine = assembly.engine
    checks = [*_quarantine_shares(accounts), *_identity_conflicts(engine)]
    if engine.has("orders"):
        _ensure_lines(engine)
        figures = engine.query("ingest_quality").frame().iloc[0]
        checks += [*_orders(figures, as_of), *_units(figures)]
        checks += [*_missing_days(engine), *_outliers(engine)]
        checks += _drift(engine, parent)
    if engine.has("consents") and engine.has("customers"):
        checks += _consent(engine)
    return checks


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


def _ensure_lines(engine: Engine) -> None:
    """Give a shop that exports no lines an empty table of them."""
    if not engine.has("order_lines"):
        engine.connection.execute(
            "CREATE TEMP VIEW order_lines AS SELECT order_key, '' AS category, "
            "net_minor AS line_net_minor, net_minor AS line_discount_minor FROM orders WHERE false"
        )


def _finding(code: IngestCheck, bad: bool, detail: str, action: str) -> Check:
    """Return a check that warns, with its action, where something is wrong."""
    return Check(code, Status.WARN if bad else Status.PASS, detail, action if bad else "")


def _quarantine_shares(accounts: pd.DataFrame) -> Iterator[Check]:
    """Judge each source by the share of its records that was refused."""
    totals = accounts.groupby("source")[["rows_read", "rows_quarantined"]].sum()
    share = (totals.rows_quarantined / totals.rows_read).sort_values(ascending=False, kind="stable")
    for source, value in share[share > QUARANTINE_WARN].items():
        yield Check(
            IngestCheck.QUARANTINE_SHARE,
            Status.FAIL if value > QUARANTINE_FAIL else Status.WARN,
            f"{100 * value:.1f} % of the records of {source} were refused.",
            "Read the reasons above; figures built on this source are biased if the refused "
            "records differ from the rest.",
        )
    if not (share > QUARANTINE_WARN).any():
        detail = f"At most {100 * share.max():.2f} % of any source's records were refused."
        yield Check(IngestCheck.QUARANTINE_SHARE, Status.PASS, detail)


def _identity_conflicts(engine: Engine) -> Iterator[Check]:
    """Count weaker identities that were seen with several people."""
    query = "SELECT count(*) AS n FROM links WHERE candidates > 1"
    count = int(engine.sql(query).frame()["n"][0])
    yield _finding(
        IngestCheck.IDENTITY_CONFLICT, count > 0,
        f"{count:,} telephone numbers or platform ids belong to several people; nobody was merged.",
        "Households share numbers: orders known by such a number alone count as another customer, "
        "which lowers repeat rates a little.",
    )  # fmt: skip


def _orders(figures: pd.Series, as_of: str) -> Iterator[Check]:
    """Judge freshness, known buyers, and whether orders agree with their lines."""
    age = (pd.Timestamp(as_of) - pd.Timestamp(figures["last_order"])).days
    yield _finding(
        IngestCheck.FRESHNESS, age > LATE_DAYS,
        f"The last order is {age} day(s) before the as-of date.",
        "Export again, or set as_of to the day after the last order: otherwise everyone looks "
        "dormant.",
    )  # fmt: skip
    unknown = figures["without_customer"] / figures["orders"]
    yield _finding(
        IngestCheck.COMPLETENESS, unknown > 0.02,
        f"{100 * unknown:.1f} % of the orders have no known buyer (n = {figures['orders']:,.0f}).",
        "They count in revenue but in no segment and no churn model; say so when quoting totals.",
    )  # fmt: skip
    off = figures["lines_disagree"]
    yield _finding(
        IngestCheck.REFERENTIAL_INTEGRITY, off > 0,
        f"{off:,.0f} orders have goods that differ from the sum of their lines.",
        "Some of their lines were refused; value by category will not add up to order value.",
    )  # fmt: skip


def _units(figures: pd.Series) -> Iterator[Check]:
    """Judge what money and time are measured in."""
    yield _finding(
        IngestCheck.MIXED_CURRENCIES, figures["currencies"] > 1,
        f"The orders are in {figures['currencies']:.0f} currency(ies).",
        "Supply fx_rates: amounts in different currencies must not be added.",
    )  # fmt: skip
    days_only = figures["day_precision"] / figures["orders"]
    yield _finding(
        IngestCheck.TIME_PRECISION, days_only > 0,
        f"{100 * days_only:.1f} % of the orders are dated by the day only.",
        "Hours between orders mean nothing there; gaps in days are sound.",
    )  # fmt: skip


def _missing_days(engine: Engine) -> Iterator[Check]:
    """Find days without a single order where a typical week has one every day."""
    frame = engine.query("ingest_daily_orders").frame()
    days = pd.Series(frame["orders"].to_numpy(), index=pd.to_datetime(frame["day"]))
    every = days.reindex(pd.date_range(days.index.min(), days.index.max()), fill_value=0)
    weekday = pd.Series(every.index, index=every.index).dt.weekday
    usual = every.groupby(weekday).transform("median")
    holes = every[(every == 0) & (usual >= 5)]
    yield _finding(
        IngestCheck.MISSING_DAYS, len(holes) > 0,
        f"{len(holes)} day(s) have no order although such weekdays usually have five or more"
        + (f" (the first: {holes.index[0]:%Y-%m-%d})." if len(holes) else "."),
        "Ask whether the shop was closed or the export is incomplete: a hole looks like churn.",
    )  # fmt: skip


def _outliers(engine: Engine) -> Iterator[Check]:
    """Find customers whose orders dwarf everyone's: resellers, bots, test accounts."""
    row = engine.query("ingest_outliers").frame().iloc[0]
    share = row["value_share"] if pd.notna(row["value_share"]) else 0.0
    yield _finding(
        IngestCheck.OUTLIERS, share > 0.05,
        f"{row['customers']:,.0f} customers with more than 20 times the usual number of orders or "
        f"spend hold {100 * share:.1f} % of net value.",
        "Look at them before quoting means: wholesalers and test accounts distort segments, value "
        "and the variance of experiments.",
    )  # fmt: skip


def _drift(engine: Engine, parent: Snapshot | None) -> Iterator[Check]:
    """Compare the sizes of orders with the snapshot before, by the stability index."""
    if parent is None or not parent.tables.get("orders"):
        return
    engine.register("orders_before", parent.tables["orders"])
    histogram = engine.query("ingest_order_sizes").frame()
    index = stability_index(histogram["before"].to_numpy(float), histogram["now"].to_numpy(float))
    status = Status.PASS if index <= PSI_WARN else Status.WARN
    yield Check(
        IngestCheck.DISTRIBUTION_DRIFT, Status.FAIL if index > PSI_FAIL else status,
        f"Order values against the snapshot before: stability index {index:.3f}.",
        "Find out whether prices, currency or the export changed; models fitted on the earlier "
        "data may not hold." if index > PSI_WARN else "",
    )  # fmt: skip
    now, before = histogram["now"].sum(), histogram["before"].sum()
    yield _finding(
        IngestCheck.VOLUME_DRIFT, now < before,
        f"{now:,.0f} orders now, {before:,.0f} in the snapshot before.",
        "A snapshot should not shrink unless people were erased: look for a missing file.",
    )  # fmt: skip


def _consent(engine: Engine) -> Iterator[Check]:
    """Say for how many customers a marketing decision is on record; withdrawal wins."""
    row = engine.query("ingest_consent").frame().iloc[0]
    share = row["decided"] / row["customers"]
    yield _finding(
        IngestCheck.CONSENT_COVERAGE, share < 0.5,
        f"{100 * share:.1f} % of the customers have said yes or no to marketing e-mail; "
        f"{row['granted']:,.0f} may be written to.",
        "Those who have not decided may not be targeted: plan campaigns with the smaller number.",
    )  # fmt: skip

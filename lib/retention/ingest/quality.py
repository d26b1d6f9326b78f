"""Is the data good enough? Each finding says what it would do to segments, churn or lift."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from retention.engine import Engine
from retention.ingest.assemble import Assembly
from retention.ingest.codes import IngestCheck
from retention.ingest.quality_drift import Drift, checks, compare, stability_index
from retention.ingest.quality_effects import EFFECTS
from retention.ingest.quality_experiments import experiment_checks
from retention.ingest.quality_limits import QualityLimits
from retention.ingest.quality_money import files_agree, mixed_currencies, money_checks
from retention.ingest.quality_oddities import finding, oddities
from retention.ingest.snapshot import Snapshot
from retention.results import Check, Status, percent
from retention.tables import ORIGIN, TABLES, get

__all__ = ["Quality", "inspect", "stability_index"]

SEVERITY = {Status.FAIL: "stops later stages", Status.WARN: "weigh it", Status.PASS: "none"}
REFERENCES = (
    ("order_lines", "order_key", "orders"), ("refunds", "order_key", "orders"),
    ("events", "order_key", "orders"), ("events", "customer_key", "customers"),
    ("orders", "customer_key", "customers"), ("touches", "customer_key", "customers"),
    ("tickets", "customer_key", "customers"), ("surveys", "customer_key", "customers"),
    ("consents", "customer_key", "customers"), ("assignments", "unit_key", "customers"),
)  # fmt: skip
"""Columns that point to another table's key."""


@dataclass(frozen=True)
class Quality:
    """The data-quality report.

    Parameters
    ----------
    checks
        One finding per question, with its action.
    completeness
        Share filled of every column that may be empty: table, column, rows, filled.
    freshness
        Per table with a time: rows, first and last time, days before the as-of date.
    references
        Per reference: rows that point somewhere, and those that point nowhere.
    drift
        Volume and shape against the snapshot before.
    """

    checks: tuple[Check, ...]
    completeness: pd.DataFrame
    freshness: pd.DataFrame
    references: pd.DataFrame
    drift: Drift

    def to_frame(self) -> pd.DataFrame:
        """Return one row per finding: dimension, severity, and what it would do to what."""
        return findings_frame(self.checks)

    def summary(self) -> str:
        """Say how many findings there are, by their weight."""
        failed = [c for c in self.checks if c.status is Status.FAIL]
        warned = [c for c in self.checks if c.status is Status.WARN]
        text = f"{len(self.checks)} questions were asked of the data: {len(failed)} stop(s) later "
        text += f"stages, {len(warned)} deserve(s) weighing."
        return text + (f" Gravest: {(failed + warned)[0].detail}" if failed or warned else "")

    def drift_summary(self) -> str:
        """Say what moved against the snapshot before."""
        codes = (IngestCheck.DISTRIBUTION_DRIFT, IngestCheck.VOLUME_DRIFT)
        told = [check.detail for check in self.checks if check.code in codes]
        return " ".join(told) or "There is no earlier snapshot to compare with."

    def completeness_summary(self) -> str:
        """Name the emptiest column."""
        if self.completeness.empty:
            return "No column may be empty."
        row = self.completeness.sort_values(["filled", "table", "column"]).iloc[0]
        return (f"The emptiest column is {row.table}.{row.column}: {percent(row.filled)} of its "
                f"{row.rows:,} rows are filled.")  # fmt: skip


def findings_frame(found: tuple[Check, ...] | list[Check]) -> pd.DataFrame:
    """Return findings with their dimension, severity and effect; the gravest first."""
    rank = {Status.FAIL: 0, Status.WARN: 1, Status.PASS: 2}
    rows = []
    for check in sorted(found, key=lambda c: (rank[c.status], EFFECTS[c.code].dimension)):
        effect, bad = EFFECTS[check.code], check.status is not Status.PASS
        rows.append(
            {"dimension": effect.dimension, "check": str(check.code),
             "severity": SEVERITY[check.status], "finding": check.detail,
             "segments": effect.segments if bad else "", "churn": effect.churn if bad else "",
             "lift": effect.lift if bad else ""}
        )  # fmt: skip
    return pd.DataFrame(rows)


def inspect(
    assembly: Assembly,
    accounts: pd.DataFrame,
    parent: Snapshot | None,
    as_of: str,
    limits: QualityLimits | None = None,
) -> Quality:
    """Return the data-quality report on a snapshot that is about to be published.

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
    limits
        Thresholds; None means the usual ones.
    """
    engine, bounds = assembly.engine, limits or QualityLimits()
    _name_the_names(assembly)
    found = [*_quarantine_shares(accounts, bounds), *_empty_sources(accounts)]
    found += [
        *_identity_conflicts(engine),
        _unique(assembly),
        files_agree(assembly),
        mixed_currencies(assembly),
    ]
    references = _references(engine)
    if engine.has("orders"):
        _ensure_lines(engine)
        figures = engine.query("ingest_quality").frame().iloc[0]
        found += [*_orders(figures, as_of, bounds, references), *_units(figures)]
        found += [*_missing_days(engine), *_outliers(engine, bounds), *money_checks(engine)]
    drift = compare(engine, parent, bounds)
    found += [*checks(engine, parent, drift), *oddities(engine, bounds)]
    if engine.has("consents") and engine.has("customers"):
        found += _consent(engine)
    found += experiment_checks(engine, assembly.superseded("assignments"))
    return Quality(
        tuple(found), _completeness(engine), _freshness(engine, as_of), references, drift
    )


def _name_the_names(assembly: Assembly) -> None:
    """Give the keyed names of all contributions one name in the engine."""
    objects = assembly.store.root / "objects"
    assembly.engine.register(
        "names", [objects / f"{c.names}.parquet" for c in assembly.contributions]
    )


def _present(engine: Engine) -> list[str]:
    """Return the canonical tables that the snapshot holds, but for its own bookkeeping."""
    own = ("quarantine", "identity_links", "declared_links")
    return [name for name in TABLES if name not in own and engine.has(name)]


def _completeness(engine: Engine) -> pd.DataFrame:
    """Return the share filled of every column that may be empty."""
    rows = []
    for name in _present(engine):
        open_columns = [c.name for c in get(name) if c.nullable and c not in ORIGIN]
        columns = [column for column in open_columns if not column.endswith("_epoch_s")]
        given = set(engine.sql(f"SELECT * FROM {name} LIMIT 0").arrow().column_names)
        counts = ", ".join(f'count("{c}") AS "{c}"' for c in columns if c in given)
        if not counts:
            continue
        found = engine.sql(f"SELECT count(*) AS rows, {counts} FROM {name}").frame().iloc[0]
        rows += [
            {"table": name, "column": c, "rows": int(found["rows"]),
             "filled": float(found[c] / max(found["rows"], 1))}
            for c in columns if c in given
        ]  # fmt: skip
    return pd.DataFrame(rows, columns=["table", "column", "rows", "filled"])


def _freshness(engine: Engine, as_of: str) -> pd.DataFrame:
    """Return first and last time of every table, and the days from the last to the as-of date."""
    rows = []
    for name in _present(engine):
        time = next((c.name for c in get(name) if c.name.endswith("_at")), None)
        if time is None:
            continue
        clock = f"make_timestamp(%s({time.removesuffix('_at')}_epoch_s) * 1000000)"
        found = engine.sql(
            f"SELECT count(*) AS rows, {clock % 'min'} AS first, {clock % 'max'} AS last "
            f"FROM {name}"
        ).frame().iloc[0]  # fmt: skip
        if pd.notna(found["last"]):
            days = (pd.Timestamp(as_of) - pd.Timestamp(found["last"]).normalize()).days
            rows.append({"table": name, "rows": int(found["rows"]),
                         "first": f"{found['first']:%Y-%m-%d}", "last": f"{found['last']:%Y-%m-%d}",
                         "days before the as-of date": days})  # fmt: skip
    return pd.DataFrame(rows)


def _references(engine: Engine) -> pd.DataFrame:
    """Return how many references of each table point nowhere."""
    rows = []
    for name, column, target in REFERENCES:
        if engine.has(name) and engine.has(target):
            key = get(target).key[0]
            found = engine.sql(
                f"SELECT count(*) AS rows, count(*) FILTER (WHERE t.{key} IS NULL) AS nowhere "
                f"FROM {name} AS r LEFT JOIN {target} AS t ON r.{column} = t.{key} "
                f"WHERE r.{column} IS NOT NULL"
            ).frame().iloc[0]  # fmt: skip
            rows.append({"reference": f"{name}.{column}", "to": target,
                         "rows": int(found["rows"]), "nowhere": int(found["nowhere"])})  # fmt: skip
    return pd.DataFrame(rows, columns=["reference", "to", "rows", "nowhere"])


def _unique(assembly: Assembly) -> Check:
    """Count rows that share a key; within one file a repeated key has been refused already."""
    several = [name for name in _present(assembly.engine)
               if sum(made.rows_of(name) > 0 for made in assembly.contributions) > 1]  # fmt: skip
    counts = {name: _shared_keys(assembly.engine, name) for name in several}
    told = [f"{name} ({shared:,})" for name, shared in counts.items() if shared]
    return Check(
        IngestCheck.UNIQUENESS, Status.FAIL if told else Status.PASS,
        f"Keys stand more than once in {', '.join(told)}." if told else "Every key stands once.",
        "Do not use this snapshot; report the files with their hashes from the manifest."
        if told else "",
    )  # fmt: skip


def _shared_keys(engine: Engine, name: str) -> int:
    """Return how many keys stand more than once in a table.

    Where all hashes differ, so do the keys: of many millions only those numbers are grouped.
    """
    key = ", ".join(f'"{column}"' for column in get(name).key)
    alike = engine.execute(f"SELECT count(*) - count(DISTINCT hash({key})) FROM {name}")[0][0]
    query = f"SELECT count(*) FROM (SELECT 1 FROM {name} GROUP BY {key} HAVING count(*) > 1)"
    return int(engine.execute(query)[0][0]) if alike else 0


def _empty_sources(accounts: pd.DataFrame) -> Iterator[Check]:
    """Warn of sources of which nothing was accepted."""
    taken = accounts.groupby("source")["rows_accepted"].sum()
    empty = sorted(taken[taken == 0].index)
    yield finding(
        IngestCheck.EMPTY_SOURCE, bool(empty),
        f"Nothing was accepted of {', '.join(empty)}." if empty else "Every source gave records.",
        "Read the reasons above: the whole layer is missing from the analyses.",
    )  # fmt: skip


def _ensure_lines(engine: Engine) -> None:
    """Give a shop that exports no lines an empty table of them."""
    if not engine.has("order_lines"):
        engine.execute(
            "CREATE TEMP VIEW order_lines AS SELECT order_key, '' AS category, "
            "net_minor AS line_net_minor, net_minor AS line_discount_minor FROM orders WHERE false"
        )


def _quarantine_shares(accounts: pd.DataFrame, limits: QualityLimits) -> Iterator[Check]:
    """Judge each source by the share of its records that was refused."""
    totals = accounts.groupby("source")[["rows_read", "rows_quarantined"]].sum()
    share = (totals.rows_quarantined / totals.rows_read).sort_values(ascending=False, kind="stable")
    for source, value in share[share > limits.quarantine_warn].items():
        yield Check(
            IngestCheck.QUARANTINE_SHARE,
            Status.FAIL if value > limits.quarantine_fail else Status.WARN,
            f"{percent(value)} of the records of {source} were refused.",
            "Read the reasons above; figures built on this source are biased if the refused "
            "records differ from the rest.",
        )
    if not (share > limits.quarantine_warn).any():
        detail = f"At most {percent(share.max(), 2)} of any source's records were refused."
        yield Check(IngestCheck.QUARANTINE_SHARE, Status.PASS, detail)


def _identity_conflicts(engine: Engine) -> Iterator[Check]:
    """Count weaker identities that were seen with several people."""
    query = "SELECT count(*) AS n FROM links WHERE candidates > 1"
    count = int(engine.sql(query).frame()["n"][0])
    yield finding(
        IngestCheck.IDENTITY_CONFLICT, count > 0,
        f"{count:,} telephone numbers or platform ids belong to several people; nobody was merged.",
        "Households share numbers: orders known by such a number alone count as another customer, "
        "which lowers repeat rates a little.",
    )  # fmt: skip


def _orders(
    figures: pd.Series, as_of: str, limits: QualityLimits, references: pd.DataFrame
) -> Iterator[Check]:
    """Judge freshness, known buyers, and whether orders agree with their lines."""
    age = (pd.Timestamp(as_of) - pd.Timestamp(figures["last_order"])).days
    told = f"{age} day(s) before" if age >= 0 else "not before"
    yield finding(
        IngestCheck.FRESHNESS, age > limits.late_days,
        f"The last order is {told} the as-of date.",
        "Export again, or set as_of to the day after the last order: otherwise everyone looks "
        "dormant.",
    )  # fmt: skip
    unknown = figures["without_customer"] / figures["orders"]
    yield finding(
        IngestCheck.COMPLETENESS, unknown > limits.unknown_buyer_share,
        f"{percent(unknown)} of the orders have no known buyer (n = {figures['orders']:,.0f}).",
        "They count in revenue but in no segment and no churn model; say so when quoting totals.",
    )  # fmt: skip
    off, loose = figures["lines_disagree"], references[references.nowhere > 0.01 * references.rows]
    told = "; ".join(f"{r.nowhere:,} of {r.rows:,} {r.reference} point to no {r.to}"
                     for r in loose.itertuples())  # fmt: skip
    yield finding(
        IngestCheck.REFERENTIAL_INTEGRITY, off > 0 or len(loose) > 0,
        f"{off:,.0f} orders have goods that differ from the sum of their lines"
        + (f"; {told}." if told else f"; {references.nowhere.sum():,} of "
           f"{references.rows.sum():,} references between tables point nowhere."),
        "Some of their lines were refused, or a file is missing; value by category will not add up "
        "to order value.",
    )  # fmt: skip


def _units(figures: pd.Series) -> Iterator[Check]:
    """Judge what time is measured in."""
    days_only = figures["day_precision"] / figures["orders"]
    yield finding(
        IngestCheck.TIME_PRECISION, days_only > 0,
        f"{percent(days_only)} of the orders are dated by the day only.",
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
    yield finding(
        IngestCheck.MISSING_DAYS, len(holes) > 0,
        f"{len(holes)} day(s) have no order although such weekdays usually have five or more"
        + (f" (the first: {holes.index[0]:%Y-%m-%d})." if len(holes) else "."),
        "Ask whether the shop was closed or the export is incomplete: a hole looks like churn.",
    )  # fmt: skip


def _outliers(engine: Engine, limits: QualityLimits) -> Iterator[Check]:
    """Find customers whose orders dwarf everyone's: resellers, bots, test accounts."""
    row = engine.query("ingest_outliers", multiple=limits.outlier_multiple).frame().iloc[0]
    share = row["value_share"] if pd.notna(row["value_share"]) else 0.0
    yield finding(
        IngestCheck.OUTLIERS, share > limits.outlier_value_share,
        f"{limits.people(row['customers'])} customers with more than "
        f"{limits.outlier_multiple:g} times the usual number of orders or spend hold "
        f"{percent(share)} of net value.",
        "Look at them before quoting means: wholesalers and test accounts distort segments, value "
        "and the variance of experiments.",
    )  # fmt: skip


def _consent(engine: Engine) -> Iterator[Check]:
    """Say for how many customers a marketing decision is on record; withdrawal wins."""
    row = engine.query("ingest_consent").frame().iloc[0]
    share = row["decided"] / row["customers"]
    yield finding(
        IngestCheck.CONSENT_COVERAGE, share < 0.5,
        f"{percent(share)} of the customers have said yes or no to marketing e-mail; "
        f"{row['granted']:,.0f} may be written to.",
        "Those who have not decided may not be targeted: plan campaigns with the smaller number.",
    )  # fmt: skip

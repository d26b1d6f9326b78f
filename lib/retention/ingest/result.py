"""What an ingest hands over: the snapshot, the accounts to the cent, and the checks."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from retention.ingest.quality import Quality
from retention.ingest.snapshot import Snapshot
from retention.results import Check, Metric, Status, worst

FATES = ("accepted", "quarantined", "excluded")


@dataclass(frozen=True)
class IngestResult:
    """The outcome of an ingest.

    Parameters
    ----------
    snapshot
        The published snapshot.
    accounts
        One row per source, file, day and currency: ``rows_read``, ``rows_accepted``,
        ``rows_quarantined``, ``rows_excluded`` and the same of ``value_*`` in major units
        (``Decimal``, exact).
    reasons
        Why records were refused or excluded: source, fate, reason, currency,
        rows, value.
    checks
        Trust checks; a failing one stops later stages.
    reused
        Files whose contribution had been made before and was not read again.
    currencies
        Currencies of the money in the accounts; of several, the one reported in comes first.
    quality
        The data-quality report.
    identity
        How many weaker identities each rule joined with a person, or kept apart.
    """

    snapshot: Snapshot
    accounts: pd.DataFrame
    reasons: pd.DataFrame
    checks: tuple[Check, ...]
    reused: int
    currencies: tuple[str, ...]
    quality: Quality
    identity: pd.DataFrame

    @property
    def snapshot_id(self) -> str:
        """Id of the published snapshot."""
        return self.snapshot.id

    def total(self, column: str, currency: str = "") -> int | Decimal:
        """Return the total of one column of the accounts, exact.

        Money of two currencies is never added: without a currency named, it is that of the first.
        """
        if column.startswith("rows_"):
            return int(self.accounts[column].sum())
        code = currency or next(iter(self.currencies), "")
        values = self.accounts.loc[self.accounts.currency.isin([code, ""]), column]
        return sum(values, Decimal(0)).quantize(Decimal("0.01"))

    def by_source(self) -> pd.DataFrame:
        """Return the accounts per source and currency."""
        totals = self.accounts.drop(columns=["day", "file"]).groupby(["source", "currency"])
        return totals.sum().reset_index()

    def by_day(self) -> pd.DataFrame:
        """Return the accounts per source, day and currency; days unknown come last."""
        totals = self.accounts.drop(columns="file").fillna({"day": "unknown"})
        frame = totals.groupby(["source", "day", "currency"]).sum().reset_index()
        gaps = frame.rows_read - sum(frame[f"rows_{fate}"] for fate in FATES)
        money = frame.value_read - sum(frame[f"value_{fate}"] for fate in FATES)
        return frame.assign(rows_gap=gaps, value_gap=money)

    def days_with_refusals(self) -> pd.DataFrame:
        """Return the days of which records were refused or left out, most money first."""
        days = self.by_day()
        touched = days[(days.rows_quarantined > 0) | (days.rows_excluded > 0)]
        lost = touched.value_quarantined.abs() + touched.value_excluded.abs()
        order = touched.assign(lost=lost.astype(float))
        order = order.sort_values(["lost", "source", "day"], ascending=[False, True, True])
        return order.drop(columns=["lost", "rows_gap", "value_gap"]).reset_index(drop=True)

    def days_summary(self) -> str:
        """Say of how many days rows and money add up."""
        days = self.by_day()
        gaps = days[(days.rows_gap != 0) | (days.value_gap != 0)]
        if len(gaps):
            first = gaps.iloc[0]
            return (f"{len(gaps):,} of {len(days):,} source-days do not add up; the first is "
                    f"{first.day} of {first.source}.")  # fmt: skip
        touched = len(self.days_with_refusals())
        return (f"All {len(days):,} source-days add up in rows and money, to the cent; "
                f"{touched:,} of them had records refused or left out.")  # fmt: skip

    def identity_summary(self) -> str:
        """Say how identities became people."""
        counts = self.identity.set_index("rule").identities
        apart = int(counts.get("seen_with_several_people", 0))
        declared = int(counts.get("declared", 0))
        joined = int(counts.sum()) - apart - declared
        return (f"{joined:,} telephone numbers and platform ids were joined with the one person "
                f"they were seen with, {declared:,} identities by a declared link; {apart:,} were "
                "seen with several people and stay apart.")  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """Return the accounts per source, file, day and currency."""
        return self.accounts.copy()

    def weekly(self) -> pd.DataFrame:
        """Return records accepted and refused per source and week (weeks begin on Monday)."""
        dated = self.accounts[self.accounts.day.notna()]
        days = pd.to_datetime(dated.day)
        week = days - pd.to_timedelta(days.dt.weekday, unit="D")
        columns = ["rows_read", "rows_accepted", "rows_quarantined"]
        return dated.assign(week=week).groupby(["source", "week"])[columns].sum().reset_index()

    def top_reasons(self) -> pd.DataFrame:
        """Return why records were refused or left out, most frequent first."""
        return self.reasons.sort_values(
            ["rows", "source", "reason"], ascending=[False, True, True]
        ).reset_index(drop=True)

    def table_frame(self) -> pd.DataFrame:
        """Return the snapshot's tables with their rows and logical hashes."""
        tables = self.snapshot.manifest["tables"]
        return pd.DataFrame(
            [
                {"table": name, "rows": entry["rows"], "files": len(entry["objects"]),
                 "logical_hash": entry["logical_hash"][:12]}
                for name, entry in tables.items()
            ]
        )  # fmt: skip

    def reconciliation_summary(self) -> str:
        """Say whether rows and money add up."""
        hard = [check for check in self.checks if check.code.endswith(("reconcile", "reconciles"))]
        return " ".join(check.detail for check in hard)

    def refusal_summary(self) -> str:
        """Name the commonest reason."""
        if self.reasons.empty:
            return "Nothing was refused and nothing was left out."
        first = self.top_reasons().iloc[0]
        return (
            f"{self.reasons.rows.sum():,} records were refused or left out; the commonest reason "
            f"is {first.reason} in {first.source} ({first.rows:,} records)."
        )

    def volume_summary(self) -> str:
        """Say which span the records cover."""
        days = self.accounts.day.dropna()
        if days.empty:
            return "No source carries dates, so the volume over time cannot be judged."
        return f"Dated records run from {days.min()} to {days.max()}."

    def snapshot_summary(self) -> str:
        """Name the snapshot and what was reused."""
        files = len(self.snapshot.manifest["batches"])
        return (
            f"Snapshot {self.snapshot_id} stands on {files} file(s), of which {self.reused} had "
            "been read before and were not read again."
        )

    def metrics(self) -> list[Metric]:
        """Return the eight figures of the reconciliation, money once more per further currency."""
        names = ("read", *FATES)
        rows = [Metric(f"rows_{n}", int(self.total(f"rows_{n}")), "rows") for n in names]
        values = [
            Metric(f"value_{n}{f'_{code.lower()}' if place else ''}",
                   float(self.total(f"value_{n}", code)), code or "none")
            for place, code in enumerate(self.currencies or ("",)) for n in names
        ]  # fmt: skip
        return [*rows, *values]

    @property
    def status(self) -> str:
        """The worst status of the checks."""
        return worst(list(self.checks))

    def summary(self) -> str:
        """Say in two sentences whether the data can be trusted."""
        read, taken = self.total("rows_read"), self.total("rows_accepted")
        share = 100 * float(taken) / max(int(read), 1)
        told = f"{share:.2f}" if taken != read else "100"
        money = ""
        for code in self.currencies:
            read_money, taken_money = (self.total(f"value_{n}", code) for n in ("read", "accepted"))
            money += f" Of {code} {read_money:,.2f} read, {taken_money:,.2f} was accepted."
        return (
            f"{self._verdict()} {taken:,} of {read:,} records ({told} %) were accepted, "
            f"{self.total('rows_quarantined'):,} quarantined with a reason and "
            f"{self.total('rows_excluded'):,} excluded by rule.{money}"
        )

    def _verdict(self) -> str:
        """Return the opening sentence."""
        failed = [check for check in self.checks if check.status is Status.FAIL]
        warned = [check for check in self.checks if check.status is Status.WARN]
        if failed:
            return f"Do not use this data yet: {failed[0].detail}"
        if warned:
            found = "1 finding on the data deserves" if len(warned) == 1 else (
                f"{len(warned)} findings on the data deserve"
            )  # fmt: skip
            return f"Every record is accounted for; {found} a look before decisions."
        return "Every record is accounted for, and no check found fault."

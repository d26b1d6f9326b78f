"""What a migration check hands over: a verdict for each table, and the evidence for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from retention.ingest.codes import IngestCheck
from retention.quantities import minor_units
from retention.results import Check, Metric, Status

STAGES = ("customers", "orders", "amounts", "refunds", "order lines")
"""Order in which a shop cuts over: whoever buys, what they bought, what it cost."""

MENDS = {
    "customers": "Import the missing people, and declare links for those whose identity changed.",
    "orders": "Import the missing orders and remove the doubled ones; keep the old numbers.",
    "amounts": "Correct the import's mapping of the fields that differ, then import these again.",
    "refunds": "Import refunds again: the new system must know what was paid back.",
    "order lines": "Import the lines again; value by product cannot be told before.",
}

_SETTLED = ("matched", "identifier_changed")


@dataclass(frozen=True)
class MigrationResult:
    """The outcome of a migration check.

    Parameters
    ----------
    start, end
        The period compared; the end is not part of it.
    tolerance
        Share of a table's rows that may differ where it still counts as ready.
    outcomes
        Orders by outcome: matched, identifier_changed, missing_in_new, only_in_new,
        doubled_in_legacy, doubled_in_new, refused_in_legacy, refused_in_new.
    customers
        Buyers by side and outcome: matched, identifier_changed, missing, added, doubled.
    fields
        Per field: stage, compared, different, difference (minor units), line of an example.
    days
        Per day and currency: orders and net value (minor units) of both systems, and outcomes.
    differences
        One row per difference: pseudonyms, lines in the two files, both values.
    fates
        Records of each side that were compared, repeated, refused or excluded by rule.
    minimum_cell_size
        Smallest count of customers that a text tells.
    """

    start: str
    end: str
    tolerance: float
    outcomes: pd.DataFrame
    customers: pd.DataFrame
    fields: pd.DataFrame
    days: pd.DataFrame
    differences: pd.DataFrame
    fates: pd.DataFrame
    minimum_cell_size: int = 10

    @property
    def is_asked(self) -> bool:
        """Whether two exports were named to compare."""
        return not self.fates.empty

    def outcome(self, *names: str) -> int:
        """Return how many orders ended in any of some outcomes."""
        return int(self.outcomes[self.outcomes.outcome.isin(names)].orders.sum())

    def buyers(self, side: str, *names: str) -> int:
        """Return how many buyers of a side ended in any of some outcomes."""
        mine = self.customers[(self.customers.side == side) & self.customers.outcome.isin(names)]
        return int(mine.customers.sum())

    def to_frame(self) -> pd.DataFrame:
        """Return the cut-over table: one row per stage with its verdict."""
        rows = [self._customers(), self._orders()] if self.is_asked else []
        rows += [self._stage(stage) for stage in STAGES[2:] if self.is_asked]
        frame = pd.DataFrame(rows, columns=["table", "compared", *_WORDS])
        faults = frame[["missing", "added", "doubled", "identifier_changed", "different"]]
        base = frame[["compared", "matched"]].max(axis=1).clip(lower=1)
        frame["share_at_fault"] = faults.sum(axis=1) / base
        ready = (frame.compared > 0) & (frame.share_at_fault <= self.tolerance)
        frame["verdict"] = ready.map({True: "ready", False: "not ready"})
        frame.loc[(frame.compared == 0), "verdict"] = "nothing to compare"
        bad = frame.verdict == "not ready"
        frame["what to do"] = frame.table.map(MENDS).where(bad, "")
        return frame

    def daily(self) -> pd.DataFrame:
        """Return the reconciliation per day and currency, money in major units."""
        frame = self.days.copy()
        factor = frame.currency.map(lambda code: minor_units(code or ""))
        for column in ("legacy_net", "new_net", "difference"):
            frame[column] = frame[column] / factor
        return frame

    def by_field(self) -> pd.DataFrame:
        """Return the reconciliation per field, money in major units where there is one currency."""
        codes = self.days.currency.dropna().unique()
        factor = minor_units(str(codes[0])) if len(codes) == 1 else 100
        frame = self.fields.assign(
            different=self.fields.different.astype(int), difference=self.fields.difference / factor
        )
        frame["equal"] = frame.compared - frame.different
        return frame[["field", "stage", "compared", "equal", "different", "difference",
                      "example_line"]]  # fmt: skip

    def numbered_differences(self) -> pd.DataFrame:
        """Return every difference with a number of its own, for publication."""
        return self.differences.assign(difference_no=range(1, len(self.differences) + 1))

    def days_at_fault(self) -> pd.DataFrame:
        """Return the days that do not agree, the largest gap first."""
        days = self.daily()
        faulty = days[
            (days[["missing", "added", "doubled", "net_differs"]].sum(axis=1) > 0)
            | (days.difference != 0)
        ]
        order = faulty.assign(gap=faulty.difference.abs())
        return order.sort_values(["gap", "day"], ascending=[False, True]).drop(columns="gap")

    def checks(self) -> list[Check]:
        """Return one check per table: what is not ready deserves a look, it spoils no analysis."""
        made: list[Check] = []
        for row in self.to_frame().to_dict("records"):
            bad = row["verdict"] == "not ready"
            detail = f"Migration of {row['table']}: {row['verdict']}; {self._told(row)}."
            made.append(Check(_CODES[row["table"]], Status.WARN if bad else Status.PASS, detail,
                              row["what to do"]))  # fmt: skip
        return made

    def metrics(self) -> list[Metric]:
        """Return the figures of the comparison."""
        if not self.is_asked:
            return []
        frame = self.to_frame().set_index("table")
        names = ("missing", "added", "doubled", "identifier_changed", "different")
        share = self.outcome("matched") / max(int(frame.compared["orders"]), 1)
        return [
            Metric("migration_orders_matched", share, "share", n=int(frame.compared["orders"])),
            *(Metric(f"migration_orders_{n}", int(frame[n]["orders"]), "orders") for n in names),
            Metric("migration_amounts_different", int(frame.different["amounts"]), "orders"),
        ]

    def headline(self) -> str:
        """Say in a sentence whether the old system can be left; nothing where none was named."""
        if not self.is_asked:
            return ""
        frame = self.to_frame()
        bad = frame[frame.verdict == "not ready"].table
        return (f"Not ready to leave the old system: {', '.join(bad)}." if len(bad)
                else "Every table that was compared is ready to leave the old system.")  # fmt: skip

    def summary(self) -> str:
        """Say which tables can be cut over, and what stands against the others."""
        if not self.is_asked:
            return _NOT_ASKED
        frame = self.to_frame()
        ready = frame[frame.verdict == "ready"].table.tolist()
        bad = frame[frame.verdict == "not ready"]
        period = f"From {self.start} until before {self.end}, "
        orders = frame[frame.table == "orders"].iloc[0]
        text = (
            f"{period}{orders.matched:,} of the old system's {orders.compared:,} orders are in the "
            f"new one under their own number. Ready to cut over: {', '.join(ready) or 'nothing'}."
        )
        against = "; ".join(f"{row['table']} ({self._told(row)})" for row in bad.to_dict("records"))
        return text + (f" Not ready: {against}." if against else "")

    def days_summary(self) -> str:
        """Say on how many days the two systems agree."""
        if not self.is_asked:
            return _NOT_ASKED
        faulty = self.days_at_fault()
        days, bad = self.days.day.nunique(), faulty.day.nunique()
        if not bad:
            return f"Every day agrees in orders and money ({days:,} compared)."
        first = faulty.iloc[0]
        return (f"{days - bad:,} of {days:,} days agree in orders and money; the largest gap is "
                f"{first.currency} {first.difference:+,.2f} on {first.day}.")  # fmt: skip

    def _told(self, row: dict[Any, Any]) -> str:
        """Return the counts of a stage in words; small counts of people are not told."""
        shown = {name: text for name, text in _WORDS.items() if row[name] or name == "matched"}
        least = self.minimum_cell_size if row["table"] == "customers" else 0
        return ", ".join(
            f"fewer than {least} {text}" if 0 < row[name] < least else f"{row[name]:,} {text}"
            for name, text in shown.items()
        )

    def _customers(self) -> dict[str, Any]:
        """Return the stage of the buyers."""
        matched, changed = (self.buyers("legacy", n) for n in _SETTLED)
        missing, doubled = self.buyers("legacy", "missing"), self.buyers("legacy", "doubled")
        return {
            "table": "customers", "compared": matched + changed + missing + doubled,
            "matched": matched, "missing": missing, "added": self.buyers("new", "added"),
            "doubled": doubled, "identifier_changed": changed, "different": 0,
        }  # fmt: skip

    def _orders(self) -> dict[str, Any]:
        """Return the stage of the orders."""
        matched, changed = (self.outcome(name) for name in _SETTLED)
        missing = self.outcome("missing_in_new", "refused_in_new")
        doubled_old = self.outcome("doubled_in_legacy")
        different = self.fields[self.fields.stage == "orders"].different.sum()
        return {
            "table": "orders", "compared": matched + changed + missing + doubled_old,
            "matched": matched, "missing": missing,
            "added": self.outcome("only_in_new", "refused_in_legacy"),
            "doubled": doubled_old + self.outcome("doubled_in_new"), "identifier_changed": changed,
            "different": int(different),
        }  # fmt: skip

    def _stage(self, stage: str) -> dict[str, Any]:
        """Return the stage of some fields of the matched orders."""
        fields = {f for f in self.fields[self.fields.stage == stage].field}
        compared = int(self.fields[self.fields.stage == stage].compared.max())
        told = self.differences[
            (self.differences.kind == "field_differs") & self.differences.field.isin(fields)
        ]
        different = int(told.drop_duplicates(["legacy_line", "new_line"]).shape[0])
        return {
            "table": stage, "compared": compared, "matched": compared - different, "missing": 0,
            "added": 0, "doubled": 0, "identifier_changed": 0, "different": different,
        }  # fmt: skip


_CODES = {
    "customers": IngestCheck.MIGRATION_CUSTOMERS,
    "orders": IngestCheck.MIGRATION_ORDERS,
    "amounts": IngestCheck.MIGRATION_AMOUNTS,
    "refunds": IngestCheck.MIGRATION_REFUNDS,
    "order lines": IngestCheck.MIGRATION_LINES,
}


_NOT_ASKED = (
    "No old system's export was named (parameters migration_legacy_source and "
    "migration_new_source), so there is nothing to compare."
)

_WORDS = {
    "matched": "found again", "missing": "missing", "added": "only in the new system",
    "doubled": "doubled", "identifier_changed": "under another identifier",
    "different": "different",
}  # fmt: skip


def nothing_compared(start: str, end: str) -> MigrationResult:
    """Return the result where no exports were named."""
    columns = {
        "outcomes": ["outcome", "orders"], "customers": ["side", "outcome", "customers"],
        "fields": ["field", "stage", "compared", "different", "difference", "example_line"],
        "days": ["day", "currency", "legacy_orders", "new_orders", "matched", "missing", "added",
                 "doubled", "net_differs", "legacy_net", "new_net", "difference"],
        "differences": ["kind", "field", "legacy_order", "new_order", "legacy_line", "new_line",
                        "day", "currency", "legacy_value", "new_value"],
        "fates": ["side", "fate", "orders"],
    }  # fmt: skip
    empty = {name: pd.DataFrame(columns=names) for name, names in columns.items()}
    return MigrationResult(
        start, end, 0.0, empty["outcomes"], empty["customers"], empty["fields"], empty["days"],
        empty["differences"], empty["fates"],
    )  # fmt: skip

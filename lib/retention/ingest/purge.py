"""Taking rows out of Parquet files: people with all that is theirs, and what is past its period."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from retention.ingest.codes import Exclusion
from retention.ingest.periods import NO_PERIODS, TIMES, Periods
from retention.ingest.rewrite import Rewrite
from retention.ingest.row_status import EXCLUDED
from retention.tables import TABLES

PEOPLE = (
    "customer_key", "unit_key", "person_key", "email_key", "phone_key", "platform_key", "token",
    "anon_key",
)  # fmt: skip
"""Columns that hold the pseudonym of a person."""

STRUCK = "[erased]"
"""What stands in a published text where a pseudonym stood."""


@dataclass
class Purge(Rewrite):
    """The work of taking rows out of files; a ledger keeps their day and money.

    An order takes its lines, refunds and ledger entries with it. Events that name an order go with
    its person, not with its period: they have one of their own.

    Parameters
    ----------
    people
        Every pseudonym of those who go.
    periods
        How long rows may be kept.
    reason
        What the ledger says of their entries from then on.
    """

    people: frozenset[str] = frozenset()
    periods: Periods = NO_PERIODS
    reason: Exclusion = Exclusion.ERASED_PERSON

    def __post_init__(self) -> None:
        """Name the people, and prepare the lists of keys that go with their rows."""
        connection = self.engine.connection
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE gone_people AS SELECT unnest($people) AS k",
            {"people": sorted(self.people)},
        )
        connection.execute("CREATE OR REPLACE TEMP TABLE gone_keys (k VARCHAR, is_person BOOLEAN)")

    def prepare(self, paths: Iterable[Path]) -> None:
        """Note the keys of rows that go, so that their lines and ledger entries go, too."""
        for path in paths:
            columns = self.columns(path)
            key = columns[0]  # the vocabulary puts a table's own key first
            theirs = _any(f"{c} IN (SELECT k FROM gone_people)" for c in PEOPLE if c in columns)
            if not key.endswith("_key") or key in (*PEOPLE, "experiment_key"):
                theirs = None
            for condition, is_person in ((theirs, True), (self._past(columns), False)):
                if condition and key != "experiment_key":
                    self.engine.connection.execute(
                        f"INSERT INTO gone_keys SELECT DISTINCT {key}, {is_person} "
                        f"FROM {self.engine.parquet(path)} WHERE {condition}"
                    )

    def change(self, source: str, columns: list[str]) -> tuple[str, str] | None:
        """Return the file without the rows; a ledger keeps day and money of theirs."""
        condition = self._condition(columns)
        if condition is None:
            return None
        rows = f"SELECT * FROM {source} WHERE ({condition}) IS NOT TRUE"
        if "row_key" in columns:
            rows = anonymised(source, condition, self.reason)
        return f"SELECT count(*) FROM {source} WHERE {condition}", rows

    def replacements(self, tokens: set[str]) -> dict[str, str]:
        """Strike the people's pseudonyms out of texts."""
        return dict.fromkeys(tokens & self.people, STRUCK)

    def _condition(self, columns: list[str]) -> str | None:
        """Return SQL that is true for the rows that go, None where a file can hold none."""
        parts = [f"{c} IN (SELECT k FROM gone_people)" for c in PEOPLE if c in columns]
        parts += [part for part in (self._past(columns),) if part]
        if "order_key" in columns:
            whose = " WHERE is_person" if columns[0] == "event_key" else ""
            parts.append(f"order_key IN (SELECT k FROM gone_keys{whose})")
        if "row_key" in columns:
            parts.append("left(row_key, 32) IN (SELECT k FROM gone_keys)")
            parts.append("row_key IN (SELECT k FROM gone_people)")
        if "original_values" in columns:
            parts.append("EXISTS (SELECT 1 FROM gone_people WHERE contains(original_values, k))")
        return _any(parts)

    def _past(self, columns: list[str]) -> str | None:
        """Return the condition of the table that a file belongs to, known by its columns."""
        for name, moment in TIMES.items():
            if columns[0] == TABLES[name].key[0] and moment in columns:
                return self.periods.condition(name)
        return None


def anonymised(source: str, condition: str, reason: Exclusion) -> str:
    """Return SQL of a ledger in which some entries keep day and money, and no key."""
    return f"""
        SELECT * REPLACE (
            CASE WHEN {condition} THEN NULL ELSE row_key END AS row_key,
            CASE WHEN {condition} THEN '{EXCLUDED}' ELSE fate END AS fate,
            CASE WHEN {condition} THEN '{reason}' ELSE why END AS why)
        FROM {source}"""


def _any(conditions: Iterable[str]) -> str | None:
    """Return SQL that is true where any of the conditions is, None for none."""
    return " OR ".join(conditions) or None

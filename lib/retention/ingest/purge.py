"""Taking people out of Parquet files: whoever goes, their rows, their orders' lines and entries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from retention.ingest.codes import Exclusion
from retention.ingest.judge import EXCLUDED
from retention.ingest.rewrite import Rewrite

PEOPLE = (
    "customer_key", "unit_key", "person_key", "email_key", "phone_key", "platform_key", "token",
    "anon_key",
)  # fmt: skip
"""Columns that hold the pseudonym of a person."""

STRUCK = "[erased]"
"""What stands in a published text where a pseudonym stood."""


@dataclass
class Purge(Rewrite):
    """The work of taking people out of one engine's reach.

    Parameters
    ----------
    people
        Every pseudonym of those who go.
    reason
        What the ledger says of their entries from then on.
    """

    people: frozenset[str] = frozenset()
    reason: Exclusion = Exclusion.ERASED_PERSON

    def __post_init__(self) -> None:
        """Name the people, and prepare the list of their orders and row keys."""
        connection = self.engine.connection
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE gone_people AS SELECT unnest($people) AS k",
            {"people": sorted(self.people)},
        )
        connection.execute("CREATE OR REPLACE TEMP TABLE gone_keys (k VARCHAR)")

    def prepare(self, paths: Iterable[Path]) -> None:
        """Note the keys of the people's rows, so that their lines and ledger entries go, too."""
        for path in paths:
            columns = self.columns(path)
            people = [c for c in PEOPLE if c in columns]
            key = columns[0]  # the vocabulary puts a table's own key first
            if people and key.endswith("_key") and key not in (*PEOPLE, "experiment_key"):
                self.engine.connection.execute(
                    f"INSERT INTO gone_keys SELECT DISTINCT {key} FROM "
                    f"{self.engine.parquet(path)} WHERE {_is_theirs(people)}"
                )

    def change(self, source: str, columns: list[str]) -> tuple[str, str] | None:
        """Return the file without the people's rows; a ledger keeps day and money of theirs."""
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
        """Return SQL that is true for the people's rows, None where a file names nobody."""
        parts = [f"{c} IN (FROM gone_people)" for c in PEOPLE if c in columns]
        parts += [f"{c} IN (FROM gone_keys)" for c in ("order_key",) if c in columns]
        if "row_key" in columns:
            parts += ["left(row_key, 32) IN (FROM gone_keys)", "row_key IN (FROM gone_people)"]
        if "original_values" in columns:
            parts.append("EXISTS (SELECT 1 FROM gone_people WHERE contains(original_values, k))")
        return " OR ".join(parts) or None


def anonymised(source: str, condition: str, reason: Exclusion) -> str:
    """Return SQL of a ledger in which some entries keep day and money, and no key."""
    return f"""
        SELECT * REPLACE (
            CASE WHEN {condition} THEN NULL ELSE row_key END AS row_key,
            CASE WHEN {condition} THEN '{EXCLUDED}' ELSE fate END AS fate,
            CASE WHEN {condition} THEN '{reason}' ELSE why END AS why)
        FROM {source}"""


def _is_theirs(columns: Iterable[str]) -> str:
    """Return SQL that is true where any of the columns names one of the people."""
    return " OR ".join(f"{column} IN (FROM gone_people)" for column in columns)

"""A table of rows with their status: accepted, put into quarantine with reasons, or excluded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import duckdb

from retention.tables import Table

ACCEPTED, QUARANTINED, EXCLUDED = "accepted", "quarantined", "excluded"

FATE = f"ENUM ('{ACCEPTED}', '{QUARANTINED}', '{EXCLUDED}')"
"""Type of a row's fate: one byte a row, where a word would take sixteen."""

BOOKKEEPING = ("line_no", "occurred_at", "value_minor", "value_currency", "exclusion")


@dataclass(frozen=True)
class Judged:
    """A judged table.

    Parameters
    ----------
    name
        Its name in the engine, with every canonical column: a view.
    table
        The canonical table that it is of.
    accounts
        Whether it counts the records.
    told
        Columns that are not stored, each with the SQL that tells it.
    """

    name: str
    table: Table
    accounts: bool
    told: Mapping[str, str] = field(default_factory=dict)

    @property
    def stored(self) -> str:
        """Name of what is stored of it: where rows are changed."""
        return f"{self.name}_stored"

    @property
    def row_key(self) -> str:
        """Column that names a row in the ledger."""
        return "unit_key" if "unit_key" in self.table.key else self.table.key[0]

    def make_view(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Give the table its name: every canonical column, and the bookkeeping."""
        columns = [*self.table.names, *BOOKKEEPING, "reasons", "fate"]
        told = ", ".join(f'{self.sql(name)} AS "{name}"' for name in columns)
        connection.execute(
            f"CREATE OR REPLACE VIEW {self.name} AS SELECT {told} FROM {self.stored}"
        )

    def with_stored_exclusion(self, connection: duckdb.DuckDBPyConnection) -> Judged:
        """Return the table with ``exclusion`` stored, so that rows can be excluded one by one."""
        if "exclusion" not in self.told:
            return self
        connection.execute(f"ALTER TABLE {self.stored} ADD COLUMN exclusion VARCHAR")
        told = {name: sql for name, sql in self.told.items() if name != "exclusion"}
        stored = replace(self, told=told)
        stored.make_view(connection)
        return stored

    def stores(self, column: str) -> bool:
        """Tell whether a canonical column is stored as it is."""
        return column in self.table.names and column not in self.told

    def sql(self, column: str) -> str:
        """Return the SQL of a column over what is stored."""
        return self.told.get(column, column)


def person_column(table: Table) -> str | None:
    """Return the column that names the person, None where there is none."""
    return next((name for name in ("customer_key", "unit_key") if name in table.names), None)

"""How long rows may be kept: a period per table, counted back from the as-of date.

At ingest, rows past their period are left out and counted as such; :mod:`retention.ingest.expire`
takes those that were kept earlier off the disk. A table without a time of its own goes with the
row it belongs to: an order's lines and refunds with the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from retention.errors import ParameterError
from retention.ingest.codes import Exclusion
from retention.ingest.row_status import EXCLUDED

TIMES = {
    "orders": "ordered_epoch_s",
    "events": "event_epoch_s",
    "touches": "touched_epoch_s",
    "assignments": "assigned_epoch_s",
    "surveys": "answered_epoch_s",
    "tickets": "opened_epoch_s",
    "costs": "incurred_epoch_s",
}
"""The time that a row's period counts from, by table."""

WHOLE = ("customers", "quarantine", "runs")
"""What has a period without being a table of dated rows: people of whom nothing newer is known,
sealed records that were refused, and published runs."""

_MENDS = {
    "order_lines": "Lines go with their order: set a period for orders.",
    "refunds": "Refunds go with their order: set a period for orders.",
    "consents": "Consents are kept as long as anything else is, to prove what was lawful.",
    "outcomes": "Outcomes have no time; they go with their people: set a period for customers.",
    "covariates": "Covariates have no time; they go with their people: set a period for customers.",
}


@dataclass(frozen=True)
class Periods:
    """Periods of retention.

    Parameters
    ----------
    days
        Days by table name.
    as_of
        The ISO date that they count back from.
    """

    days: dict[str, int]
    as_of: str

    def cutoff(self, name: str) -> int | None:
        """Return the second since 1970 before which rows of a table go, None where none do."""
        if name not in self.days:
            return None
        day = date.fromisoformat(self.as_of) - timedelta(days=self.days[name])
        return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())

    def condition(self, table: str) -> str | None:
        """Return SQL that is true for the rows of a table that are past their period."""
        cutoff = self.cutoff(table)
        return f"{TIMES[table]} < {cutoff}" if cutoff is not None and table in TIMES else None

    def expired_rows(self, table: str, key: str, person: str | None) -> list[str]:
        """Return SELECTs of rows to drop, as the assembly of a snapshot wants them."""
        condition = self.condition(table)
        if condition is None:
            return []
        if person:  # those of the erased are dropped as such already
            condition += f" AND coalesce({person}, '') NOT IN (FROM erased_people)"
        return [f"SELECT sequence, piece, {key}, '{EXCLUDED}', '{Exclusion.PAST_RETENTION}' "
                f"FROM incoming WHERE {condition}"]  # fmt: skip


NO_PERIODS = Periods({}, "1970-01-01")
"""Everything is kept."""


def parse_periods(texts: Sequence[str], as_of: str) -> Periods:
    """Read ``"table: days"``.

    Raises
    ------
    ParameterError
        If a text is malformed, names no table that can have a period, or names one twice.

    Examples
    --------
    >>> parse_periods(["events: 395"], "2026-07-01").cutoff("events") == 1748736000
    True
    """
    days: dict[str, int] = {}
    for text in texts:
        name, _, number = (part.strip() for part in text.partition(":"))
        if name not in (*TIMES, *WHOLE):
            mend = _MENDS.get(name, f"Tables with a period: {', '.join((*TIMES, *WHOLE))}.")
            raise ParameterError(f"{name!r} has no period.", mend, column="retention_days")
        if not number.isascii() or not number.isdigit() or not 1 <= int(number) <= 36_600:
            raise ParameterError(
                f"{text!r} names no number of days.", "Write for example 'events: 395'.",
                column="retention_days",
            )  # fmt: skip
        if name in days:
            raise ParameterError(f"{name!r} has two periods.", "Keep one.", column="retention_days")
        days[name] = int(number)
    return Periods(days, as_of)

"""The contract of each canonical table as SQL, generated from the vocabulary.

Every rule gives a reason (``code:column``) instead of dropping a row, and NULL never passes by
three-valued logic: a rule is written so that it fires on what it can prove wrong, and missing
values have a rule of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

from retention.ingest.codes import Reason
from retention.tables import Column, Kind, Table

RULE_VERSION = "8"
"""Raise it when a rule or a key changes: quarantined rows name the version that refused them."""

ABSURD_MINOR = 100_000_000_000
"""One billion major units in a single amount is a unit error, not a sale."""

_FILLED_LATER = {"source", "source_record_id", "batch_id"}

_TABLE_RULES: dict[str, tuple[tuple[str, str], ...]] = {
    "orders": (
        (
            f"{Reason.MONEY_DISAGREES}:net_minor",
            "net_minor <> gross_minor - discount_minor - refunded_minor",
        ),
    ),
    "order_lines": (
        (
            f"{Reason.MONEY_DISAGREES}:line_net_minor",
            "abs(line_net_minor - (quantity * unit_price_minor - line_discount_minor)) "
            "> greatest(1, abs(quantity))",
        ),
    ),
}


def reasons_expression(table: Table, person: str) -> str:
    """Return SQL of type ``VARCHAR[]``: every reason why a row breaks the contract, NULL if none.

    Parameters
    ----------
    table
        The canonical table.
    person
        The column that holds the person's key, empty where there is none.

    Examples
    --------
    >>> from retention.tables import get
    >>> "missing_value:order_key" in reasons_expression(get("orders"), "customer_key")
    True
    """
    found = list(rules(table, person))
    broken = " OR ".join(f"coalesce({condition}, false)" for _, condition in found)
    cases = ", ".join(f"CASE WHEN {condition} THEN '{reason}' END" for reason, condition in found)
    listed = f"list_filter([{cases}], lambda reason: reason IS NOT NULL)"
    # Lists are dear, and nearly every row is sound: they are built for the others only.
    return f"CASE WHEN {broken} THEN {listed} END"


def rules(table: Table, person: str) -> Iterator[tuple[str, str]]:
    """Yield ``(reason, SQL condition that proves it)`` for each rule of a table."""
    for column in table:
        if column.name not in _FILLED_LATER and not column.name.endswith("_epoch_s"):
            yield from _column_rules(column, person)
    yield from _TABLE_RULES.get(table.name, ())


def _column_rules(column: Column, person: str) -> Iterator[tuple[str, str]]:
    """Yield the rules that one column's description implies."""
    name = f'"{column.name}"'
    if not column.nullable:
        code = Reason.NO_IDENTITY if column.name == person else Reason.MISSING
        yield f"{code}:{column.name}", f"{name} IS NULL"
    if column.values:
        lawful = ", ".join(f"'{value}'" for value in column.values)
        yield f"{Reason.NOT_IN_SET}:{column.name}", f"{name} NOT IN ({lawful})"
    if column.minimum is not None:
        yield f"{Reason.BELOW_MINIMUM}:{column.name}", f"{name} < {column.minimum}"
    if column.name.endswith("_minor"):
        yield f"{Reason.AMOUNT_ABSURD}:{column.name}", f"abs({name}) > {ABSURD_MINOR}"
    if column.name == "currency":
        yield f"{Reason.BAD_CURRENCY}:{column.name}", f"NOT regexp_full_match({name}, '[A-Z]{{3}}')"
    if column.kind is Kind.TIME:
        yield f"{Reason.BEFORE_ERA}:{column.name}", f"{name} < TIMESTAMP '1990-01-01'"
        yield f"{Reason.IN_FUTURE}:{column.name}", f"{name} >= TIMESTAMP '2100-01-01'"

"""The SELECT of a table of which every row of the export tells one row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from retention.sources.base import TableMapping
from retention.sources.codes import ExclusionCode, ReasonCode
from retention.sources.declarations.readings import (
    any_of,
    by_target,
    excluded_sql,
    identity_sql,
    is_money,
    kind_of,
    literal,
    read_sql,
    text_sql,
    unreadable_sql,
)
from retention.sources.declarations.schema import IDENTITIES, Part, Reading
from retention.sources.fragments import NO_EXCLUSION, NO_MONEY, WITHOUT_MONEY, column
from retention.tables import Column, Kind, Table, get

PERSONS = ("customer_key", "unit_key")
"""Columns that ingest fills from the identities."""

DEFAULTS: dict[tuple[str, str], str] = {
    ("touches", "channel"): "'email'",
    ("consents", "basis"): "'unknown'",
    ("customers", "is_guest"): "FALSE",
    ("refunds", "dating"): "'exact'",
    ("costs", "scope_type"): "'shop'",
    ("declared_links", "declared_by"): "'shop'",
}
"""What a column is where the declaration is silent; other silent columns are NULL."""

NO_CURRENCY = "currency_of(default_currency())"
_ORIGIN = ("source", "source_record_id", "batch_id")


def row_mapping(name: str, part: Part, *, accounts: bool) -> TableMapping:
    """Return the mapping of a table to which each row of the export gives at most one row.

    Parameters
    ----------
    name
        Canonical table.
    part
        What is declared of it.
    accounts
        Whether its rows stand for the file's records.
    """
    table, readings = get(name), by_target(name, part)
    person = person_of(table, readings)
    money = next((r for target, r in readings.items() if is_money(target)), None)
    select = _select(table, part, readings, person, accounts=accounts)
    constants = {}
    if accounts and money is None:
        constants = (
            WITHOUT_MONEY if exclusions(part, readings) else {**WITHOUT_MONEY, "exclusion": "NULL"}
        )
    return TableMapping(name, select, accounts=accounts, person=person, constants=constants)


def person_of(table: Table, readings: Mapping[str, Reading]) -> str:
    """Return the column that ingest fills with the person's key; none where it is given."""
    person = next((name for name in PERSONS if name in table.names), "")
    return "" if person in readings else person


def _select(
    table: Table, part: Part, readings: Mapping[str, Reading], person: str, *, accounts: bool
) -> str:
    """Return the SELECT over the landed rows."""
    reads = [f"{sql} AS {column(f'as {name}')}" for name, sql in _values(table, readings).items()]
    moment = next((f"as {n}" for n in readings if _is_time(table, n)), "")
    own = [
        f"{_own(table, c, readings)} AS {c.name}"
        for c in table
        if c.name not in (*_ORIGIN, person) and not c.name.endswith("_epoch_s")
    ]
    people = f", {people_columns(identity_sql(readings, table))}" if person else ""
    where = _where(part, readings, accounts=accounts)
    return (
        f"SELECT {', '.join(own)}, line_no, {_record(table, part, readings)} AS source_record_id,\n"
        f"{reasons_sql(table, part, readings)} AS reasons,\n"
        f"{_exclusion(part, readings, accounts)},\n"
        f"CAST({column(moment) if moment else 'NULL'} AS TIMESTAMP) AS occurred_at,\n"
        f"{_money(readings)}{people}\n"
        f"FROM (SELECT *, {', '.join(reads)} FROM landed){where}"
    )


def _values(table: Table, readings: Mapping[str, Reading]) -> dict[str, str]:
    """Return the SQL of each target's value over the landed rows."""
    code = currency_sql(readings)
    return {
        target: read_sql(table, target, reading, code)
        for target, reading in readings.items()
        if target in table.names
    } | ({"code": code} if any(is_money(target) for target in readings) else {})


def currency_sql(readings: Mapping[str, Reading]) -> str:
    """Return the SQL of the currency of a row's money."""
    if "currency" not in readings:
        return NO_CURRENCY
    return f"currency_of(coalesce({text_sql(readings['currency'])}, default_currency()))"


def _is_time(table: Table, target: str) -> bool:
    """Tell whether a target is one of the table's times."""
    return target in table.names and kind_of(table, target) is Kind.TIME


def _own(table: Table, target: Column, readings: Mapping[str, Reading]) -> str:
    """Return the SQL of one canonical column."""
    if target.name == "currency":
        return column("as code")
    if target.name == "order_key" and "order_key" in readings:
        return order_key(column("as order_key"))
    if target.name in readings:
        return column(f"as {target.name}")
    return f"CAST({DEFAULTS.get((table.name, target.name), 'NULL')} AS {target.kind})"


def order_key(text: str) -> str:
    """Return the SQL of an order's key, which begins with the shop's name.

    Examples
    --------
    >>> order_key("number")
    "shop_id() || ':' || ltrim(number, '#')"
    """
    return f"shop_id() || ':' || ltrim({text}, '#')"


def _record(table: Table, part: Part, readings: Mapping[str, Reading]) -> str:
    """Return the SQL of the record's own name: declared, else the table's key, else the line."""
    key = table.key[0]
    if part.record is not None:
        return f"CAST({text_sql(part.record)} AS VARCHAR)"
    if key in readings and len(table.key) == 1:
        return f"CAST({text_sql(readings[key])} AS VARCHAR)"
    return "CAST(line_no AS VARCHAR)"


def reasons_sql(table: Table, part: Part, readings: Mapping[str, Reading]) -> str:
    """Return the SQL of a row's reasons."""
    items = [
        item
        for target, reading in readings.items()
        if target in table.names
        for item in unreadable_sql(table, target, reading, column(f"as {target}"))
    ]
    items += [
        f"CASE WHEN text_of({column(name)}) IS NULL "
        f"THEN {literal(f'{ReasonCode.MISSING_VALUE}:{name}')} END"
        for name in part.needs
    ]
    return listed(items)


def listed(items: Iterable[str]) -> str:
    """Return the SQL of a list of reasons; lists are dear, so they are built where one is there."""
    joined = ", ".join(items)
    if not joined:
        return "CAST(NULL AS VARCHAR[])"
    return (
        f"CASE WHEN coalesce({joined}) IS NOT NULL "
        f"THEN reasons_of(CAST([{joined}] AS VARCHAR[])) END"
    )


def exclusions(part: Part, readings: Mapping[str, Reading]) -> list[str]:
    """Return the SQL of what leaves a row of the file's records out by declaration."""
    made = excluded_sql(readings, "as {}")
    if part.test_rows:
        made.append(f"CASE WHEN {any_of(part.test_rows)} THEN '{ExclusionCode.TEST_ORDER}' END")
    if part.only:
        made.append(f"CASE WHEN NOT {any_of(part.only)} THEN '{ExclusionCode.OTHER_RECORD}' END")
    return made


def _exclusion(part: Part, readings: Mapping[str, Reading], accounts: bool) -> str:
    """Return the column ``exclusion``."""
    made = exclusions(part, readings) if accounts else []
    return f"coalesce({', '.join(made)}) AS exclusion" if made else NO_EXCLUSION


def _where(part: Part, readings: Mapping[str, Reading], *, accounts: bool) -> str:
    """Return the condition on rows that concern the table; every row does where it accounts."""
    if accounts:
        return ""
    tests = [f"{column(f'as {target}')} IS NOT NULL" for target in part.filled]
    tests += [any_of(part.only)] if part.only else []
    tests += [
        f"{column(f'as {t}')} IS NOT NULL"
        for t, r in readings.items()
        if r.otherwise == "exclude" and t not in part.filled
    ]
    return f" WHERE {' AND '.join(tests)}" if tests else ""


def _money(readings: Mapping[str, Reading]) -> str:
    """Return the accounting columns of a row's raw money."""
    reading = next((r for target, r in readings.items() if is_money(target)), None)
    if reading is None:
        return NO_MONEY
    value = f"minor_value({text_sql(reading)}, {column('as code')})"
    return f"CAST({value} AS DECIMAL(38, 6)) AS value_minor, {column('as code')} AS value_currency"


def people_columns(identities: Mapping[str, str]) -> str:
    """Return the identity columns from the SQL of each identity that is known."""
    return ",\n".join(
        f"CAST({identities.get(name, 'NULL')} AS VARCHAR) AS identity_{name}" for name in IDENTITIES
    )

"""Any table at all: its column mapping stands in the params.

Each text of ``columns`` reads ``table.column = Header``: a canonical table and column (times as
``ordered_at``, money as ``gross_minor``, read in major units), or one of the identities ``email``,
``phone``, ``platform_id``, ``name``, ``postcode``. A value in single quotes is a constant. The
first table named stands for the file's records; orders and customers told by line are gathered.

>>> from retention.sources.base import ReadOptions
>>> made = FORMAT.for_options(ReadOptions(columns=(
...     "surveys.response_key = No", "surveys.instrument = 'nps'", "surveys.score = Stars",
...     "surveys.answered_at = When", "surveys.email = Mail")))
>>> made.required
('No', 'Stars', 'When', 'Mail')
"""

from __future__ import annotations

from collections.abc import Mapping

from retention.errors import ParameterError
from retention.sources.base import (
    IDENTITY_COLUMNS,
    ReadOptions,
    SourceFormat,
    TableMapping,
    column_pairs,
)
from retention.sources.codes import ReasonCode
from retention.sources.fragments import NO_EXCLUSION, NO_MONEY, column
from retention.tables import TABLES, Column, Kind, Table

Given = Mapping[str, str]
"""Canonical column or identity → header, or a constant in single quotes."""

IDENTITIES = tuple(name.removeprefix("identity_") for name in IDENTITY_COLUMNS)
ORIGIN = ("source", "source_record_id", "batch_id")
READERS = {
    Kind.TEXT: ("text_of({})", None),
    Kind.INTEGER: ("integer_of({})", ReasonCode.UNREADABLE_NUMBER),
    Kind.NUMBER: ("number_of({})", ReasonCode.UNREADABLE_NUMBER),
    Kind.FLAG: ("flag_of({})", ReasonCode.UNREADABLE_FLAG),
    Kind.TIME: ("time_of({})", ReasonCode.UNREADABLE_TIME),
}
ROWS = "generic_rows"
NETS: dict[tuple[str, str], tuple[str, ...]] = {
    ("orders", "net_minor"): ("{} - {} - {}", "gross_minor", "discount_minor", "refunded_minor"),
    ("order_lines", "line_net_minor"): (
        "product_of({}, {}) - {}", "quantity", "unit_price_minor", "line_discount_minor"),
}  # fmt: skip

DEFAULTS: dict[tuple[str, str], str] = {
    ("orders", "shop_id"): "shop_id()",
    ("orders", "time_precision"): "'second'",
    ("orders", "shop_tz"): "shop_zone()",
    ("orders", "status"): "'paid'",
    ("orders", "discount_minor"): "0",
    ("orders", "shipping_minor"): "0",
    ("orders", "tax_minor"): "0",
    ("orders", "marketplace_tax_minor"): "0",
    ("orders", "refunded_minor"): "0",
    ("order_lines", "line_discount_minor"): "0",
    ("touches", "channel"): "'email'",
    ("consents", "basis"): "'unknown'",
    ("customers", "is_guest"): "FALSE",
    ("refunds", "dating"): "'exact'",
    ("costs", "scope_type"): "'shop'",
}
"""What a column is where the mapping is silent; other silent columns are NULL."""


def _expand(options: ReadOptions) -> SourceFormat:
    """Build the format that a column mapping describes."""
    given = _given(options)
    headers = tuple(dict.fromkeys(
        header for wanted in given.values() for header in wanted.values() if header[0] != "'"
    ))  # fmt: skip
    tables = tuple(
        _mapping(TABLES[name], wanted, given, accounts=position == 0)
        for position, (name, wanted) in enumerate(given.items())
    )
    kinds = [
        (TABLES[name][target], header)
        for name, wanted in given.items()
        for target, header in wanted.items()
        if not _is_identity(TABLES[name], target) and header[0] != "'"
    ]
    return SourceFormat(
        name="generic", meaning=FORMAT.meaning, required=headers, optional=(), tables=tables,
        dates=tuple(dict.fromkeys(h for c, h in kinds if c.kind is Kind.TIME)),
        money=tuple(dict.fromkeys(
            h for c, h in kinds if c.name.endswith("_minor") or c.kind is Kind.NUMBER
        )),
        is_settled=True,
    )  # fmt: skip


def _given(options: ReadOptions) -> dict[str, dict[str, str]]:
    """Return the mapping by table, checked against the vocabulary."""
    given: dict[str, dict[str, str]] = {}
    for target, header in column_pairs(options.columns):
        table, _, name = target.partition(".")
        if table not in TABLES or name not in (*TABLES[table].names, *IDENTITIES):
            raise ParameterError(
                f"There is no canonical column {target!r}.",
                "Write 'table.column = Header', for example 'orders.ordered_at = Date'.",
                column="columns",
            )  # fmt: skip
        given.setdefault(table, {})[name] = header
    if not given:
        raise ParameterError(
            "The generic source has no column mapping.",
            "Set columns, for example 'orders.order_key = Order No'.", column="columns",
        )  # fmt: skip
    return given


def _is_identity(table: Table, name: str) -> bool:
    """Tell whether a target is an identity: a covariate's ``name`` is a column of its table."""
    return name in IDENTITIES and name not in table.names


def _mapping(
    table: Table, wanted: Given, given: Mapping[str, Given], *, accounts: bool
) -> TableMapping:
    """Return the mapping of one table."""
    person = next((n for n in ("customer_key", "unit_key") if n in table.names), "")
    person = "" if person in wanted else person
    if table.name == "orders" and not accounts:
        select = _gathered_orders(wanted, given, person)
    elif table.name == "customers" and not accounts:
        select = _gathered_people(wanted)
    else:
        select = _row_select(table, wanted, person)
    views = {ROWS: _rows(given)} if accounts else {}
    return TableMapping(table.name, select, accounts=accounts, person=person, views=views)


def _rows(given: Mapping[str, Given]) -> str:
    """Return the view of every reading, made once, under the name ``table.column``."""
    codes = [f"{_code(wanted)} AS {_code_of(TABLES[t])}" for t, wanted in given.items()]
    reads, reasons = [], []
    for name, wanted in given.items():
        table = TABLES[name]
        reads += [
            f"{_read(table, target, header)} AS {_reading(table, target)}"
            for target, header in wanted.items()
        ]
        reasons.append(f"{_reasons(table, wanted)} AS {_reading(table, 'reasons')}")
        reads.append(f"{_worth(table, wanted)} AS {_reading(table, 'value')}")
    read = f"SELECT *, {', '.join(reads)} FROM (SELECT *, {', '.join(codes)} FROM landed)"
    kept = [_reading(TABLES[t], n) for t, w in given.items() for n in (*w, "value")]
    kept += [_code_of(TABLES[t]) for t in given]
    return (
        f"SELECT line_no, {', '.join(kept)}, {', '.join(reasons)}, "
        f"CAST({_moment(given)} AS TIMESTAMP) AS moment FROM ({read})"
    )


def _reading(table: Table, name: str) -> str:
    """Return the name under which the view holds a reading."""
    return column(f"{table.name}.{name}")


def _code_of(table: Table) -> str:
    """Return the name under which the view holds the currency of a table's money."""
    return column(f"{table.name} currency")


def _read(table: Table, name: str, header: str) -> str:
    """Return the SQL that reads a header or a constant as a canonical column or identity."""
    text = "'" + header.strip("'").replace("'", "''") + "'" if header[0] == "'" else column(header)
    if _is_identity(table, name):
        return f"CAST(text_of({text}) AS VARCHAR)"
    if name == "currency":
        return f"currency_of({text})"
    if name.endswith("_minor"):
        return f"minor_of({text}, {_code_of(table)})"
    return READERS[table[name].kind][0].format(text)


def _code(wanted: Given) -> str:
    """Return the SQL of the row's currency."""
    header = wanted.get("currency")
    return _read(TABLES["orders"], "currency", header) if header else "default_currency()"


def _moment(given: Mapping[str, Given]) -> str:
    """Return the reading that dates a row: the first time that the mapping names."""
    return next(
        (_reading(TABLES[table], name) for table, wanted in given.items() for name in wanted
         if not _is_identity(TABLES[table], name) and TABLES[table][name].kind is Kind.TIME),
        "NULL",
    )  # fmt: skip


def _reasons(table: Table, wanted: Given) -> str:
    """Return the SQL of the row's reasons."""
    cases = []
    for name, header in wanted.items():
        if _is_identity(table, name) or header[0] == "'":
            continue
        is_number = not name.endswith("_minor") and table[name].kind is Kind.NUMBER
        written = f"measured({column(header)})" if is_number else column(header)
        code = ReasonCode.UNREADABLE_MONEY if name.endswith("_minor") else (
            READERS[table[name].kind][1])  # fmt: skip
        if code:
            label = f"{code}:{header}".replace("'", "''")
            cases.append(f"unreadable('{label}', {written}, {_reading(table, name)})")
    return f"reasons_of(CAST([{', '.join(cases)}] AS VARCHAR[]))"


def _worth(table: Table, wanted: Given) -> str:
    """Return the SQL of the row's raw money in minor units."""
    quantity, price = wanted.get("quantity"), wanted.get("unit_price_minor")
    code = _code_of(table)
    if table.name == "order_lines" and quantity and price:
        value = f"line_value({column(quantity)}, {column(price)}, {code})"
    else:
        money = next((h for n, h in wanted.items() if n.endswith("_minor") and h[0] != "'"), None)
        value = f"minor_value({column(money)}, {code})" if money else "0"
    return f"CAST({value} AS DECIMAL(38, 6))"


def _value(table: Table, target: Column, wanted: Given) -> str:
    """Return the SQL of one canonical column over the view."""
    if target.name in wanted:
        return _reading(table, target.name)
    if target.name == "currency":
        return _code_of(table)
    parts = NETS.get((table.name, target.name))
    if parts:
        return parts[0].format(*(_value(table, table[n], wanted) for n in parts[1:]))
    default = DEFAULTS.get((table.name, target.name), "NULL")
    return f"CAST({default} AS {target.kind})"


def _row_select(table: Table, wanted: Given, person: str) -> str:
    """Return a SELECT that makes one canonical row of each landed row."""
    columns = [
        f"{_value(table, c, wanted)} AS {c.name}" for c in table
        if c.name not in (*ORIGIN, person) and not c.name.endswith("_epoch_s")
    ]  # fmt: skip
    key = table.key[0]
    record = _reading(table, key) if key in wanted else "line_no"
    people = f", {_people(table, wanted)}" if person else ""
    return (
        f"SELECT {', '.join(columns)}, line_no, CAST({record} AS VARCHAR) AS source_record_id, "
        f"{_reading(table, 'reasons')} AS reasons, {NO_EXCLUSION}, moment AS occurred_at, "
        f"{_reading(table, 'value')} AS value_minor, {_code_of(table)} AS value_currency{people} "
        f"FROM {ROWS}"
    )


def _people(table: Table, wanted: Given, over: str = "{}") -> str:
    """Return the identity columns, each through ``over``."""
    return ", ".join(
        f"{over.format(_reading(table, name))} AS identity_{name}"
        if name in wanted and _is_identity(table, name)
        else f"CAST(NULL AS VARCHAR) AS identity_{name}"
        for name in IDENTITIES
    )


def _gathered_orders(wanted: Given, given: Mapping[str, Given], person: str) -> str:
    """Return a SELECT that makes one order of all lines with the same key.

    Amounts that the mapping names are taken from the order's lines once (exports repeat them on
    every line); a gross that it does not name is the sum of the lines.
    """
    table, lines = TABLES["orders"], TABLES["order_lines"]
    gross = "CAST(NULL AS BIGINT)"
    if "gross_minor" in wanted:
        gross = f"min({_reading(table, 'gross_minor')})"
    elif {"quantity", "unit_price_minor"} <= set(given.get("order_lines", {})):
        factors = f"{_reading(lines, 'quantity')}, {_reading(lines, 'unit_price_minor')}"
        gross = f"CAST(sum(product_of({factors})) AS BIGINT)"
    people = f", {_people(table, wanted, 'min({})')}" if person else ""
    key = _reading(table, "order_key")
    return f"""
SELECT *, gross_minor - discount_minor - refunded_minor AS net_minor
FROM (
  SELECT {key} AS order_key, {_least(table, wanted, ("order_key", "gross_minor", "net_minor"))},
    {gross} AS gross_minor, min(line_no) AS line_no, {key} AS source_record_id,
    {_bookkeeping(table)}{people}
  FROM {ROWS} WHERE {key} IS NOT NULL GROUP BY {key}
)"""


def _gathered_people(wanted: Given) -> str:
    """Return a SELECT that makes one observation of each identity told line by line."""
    table = TABLES["customers"]
    keys = ", ".join(_reading(table, name) for name in IDENTITIES if name in wanted)
    return f"""
SELECT {_least(table, wanted, ())}, min(line_no) AS line_no,
  CAST(min(line_no) AS VARCHAR) AS source_record_id, {_bookkeeping(table)},
  {_people(table, wanted, "min({})")}
FROM {ROWS} GROUP BY {keys or "line_no"}"""


def _least(table: Table, wanted: Given, left_out: tuple[str, ...]) -> str:
    """Return the columns of a group: the least value of what is mapped, else the default."""
    return ", ".join(
        f"{f'min({sql})' if c.name in wanted or c.name == 'currency' else sql} AS {c.name}"
        for c in table
        if c.name not in (*ORIGIN, *left_out, "customer_key") and not c.name.endswith("_epoch_s")
        for sql in (_value(table, c, wanted),)
    )


def _bookkeeping(table: Table) -> str:
    """Return the reserved columns of a gathered row, which carries no money of its own."""
    return (
        f"max({_reading(table, 'reasons')}) AS reasons, {NO_EXCLUSION}, "
        f"min(moment) AS occurred_at, {NO_MONEY}"
    )


FORMAT = SourceFormat(
    name="generic",
    meaning="Any delimited, JSON, Parquet or database table; its column mapping is a parameter.",
    required=(),
    optional=(),
    tables=(),
    expand=_expand,
)

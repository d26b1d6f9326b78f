"""The SQL of one reading: a column of the export becomes a canonical value, or NULL."""

from __future__ import annotations

from collections.abc import Mapping

from retention.sources.codes import ExclusionCode, ReasonCode
from retention.sources.declarations.labels import LABELS, OFFSETS, ZONES
from retention.sources.declarations.schema import IDENTITIES, Part, Reading, canonical_target
from retention.sources.fragments import column
from retention.tables import Kind, Table

_READERS = {
    Kind.TEXT: "text_of({})",
    Kind.INTEGER: "integer_of({})",
    Kind.NUMBER: "number_of({})",
    Kind.FLAG: "flag_of({})",
    Kind.TIME: "time_of({})",
}
_CODES = {
    Kind.INTEGER: ReasonCode.UNREADABLE_NUMBER,
    Kind.NUMBER: ReasonCode.UNREADABLE_NUMBER,
    Kind.FLAG: ReasonCode.UNREADABLE_FLAG,
    Kind.TIME: ReasonCode.UNREADABLE_TIME,
}
_MONEY = ("goods", "total", "line_gross")
_TIMES = ("first_seen_at", "ordered_at")
_FORMS = {
    "": "{}",
    "lower": "lower({})",
    "slug": "regexp_replace(lower({}), '[^a-z0-9]+', '_', 'g')",
    "plain": "plain_of({})",
}


def literal(text: str) -> str:
    """Return a text as SQL.

    Examples
    --------
    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def is_money(target: str) -> bool:
    """Tell whether a target holds an amount of money."""
    return target.endswith("_minor") or target in _MONEY


def kind_of(table: Table, target: str) -> Kind:
    """Return the type of a target that is no money."""
    if target in _TIMES or target.endswith("_at"):
        return Kind.TIME
    if target == "is_guest":
        return Kind.FLAG
    return table[target].kind if target in table.names else Kind.TEXT


def by_target(table: str, part: Part) -> dict[str, Reading]:
    """Return a part's readings by their canonical names."""
    return {canonical_target(table, name): reading for name, reading in part.columns.items()}


def text_sql(reading: Reading, kind: Kind = Kind.TEXT) -> str:
    """Return the text that a reading is made of, NULL where there is none."""
    if reading.value is not None:
        return literal(reading.value)
    if reading.join:
        head, *rest = (f"text_of({column(name)})" for name in reading.join)
        if kind is Kind.TIME:  # a date without its time is a date
            return head + "".join(f" || coalesce(' ' || {text}, '')" for text in rest)
        return " || ' ' || ".join((head, *rest))
    if reading.key:
        return " || '|' || ".join(f"coalesce(text_of({column(name)}), '')" for name in reading.key)
    if reading.first:
        return f"coalesce({', '.join(f'text_of({column(name)})' for name in reading.first)})"
    text = f"text_of({column(reading.column or reading.sum[0])})"
    if reading.blank:
        words = ", ".join(literal(word.lower()) for word in reading.blank)
        return f"CASE WHEN lower({text}) NOT IN ({words}) THEN {text} END"
    return text


def read_sql(table: Table, target: str, reading: Reading, currency: str) -> str:
    """Return the SQL of a target's value.

    Parameters
    ----------
    table, target
        Canonical table, and its column or extra target under the canonical name.
    reading
        Where the value stands.
    currency
        SQL of the currency of the row's money.
    """
    if is_money(target):
        return _amount(reading, currency)
    kind = kind_of(table, target)
    text = text_sql(reading, kind)
    if reading.default is not None:
        text = f"coalesce({text}, {literal(reading.default)})"
    labels = labels_of(table.name, target, reading)
    if labels:
        text = _labelled(reading, text, labels)
    if target == "currency":
        return f"currency_of({text})"
    if target == "zone":
        return f"lower(text_of({text}))"
    value = _READERS[kind].format(_FORMS[reading.form].format(text))
    if reading.prefix:
        value = f"{literal(reading.prefix)} || {value}"
    if reading.minutes_after:
        start, minutes = (column(name) for name in reading.minutes_after)
        value = f"coalesce({value}, time_of({start}) + to_seconds(integer_of({minutes}) * 60))"
    return value


def _amount(reading: Reading, currency: str) -> str:
    """Return the SQL of an amount in minor units: one column, or some added and subtracted."""
    if not (reading.sum or reading.less):
        text = text_sql(reading)
        text = f"coalesce({text}, {literal(reading.default)})" if reading.default else text
        return f"minor_of({text}, {currency})"
    added = reading.sum or (reading.column,)
    parts = {name: f"minor_of({column(name)}, {currency})" for name in (*added, *reading.less)}
    total = " + ".join(f"coalesce({parts[name]}, 0)" for name in added)
    total += "".join(f" - abs(coalesce({parts[name]}, 0))" for name in reading.less)
    unread = " OR ".join(
        f"({part} IS NULL AND text_of({column(name)}) IS NOT NULL)" for name, part in parts.items()
    )
    empty = " AND ".join(f"text_of({column(name)}) IS NULL" for name in added)
    return f"CASE WHEN {unread} OR ({empty}) THEN NULL ELSE {total} END"


def labels_of(table: str, target: str, reading: Reading) -> dict[str, str]:
    """Return the labels that hold for a reading: the known ones, then its own."""
    known = LABELS.get((table, target), {})
    return {**known, **{word.lower(): meaning for word, meaning in reading.labels.items()}}


def _labelled(reading: Reading, text: str, labels: Mapping[str, str]) -> str:
    """Return the CASE that turns labels into canonical words."""
    cases = " ".join(f"WHEN {literal(word)} THEN {literal(to)}" for word, to in labels.items())
    others = reading.otherwise
    rest = literal(others) if others is not None and others != "exclude" else "NULL"
    if others == "slug":
        rest = _FORMS["slug"].format(text)
    return f"CASE WHEN {text} IS NULL THEN NULL ELSE CASE lower({text}) {cases} ELSE {rest} END END"


def unreadable_sql(table: Table, target: str, reading: Reading, value: str) -> list[str]:
    """Return the SQL of the reasons why a reading of a row may have failed.

    Parameters are those of `read_sql`, and the SQL of what was read.
    """
    code = ReasonCode.UNREADABLE_MONEY if is_money(target) else None
    if code is None and labels_of(table.name, target, reading):
        code = None if reading.otherwise == "exclude" else ReasonCode.UNKNOWN_LABEL
    elif code is None and not reading.value:
        code = _CODES.get(kind_of(table, target))
    if code is None or reading.value is not None:
        return []
    shown = reading.minutes_after or reading.headers
    if reading.minutes_after:
        own, minutes = reading.column, shown[1]
        return [
            _reason(ReasonCode.UNREADABLE_TIME, own, f"time_of({column(own)})"),
            _reason(ReasonCode.UNREADABLE_NUMBER, minutes, f"integer_of({column(minutes)})"),
        ]
    if reading.first and code is ReasonCode.UNREADABLE_TIME:
        return [_reason(code, name, f"time_of({column(name)})") for name in reading.first]
    text = text_sql(reading)
    if code is ReasonCode.UNREADABLE_NUMBER and kind_of(table, target) is Kind.NUMBER:
        text = f"measured({text})"  # "n/a" is no measurement, and no fault
    return [f"unreadable({literal(f'{code}:{shown[0]}')}, {text}, {value})"]


def _reason(code: ReasonCode, name: str, value: str) -> str:
    """Return the SQL of one reason."""
    return f"unreadable({literal(f'{code}:{name}')}, {column(name)}, {value})"


def excluded_sql(readings: Mapping[str, Reading], alias: str) -> list[str]:
    """Return the conditions under which a label without a meaning leaves its row out.

    Parameters
    ----------
    readings
        Readings by target.
    alias
        Pattern of the name under which a target's value is at hand.
    """
    return [
        f"CASE WHEN {text_sql(reading)} IS NOT NULL AND {column(alias.format(target))} IS NULL "
        f"THEN '{ExclusionCode.OTHER_EVENT}' END"
        for target, reading in readings.items()
        if reading.otherwise == "exclude"
    ]


def any_of(conditions: Mapping[str, tuple[str, ...]]) -> str:
    r"""Return the SQL condition that a column has one of its labels.

    Examples
    --------
    >>> any_of({"Type": ("Refund",)})
    'coalesce(lower(text_of("Type")) IN (\'refund\'), FALSE)'
    """
    tests = (
        f"lower(text_of({column(name)})) IN ({', '.join(literal(w.lower()) for w in words)})"
        for name, words in conditions.items()
    )
    return f"coalesce({' OR '.join(tests)}, FALSE)"


def identity_sql(readings: Mapping[str, Reading], table: Table) -> dict[str, str]:
    """Return the SQL of each raw identity that the readings give, by its kind.

    A covariate's ``name`` is no identity: a table's own columns go before.
    """
    made = {}
    for name in IDENTITIES:
        if name in readings and name not in table.names:
            reading = readings[name]
            made[name] = _FORMS[reading.form].format(text_sql(reading))
    if "email_or_id" in readings:
        text = text_sql(readings["email_or_id"])
        made["email"] = f"CASE WHEN contains({text}, '@') THEN {text} END"
        made["platform_id"] = f"CASE WHEN NOT contains({text}, '@') THEN {text} END"
    if "any_identity" in readings:
        text = text_sql(readings["any_identity"])
        phone = f"regexp_full_match({text}, '[-+0-9 ().]+')"
        made["email"] = f"CASE WHEN contains({text}, '@') THEN {text} END"
        made["phone"] = f"CASE WHEN {phone} THEN {text} END"
        made["platform_id"] = f"CASE WHEN NOT contains({text}, '@') AND NOT {phone} THEN {text} END"
    return made


def zoned_sql(moment: str, zone: str) -> str:
    """Return a local time's instant where its row names the zone, by IANA name or hours.

    Parameters
    ----------
    moment
        SQL of the time as it was read, in the zone of the file.
    zone
        SQL of the row's zone, in small letters.
    """
    local = f"timezone(shop_zone(), timezone('UTC', {moment}))"
    named = " ".join(
        f"WHEN {literal(word)} THEN timezone('UTC', timezone({literal(name)}, {local}))"
        for word, name in ZONES.items()
    )
    fixed = " ".join(
        f"WHEN {literal(word)} THEN {local} - to_hours({hours})" for word, hours in OFFSETS.items()
    )
    return f"CASE {zone} {named} {fixed} ELSE {moment} END"

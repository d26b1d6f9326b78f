"""Safe parsing in SQL: text in, value or NULL out; never a bare cast.

A cast in the engine rounds 1.7 to 2, reads ``10.`` and ``4.00E+12``, and drops an offset from a
time. So every value is first matched against a pattern that admits no loss.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from retention.quantities import THREE_DECIMALS, ZERO_DECIMALS


@dataclass(frozen=True)
class Conventions:
    """How a file writes dates, numbers and local times, once that has been established.

    Parameters
    ----------
    date_order
        ``month_first`` or ``day_first``.
    decimal
        ``.`` or ``,``.
    time_zone
        IANA name of the zone of times without an offset.
    shop_zone
        IANA name of the zone of the shop's clock.
    """

    date_order: str = "month_first"
    decimal: str = "."
    time_zone: str = "UTC"
    shop_zone: str = "UTC"


def install_macros(connection: duckdb.DuckDBPyConnection, conventions: Conventions) -> None:
    """Define the parsing macros for a file with these conventions (replacing earlier ones)."""
    for signature, body in (*_text(), *_numbers(conventions), *_times(conventions)):
        connection.execute(f"CREATE OR REPLACE MACRO {signature} AS {body}")


def _text() -> list[tuple[str, str]]:
    """Return macros on text, flags and lists of reasons."""
    return [
        ("text_of(x)", "nullif(trim(x), '')"),
        ("plain_of(x)", "CASE WHEN starts_with(x, '''') THEN text_of(substr(x, 2)) "
                        "ELSE text_of(x) END"),
        ("flag_of(x)", "CASE WHEN lower(text_of(x)) IN ('yes', 'true', 'y', '1', 't') THEN TRUE "
                       "WHEN lower(text_of(x)) IN ('no', 'false', 'n', '0', 'f') THEN FALSE END"),
        ("unreadable(code, x, value)",
         "CASE WHEN value IS NULL AND text_of(x) IS NOT NULL THEN code END"),
        ("reasons_of(items)", "list_filter(items, lambda item: item IS NOT NULL)"),
        ("currency_of(x)",
         "CASE WHEN regexp_full_match(x, '[A-Z]{3}') THEN x "
         "WHEN regexp_full_match(upper(text_of(x)), '[A-Z]{3}') THEN upper(text_of(x)) END"),
        ("currency_factor(code)", "CASE WHEN code IN ('USD', 'EUR', 'GBP') THEN 100 "
                                  f"WHEN code IN {ZERO_DECIMALS} THEN 1 "
                                  f"WHEN code IN {THREE_DECIMALS} THEN 1000 ELSE 100 END"),
    ]  # fmt: skip


_WHOLE = "CASE WHEN b = floor(b) THEN TRY_CAST(b AS BIGINT) END"


def _named_once(value: str, expression: str) -> str:
    """Return SQL of an expression over ``b``, which stands for a dear value.

    A macro is text: a value named three times is written three times, and macros upon macros grow
    to hundreds of patterns, which the engine compiles before it reads a row.
    """
    return f"list_transform([{value}], lambda b: {expression})[1]"


def _numbers(conventions: Conventions) -> list[tuple[str, str]]:
    """Return macros on numbers for the file's decimal mark."""
    comma = conventions.decimal == ","
    mark, group = ("[,]", "[.]") if comma else ("[.]", "[,]")
    grouped = f"[+-]?([0-9]{{1,15}}|[0-9]{{1,3}}({group}[0-9]{{3}})+)?({mark}[0-9]{{1,6}})?"
    unmarked = "replace(replace(b, '.', ''), ',', '.')" if comma else "replace(b, ',', '')"
    plain = "[0-9]{1,12}" if comma else "[0-9]{1,12}([.][0-9]{1,6})?"
    return [
        ("bare_amount(x)",
         "regexp_replace(regexp_replace(text_of(x), '^[(](.*)[)]$', '-\\1'), "
         "'(^|-)[A-Z]{1,3} ?[$]|[\\s\\p{Sc}\\x{00A0}\\x{202F}]|^[A-Z]{3}|[A-Z]{3}$', '\\1', 'g')"),
        ("number_text(x)",
         f"CASE WHEN regexp_full_match(x, '-?{plain}') THEN x ELSE "
         + _named_once("bare_amount(x)", f"CASE WHEN regexp_full_match(b, '{grouped}') "
                       f"AND regexp_matches(b, '[0-9]') THEN {unmarked} END") + " END"),
        ("decimal_of(x)", "TRY_CAST(number_text(x) AS DECIMAL(16, 6))"),
        *_measurements(plain, group, mark, unmarked),
        ("integer_of(x)", "CASE WHEN regexp_full_match(x, '-?[0-9]{1,9}') "
                          "THEN TRY_CAST(x AS BIGINT) ELSE "
                          + _named_once("decimal_of(x)", _WHOLE) + " END"),
        *_money(comma),
    ]  # fmt: skip


BLANK_NUMBERS = (
    "nan", "na", "n/a", "#n/a", "#num!", "#div/0!", "null", "none", "nil", "inf", "+inf", "-inf",
    "infinity", "+infinity", "-infinity", "-", ".", "?",
)  # fmt: skip
"""What tools write, in small letters, where a measurement is missing or cannot be a number."""


def _measurements(plain: str, group: str, mark: str, unmarked: str) -> list[tuple[str, str]]:
    """Return macros on measurements, which are no money: any number of decimals, an exponent."""
    digits = f"([0-9]+|[0-9]{{1,3}}({group}[0-9]{{3}})+)({mark}[0-9]*)?|{mark}[0-9]+"
    written = f"[+-]?({digits})([eE][+-]?[0-9]{{1,3}})?"
    finite = f"list_transform([TRY_CAST({unmarked} AS DOUBLE)], lambda n: if(isfinite(n), n, NULL))"
    blanks = ", ".join(f"'{word}'" for word in BLANK_NUMBERS)
    return [
        ("number_of(x)",
         f"CASE WHEN regexp_full_match(x, '-?{plain}') THEN TRY_CAST(x AS DOUBLE) ELSE "
         + _named_once("bare_amount(x)",
                       f"CASE WHEN regexp_full_match(b, '{written}') THEN {finite}[1] END")
         + " END"),
        ("measured(x)", f"CASE WHEN lower(text_of(x)) NOT IN ({blanks}) THEN text_of(x) END"),
    ]  # fmt: skip


def _money(comma: bool) -> list[tuple[str, str]]:
    """Return macros on money: exact minor units, or NULL."""
    mark = "," if comma else "."
    plain_cents = f"regexp_full_match(x, '-?[0-9]{{1,9}}[{mark}][0-9]{{2}}')"
    return [
        ("minor_value(x, code)",
         "CAST(decimal_of(x) AS DECIMAL(24, 6)) * CAST(currency_factor(code) AS DECIMAL(4, 0))"),
        ("minor_of(x, code)",
         f"CASE WHEN {plain_cents} AND currency_factor(code) = 100 "
         f"THEN TRY_CAST(replace(x, '{mark}', '') AS BIGINT) "
         "ELSE " + _named_once("minor_value(x, code)", _WHOLE) + " END"),
        ("product_of(a, b)", "TRY(a * b)"),
        ("line_value(quantity, price, code)",
         "coalesce(CAST(product_of(integer_of(quantity), minor_of(price, code)) "
         "AS DECIMAL(38, 6)), "
         "CAST(decimal_of(quantity) * minor_value(price, code) AS DECIMAL(38, 6)))"),
        ("rounded_minor(value)", "TRY_CAST(round(value, 0) AS BIGINT)"),
    ]  # fmt: skip


def _times(conventions: Conventions) -> list[tuple[str, str]]:
    """Return macros on times for the file's date order and zone."""
    zone, shop = (
        name.replace("'", "''") for name in (conventions.time_zone, conventions.shop_zone)
    )
    local = "value" if zone == "UTC" else f"timezone('UTC', timezone('{zone}', value))"
    return [
        ("utc_of_local(value)", local),
        ("shop_clock(value)",
         "value" if shop == "UTC" else f"timezone('{shop}', timezone('UTC', value))"),
        ("lawful_time(value)",
         "CASE WHEN value BETWEEN TIMESTAMP '1970-01-01' AND TIMESTAMP '2100-01-01' "
         "THEN value END"),
        *_iso_times(),
        *_slashed_times(conventions.date_order),
        _worded_times(),
        ("time_of(x)",
         f"CASE {_usual_times(conventions.date_order)} "
         "WHEN is_slashed(text_of(x)) THEN utc_of_local(slashed_time(text_of(x))) "
         "WHEN regexp_matches(x, '^[ ]*([A-Za-z]{3}|[0-9]{1,2}[ -][A-Za-z]{3})') "
         "THEN lawful_time(utc_of_local(worded_time(text_of(x)))) "
         "ELSE lawful_time(iso_time(text_of(x))) END"),
        ("precision_of(x)", "CASE WHEN contains(x, ':') THEN 'second' ELSE 'day' END"),
        ("microseconds_of(x)",
         "CASE WHEN regexp_full_match(text_of(x), '[0-9]{15,17}') "
         "THEN lawful_time(make_timestamp(TRY_CAST(text_of(x) AS BIGINT) // 1000000 * 1000000)) "
         "END"),
    ]  # fmt: skip


def _usual_times(date_order: str) -> str:
    """Return the branches of `_usual_instants` and, after them, the usual slashed days."""
    day = "%m/%d" if date_order == "month_first" else "%d/%m"
    slashes = "substr(x, 3, 1) = '/' AND substr(x, 6, 1) = '/'"
    return (
        f"{_usual_instants()} WHEN length(x) = 8 AND {slashes} AND substr(x, 7, 1) < '6' "
        f"THEN utc_of_local(try_strptime(x, '{day}/%y')) "
        f"WHEN length(x) = 10 AND {slashes} AND substr(x, 7, 4) BETWEEN '1970' AND '2099' "
        f"THEN utc_of_local(try_strptime(x, '{day}/%Y'))"
    )


def _usual_instants() -> str:
    """Return the branches for the usual spellings, told by length and a character or two.

    Matching patterns costs ten times more, and an export holds millions of times. A text that has
    such a length and does not parse is no time; no spelling admitted elsewhere looks alike.
    """
    ranged = "x >= '1970' AND x < '2100'"
    known = [
        (25, " ", "substr(x, 20, 1) = ' '",
         "timezone('UTC', try_strptime(x, '%Y-%m-%d %H:%M:%S %z'))"),
        (25, " ", "substr(x, 20, 1) IN ('+', '-')",
         "timezone('UTC', try_strptime(x, '%Y-%m-%d %H:%M:%S%z'))"),
        (25, "T", "substr(x, 20, 1) IN ('+', '-')",
         "timezone('UTC', try_strptime(x, '%Y-%m-%dT%H:%M:%S%z'))"),
        (24, "T", "ends_with(x, 'Z')", "try_strptime(substr(x, 1, 19), '%Y-%m-%dT%H:%M:%S')"),
        (23, " ", "ends_with(x, ' UTC')", "try_strptime(x, '%Y-%m-%d %H:%M:%S UTC')"),
        (20, "T", "ends_with(x, 'Z')", "try_strptime(x, '%Y-%m-%dT%H:%M:%SZ')"),
        (19, " ", "TRUE", "utc_of_local(try_strptime(x, '%Y-%m-%d %H:%M:%S'))"),
    ]  # fmt: skip
    return " ".join(
        f"WHEN length(x) = {length} AND substr(x, 11, 1) = '{mark}' AND {ranged} AND {test} "
        f"THEN {value}"
        for length, mark, test, value in known
    )


def _iso_times() -> list[tuple[str, str]]:
    """Return macros on every admitted spelling that begins with the year."""
    forms = "'%Y-%m-%d %H:%M:%S', '%Y-%m-%d %H:%M', '%Y-%m-%d'"
    day, clock = "[0-9]{4}-[0-9]{2}-[0-9]{2}", "[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?"
    return [
        ("iso_base(x)", f"try_strptime(replace(regexp_extract(x, '^({day}([T ][0-9:]+)?)', 1), "
                        f"'T', ' '), [{forms}])"),
        ("offset_minutes(x)",
         "CASE WHEN regexp_matches(x, '(Z|UTC)$') THEN 0 ELSE "
         "(CASE WHEN regexp_extract(x, '([+-])[0-9:]+$', 1) = '-' THEN -1 ELSE 1 END) * "
         "(CAST(regexp_extract(x, '[+-]([0-9]{2}):?[0-9]{2}$', 1) AS INTEGER) * 60 + "
         "CAST(regexp_extract(x, '[+-][0-9]{2}:?([0-9]{2})$', 1) AS INTEGER)) END"),
        ("iso_time(x)",
         f"CASE WHEN regexp_full_match(x, '{day}([T ]{clock})?') THEN utc_of_local(iso_base(x)) "
         f"WHEN regexp_full_match(x, '{day}[T ]{clock} ?(Z|UTC|[+-][0-9]{{2}}:?[0-9]{{2}})') "
         "THEN iso_base(x) - to_minutes(offset_minutes(x)) END"),
    ]  # fmt: skip


def _worded_times() -> tuple[str, str]:
    """Return the macro on days with the month as an English word."""
    days = ("%b %d, %Y", "%B %d, %Y", "%b-%d-%y", "%b-%d-%Y", "%d %b %Y", "%d-%b-%y", "%d-%b-%Y")
    clocks = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p")
    forms = ", ".join(f"'{day}{clock}'" for day in days for clock in clocks)
    return "worded_time(x)", f"try_strptime(x, [{forms}])"


def _slashed_times(date_order: str) -> list[tuple[str, str]]:
    """Return macros on days and months parted by slashes, dots or dashes, the year last."""
    first, second = ("%m", "%d") if date_order == "month_first" else ("%d", "%m")
    clocks = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p")
    long_forms = ", ".join(f"'{first}/{second}/%Y{clock}'" for clock in clocks)
    short_forms = ", ".join(f"'{first}/{second}/%y{clock}'" for clock in clocks)
    return [
        ("is_slashed(x)",
         "substr(x, 2, 1) IN ('/', '.', '-') OR substr(x, 3, 1) IN ('/', '.', '-')"),
        ("with_slashes(x)", "translate(substr(x, 1, 6), '.-', '//') || substr(x, 7)"),
        # A year of two digits read with four is the year 24, which is not lawful.
        ("slashed_time(x)",
         f"coalesce(lawful_time(try_strptime(with_slashes(x), [{long_forms}])), "
         f"lawful_time(try_strptime(with_slashes(x), [{short_forms}])))"),
    ]  # fmt: skip

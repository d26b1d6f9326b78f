"""Safe parsing in SQL: text in, value or NULL out; never a bare cast.

A cast in the engine rounds 1.7 to 2, reads ``10.`` and ``4.00E+12``, and drops an offset from a
time. So every value is first matched against a pattern that admits no loss.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

ZERO_DECIMALS = (
    "'BIF','CLP','DJF','GNF','ISK','JPY','KMF','KRW','PYG','RWF','UGX','VND','VUV',"
    "'XAF','XOF','XPF'"
)
THREE_DECIMALS = "'BHD','IQD','JOD','KWD','LYD','OMR','TND'"


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
    """

    date_order: str = "month_first"
    decimal: str = "."
    time_zone: str = "UTC"


def install_macros(connection: duckdb.DuckDBPyConnection, conventions: Conventions) -> None:
    """Define the parsing macros for a file with these conventions (replacing earlier ones)."""
    for signature, body in (*_text(), *_numbers(conventions), *_times(conventions)):
        connection.execute(f"CREATE OR REPLACE TEMP MACRO {signature} AS {body}")


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
                                  f"WHEN code IN ({ZERO_DECIMALS}) THEN 1 "
                                  f"WHEN code IN ({THREE_DECIMALS}) THEN 1000 ELSE 100 END"),
    ]  # fmt: skip


def _numbers(conventions: Conventions) -> list[tuple[str, str]]:
    """Return macros on numbers and money for the file's decimal mark."""
    mark, group = ("[.]", "[,]") if conventions.decimal == "." else ("[,]", "[.]")
    grouped = f"[+-]?([0-9]{{1,15}}|[0-9]{{1,3}}({group}[0-9]{{3}})+)?({mark}[0-9]{{1,6}})?"
    strip, mend = (",", "") if conventions.decimal == "." else (".", ",")
    unmarked = f"replace(bare_amount(x), '{strip}', '')"
    if mend:
        unmarked = f"replace({unmarked}, ',', '.')"
    plain_cents = "regexp_full_match(x, '-?[0-9]{1,9}[.][0-9]{2}')"
    if conventions.decimal != ".":
        plain_cents = "FALSE"
    return [
        ("bare_amount(x)",
         "regexp_replace(regexp_replace(text_of(x), '^[(](.*)[)]$', '-\\1'), "
         "'[\\s$€£¥\\x{00A0}\\x{202F}]|(^[A-Z]{3})|([A-Z]{3}$)', '', 'g')"),
        ("number_text(x)",
         "CASE WHEN regexp_full_match(x, '-?[0-9]{1,12}([.][0-9]{1,6})?') "
         f"AND '{conventions.decimal}' = '.' THEN x "
         f"WHEN regexp_full_match(bare_amount(x), '{grouped}') "
         f"AND regexp_matches(bare_amount(x), '[0-9]') THEN {unmarked} END"),
        ("decimal_of(x)", "TRY_CAST(number_text(x) AS DECIMAL(16, 6))"),
        ("number_of(x)", "TRY_CAST(decimal_of(x) AS DOUBLE)"),
        ("integer_of(x)", "CASE WHEN regexp_full_match(x, '-?[0-9]{1,9}') "
                          "THEN TRY_CAST(x AS BIGINT) "
                          "WHEN decimal_of(x) = floor(decimal_of(x)) "
                          "THEN TRY_CAST(decimal_of(x) AS BIGINT) END"),
        ("minor_value(x, code)",
         "CAST(decimal_of(x) AS DECIMAL(24, 6)) * CAST(currency_factor(code) AS DECIMAL(4, 0))"),
        ("minor_of(x, code)",
         f"CASE WHEN {plain_cents} AND currency_factor(code) = 100 "
         "THEN TRY_CAST(replace(x, '.', '') AS BIGINT) "
         "WHEN minor_value(x, code) = floor(minor_value(x, code)) "
         "THEN TRY_CAST(minor_value(x, code) AS BIGINT) END"),
        ("product_of(a, b)", "TRY(a * b)"),
        ("line_value(quantity, price, code)",
         "coalesce(CAST(product_of(integer_of(quantity), minor_of(price, code)) "
         "AS DECIMAL(38, 6)), "
         "CAST(decimal_of(quantity) * minor_value(price, code) AS DECIMAL(38, 6)))"),
        ("rounded_minor(value)", "TRY_CAST(round(value, 0) AS BIGINT)"),
    ]  # fmt: skip


def _times(conventions: Conventions) -> list[tuple[str, str]]:
    """Return macros on times for the file's date order and zone."""
    first, second = ("%m", "%d") if conventions.date_order == "month_first" else ("%d", "%m")
    zone = conventions.time_zone.replace("'", "''")
    local = "value" if zone == "UTC" else f"timezone('UTC', timezone('{zone}', value))"
    clock = ("'{d} %H:%M:%S'", "'{d} %H:%M'", "'{d}'", "'{d} %I:%M:%S %p'", "'{d} %I:%M %p'")
    long_forms = ", ".join(c.format(d=f"{first}/{second}/%Y") for c in clock)
    short_forms = ", ".join(c.format(d=f"{first}/{second}/%y") for c in clock)
    iso = "'%Y-%m-%d %H:%M:%S', '%Y-%m-%d %H:%M', '%Y-%m-%d'"
    day, clock_time = "[0-9]{4}-[0-9]{2}-[0-9]{2}", "[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?"
    slashed = "[0-9]{1,2}/[0-9]{1,2}/"
    usual = "length(x) = {length} AND x >= '1970' AND x < '2100' AND substr(x, 11, 1) = '{mark}'"
    return [
        ("utc_of_local(value)", local),
        ("iso_base(x)", f"try_strptime(replace(regexp_extract(x, '^({day}([T ][0-9:]+)?)', 1), "
                        f"'T', ' '), [{iso}])"),
        ("offset_minutes(x)",
         "CASE WHEN regexp_matches(x, '(Z|UTC)$') THEN 0 ELSE "
         "(CASE WHEN regexp_extract(x, '([+-])[0-9:]+$', 1) = '-' THEN -1 ELSE 1 END) * "
         "(CAST(regexp_extract(x, '[+-]([0-9]{2}):?[0-9]{2}$', 1) AS INTEGER) * 60 + "
         "CAST(regexp_extract(x, '[+-][0-9]{2}:?([0-9]{2})$', 1) AS INTEGER)) END"),
        ("slashed_of(x)", "regexp_replace(x, '^([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]', '\\1/\\2/')"),
        ("lawful_time(value)",
         "CASE WHEN value BETWEEN TIMESTAMP '1970-01-01' AND TIMESTAMP '2100-01-01' "
         "THEN value END"),
        ("any_time(x)",
         f"CASE WHEN regexp_full_match(x, '{day}([T ]{clock_time})?') "
         "THEN utc_of_local(iso_base(x)) "
         f"WHEN regexp_full_match(x, '{day}[T ]{clock_time} ?(Z|UTC|[+-][0-9]{{2}}:?[0-9]{{2}})') "
         "THEN iso_base(x) - to_minutes(offset_minutes(x)) "
         f"WHEN regexp_matches(slashed_of(x), '^{slashed}[0-9]{{4}}( |$)') "
         f"THEN utc_of_local(try_strptime(slashed_of(x), [{long_forms}])) "
         f"WHEN regexp_matches(slashed_of(x), '^{slashed}[0-9]{{2}}( |$)') "
         f"THEN utc_of_local(try_strptime(slashed_of(x), [{short_forms}])) END"),
        # The usual spellings first, told by their length: matching patterns costs ten times more.
        ("time_of(x)",
         f"CASE WHEN {usual.format(length=25, mark=' ')} AND substr(x, 20, 1) = ' ' "
         "THEN timezone('UTC', try_strptime(x, '%Y-%m-%d %H:%M:%S %z')) "
         f"WHEN {usual.format(length=19, mark=' ')} "
         "THEN utc_of_local(try_strptime(x, '%Y-%m-%d %H:%M:%S')) "
         f"WHEN {usual.format(length=20, mark='T')} AND ends_with(x, 'Z') "
         "THEN try_strptime(x, '%Y-%m-%dT%H:%M:%SZ') "
         "ELSE lawful_time(any_time(text_of(x))) END"),
        ("precision_of(x)", "CASE WHEN contains(x, ':') THEN 'second' ELSE 'day' END"),
        ("microseconds_of(x)",
         "CASE WHEN regexp_full_match(text_of(x), '[0-9]{15,17}') "
         "THEN lawful_time(make_timestamp(TRY_CAST(text_of(x) AS BIGINT) // 1000000 * 1000000)) "
         "END"),
        ("seconds_of(x)",
         "CASE WHEN regexp_full_match(text_of(x), '[0-9]{9,10}') "
         "THEN lawful_time(make_timestamp(TRY_CAST(text_of(x) AS BIGINT) * 1000000)) END"),
    ]  # fmt: skip

"""Parsing in SQL: what is read, what is refused, and that nothing is rounded on the way."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.sources.macros import Conventions, install_macros


def reader(**conventions: str):
    """Return a function that evaluates a macro on a text."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone = 'UTC'")
    install_macros(connection, Conventions(**conventions))

    def read(macro: str, *values: str):
        marks = ", ".join("?" for _ in values)
        return connection.execute(f"SELECT {macro}({marks})", list(values)).fetchall()[0][0]

    return read


read = reader()
read_german = reader(date_order="day_first", decimal=",", time_zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-01 10:00:00 -0400", datetime(2024, 5, 1, 14)),
        ("2024-05-01 10:00:00 -0430", datetime(2024, 5, 1, 14, 30)),
        ("2024-05-01T10:00:00Z", datetime(2024, 5, 1, 10)),
        ("2024-05-01T10:00:00.999+01:00", datetime(2024, 5, 1, 9)),
        ("2024-05-01 10:00:00 UTC", datetime(2024, 5, 1, 10)),
        ("2024-05-01 10:00", datetime(2024, 5, 1, 10)),
        (" 2024-05-01 ", datetime(2024, 5, 1)),
        ("05/01/24", datetime(2024, 5, 1)),
        ("5/1/2024", datetime(2024, 5, 1)),
        ("12/1/2010 8:26", datetime(2010, 12, 1, 8, 26)),
        ("2024-05-01 10:00:00+00:00", datetime(2024, 5, 1, 10)),
        ("2024-05-01T10:00:00-05:00", datetime(2024, 5, 1, 15)),
        ("2024-05-01T10:00:00.123Z", datetime(2024, 5, 1, 10)),
        ("2024-05-01T10:00:00", datetime(2024, 5, 1, 10)),
        ("2024-05-01 10:00:00Z", datetime(2024, 5, 1, 10)),
        ("12/1/10 8:26", datetime(2010, 12, 1, 8, 26)),
        ("12.1.2010", datetime(2010, 12, 1)),
        ("05/01/0024", None),
        ("05/01/2024 10:00:00 x", None),
        ("05/2024", None),
        ("5/1/2024 3:04 PM", datetime(2024, 5, 1, 15, 4)),
        ("2024-02-30", None),
        ("2024-05-01 25:00:00", None),
        ("0024-05-01", None),
        ("13/01/2024", None),
        ("2024-05-01 10:00:00 EST", None),
        ("45413", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times_are_read_in_utc_or_not_at_all(text, expected):
    assert read("time_of", text) == expected


def test_local_times_go_through_the_shops_zone_summer_and_winter():
    assert read_german("time_of", "01.07.2024 12:00") == datetime(2024, 7, 1, 10)
    assert read_german("time_of", "01.01.2024 12:00") == datetime(2024, 1, 1, 11)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,234.56", Decimal("1234.56")),
        ("$5.00", Decimal(5)),
        ("(5.00)", Decimal(-5)),
        ("-$5.00", Decimal(-5)),
        ("EUR 12.50", Decimal("12.5")),
        (".5", Decimal("0.5")),
        ("+3", Decimal(3)),
        ("10.", None),
        ("1,23", None),
        ("1,2345.00", None),
        ("4.00E+12", None),
        ("1e309", None),
        ("0x10", None),
        ("1 2 3 x", None),
        ("--5", None),
        ("nan", None),
        ("1.2345678", None),
        ("9999999999999999", None),
    ],
)
def test_numbers_are_read_exactly_or_not_at_all(text, expected):
    assert read("decimal_of", text) == expected


def test_decimal_commas_are_read_where_the_file_uses_them():
    assert read_german("decimal_of", "1.234,56") == Decimal("1234.56")
    assert read_german("decimal_of", "12.50") is None


def test_money_keeps_to_its_currencys_minor_unit():
    assert read("minor_of", "12.50", "USD") == 1250
    assert read("minor_of", "1.005", "USD") is None
    assert read("minor_of", "1250", "JPY") == 1250
    assert read("minor_of", "12.5", "JPY") is None
    assert read("minor_of", "1.005", "KWD") == 1005


def test_absurd_amounts_are_refused_and_never_overflow():
    assert read("decimal_of", "9999999999.99") == Decimal("9999999999.99")
    assert read("decimal_of", "10000000000") is None
    assert read("minor_value", "9999999999", "KWD") == 9_999_999_999_000
    assert (
        read("line_value", "9999999999", "9999999999", "KWD") == 9_999_999_999 * 9_999_999_999_000
    )


def test_a_fraction_is_no_whole_number():
    assert read("integer_of", "2.0") == 2
    assert read("integer_of", "1.7") is None


def test_a_spreadsheets_apostrophe_is_taken_off():
    assert read("plain_of", "'02108") == "02108"


@settings(max_examples=200, deadline=None)
@given(cents=st.integers(1 - 10**12, 10**12 - 1), grouped=st.booleans())
def test_every_amount_survives_being_written_and_read(cents, grouped):
    text = f"{Decimal(cents) / 100:,.2f}" if grouped else f"{Decimal(cents) / 100:.2f}"
    assert read("minor_of", text, "USD") == cents


@settings(max_examples=200, deadline=None)
@given(
    moment=st.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1)), minutes=st.integers(-720, 840)
)
def test_every_instant_survives_any_offset(moment, minutes):
    moment = moment.replace(microsecond=0)
    sign = "-" if minutes < 0 else "+"
    offset = f"{sign}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
    local = moment + timedelta(minutes=minutes)
    assert read("time_of", f"{local:%Y-%m-%d %H:%M:%S} {offset}") == moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.3333333333333333", 1 / 3),
        ("1e-05", 1e-5),
        ("3.2E+04", 32_000.0),
        ("-1.5e3", -1500.0),
        ("+2.", 2.0),
        (".25", 0.25),
        ("12345678901234.5", 12345678901234.5),
        ("1,234.5678901", 1234.5678901),
        ("(3.25)", -3.25),
        ("$ 4.125", 4.125),
        ("1e309", None),
        ("e5", None),
        ("1e", None),
        ("1.2.3", None),
        ("12,34.5", None),
        ("seven", None),
        ("", None),
    ],
)
def test_a_measurement_may_have_any_decimals_and_an_exponent(text, expected):
    assert read("number_of", text) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=200, deadline=None)
def test_every_finite_number_is_read_as_it_was_written(value):
    assert read("number_of", repr(value)) == value


def test_measurements_are_read_with_the_decimal_mark_of_the_file():
    assert read_german("number_of", "1.234,5") == 1234.5
    assert read_german("number_of", "0,333333333333") == 0.333333333333
    assert read_german("number_of", "3,2E+04") == 32_000.0


@pytest.mark.parametrize("text", ["NaN", "NA", "n/a", "NULL", "None", "inf", "-Infinity", " ", "."])
def test_what_tools_write_for_nothing_is_no_measurement(text):
    assert read("measured", text) is None


def test_any_other_text_remains_what_was_measured():
    assert read("measured", " 0 ") == "0"
    assert read("measured", "seven") == "seven"

"""What is proposed for a profile follows from what its files say."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from retention.errors import ParameterError
from retention.runs.proposal import Given, propose
from retention.sources import FORMATS, ReadOptions
from retention.sources.file_facts import FileFacts, Period
from retention.sources.time_zones import ZONES, zone_of

WINTER, SUMMER = datetime(2026, 1, 15), datetime(2026, 7, 15)


def facts(name: str = "woocommerce_orders_csv", last: datetime = SUMMER, **said) -> FileFacts:
    tables = {"orders": Period(10, WINTER, last)}
    said.setdefault("currencies", {"EUR": 100.0})
    return FileFacts(Path("a.csv"), FORMATS[name], ReadOptions(), 10, tables=tables, **said)


@pytest.mark.parametrize(
    ("offsets", "currency", "zone"),
    [
        ({(WINTER, -300), (SUMMER, -240)}, "USD", "America/New_York"),
        ({(WINTER, -300), (SUMMER, -240)}, "CAD", "America/Toronto"),
        ({(WINTER, -480), (SUMMER, -420)}, "CAD", "America/Vancouver"),
        ({(WINTER, -420), (SUMMER, -420)}, "USD", "America/Phoenix"),
        ({(WINTER, 60), (SUMMER, 120)}, "EUR", "Europe/Berlin"),
        ({(WINTER, 0), (SUMMER, 60)}, "GBP", "Europe/London"),
        ({(WINTER, 0), (SUMMER, 0)}, "GBP", "UTC"),
        ({(WINTER, 660), (SUMMER, 600)}, "AUD", "Australia/Sydney"),
        ({(WINTER, 600), (SUMMER, 600)}, "AUD", "Australia/Brisbane"),
        ({(WINTER, 330)}, "INR", "Asia/Kolkata"),
        ({(WINTER, -720)}, "USD", "Etc/GMT+12"),
        (set(), "USD", "UTC"),
    ],
)
def test_offsets_over_the_year_tell_the_zone_and_the_currency_its_country(offsets, currency, zone):
    assert zone_of(offsets, currency) == zone


@pytest.mark.parametrize("zone", sorted({zone for _, zone in ZONES}))
def test_a_zone_that_is_proposed_has_the_offsets_that_were_seen(zone):
    from datetime import UTC
    from zoneinfo import ZoneInfo

    moments = [datetime(2025, month, 15, 12) for month in range(1, 13)]

    def offset(name: str, moment: datetime) -> int:
        local = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(name)).utcoffset()
        return int(local.total_seconds() // 60)

    seen = {(moment, offset(zone, moment)) for moment in moments}
    found = zone_of(seen)
    assert {(moment, offset(found, moment)) for moment in moments} == seen


@pytest.mark.parametrize(
    ("orders", "fixed", "options", "questions"),
    [
        (["unclear", "day_first"], "woocommerce_orders_csv", 1, 0),
        (["unclear", "unclear"], "woocommerce_orders_csv", 0, 1),
        (["day_first", "month_first", "unclear"], "woocommerce_orders_csv", 0, 1),
        (["day_first", "day_first"], "woocommerce_orders_csv", 0, 0),
        (["", "day_first"], "etsy_sold_orders", 1, 0),
        (["month_first", ""], "etsy_sold_orders", 0, 0),
    ],
)
def test_what_some_files_prove_settles_the_others_and_the_rest_is_asked(
    orders, fixed, options, questions
):
    found = propose([facts(fixed, date_order=order) for order in orders], Given(time_zone="UTC"))
    assert len(found.read_options) == options
    assert len(found.questions) == questions
    assert all(option.value == f"{fixed}: date_order = day_first" for option in found.read_options)


def test_as_of_is_the_day_after_the_last_order_on_both_clocks():
    late = datetime(2026, 7, 15, 22, 30)  # the 16th in Berlin
    assert propose([facts(last=late)], Given(time_zone="Europe/Berlin")).as_of.value == "2026-07-17"
    early = datetime(2026, 7, 16, 2, 30)  # still the 15th in New York
    found = propose([facts(last=early)], Given(time_zone="America/New_York"))
    assert found.as_of.value == "2026-07-17"


def test_a_currency_is_taken_by_value_and_a_given_one_only_where_a_file_has_it():
    both = [facts(currencies={"EUR": 10.0, "USD": 30.0}), facts(currencies={"EUR": 25.0})]
    assert propose(both, Given()).currency.value == "EUR"
    assert propose(both, Given(currency="USD")).currency.value == "USD"
    other = propose(both, Given(currency="GBP")).currency
    assert (other.value, other.why.startswith("NOT GBP")) == ("EUR", True)
    with pytest.raises(ParameterError, match="--currency EUR"):
        propose([facts(currencies={})], Given())

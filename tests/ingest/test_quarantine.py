"""What is refused can be found, read and mended, and names nobody."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from retention.engine import Engine
from retention.ingest.codes import Exclusion, Reason
from retention.ingest.mends import FALLBACK, MENDS, mend_of
from retention.ingest.quarantine import HARMLESS
from retention.sources.codes import BrokenCode, ExclusionCode, ReasonCode


@pytest.fixture
def quarantine(shop, make_order):
    shop.write(
        "orders.csv",
        make_order("1", "ada@shop.example", "10.00"),
        make_order("SECRET-2", "wyvern@shop.example", '"12,5O"'),
        make_order("3", "bob@shop.example", "5.25", date="yesterday"),
        make_order("1", "ada@shop.example", "11.00"),
        make_order("5", "cyd@shop.example", "Wyvern Longbottom"),
        make_order("6", "cyd@shop.example", "+1 555 010 2030"),
        "7,too,few",
    )
    result = shop.ingest()
    frame = pd.concat([pd.read_parquet(p) for p in result.snapshot.tables["quarantine"]])
    return result, frame.sort_values("line_no", ignore_index=True)


def test_every_refused_record_stands_there_with_its_place_and_its_mend(quarantine):
    result, frame = quarantine
    records = frame[frame.is_record]
    assert len(records) == result.total("rows_quarantined") == 6
    assert records.line_no.tolist() == [3, 4, 5, 6, 7, 8]
    assert set(frame.file) == {"orders.csv"}
    assert (records.mend != FALLBACK).sum() == 2  # the tiny format's own codes have no mend
    assert (records.mend.str.len() > 10).all()


def test_the_exports_own_values_can_be_read_unless_they_could_name_somebody(quarantine):
    _, frame = quarantine
    values = [json.loads(v) if v else {} for v in frame[frame.is_record].original_values]
    assert values[0]["amount"] == "12,5O"
    assert values[1]["date"] == "yesterday"
    assert values[3]["amount"].startswith("pseudonym ")
    assert values[4]["amount"].startswith("pseudonym ")
    text = frame.to_csv()
    for secret in ("wyvern", "Wyvern", "555 010", "SECRET", "shop.example"):
        assert secret not in text


def test_a_refused_row_is_known_by_the_persons_pseudonym(quarantine):
    result, frame = quarantine
    orders = pd.concat([pd.read_parquet(p) for p in result.snapshot.tables["orders"]])
    again = frame[frame.reason == "duplicate_key:order_key"]
    assert again.customer_key.tolist() == orders.customer_key.tolist()
    assert again.order_key.tolist() == orders.order_key.tolist()


def test_the_reasons_tell_rows_money_an_example_and_the_mend(quarantine):
    result, _ = quarantine
    reason = result.reasons.set_index("reason").loc["bad_date:date"]
    assert (reason.rows, float(reason.value), reason.example) == (1, 5.25, "orders.csv, line 4")
    assert (result.reasons.mend.str.len() > 10).all()


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("12.50", True), ("-1,234.56", True), ("1.234,56", True), ("1e309", True), ("12,5O", True),
        ("2025-13-45 10:00:00 -0400", True), ("31/02/2025", True), ("free", True), ("$12.00", True),
        ("5551234567", False), ("+1 555 010 2030", False), ("555-010-2030", False),
        ("202.555.0143", False), ("a@b.example", False), ("Ada", False), ("Ada Love", False),
        ("12 High Street", False), ("078-05-1120", False),
    ],
)  # fmt: skip
def test_only_dates_numbers_and_plain_words_are_shown(value, kept):
    query = "SELECT regexp_full_match($value, $form) AS shown"
    found = Engine(threads=1).sql(query, value=value, form=HARMLESS).frame()["shown"][0]
    assert bool(found) is kept


def test_every_code_has_a_mend_of_its_own():
    codes = [*BrokenCode, *ReasonCode, *ExclusionCode, *Reason, *Exclusion]
    assert [c for c in codes if c not in MENDS] == [Reason.RECORD_BROKEN]
    assert mend_of("record_broken:nul_byte") == MENDS["nul_byte"]
    assert mend_of("made_up:column") == FALLBACK

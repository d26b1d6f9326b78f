"""Every record gets a fate, rows and money add up, and snapshots are immutable."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from retention.errors import InputError, ParameterError
from retention.ingest import Snapshot
from retention.ingest.bookkeeping import ledger_query
from retention.results import Status


def frame(snapshot, table):
    return pd.concat([pd.read_parquet(p) for p in snapshot.tables[table]], ignore_index=True)


def status_of(result, code):
    return next(check.status for check in result.checks if check.code == code)


def test_each_record_is_accepted_quarantined_or_excluded_and_the_money_adds_up(shop, make_order):
    shop.write(
        "orders.csv",
        make_order("1", "ada@shop.example", "10.00"),
        make_order("2", "bob@shop.example", "1e309"),
        make_order("3", "bob@shop.example", "5.25", date="yesterday"),
        make_order("4", "cyd@shop.example", "2.50", note="skip"),
        make_order("1", "ada@shop.example", "10.00"),
        "6,too,few",
    )
    result = shop.ingest()
    totals = {name: result.total(name) for name in result.accounts.columns[4:]}
    assert totals == {
        "rows_read": 6, "rows_accepted": 1, "rows_quarantined": 3, "rows_excluded": 2,
        "value_read": Decimal("27.75"), "value_accepted": Decimal("10.00"),
        "value_quarantined": Decimal("5.25"), "value_excluded": Decimal("12.50"),
    }  # fmt: skip
    assert set(result.reasons.reason) == {
        "bad_amount:amount", "bad_date:date", "declared", "exact_repeat",
        "record_broken:column_count",
    }  # fmt: skip
    assert status_of(result, "rows_reconcile") is Status.PASS
    assert status_of(result, "money_reconciles") is Status.PASS


def test_the_snapshot_holds_pseudonyms_and_no_identity(shop, make_order):
    shop.write(
        "orders.csv",
        make_order("SECRET-1", "Wyvern@Shop.example ", name="Wyvern L", postcode="Z1"),
        make_order("2", " wyvern@shop.EXAMPLE"),
    )
    result = shop.ingest()
    orders = frame(result.snapshot, "orders")
    assert orders.customer_key.tolist() == [orders.customer_key[0]] * 2
    assert len(frame(result.snapshot, "customers")) == 1
    for path in shop.store.rglob("*"):
        if path.is_file():
            whole = path.suffix == ".parquet"
            text = pd.read_parquet(path).to_csv() if whole else path.read_text(encoding="utf-8")
            assert "wyvern" not in text.lower()
            assert "SECRET-1" not in text


def test_the_same_exports_give_the_same_snapshot(shop, make_order):
    shop.write("orders.csv", *(make_order(i, f"p{i % 7}@shop.example") for i in range(50)))
    first = shop.ingest()
    again = shop.ingest()
    assert again.snapshot_id == first.snapshot_id
    assert again.reused == 1
    assert Snapshot.load(shop.store).id == first.snapshot_id


def test_a_new_month_is_read_alone_and_gives_what_reading_everything_gives(shop, make_order):
    january = [
        make_order(i, f"p{i % 5}@shop.example", date="2025-01-05 10:00:00") for i in range(20)
    ]
    february = [make_order(100 + i, f"p{i % 6}@shop.example") for i in range(20)]
    shop.write("orders_1.csv", *january)
    shop.ingest()
    shop.write("orders_2.csv", *february)
    grown = shop.ingest()
    assert grown.reused == 1
    orders = frame(grown.snapshot, "orders")
    assert len(orders) == 40
    (shop.root / "orders_1.csv").unlink()
    (shop.root / "orders_2.csv").unlink()
    shop.write("orders_all.csv", *january, *february)
    whole = shop.ingest()
    drop = ["batch_id"]
    pd.testing.assert_frame_equal(
        orders.drop(columns=drop).sort_values("order_key", ignore_index=True),
        frame(whole.snapshot, "orders").drop(columns=drop).sort_values(
            "order_key", ignore_index=True),
    )  # fmt: skip


def test_a_corrected_row_replaces_the_earlier_one_which_stays_in_history(shop, make_order):
    shop.write("orders_1.csv", make_order("1", "ada@shop.example", "10.00"), make_order("2"))
    shop.write("orders_2.csv", make_order("1", "ada@shop.example", "12.00"))
    result = shop.ingest()
    orders = frame(result.snapshot, "orders")
    assert sorted(orders.net_minor) == [1000, 1200]
    assert len(orders) == 2
    (entry,) = result.snapshot.manifest["history"]["orders"]
    old = pd.read_parquet(shop.store / "objects" / f"{entry['sha256']}.parquet")
    assert old.net_minor.tolist() == [1000]


def test_a_weak_identity_joins_the_one_address_it_was_seen_with(shop, make_order):
    shop.write(
        "orders.csv",
        make_order("1", "ada@shop.example", buyer="77"),
        make_order("2", "", buyer="77"),
        make_order("3", "", buyer="88"),
    )
    orders = frame(shop.ingest().snapshot, "orders")
    assert orders.customer_key.nunique() == 2


def test_two_addresses_on_one_telephone_are_never_merged(shop, make_order):
    shop.write(
        "orders.csv",
        make_order("1", "ada@shop.example", phone="+1 555 010 2030"),
        make_order("2", "bob@shop.example", phone="+1 555 010 2030"),
        make_order("3", "", phone="+1 555 010 2030"),
    )
    assert frame(shop.ingest().snapshot, "orders").customer_key.nunique() == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tiny_orders: nowhere.csv", "No file matches"),
        ("no_such: orders.csv", "no source format"),
        ("orders.csv", "not of the form"),
    ],
)
def test_a_source_that_names_nothing_is_told_in_one_paragraph(shop, text, words):
    from retention.ingest import run_ingest

    with pytest.raises((InputError, ParameterError), match=words) as caught:
        run_ingest([text], shop.store, shop.private, root=shop.root, as_of="2025-03-01")
    assert "\n" not in str(caught.value)


def test_an_export_without_rows_is_told_not_ingested(shop):
    shop.write("orders.csv")
    with pytest.raises(InputError, match="no rows"):
        shop.ingest()


def test_a_missing_column_is_named(shop, make_order):
    header = "order,email,phone,buyer,name,postcode,date"
    shop.write("orders.csv", "1,a@b.example,,,,,2025-02-01", header=header)
    with pytest.raises(InputError, match="amount"):
        shop.ingest()


def test_a_failed_ingest_leaves_the_last_snapshot_and_no_raw_rows_behind(shop, make_order):
    shop.write("orders.csv", make_order("1", "ada@shop.example"))
    first = shop.ingest()
    (shop.root / "orders.csv").write_bytes(b"\x1f\x8bnonsense")
    with pytest.raises(InputError):
        shop.ingest()
    assert Snapshot.load(shop.store).id == first.snapshot_id
    assert list((shop.private / "work").iterdir()) == []


def test_a_snapshot_that_does_not_add_up_fails_and_never_becomes_the_current_one(
    shop, make_order, monkeypatch
):
    shop.write("orders.csv", make_order("1", "ada@shop.example"))
    first = shop.ingest()
    shop.write("orders.csv", make_order("1", "ada@shop.example"), make_order("2"))
    genuine = ledger_query

    def lossy(judged):
        return f"SELECT * FROM ({genuine(judged)}) WHERE line_no <> 3"

    monkeypatch.setattr("retention.ingest.pieces.ledger_query", lossy)
    result = shop.ingest()
    assert status_of(result, "rows_reconcile") is Status.FAIL
    assert status_of(result, "money_reconciles") is Status.FAIL
    assert "2 read, 1 accounted for" in result.reconciliation_summary()
    assert Snapshot.load(shop.store).id == first.snapshot_id

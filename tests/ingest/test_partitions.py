"""Large tables are cut by month; a new export is read alone and touches its own month only."""

from __future__ import annotations

import sqlite3

import pandas as pd
import pytest

from retention.errors import InputError
from retention.ingest import contribute, partition
from retention.sources import FORMATS


def month_of(make_order, month, count=20, first=0, amount="10.00"):
    """Return orders of one month, their numbers told by month."""
    return [
        make_order(
            f"{month}-{i}", f"p{i % 5}@shop.example", amount, f"2025-{month:02d}-05 10:00:00"
        )
        for i in range(first, first + count)
    ]


def entries(snapshot, table="orders"):
    return snapshot.manifest["tables"][table]["objects"]


def rows_of(snapshot, table="orders"):
    return pd.concat([pd.read_parquet(p) for p in snapshot.tables[table]], ignore_index=True)


@pytest.fixture
def spied(monkeypatch):
    """Count the files that are read, and the rows that are written."""
    seen = {"files": [], "objects": []}
    land, put = contribute.land, contribute.Store.put

    def watched_land(path, *more):
        seen["files"].append(path.name)
        return land(path, *more)

    def watched_put(store, draft):
        sha = put(store, draft)
        seen["objects"].append(sha)
        return sha

    monkeypatch.setattr(contribute, "land", watched_land)
    monkeypatch.setattr(contribute.Store, "put", watched_put)
    return seen


def test_a_large_file_is_cut_by_month_and_a_small_one_is_one_object(shop, make_order, monkeypatch):
    lines = [row for month in (1, 2, 3) for row in month_of(make_order, month)]
    shop.write("orders.csv", *lines)
    assert [e["partition"] for e in entries(shop.ingest().snapshot)] == [""]
    monkeypatch.setattr(partition, "PARTITION_ROWS", 10)
    shop.write("orders.csv", *lines, make_order("last"))
    cut = shop.ingest().snapshot
    assert [(e["partition"], e["rows"]) for e in entries(cut)] == [
        ("2025-01", 20), ("2025-02", 21), ("2025-03", 20),
    ]  # fmt: skip
    assert len(rows_of(cut)) == 61


def test_a_new_month_is_read_alone_and_leaves_the_other_months_as_they_are(
    shop, make_order, monkeypatch, spied
):
    monkeypatch.setattr(partition, "PARTITION_ROWS", 10)
    shop.write("orders_1.csv", *month_of(make_order, 1), *month_of(make_order, 2))
    before = entries(shop.ingest().snapshot)
    spied["files"].clear()
    shop.write("orders_2.csv", *month_of(make_order, 3))
    after = entries(shop.ingest().snapshot)
    assert spied["files"] == ["orders_2.csv"]
    assert after[:2] == before
    assert after[2]["partition"] == "2025-03"


def test_a_late_and_a_corrected_row_write_their_months_anew_and_no_other(
    shop, make_order, monkeypatch, spied
):
    monkeypatch.setattr(partition, "PARTITION_ROWS", 10)
    shop.write("orders_1.csv", *(row for month in (1, 2, 3) for row in month_of(make_order, month)))
    before = {e["partition"]: e["sha256"] for e in entries(shop.ingest().snapshot)}
    late = month_of(make_order, 1, count=1, first=90)
    corrected = month_of(make_order, 3, count=1, amount="77.00")
    shop.write("orders_2.csv", *late, *corrected)
    spied["files"].clear()
    grown = shop.ingest()
    after = entries(grown.snapshot)
    kept = {e["sha256"] for e in after}
    assert spied["files"] == ["orders_2.csv"]
    assert {month for month, sha in before.items() if sha in kept} == {"2025-01", "2025-02"}
    rows = rows_of(grown.snapshot)
    assert len(rows) == 61
    assert sorted(rows.net_minor)[-1] == 7700
    (old,) = grown.snapshot.manifest["history"]["orders"]
    assert old["rows"] == 1


def test_many_small_exports_of_a_month_are_merged_and_the_merger_is_used_again(
    shop, make_order, spied, monkeypatch
):
    monkeypatch.setattr(partition, "MAXIMUM_PIECES", 2)
    for number in range(partition.MAXIMUM_PIECES + 1):
        shop.write(f"orders_{number:02d}.csv", *month_of(make_order, 1, 2, first=2 * number))
    first = shop.ingest().snapshot
    (entry,) = entries(first)
    assert entry["rows"] == 2 * (partition.MAXIMUM_PIECES + 1)
    assert len(entry["pieces"]) == partition.MAXIMUM_PIECES + 1
    spied["objects"].clear()
    shop.write("orders_99.csv", *month_of(make_order, 1, 2, first=500))
    second = shop.ingest().snapshot
    assert entries(second)[0] == entry
    assert entry["sha256"] not in spied["objects"]
    assert len(entries(second)) == 2
    assert len(rows_of(second)) == entry["rows"] + 2


def test_the_objects_do_not_depend_on_the_number_of_threads(shop, make_order, tmp_path):
    lines = [row for month in (1, 2) for row in month_of(make_order, month, 3_000)]
    shop.write("orders.csv", *lines)
    found = []
    for threads in (1, 2):
        shop.store = tmp_path / f"store_{threads}"
        snapshot = shop.ingest(threads=threads).snapshot
        found.append([entries(snapshot, table) for table in ("orders", "customers")])
    assert found[0] == found[1]


def test_countries_have_one_code_and_unknown_ones_stay_as_they_are(shop, make_order):
    shop.write(
        "orders.csv",
        *(make_order(n, f"p{n}@shop.example", country=name)
          for n, name in enumerate(("US", "United States", "usa", "EIRE", "Atlantis", ""))),
        header="order,email,phone,buyer,name,postcode,date,amount,country,note",
    )  # fmt: skip
    found = rows_of(shop.ingest().snapshot, "customers").country
    assert sorted(found.fillna("?")) == ["?", "Atlantis", "IE", "US", "US", "US"]


def test_an_error_names_the_file_as_the_params_do(shop):
    (shop.root / "orders.csv").write_bytes(b"")
    with pytest.raises(InputError) as caught:
        shop.ingest()
    assert "orders.csv" in str(caught.value)
    assert str(shop.root) not in str(caught.value)


def test_a_database_is_asked_again_and_only_its_present_content_counts(shop, make_order):
    columns = "order,email,phone,buyer,name,postcode,date,amount,country,note".split(",")
    base = shop.root / "shop.db"
    with sqlite3.connect(base) as connection:
        names = ", ".join(f'"{name}" TEXT' for name in columns)
        connection.execute(f"CREATE TABLE sold ({names})")
    marks = ", ".join("?" * len(columns))

    def sell(number):
        with sqlite3.connect(base) as connection:
            values = (make_order(number, f"p{number}@shop.example") + ",").split(",")
            connection.execute(f"INSERT INTO sold VALUES ({marks})", values[: len(columns)])

    sell(1)
    source = f"sqlite:///{base}#sold"
    assert len(rows_of(shop.ingest(source).snapshot)) == 1
    assert shop.ingest(source).reused == 1
    sell(2)
    grown = shop.ingest(source)
    assert (grown.reused, len(rows_of(grown.snapshot))) == (0, 2)


def test_a_file_that_a_format_looks_up_is_part_of_what_was_read(tmp_path):
    orders = FORMATS["olist_orders"]
    assert orders.companions
    path = tmp_path / "olist_orders_dataset.csv"
    path.write_text("x\n1\n")
    without = contribute.content_hash(path, orders)
    beside = tmp_path / next(iter(orders.companions.values()))[0]
    beside.write_text("a\n1\n")
    with_first = contribute.content_hash(path, orders)
    beside.write_text("a\n22\n")
    assert len({without, with_first, contribute.content_hash(path, orders)}) == 3

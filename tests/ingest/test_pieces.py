"""Objects' bytes depend on their rows alone, whether or not the rows had to be ordered."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from retention.engine import Engine
from retention.ingest import pieces as module
from retention.ingest import run_ingest


@pytest.fixture
def export(tmp_path):
    """An export of 3,000 lines in 300 invoices."""
    lines = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"]
    for n in range(3_000):
        day = f"2011-0{1 + n // 1_000}-1{n % 9} 10:00:00"
        lines.append(f"{536_000 + n // 10},S{n % 40},item,{1 + n % 5},{day},{1 + n % 7}.25,"
                     f"{12_000 + n // 30},United Kingdom")  # fmt: skip
    (tmp_path / "retail.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def ingested(root, store: str, threads: int | None = None):
    """Return what an ingest of the export gives."""
    return run_ingest(["online_retail: retail.csv"], root / store, root / ".retention", root=root,
                      as_of="2012-01-01", currency="GBP", threads=threads)  # fmt: skip


def files(made) -> list[str]:
    """Return the names of the objects that hold the ledger and the lines."""
    manifest = made.snapshot.manifest
    lines = [entry["sha256"] for entry in manifest["tables"]["order_lines"]["objects"]]
    return [*manifest["batches"][0]["ledger"], *lines]


def make_large(monkeypatch) -> list[str]:
    """Let a thousand rows be a large file; return the list that its queries will be put into."""
    monkeypatch.setattr(module, "ROW_GROUP_ROWS", 1_000)
    monkeypatch.setattr(module, "PIECE_ROWS", 2_048)
    monkeypatch.setattr("retention.ingest.partition.PARTITION_ROWS", 1_000)
    monkeypatch.setattr("retention.ingest.mapping.SMALL_FILE_ROWS", 1_000)
    written, write = [], Engine.copy_together

    def noting(engine, queries):
        written.extend(queries.values())
        write(engine, queries)

    monkeypatch.setattr(Engine, "copy_together", noting)
    return written


def ordered(written: list[str]) -> int:
    """Return how many of the ledger's and the lines' queries order their rows."""
    return sum("ORDER BY line_no" in query for query in written if "judged_0" in query)


def lines_of(made) -> pd.DataFrame:
    """Return the lines of a snapshot, in the order of their keys."""
    lines = pd.concat(pd.read_parquet(path) for path in made.snapshot.tables["order_lines"])
    return lines.drop(columns="batch_id").sort_values("order_line_key", ignore_index=True)


def test_a_large_file_is_cut_without_ordering_and_gives_the_same_rows(export, monkeypatch):
    whole = ingested(export, "whole")
    written = make_large(monkeypatch)
    cut, again = ingested(export, "cut"), ingested(export, "again")
    assert len(files(whole)) == 2
    assert len(files(cut)) == 2 + 3  # the ledger by lines, the table by months
    assert ordered(written) == 0
    assert files(cut) == files(again)
    for made in (cut, whole):
        assert made.total("rows_read") == made.total("rows_accepted") == 3_000
        assert all(check.status == "pass" for check in made.checks if check.code.startswith("rows"))
    pd.testing.assert_frame_equal(lines_of(whole), lines_of(cut))


def test_lines_of_an_order_without_a_sound_line_name_it_in_a_large_file_too(export, monkeypatch):
    """Its pseudonym is looked up nowhere: it is computed where the line is judged."""
    path = export / "retail.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}999999,S1,item,1,2011-03-19 10:00:00,0,12000,United Kingdom\n",
                    encoding="utf-8")  # fmt: skip
    small = ingested(export, "small")
    make_large(monkeypatch)
    refused = [
        pd.concat(pd.read_parquet(path) for path in made.snapshot.tables["quarantine"])
        .drop(columns=["batch_id", "quarantine_key"])
        for made in (small, ingested(export, "large"))
    ]  # fmt: skip
    pd.testing.assert_frame_equal(*refused)
    assert refused[1].reasons.tolist() == ["zero_price:UnitPrice"]
    assert refused[1].order_key.notna().all()


def test_the_number_of_threads_changes_no_byte(export, monkeypatch):
    make_large(monkeypatch)
    one, three = ingested(export, "one", threads=1), ingested(export, "three", threads=3)
    assert files(one) == files(three)


def test_every_line_stands_in_the_ledger_once(export, monkeypatch):
    make_large(monkeypatch)
    made = ingested(export, "cut")
    store = made.snapshot.store / "objects"
    ledger = made.snapshot.manifest["batches"][0]["ledger"]
    parts = [pd.read_parquet(store / f"{sha}.parquet") for sha in ledger]
    assert len(parts) == 2
    assert pd.concat(parts).line_no.tolist() == list(range(2, 3_002))
    notes = json.loads(next((made.snapshot.store / "batches").glob("*.json")).read_text())
    assert notes["ledger"] == ledger


def test_a_repeated_line_stays_in_its_place(export, monkeypatch):
    path = export / "retail.csv"
    text = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*text, text[5]]) + "\n", encoding="utf-8")
    written = make_large(monkeypatch)
    made = ingested(export, "repeated")
    assert made.total("rows_accepted") == 3_000
    assert made.total("rows_quarantined") == 1
    assert ordered(written) == 0


def test_rows_that_a_later_rule_moved_are_ordered_again(export, monkeypatch):
    """The order of a line with an absurd price is refused, and its other lines with it."""
    path = export / "retail.csv"
    text = path.read_text(encoding="utf-8").splitlines()
    absurd = text[5].split(",")
    absurd[5] = "9999999999.00"
    path.write_text("\n".join([*text[:5], ",".join(absurd), *text[6:]]) + "\n", encoding="utf-8")
    written = make_large(monkeypatch)
    made = ingested(export, "moved")
    assert made.total("rows_accepted") == 2_990
    assert made.total("rows_quarantined") == 10
    assert ordered(written) == 2 + 3


@pytest.fixture
def moved(tmp_path):
    """Ten orders of one customer, who lives in France from the fifth on."""
    lines = ["Sale Date,Order ID,Full Name,Order Value,Order Total,Currency,Buyer User ID,"
             "Ship Country"]  # fmt: skip
    for n in range(10):
        country = "United Kingdom" if n < 4 else "France"
        lines.append(f"01/1{n}/25,{3_000 + n},Ada L,20.00,20.00,GBP,ada77,{country}")
    (tmp_path / "etsy.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return run_ingest(["etsy_sold_orders: etsy.csv"], tmp_path / "store", tmp_path / ".retention",
                      root=tmp_path, as_of="2025-02-01", currency="GBP")  # fmt: skip


def test_a_customer_of_many_orders_is_stored_by_the_first_and_the_last_of_each_kind(moved):
    notes = json.loads(next((moved.snapshot.store / "batches").glob("*.json")).read_text())
    (entry,) = notes["tables"]["customers"]["objects"]
    stored = pd.read_parquet(moved.snapshot.store / "objects" / f"{entry['sha256']}.parquet")
    days = stored.groupby("country").first_seen_at.agg(lambda times: sorted(times.dt.day))
    assert days.to_dict() == {"GB": [10, 13], "FR": [14, 19]}
    assert stored.first_seen_epoch_s.equals(stored.first_seen_at.astype("int64") // 10**6)


def test_gathered_customers_are_as_old_as_their_first_order_and_live_where_the_last_says(moved):
    (customer,) = pd.concat(map(pd.read_parquet, moved.snapshot.tables["customers"])).itertuples()
    assert customer.first_seen_at.day == 10
    assert customer.country == "FR"

"""Objects' bytes depend on their rows alone, whether or not the rows had to be ordered."""

from __future__ import annotations

import json

import pandas as pd
import pytest

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


def ingested(root, store: str):
    """Return what an ingest of the export gives."""
    return run_ingest(["online_retail: retail.csv"], root / store, root / ".retention", root=root,
                      as_of="2012-01-01", currency="GBP")  # fmt: skip


def files(made) -> list[str]:
    """Return the names of the objects that hold the ledger and the lines."""
    manifest = made.snapshot.manifest
    lines = [entry["sha256"] for entry in manifest["tables"]["order_lines"]["objects"]]
    return [*manifest["batches"][0]["ledger"], *lines]


def test_a_large_file_in_its_lines_order_is_cut_without_ordering(export, monkeypatch):
    whole = ingested(export, "whole")
    monkeypatch.setattr(module, "ROW_GROUP_ROWS", 1_000)
    monkeypatch.setattr(module, "PIECE_ROWS", 2_048)
    monkeypatch.setattr("retention.ingest.partition.PARTITION_ROWS", 1_000)
    cut, again = ingested(export, "cut"), ingested(export, "again")
    assert len(files(whole)) == 2
    assert len(files(cut)) == 2 + 3  # the ledger by lines, the table by months
    assert files(cut) == files(again)
    for made in (cut, whole):
        assert made.total("rows_read") == made.total("rows_accepted") == 3_000
        assert all(check.status == "pass" for check in made.checks if check.code.startswith("rows"))
    ends = [
        pd.concat(pd.read_parquet(path) for path in made.snapshot.tables["order_lines"])
        .drop(columns="batch_id").sort_values("order_line_key", ignore_index=True)
        for made in (whole, cut)
    ]  # fmt: skip
    pd.testing.assert_frame_equal(*ends)


def test_every_line_stands_in_the_ledger_once(export, monkeypatch):
    monkeypatch.setattr(module, "ROW_GROUP_ROWS", 1_000)
    monkeypatch.setattr(module, "PIECE_ROWS", 2_048)
    made = ingested(export, "cut")
    store = made.snapshot.store / "objects"
    ledger = made.snapshot.manifest["batches"][0]["ledger"]
    parts = [pd.read_parquet(store / f"{sha}.parquet") for sha in ledger]
    assert len(parts) == 2
    assert pd.concat(parts).line_no.tolist() == list(range(2, 3_002))
    notes = json.loads(next((made.snapshot.store / "batches").glob("*.json")).read_text())
    assert notes["ledger"] == ledger


def test_rows_that_were_moved_are_ordered_again(export, monkeypatch):
    path = export / "retail.csv"
    text = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*text, text[5]]) + "\n", encoding="utf-8")
    monkeypatch.setattr(module, "ROW_GROUP_ROWS", 1_000)
    made = ingested(export, "moved")
    assert made.total("rows_accepted") == 3_000
    assert made.total("rows_quarantined") == 1

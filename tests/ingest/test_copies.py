"""Several copies of one record: what they say decides which holds, never a file's name."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from retention.ingest import run_ingest
from retention.results import Status


@pytest.fixture
def ingest(tmp_path, monkeypatch, write_shopify):
    monkeypatch.setenv("RETENTION_KEY", "5a" * 32)
    count = itertools.count()

    def run(*files):
        """Ingest files of rows in a folder of their own: pairs of name and rows."""
        folder = tmp_path / f"shop{next(count)}"
        folder.mkdir()
        for name, rows, *again in files:
            write_shopify(folder, name, rows, *again)
        return run_ingest(["shopify_orders: *.csv"], folder / "store", tmp_path / "private",
                          root=folder, as_of="2025-03-01", threads=1)  # fmt: skip

    return run


def orders(result):
    return pd.concat([pd.read_parquet(path) for path in result.snapshot.tables["orders"]])


def check(result, code):
    return next(check for check in result.checks if check.code == code)


@pytest.mark.parametrize("names", [("orders.csv", "orders (1).csv"), ("orders_9", "orders_10"),
                                   ("a.csv", "b.csv"), ("b.csv", "a.csv")])  # fmt: skip
def test_the_copy_with_the_larger_refund_holds_whatever_the_files_are_called(ingest, head, names):
    first = [head(n) for n in range(4)]
    later = [head(0, "50.00", "refunded"), head(1, "20.00", "partially_refunded"), *first[2:]]
    names = [name if name.endswith(".csv") else f"{name}.csv" for name in names]
    result = ingest((names[0], first), (names[1], later))
    made = orders(result)
    assert (len(made), made.net_minor.sum(), made.refunded_minor.sum()) == (4, 13000, 7000)
    notice = check(result, "files_agree")
    assert notice.status is Status.PASS
    assert "earlier and later states of 2 orders" in notice.detail
    assert "orders" in notice.detail
    assert check(result, "snapshot_reconciles").status is Status.PASS


def test_of_two_copies_of_one_state_the_file_with_the_newest_record_holds(ingest, head):
    older = [head(1, Email="old@shop.example"), head(2)]
    newer = [head(1, Email="new@shop.example"), head(3, day=20)]
    for names in (("a.csv", "b.csv"), ("b.csv", "a.csv")):
        result = ingest((names[0], older), (names[1], newer))
        made = orders(result).set_index("ordered_at")
        notice = check(result, "files_agree")
        assert notice.status is Status.WARN
        assert "contradict each other of 1 orders" in notice.detail
        winner = made[made.batch_id == result.snapshot.manifest["batches"][1]["batch_id"]]
        assert len(winner) == 2


def test_two_exports_pasted_into_one_file_count_each_record_once(ingest, head):
    rows = [head(n) for n in range(12)]
    result = ingest(("orders.csv", [*rows, *rows[6:]], 12))
    assert len(orders(result)) == 12
    assert result.total("rows_quarantined") == 0
    reasons = dict(zip(result.reasons.reason, result.reasons.rows, strict=True))
    assert reasons == {"exact_repeat": 6, "repeated_header": 1}
    assert check(result, "quarantine_share").status is Status.PASS


def test_a_later_state_pasted_below_or_above_holds(ingest, head):
    rows, later = [head(n) for n in range(3)], head(1, "50.00", "refunded")
    for pasted in ([*rows, later], [later, *rows]):
        result = ingest(("orders.csv", pasted))
        assert orders(result).net_minor.sum() == 10000
        assert result.total("rows_quarantined") == 0


def test_two_orders_of_one_number_are_refused_not_merged(ingest, head):
    other = head(1, day=9, Subtotal="70.00", Total="70.00", **{"Lineitem price": "70.00"})
    result = ingest(("orders.csv", [head(1), head(2), other]))
    assert sorted(orders(result).gross_minor) == [5000, 5000]
    assert result.total("rows_quarantined") == 1

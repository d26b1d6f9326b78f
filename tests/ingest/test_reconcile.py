"""The hard checks hold on what is whole, and fail on what is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from retention.ingest import pipeline
from retention.ingest.result import FATES
from retention.results import Status


def check(result, code):
    return next(c for c in result.checks if c.code == code)


def rows(make_order, prefix="o", count=12):
    return [
        make_order(f"{prefix}{n}", f"p{n % 5}@shop.example", f"{n}.25") for n in range(1, count)
    ]


def test_the_snapshot_holds_what_was_accepted_superseded_rows_in_its_history(shop, make_order):
    shop.write("orders_1.csv", *rows(make_order))
    shop.write("orders_2.csv", make_order("o3", "p3@shop.example", "99.00"), *rows(make_order, "n"))
    found = check(shop.ingest(), "snapshot_reconciles")
    assert found.status is Status.PASS
    assert "(1 table(s))" in found.detail


def test_a_row_that_the_snapshot_lost_is_noticed_and_the_snapshot_is_not_made_current(
    shop, make_order, monkeypatch
):
    shop.write("orders.csv", *rows(make_order))
    real = pipeline.reconcile

    def lose_one(assembly, accounts):
        assembly.tables["orders"]["rows"] -= 1
        return real(assembly, accounts)

    monkeypatch.setattr(pipeline, "reconcile", lose_one)
    result = shop.ingest()
    assert check(result, "snapshot_reconciles").status is Status.FAIL
    assert "11 accepted, 10 held" in check(result, "snapshot_reconciles").detail
    assert not (shop.store / "current").exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [({"rows_read": 12}, "rows_reconcile"),
     ({"measured": {"USD": {"rows": "11", "value": "1"}}}, "money_reconciles")],
)  # fmt: skip
def test_a_count_or_a_sum_that_differs_stops_the_run(shop, make_order, monkeypatch, change, code):
    shop.write("orders.csv", *rows(make_order))
    real = pipeline.reconcile

    def miscount(assembly, accounts):
        assembly.contributions = [replace(c, **change) for c in assembly.contributions]
        return real(assembly, accounts)

    monkeypatch.setattr(pipeline, "reconcile", miscount)
    found = check(shop.ingest(), code)
    assert found.status is Status.FAIL
    assert "orders.csv" in found.detail


def test_each_source_and_day_adds_up_and_days_with_losses_come_by_their_money(shop, make_order):
    shop.write(
        "orders.csv", *rows(make_order), make_order("o1", "p1@shop.example", "1.25"),
        make_order("x", "p1@shop.example", "7.50", date="2025-02-02 10:00:00", note="skip"),
    )  # fmt: skip
    result = shop.ingest()
    days = result.by_day().set_index("day")
    assert days.rows_read["2025-02-01"] == 12
    assert all(days.rows_read == sum(days[f"rows_{fate}"] for fate in FATES))
    assert result.days_with_refusals().day.tolist() == ["2025-02-02", "2025-02-01"]
    assert "All 2 source-days add up" in result.days_summary()

"""The migration check finds what was planted, all of it and nothing else."""

from __future__ import annotations

import pandas as pd
import pytest

from retention.demo import write_shop
from retention.errors import ParameterError
from retention.ingest.erase import erase
from retention.ingest.keys import open_keys
from retention.ingest.migration import Exports, check_migration
from retention.ingest.pipeline import run_ingest
from retention.results import Status


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo shop's two systems compared, the truth, and the orders' pseudonyms by number."""
    root = tmp_path_factory.mktemp("migration")
    write_shop(root / "exports", customers=1_500, seed=11)
    exports = Exports(
        "woocommerce_orders_csv: exports/legacy/woocommerce_orders.csv",
        "shopify_orders: exports/shopify/orders_export.csv", root, root / ".retention", "USD",
    )  # fmt: skip
    result = check_migration(exports, "2024-01-01", "2024-07-01", threads=1)
    ring = open_keys(root / ".retention")
    truth = pd.read_parquet(root / "exports/truth/migration.parquet")

    def keys(kind, side):
        shop = {"legacy": "woocommerce", "new": "shopify"}[side]
        numbers = truth[truth.kind == kind][f"{side}_number"].dropna().astype(int)
        return {ring.record_key("order", f"{shop}:{number}") for number in numbers}

    return result, truth, keys


def found(result, kind, side, field="order"):
    rows = result.differences[
        (result.differences.kind == kind) & (result.differences.field == field)
    ]
    return set(rows[f"{side}_order"].dropna())


@pytest.mark.parametrize(
    ("kind", "side"),
    [("missing_in_new", "legacy"), ("only_in_new", "new"), ("doubled_in_legacy", "legacy"),
     ("identifier_changed", "legacy"), ("identifier_changed", "new")],
)  # fmt: skip
def test_exactly_the_planted_orders_are_found(demo, kind, side):
    result, truth, keys = demo
    planted = keys(kind, side)
    assert len(planted) == (truth.kind == kind).sum() >= 5
    assert found(result, kind, side) - keys("spoilt_in_new", side) == planted


@pytest.mark.parametrize("field", ["shipping", "discount", "customer"])
def test_exactly_the_planted_fields_differ(demo, field):
    result, _, keys = demo
    planted = keys(field, "new")
    assert planted
    assert found(result, "field_differs", "new", field) == planted


def test_no_other_field_differs_but_the_net_value_that_follows_from_the_discount(demo):
    result, _, keys = demo
    clean = result.differences[~result.differences.new_order.isin(keys("spoilt_in_new", "new"))]
    assert set(clean[clean.kind == "field_differs"].field) == {
        "shipping", "discount", "net value", "customer",
    }  # fmt: skip
    assert found(result, "field_differs", "new", "net value") == keys("discount", "new")


def test_the_days_add_up_to_the_orders_and_to_the_money_of_both_systems(demo):
    result, _, _ = demo
    days = result.daily()
    assert days.legacy_orders.sum() == result.days.legacy_orders.sum() > 100
    assert (days.new_net - days.legacy_net - days.difference).abs().max() < 1e-9
    total = days.matched + days.missing + days.added + days.doubled
    assert total.sum() == result.outcomes.orders.sum()


def test_each_table_has_a_verdict_and_what_is_not_ready_says_what_to_do(demo):
    result, _, _ = demo
    frame = result.to_frame().set_index("table")
    assert frame.verdict.to_dict() == {
        "customers": "not ready", "orders": "not ready", "amounts": "not ready",
        "refunds": "ready", "order lines": "ready",
    }  # fmt: skip
    assert (frame["what to do"].str.len() > 10).tolist() == [True, True, True, False, False]
    assert [c.status for c in result.checks()].count(Status.WARN) == 3
    assert "Not ready: customers" in result.summary()
    assert result.headline().startswith("Not ready to leave the old system: customers")


def test_the_demo_does_not_ingest_the_old_export(demo):
    import yaml

    with open("params/demo/ingest.yaml", encoding="utf-8") as handle:
        params = yaml.safe_load(handle)
    _, _, old_export = params["migration_legacy_source"].partition(": ")
    assert old_export.endswith(".csv")
    assert not any(old_export in source for source in params["sources"])


def compare(shop, old, new, **settings):
    shop.write("old.csv", *old)
    shop.write("new.csv", *new)
    exports = Exports("tiny_orders: old.csv", "tiny_orders: new.csv", shop.root, shop.private)
    return check_migration(exports, "2025-02-01", "2025-03-01", threads=1, **settings)


def test_two_equal_exports_are_ready(shop, make_order):
    rows = [make_order(str(n), f"p{n}@shop.example") for n in range(20)]
    result = compare(shop, rows, list(reversed(rows)))
    assert set(result.to_frame().verdict) == {"ready", "nothing to compare"}
    assert result.days_at_fault().empty
    assert "Every day agrees in orders and money (1 compared)" in result.days_summary()
    assert result.headline().endswith("ready to leave the old system.")


def test_what_the_new_system_holds_twice_and_what_lies_outside_the_period(shop, make_order):
    old = [make_order("1", "ada@shop.example"), make_order("2", "bob@shop.example", "20.00"),
           make_order("8", "cyd@shop.example", date="2024-02-01 10:00:00")]  # fmt: skip
    new = [*old[:2], make_order("9001", "ada@shop.example"), make_order("2", "bob@shop.example")]
    result = compare(shop, old, new)
    assert result.outcomes.set_index("outcome").orders.to_dict() == {
        "doubled_in_new": 1, "matched": 2,
    }  # fmt: skip
    fates = result.fates.set_index(["side", "fate"]).orders
    assert fates["new", "repeated"] == 1


def test_a_refused_record_of_the_new_export_is_told_apart_from_a_lost_order(shop, make_order):
    old = [make_order("1", "ada@shop.example"), make_order("2", "bob@shop.example")]
    result = compare(shop, old, [old[0], make_order("2", "bob@shop.example", "free")])
    assert result.outcome("refused_in_new") == 1
    assert result.outcome("missing_in_new") == 0
    assert result.to_frame().set_index("table").missing["orders"] == 1


def test_a_tolerance_lets_small_faults_pass(shop, make_order):
    old = [make_order(str(n), f"p{n}@shop.example") for n in range(20)]
    assert "orders (" in compare(shop, old, old[1:]).summary().split("Not ready:")[1]
    assert "Not ready" not in compare(shop, old, old[1:], tolerance=0.05).summary()


def test_an_empty_period_is_refused(shop, make_order):
    shop.write("old.csv", make_order("1", "ada@shop.example"))
    exports = Exports("tiny_orders: old.csv", "tiny_orders: old.csv", shop.root, shop.private)
    with pytest.raises(ParameterError, match="empty"):
        check_migration(exports, "2025-03-01", "2025-03-01")


def test_orders_that_ingest_has_read_are_compared_as_if_read_again_and_nothing_is_left(
    shop, make_order, tmp_path
):
    old = [make_order("1", "ada@shop.example"), make_order("2", "bob@shop.example", "20.00"),
           make_order("3", "cyd@shop.example", "free"), make_order("5", "e@a.example")]  # fmt: skip
    new = [*old[:3], old[1], make_order("4", "dan@shop.example"), make_order("2", "", "9.00")]
    read_again = compare(shop, old, new)
    exports = Exports("tiny_orders: old.csv", "tiny_orders: new.csv", shop.root, shop.private)
    run_ingest(["tiny_orders: new.csv"], tmp_path / "store", shop.private, root=shop.root,
               as_of="2026-01-01", compared=exports)  # fmt: skip
    (told,) = (shop.private / "work").iterdir()
    (shop.root / "new.csv").unlink()
    (shop.root / "new.csv").write_text("gone")
    result = check_migration(exports, "2025-02-01", "2025-03-01", threads=1)
    assert not told.exists()
    for name in ("outcomes", "customers", "fields", "days", "differences", "fates"):
        pd.testing.assert_frame_equal(getattr(result, name), getattr(read_again, name))


def test_what_is_compared_is_left_by_ingest_only_where_both_systems_are_named(shop, make_order):
    shop.write("new.csv", make_order("1", "ada@shop.example"))
    exports = Exports("", "tiny_orders: new.csv", shop.root, shop.private)
    assert exports.paths() == frozenset()


def test_the_orders_of_an_erased_person_are_compared_on_neither_side(shop, make_order, tmp_path):
    rows = [make_order("1", "ada@shop.example"), make_order("2", "bob@shop.example")]
    shop.write("new.csv", *rows)
    store = tmp_path / "shop" / "store"
    run_ingest(["tiny_orders: new.csv"], store, shop.private, root=shop.root, as_of="2026-01-01")
    erase("ada@shop.example", shop.private, tmp_path)
    result = compare(shop, rows, rows)
    assert result.fates.set_index(["side", "fate"]).orders.to_dict() == {
        ("legacy", "excluded"): 1, ("legacy", "sound"): 1,
        ("new", "excluded"): 1, ("new", "sound"): 1,
    }  # fmt: skip


def test_without_an_old_export_the_headline_says_nothing_of_it(shop):
    exports = Exports("", "", shop.root, shop.private)
    result = check_migration(exports, "", "", threads=1)
    assert result.headline() == ""
    assert not result.checks()

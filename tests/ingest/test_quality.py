"""Each finding of the data-quality report fires on what it is for, and stays silent otherwise."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from retention.engine import Engine
from retention.ingest import QualityLimits, run_ingest
from retention.ingest.codes import IngestCheck
from retention.ingest.quality_drift import chance_level, stability_index
from retention.ingest.quality_effects import EFFECTS
from retention.ingest.quality_oddities import _apart, _summer, _units
from retention.results import Status


def daily(make_order, start="2025-01-06", days=50, skip=(), amount="10.00", prefix="o"):
    first = date.fromisoformat(start)
    return [
        make_order(f"{prefix}{d}-{i}", f"p{i}@shop.example", amount,
                   date=f"{first + timedelta(d)} 10:00:00")
        for d in range(days) if d not in skip for i in range(6)
    ]  # fmt: skip


def status(result, code):
    return next(c.status for c in result.checks if c.code == code)


def test_a_whole_and_fresh_export_raises_nothing(shop, make_order):
    shop.write("orders.csv", *daily(make_order))
    result = shop.ingest()
    assert {c.status for c in result.checks} == {Status.PASS}
    assert "no check found fault" in result.summary()


def test_a_hole_in_the_days_is_found(shop, make_order):
    shop.write("orders.csv", *daily(make_order, skip=(20, 21)))
    assert status(shop.ingest(), "missing_days") is Status.WARN


def test_an_old_export_is_called_old(shop, make_order):
    shop.write("orders.csv", *daily(make_order))
    assert status(shop.ingest(as_of="2025-06-01"), "freshness") is Status.WARN


def test_one_wholesaler_among_many_is_an_outlier(shop, make_order):
    whale = [make_order(f"w{i}", "whale@shop.example", "9000.00") for i in range(4)]
    shop.write("orders.csv", *daily(make_order), *whale)
    assert status(shop.ingest(), "outliers") is Status.WARN


def test_prices_in_another_unit_stop_the_run(shop, make_order):
    shop.write("orders.csv", *daily(make_order))
    shop.ingest()
    shop.write("orders.csv", *daily(make_order, amount="1000.00"))
    result = shop.ingest()
    assert status(result, "distribution_drift") is Status.FAIL
    assert result.summary().startswith("Do not use this data yet")


def test_a_source_that_is_mostly_refused_stops_the_run(shop, make_order):
    bad = [make_order(f"b{i}", "x@shop.example", "free") for i in range(200)]
    shop.write("orders.csv", *daily(make_order), *bad)
    assert status(shop.ingest(), "quarantine_share") is Status.FAIL


def test_the_stability_index_has_its_textbook_value():
    expected, found = np.array([1000.0, 1000.0]), np.array([1200.0, 800.0])
    by_hand = (0.6 - 0.5) * np.log(0.6 / 0.5) + (0.4 - 0.5) * np.log(0.4 / 0.5)
    assert stability_index(expected, found) == pytest.approx(by_hand, abs=1e-3)


def detail(result, code):
    return next(c.detail for c in result.checks if c.code == code)


def frame(result, table):
    return pd.concat([pd.read_parquet(p) for p in result.snapshot.tables[table]])


def test_many_orders_of_one_customer_on_one_day_look_like_a_bot(shop, make_order):
    rush = [make_order(f"r{i}", "bot@shop.example", f"{i}.00") for i in range(1, 13)]
    shop.write("orders.csv", *daily(make_order), *rush)
    result = shop.ingest()
    assert status(result, "bots_and_test_orders") is Status.WARN
    assert "fewer than 10 customers placed more than 10 orders" in detail(
        result, "bots_and_test_orders"
    )  # fmt: skip


def test_an_order_sent_twice_within_a_minute_is_found(shop, make_order):
    twice = [make_order(n, "ada@shop.example", "9.00", date=f"2025-02-01 10:00:{s}")
             for n, s in (("a1", "00"), ("a2", "40"))]  # fmt: skip
    shop.write("orders.csv", *daily(make_order), *twice)
    assert "1 orders repeat another" in detail(shop.ingest(), "bots_and_test_orders")


def test_one_person_under_two_addresses_is_reported_and_not_merged(shop, make_order):
    doubles = [make_order(f"d{i}", f"ada{i}@shop.example", name="Ada L", postcode="Z1")
               for i in range(12)]  # fmt: skip
    shop.write("orders.csv", *daily(make_order), *doubles)
    result = shop.ingest()
    assert status(result, "duplicated_customers") is Status.WARN
    assert "12 customers share name and postcode" in detail(result, "duplicated_customers")
    assert len(frame(result, "customers")) == 18


def test_a_country_under_two_names_is_found(shop, make_order):
    named = [make_order("c1", "c1@shop.example", country="Ruritania"),
             make_order("c2", "c2@shop.example", country="RURITANIA"),
             make_order("c3", "c3@shop.example", country="United States")]  # fmt: skip
    shop.write("orders.csv", *daily(make_order), *named)
    result = shop.ingest()
    assert status(result, "country_spellings") is Status.WARN
    told = detail(result, "country_spellings")
    assert told.startswith("2 names of countries")
    assert "RURITANIA, Ruritania" in told


def test_orders_that_pile_up_at_midnight_have_lost_their_hour(shop, make_order):
    lost = [make_order(f"m{i}", "p1@shop.example", date=f"2025-01-{i + 1:02d} 00:00:00")
            for i in range(28)]  # fmt: skip
    more = [
        make_order(f"n{i}", f"q{i}@shop.example", date="2025-02-01 00:00:00") for i in range(60)
    ]
    shop.write("orders.csv", *daily(make_order), *lost, *more)
    assert "stand at 00:00:00" in detail(shop.ingest(), "time_zone_oddities")


def hours(source, season, peak, orders=2000):
    shape = np.exp(-((np.arange(24) - 12.0) ** 2) / 10)
    counts = np.roll(shape / shape.sum() * orders, peak - 12).round().astype(int)
    return pd.DataFrame({"source": source, "hour": range(24), "season": season,
                         "orders": counts, "at_midnight": 0})  # fmt: skip


def test_a_source_whose_clock_stands_in_another_zone_is_found():
    shifted = pd.concat([hours("shop", "winter", 15), hours("market", "winter", 20, 900)])
    assert list(_apart(shifted)) == ["the day of market runs +5 hours against shop"]
    agreed = pd.concat([hours("shop", "winter", 15), hours("market", "winter", 15, 900)])
    assert not list(_apart(agreed))


def test_a_clock_that_ignores_summer_time_differs_from_one_that_does_not():
    keeps = pd.concat([hours("shop", "winter", 15), hours("shop", "summer", 14)])
    ignores = pd.concat([hours("market", "winter", 15), hours("market", "summer", 15)])
    (told,) = _summer(pd.concat([keeps, ignores]))
    assert "market +0 h, shop -1 h" in told
    assert not list(_summer(keeps))


def test_cents_read_as_units_are_found_between_sources():
    engine = Engine(threads=1)
    orders = pd.DataFrame({"source": ["shop"] * 40 + ["market"] * 40, "currency": "USD",
                           "net_minor": [2500] * 40 + [250_000] * 40})  # fmt: skip
    engine.register("orders", orders)
    check = _units(engine)
    assert check.status is Status.WARN
    assert "orders of market are 100 times those of shop" in check.detail


def test_each_column_is_compared_with_the_snapshot_before(shop, make_order):
    shop.write("orders_1.csv", *daily(make_order, days=50))
    assert "no earlier snapshot" in shop.ingest().quality.drift_summary()
    shop.write("orders_2.csv", *daily(make_order, start="2025-02-25", days=50, prefix="n",
                                      amount="95.00"))  # fmt: skip
    result = shop.ingest(as_of="2025-04-16")
    columns = result.quality.drift.columns.set_index("column")
    assert columns.stability_index["orders.net_minor"] > 0.25
    assert columns.status.drop("orders.net_minor").eq("pass").all()
    assert columns.rows_new["orders.net_minor"] == 300
    assert status(result, "distribution_drift") is Status.FAIL


def test_equal_data_that_comes_in_a_new_file_has_not_moved(shop, make_order):
    shop.write("orders_1.csv", *daily(make_order, days=50))
    shop.ingest()
    shop.write("orders_2.csv", *daily(make_order, start="2025-02-25", days=50, prefix="n"))
    assert status(shop.ingest(as_of="2025-04-16"), "distribution_drift") is Status.PASS


def test_a_day_that_lost_its_orders_since_the_snapshot_before_is_found(shop, make_order):
    shop.write("orders.csv", *daily(make_order))
    shop.ingest()
    shop.write("orders.csv", *daily(make_order, skip=(20,)))
    assert "1 day(s) lost more than half" in detail(shop.ingest(), "volume_drift")


def test_chance_explains_more_of_a_small_sample_than_of_a_large_one():
    assert chance_level(10, 1000, 100) > chance_level(10, 1000, 10_000) > 0
    rng = np.random.default_rng(5)
    draws = [rng.multinomial(n, np.full(10, 0.1)) for n in (400, 400) * 200]
    indexes = [stability_index(a, b) for a, b in zip(draws[::2], draws[1::2], strict=True)]
    assert np.mean(np.array(indexes) > chance_level(10, 400, 400)) < 0.02


def test_thresholds_come_from_the_limits(shop, make_order):
    shop.write("orders.csv", *daily(make_order))
    limits = QualityLimits(late_days=3)
    assert status(shop.ingest(as_of="2025-03-01", limits=limits), "freshness") is Status.WARN


def test_every_check_says_what_its_fault_would_do_to_each_analysis(shop, make_order):
    assert set(EFFECTS) == set(IngestCheck)
    shop.write("orders.csv", *daily(make_order, skip=(20, 21)))
    told = shop.ingest().quality.to_frame().set_index("check").loc["missing_days"]
    assert (told.severity, told.churn) == ("weigh it", "a hole looks like churn")


def test_several_currencies_and_declared_exclusions_add_up_to_the_cent(tmp_path, monkeypatch):
    monkeypatch.setenv("RETENTION_KEY", "5a" * 32)
    rows = ["No,Mail,When,Code,Sum",
            *(f"{n},p{n % 9}@s.example,2025-02-{1 + n % 20:02d},{code},{n}"
              + ("" if code == "JPY" else f".{n % 100:02d}")
              for n, code in enumerate(["USD", "EUR", "JPY"] * 20, start=1)),
            "91,x@s.example,2025-02-03,USD,free", "92,x@s.example,,EUR,5.05"]  # fmt: skip
    (tmp_path / "o.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    columns = ("orders.order_key = No", "orders.email = Mail", "orders.ordered_at = When",
               "orders.currency = Code", "orders.gross_minor = Sum")  # fmt: skip
    result = run_ingest(
        ["generic: o.csv"], tmp_path / "store", tmp_path / ".retention", root=tmp_path,
        as_of="2025-03-01", threads=1,
        read_options=["generic: columns = " + "; ".join(columns)],
    )  # fmt: skip
    days = result.by_day()
    assert (days.rows_gap == 0).all()
    assert all(gap == 0 for gap in days.value_gap)
    assert {"USD", "EUR", "JPY"} <= set(days.currency)
    assert status(result, "money_reconciles") is Status.PASS
    assert result.total("rows_quarantined") >= 2
    assert status(result, "mixed_currencies") is Status.WARN
    assert "to the cent" in result.days_summary()

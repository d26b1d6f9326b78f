"""Amounts of two currencies are never added: one is reported, others are converted or left out."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from retention.engine import Engine
from retention.features import customer_features
from retention.ingest import run_ingest
from retention.ingest.currencies import multipliers
from retention.results import Status

RATES = (
    "date,from,to,rate\n2025-02-02,USD,EUR,0.5\n2025-02-10,USD,EUR,0.8\n2025-02-01,EUR,JPY,160\n"
)


@pytest.fixture
def mixed(tmp_path, monkeypatch, head, write_shopify):
    """A shop of three orders in euro, two in dollars and one in yen; ingest as asked for."""
    monkeypatch.setenv("RETENTION_KEY", "5a" * 32)
    rows = [head(n, day=5) for n in range(3)]
    rows += [head(10, day=5, Currency="USD"), head(11, "50.00", "refunded", 20, Currency="USD")]
    rows.append(head(20, day=5, Currency="JPY", Subtotal="8000", Total="8000", Shipping="0",
                     Taxes="0", **{"Lineitem price": "8000"}))  # fmt: skip
    write_shopify(tmp_path, "orders.csv", rows)
    (tmp_path / "fx.csv").write_text(RATES, encoding="utf-8")

    def run(*sources, **settings):
        return run_ingest(["shopify_orders: orders.csv", *sources], tmp_path / "store",
                          tmp_path / "private", root=tmp_path, as_of="2025-03-01", threads=1,
                          **settings)  # fmt: skip

    return run


def frame(result, table):
    return pd.concat([pd.read_parquet(path) for path in result.snapshot.tables[table]])


def mixed_check(result):
    return next(check for check in result.checks if check.code == "mixed_currencies")


def test_without_rates_the_currency_with_most_value_is_reported_and_the_rest_is_named(mixed):
    result = mixed()
    orders = frame(result, "orders")
    assert orders.currency.tolist() == ["EUR"] * 3
    assert set(frame(result, "order_lines").order_key) == set(orders.order_key)
    assert mixed_check(result).status is Status.WARN
    assert "2 orders of USD 100.00" in mixed_check(result).detail
    assert "1 orders of JPY 8,000 " in mixed_check(result).detail
    assert {c.code: c.status for c in result.checks}["snapshot_reconciles"] is Status.PASS
    figures = {metric.name: (metric.value, metric.unit) for metric in result.metrics()}
    assert figures["value_read"] == (150.0, "EUR")
    assert figures["value_read_jpy"] == (8000.0, "JPY")
    assert figures["value_accepted_usd"] == (0.0, "USD")
    assert figures["rows_excluded"] == (3, "rows")
    assert set(frame(mixed(currency="USD"), "orders").currency) == {"USD"}


def test_rates_of_the_day_convert_orders_with_their_lines_and_refunds(mixed, request):
    result = mixed("fx_rates: fx.csv", currency="EUR")
    orders = frame(result, "orders").sort_values("net_minor")
    assert set(orders.currency) == {"EUR"}
    # USD 50 at 0.8 was paid back whole; USD 50 at 0.5; JPY 8,000 at 1/160; three of EUR 50.
    assert orders.net_minor.tolist() == [0, 2500, 5000, 5000, 5000, 5000]
    assert (orders.net_minor == orders.gross_minor - orders.discount_minor
            - orders.refunded_minor).all()  # fmt: skip
    lines = frame(result, "order_lines").groupby("order_key").line_net_minor.sum()
    assert lines.loc[orders.order_key].tolist() == orders.gross_minor.tolist()
    assert frame(result, "refunds").amount_minor.tolist() == [4000]
    assert mixed_check(result).status is Status.PASS
    assert "JPY, USD were converted" in mixed_check(result).detail
    assert result.total("value_read", "USD") == 100
    engine = Engine(threads=1)
    request.addfinalizer(engine.close)
    result.snapshot.register(engine)
    assert customer_features(engine, "2025-03-01").monetary_minor.sum() == 22500 + 4000


def test_a_rate_holds_until_the_next_and_the_first_also_before():
    rates = pd.read_csv(io.StringIO(RATES)).rename(
        columns={"date": "rate_date", "from": "currency", "to": "to_currency"}
    )
    table = multipliers(rates, "EUR")
    assert table.currency.tolist() == ["JPY", "USD", "USD"]
    usd = table[table.currency == "USD"]
    assert usd.multiplier.tolist() == [0.5, 0.8]
    assert usd.end_s.iloc[0] == usd.start_s.iloc[1] == 1739145600
    assert usd.start_s.iloc[0] < 0 < 4e9 < usd.end_s.iloc[1]
    assert table.multiplier.iloc[0] == pytest.approx(100 / 160)
    assert multipliers(rates[:0], "EUR").empty

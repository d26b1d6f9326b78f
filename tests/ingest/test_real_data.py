"""The two real exports, whole: every line and every cent."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
import yaml

from retention.ingest import run_ingest
from retention.results import Status

PROJECT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.realdata


def ingest(profile, tmp_path, real_data, monkeypatch):
    monkeypatch.setenv("RETENTION_DATA", str(real_data))
    monkeypatch.setenv("RETENTION_KEY", "5a" * 32)
    text = (PROJECT / "params" / profile / "ingest.yaml").read_text(encoding="utf-8")
    params = yaml.safe_load(text)
    return run_ingest(
        params["sources"], tmp_path / "store", tmp_path / ".retention", root=PROJECT,
        as_of="2011-12-10", currency=params["currency"], time_zone=params["time_zone"],
        read_options=params["read_options"], threads=1,
    )  # fmt: skip


def frame(result, table):
    return pd.concat([pd.read_parquet(p) for p in result.snapshot.tables[table]])


@pytest.fixture(scope="module")
def gift_shop(tmp_path_factory, real_data):
    with pytest.MonkeyPatch.context() as patch:
        yield ingest("online_retail", tmp_path_factory.mktemp("retail"), real_data, patch)


def test_the_gift_shops_lines_and_money_are_all_accounted_for(gift_shop):
    total = gift_shop.total
    assert total("rows_read") == 541_909
    assert total("rows_accepted") + total("rows_quarantined") == 541_909
    assert total("rows_excluded") == 0
    assert total("value_read") == Decimal("9747747.93")
    assert total("value_accepted") + total("value_quarantined") == Decimal("9747747.93")
    assert all(c.status is Status.PASS for c in gift_shop.checks if "reconcile" in c.code)


def test_the_gift_shops_duplicates_and_zero_prices_are_counted(gift_shop):
    reasons = gift_shop.reasons.set_index("reason").rows
    assert reasons["duplicate_line:InvoiceNo"] == 5_268
    assert reasons["zero_price:UnitPrice"] == 2_510


def test_the_gift_shops_snapshot_agrees_with_its_accounts(gift_shop):
    assert len(frame(gift_shop, "order_lines")) == gift_shop.total("rows_accepted")
    # 4,372 in the file; one of them has nothing but a line at price 0, which is refused
    assert frame(gift_shop, "customers").customer_key.nunique() == 4_371
    lines = frame(gift_shop, "order_lines")
    orders = frame(gift_shop, "orders")
    assert set(lines.order_key) <= set(orders.order_key)


def test_the_email_test_has_its_published_arms_and_rates(tmp_path, real_data, monkeypatch):
    result = ingest("hillstrom", tmp_path, real_data, monkeypatch)
    arms = frame(result, "assignments")
    assert arms.arm.value_counts().to_dict() == {
        "womens_email": 21_387, "mens_email": 21_307, "no_email": 21_306,
    }  # fmt: skip
    outcomes = frame(result, "outcomes").merge(arms[["unit_key", "arm"]], on="unit_key")
    rates = outcomes.pivot_table(index="arm", columns="metric", values="value")
    assert rates.loc["no_email", "visit"] == pytest.approx(0.106167, abs=5e-7)
    assert rates.loc["mens_email", "conversion"] == pytest.approx(0.012531, abs=5e-7)
    assert rates.loc["womens_email", "spend"] == pytest.approx(1.077202, abs=5e-7)

"""Retention periods: what is past them is left out, counted, and later destroyed."""

from __future__ import annotations

import json
import os
import time

import pandas as pd
import pytest

from retention.errors import ParameterError
from retention.ingest import Snapshot
from retention.ingest.expire import expire
from retention.ingest.keys import open_keys
from retention.ingest.periods import parse_periods
from retention.ingest.vault import Vault
from retention.runs.params import IngestParams

OLD, NEW = "2023-01-05 10:00:00", "2025-02-01 10:00:00"


@pytest.fixture
def aged(shop, make_order):
    shop.outputs = shop.root / "outputs"
    shop.store = shop.outputs / "tiny" / "store"
    shop.write(
        "orders.csv",
        make_order("1", "ada@shop.example", "10.00", date=OLD),
        make_order("2", "ada@shop.example", "7.50", date=NEW),
        make_order("3", "bob@shop.example", "3.00", date=OLD),
        make_order("4", "cyd@shop.example", "free", date=OLD),
    )
    return shop


def orders_of(store):
    paths = Snapshot.load(store).tables["orders"]
    return pd.concat([pd.read_parquet(path) for path in paths]).net_minor.tolist()


def every_amount(store):
    """Return the net amounts in every object of the store, named by a snapshot or not."""
    frames = [pd.read_parquet(path) for path in store.glob("objects/*.parquet")]
    return {x for frame in frames if "net_minor" in frame for x in frame.net_minor}


def test_rows_past_their_period_are_excluded_and_reconciled(aged):
    result = aged.ingest(retention_days=["orders: 395"])
    assert orders_of(aged.store) == [750]
    assert result.total("rows_excluded") == 2
    assert result.total("value_excluded") == 13
    reasons = result.reasons.set_index("reason").rows
    assert reasons["past_retention_period"] == 2
    assert all(c.status == "pass" for c in result.checks if "reconcile" in c.code)


def test_what_was_kept_earlier_is_destroyed_and_the_accounts_still_add_up(aged):
    aged.ingest()
    first = Snapshot.load(aged.store).id
    periods = parse_periods(["orders: 395"], "2025-03-01")
    result = expire(aged.private, aged.outputs / "tiny", periods)
    assert result.rows >= 4
    assert orders_of(aged.store) == [750]
    assert every_amount(aged.store) == {750}
    assert Snapshot.load(aged.store).id != first
    assert not list(aged.store.glob(f"snapshots/{first}"))
    again = aged.ingest(retention_days=["orders: 395"])
    assert again.reused == 1
    assert again.total("rows_read") == 4
    assert again.total("rows_excluded") == 2
    assert all(c.status == "pass" for c in again.checks if "reconcile" in c.code)
    assert every_amount(aged.store) == {750}
    assert expire(aged.private, aged.outputs / "tiny", periods).rows == 0


def test_people_of_whom_nothing_newer_is_known_leave_the_vault_too(aged):
    aged.ingest()
    periods = parse_periods(["customers: 395"], "2025-03-01")
    result = expire(aged.private, aged.outputs / "tiny", periods)
    assert result.people == 1
    keys = open_keys(aged.private)
    held = set(Vault(aged.private, keys).read()["customer_key"].to_pylist())
    assert keys.pseudonym("email", "ada@shop.example") in held
    assert keys.pseudonym("email", "bob@shop.example") not in held
    assert sorted(orders_of(aged.store)) == [750, 1000]


def test_someone_whom_another_profile_still_knows_stays_in_the_vault(aged, make_order):
    aged.ingest()
    first, aged.store = aged.store, aged.outputs / "other" / "store"
    aged.write("orders_2.csv", make_order("9", "bob@shop.example", date=NEW))
    aged.ingest("orders_2.csv")
    aged.store = first
    expire(aged.private, aged.outputs / "tiny", parse_periods(["customers: 395"], "2025-03-01"))
    keys = open_keys(aged.private)
    assert Vault(aged.private, keys).find(keys.pseudonym("email", "bob@shop.example")).num_rows


def test_refused_records_and_old_runs_go_after_their_period(aged):
    aged.ingest()
    (sealed,) = (aged.private / "quarantine").glob("*.sealed")
    long_ago = time.time() - 100 * 86_400
    os.utime(sealed, (long_ago, long_ago))
    for name, made in (("0001", "2023-01-01T00:00:00+00:00"), ("0002", "2023-02-01T00:00:00+00:00"),
                       ("0003", "2025-02-01T00:00:00+00:00")):  # fmt: skip
        run = aged.outputs / "tiny" / name
        (run / "tables").mkdir(parents=True)
        (run / "manifest.json").write_text(json.dumps({"created_at": made}))
        pd.DataFrame({"x": [1]}).to_parquet(run / "tables" / "t.parquet")
        (run / "tables" / "t.parquet").chmod(0o440)
    (aged.outputs / "tiny" / "latest").symlink_to("0002")
    periods = parse_periods(["quarantine: 90", "runs: 395"], "2025-03-01")
    result = expire(aged.private, aged.outputs / "tiny", periods)
    assert (result.records, result.runs) == (1, 1)
    assert not sealed.exists()
    kept = {p.name for p in (aged.outputs / "tiny").glob("000*")}
    assert kept == {"0002", "0003"}  # the latest stays, however old


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("events", "no number of days"),
        ("events: soon", "no number of days"),
        ("events: 0", "no number of days"),
        ("event: 10", "has no period"),
        ("order_lines: 10", "go with their order"),
        ("consents: 10", "prove what was lawful"),
    ],
)
def test_a_period_that_means_nothing_is_refused_before_anything_runs(text, words):
    with pytest.raises(ParameterError, match=words):
        parse_periods([text], "2026-07-01")
    with pytest.raises(ValueError, match=words):
        IngestParams(retention_days=[text])


def test_two_periods_for_one_table_are_refused():
    with pytest.raises(ParameterError, match="two periods"):
        parse_periods(["events: 10", "events: 20"], "2026-07-01")

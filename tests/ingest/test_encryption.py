"""Snapshots encrypted at rest: the same ids, unreadable without the key, whole with it."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import retention
from retention.engine import Engine, is_encrypted
from retention.errors import InputError
from retention.features import customer_features
from retention.ingest import Snapshot, access, erase
from retention.ingest.keys import open_keys, snapshot_key
from retention.ingest.rotate import rotate
from retention.runs.workspace import Workspace


@pytest.fixture
def sealed(shop, make_order, monkeypatch):
    monkeypatch.delenv("RETENTION_KEY")
    shop.outputs = shop.root / "outputs"
    shop.store = shop.outputs / "tiny" / "store"
    shop.write(
        "orders.csv",
        make_order("1", "ada@shop.example", "10.00", country="Ruritania"),
        make_order("2", "bob@shop.example", "7.50"),
    )
    return shop


def publish(shop):
    run = shop.outputs / "tiny" / "0001"
    run.mkdir()
    (run / "manifest.json").write_text("{}")
    (run / "snapshot.json").write_text(json.dumps({"id": Snapshot.load(shop.store).id}))
    return Workspace(shop.root, shop.root)


def test_the_same_data_gives_the_same_snapshot_encrypted_or_not(sealed):
    plain = sealed.ingest().snapshot_id
    names = {path.name for path in sealed.store.glob("objects/*")}
    encrypted = sealed.ingest(encrypt_snapshots=True).snapshot_id
    assert encrypted == plain
    assert {path.name for path in sealed.store.glob("objects/*")} == names


def test_every_object_is_encrypted_also_those_that_were_plain(sealed):
    sealed.ingest()
    sealed.ingest(encrypt_snapshots=True)
    objects = list(sealed.store.glob("objects/*"))
    assert objects
    for path in objects:
        assert is_encrypted(path)
        assert b"Ruritania" not in path.read_bytes()
        assert b"customer_key" not in path.read_bytes()


def test_an_analyst_opens_it_with_the_snapshots_key_alone_and_not_without(sealed, monkeypatch):
    sealed.ingest(encrypt_snapshots=True)
    place = publish(sealed)
    key = snapshot_key(sealed.private)
    assert sorted(retention.load("tiny", "0001", place).table("orders").net_minor) == [750, 1000]
    sealed.private.rename(sealed.root / "vault kept elsewhere")
    with pytest.raises(InputError, match=r"encrypted, and its key is not here.*SNAPSHOT_KEY_FILE"):
        retention.load("tiny", "0001", place).table("orders")
    with pytest.raises(InputError, match="its key is not here"):
        Snapshot.load(sealed.store).register(Engine())
    monkeypatch.setenv("RETENTION_SNAPSHOT_KEY", "ab" * 32)
    with pytest.raises(InputError, match="the key at hand is not its key"):
        retention.load("tiny", "0001", place).table("orders")
    monkeypatch.setenv("RETENTION_SNAPSHOT_KEY", key.hex())
    frame = retention.load("tiny", "0001", place).table("orders")
    assert sorted(frame.net_minor) == [750, 1000]
    engine = Engine()
    Snapshot.load(sealed.store).register(engine)
    assert len(engine.sql("SELECT * FROM orders").frame()) == 2


def test_the_snapshots_key_does_not_lead_to_pseudonyms_or_identities(sealed):
    sealed.ingest(encrypt_snapshots=True)
    keys, key = open_keys(sealed.private), snapshot_key(sealed.private)
    others = {keys.subkey("vault"), keys.subkey("pseudonym"), *keys.masters}
    assert key not in others


def test_a_second_import_reuses_what_is_encrypted(sealed, make_order):
    sealed.ingest(encrypt_snapshots=True)
    sealed.write("orders_2.csv", make_order("3", "cyd@shop.example", "1.00"))
    grown = sealed.ingest(encrypt_snapshots=True)
    assert grown.reused == 1
    assert all(check.status == "pass" for check in grown.checks if "reconcile" in check.code)


def test_erasing_disclosing_and_rotating_work_on_encrypted_snapshots(sealed):
    sealed.ingest(encrypt_snapshots=True)
    place = publish(sealed)
    old = snapshot_key(sealed.private)
    assert access("ada@shop.example", sealed.private, sealed.outputs).counts
    erase("ada@shop.example", sealed.private, sealed.outputs)
    assert retention.load("tiny", "0001", place).table("orders").net_minor.tolist() == [750]
    rotate(sealed.private, sealed.outputs)
    new = snapshot_key(sealed.private)
    assert new != old
    assert all(is_encrypted(path) for path in sealed.store.glob("objects/*.parquet"))
    frame = retention.load("tiny", "0001", place).table("orders")
    bob = open_keys(sealed.private).pseudonym("email", "bob@shop.example")
    assert frame.customer_key.tolist() == [bob]


def test_large_files_are_read_whole_under_any_condition_and_beside_plain_ones(tmp_path):
    from retention.ingest.encryption import encrypt

    numbers = range(300_000)
    frame = pd.DataFrame({"x": numbers, "c": [None if n % 3 else f"k{n % 7}" for n in numbers]})
    frame.to_parquet(tmp_path / "a.parquet", row_group_size=122_880)
    frame.to_parquet(tmp_path / "b.parquet", row_group_size=122_880)
    encrypt(tmp_path / "b.parquet", tmp_path / "c.parquet", b"k" * 32)
    engine = Engine()
    engine.unlock(b"x" * 32)
    engine.unlock(b"k" * 32)
    engine.register("files", [tmp_path / "a.parquet", tmp_path / "c.parquet"])
    query = "SELECT c, count(*) AS n, sum(x) AS total FROM files WHERE c IS NOT NULL AND x > 9 "
    found = engine.sql(query + "GROUP BY c ORDER BY c").frame()
    kept = frame[frame.c.notna() & (frame.x > 9)].groupby("c").x.agg(["size", "sum"])
    assert found.n.tolist() == (2 * kept["size"]).tolist()
    assert found.total.tolist() == (2 * kept["sum"]).tolist()


@pytest.mark.parametrize("encrypted", [True, False])
def test_notebooks_share_features_of_a_plain_snapshot_and_nothing_of_an_encrypted_one(
    sealed, tmp_path, monkeypatch, encrypted
):
    sealed.ingest(encrypt_snapshots=encrypted)
    publish(sealed)
    (sealed.root / "pyproject.toml").write_text("")
    monkeypatch.setenv("RETENTION_ROOT", str(sealed.root))
    monkeypatch.setenv("RETENTION_SHARED_DIR", str(tmp_path / "shared"))

    stage = retention.open_stage("segments", "tiny", run="0001")

    assert len(customer_features(stage.engine, "2026-07-01"))
    assert (tmp_path / "shared").exists() is not encrypted

"""Key rotation: everything joins under the new key, and a killed rotation is finished later."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from retention.errors import InputError
from retention.ingest import Snapshot, access, erase
from retention.ingest.audit import verify
from retention.ingest.keys import KeyRing, open_keys, write_keys
from retention.ingest.rotate import rotate
from retention.ingest.tombstones import erased_people
from retention.ingest.vault import Vault

ADA, BOB, CYD = "ada@shop.example", "bob@shop.example", "cyd@shop.example"


@pytest.fixture
def kept(shop, make_order, monkeypatch):
    """A workspace whose key lies in the private folder, with a run published on its snapshot."""
    monkeypatch.delenv("RETENTION_KEY")
    shop.outputs = shop.root / "outputs"
    shop.store = shop.outputs / "tiny" / "store"
    shop.write(
        "orders.csv",
        make_order("1", ADA, "10.00", name="Ada L", phone="+1 555 010 2030"),
        make_order("2", BOB, "7.50"),
        make_order("3", CYD, "1.00"),
        make_order("4", BOB, "free"),
    )
    snapshot = shop.ingest().snapshot
    erase(CYD, shop.private, shop.outputs)
    run = shop.outputs / "tiny" / "0001"
    (run / "tables").mkdir(parents=True)
    keys = open_keys(shop.private)
    people = sorted(keys.pseudonym("email", mail) for mail in (ADA, BOB))
    frame = pd.DataFrame({"customer_key": people, "segment": ["a", "b"]})
    frame.to_parquet(run / "tables" / "segments.parquet")
    (run / "tables" / "segments.parquet").chmod(0o440)
    (run / "report.html").write_text(f"<p>{people[0]}</p>")
    identifier = Snapshot.load(shop.store).id
    (run / "snapshot.json").write_text(json.dumps({"id": identifier}))
    (run / "manifest.json").write_text(json.dumps({"snapshot": identifier}))
    assert snapshot.id != identifier
    return shop


def people_of(shop):
    """Return whose orders, segments and identities there are, as addresses under today's key."""
    keys = open_keys(shop.private)
    names = {keys.pseudonym("email", mail): mail for mail in (ADA, BOB, CYD)}
    snapshot = Snapshot.load(shop.store)
    orders = pd.concat([pd.read_parquet(p) for p in snapshot.tables["orders"]])
    segments = pd.read_parquet(shop.outputs / "tiny" / "0001" / "tables" / "segments.parquet")
    vault = Vault(shop.private, keys).read().to_pandas()
    return {
        "orders": sorted(orders.customer_key.map(names)),
        "segments": sorted(segments.customer_key.map(names)),
        "vault": sorted(vault.customer_key.map(names).unique()),
        "erased": sorted(names[key] for key in erased_people(shop.private, keys)),
    }


WHOLE = {"orders": [ADA, BOB], "segments": [ADA, BOB], "vault": [ADA, BOB], "erased": [CYD]}


def test_every_place_carries_the_new_pseudonyms_and_none_the_old(kept):
    old = open_keys(kept.private)
    gone = {old.pseudonym("email", mail) for mail in (ADA, BOB, CYD)}
    result = rotate(kept.private, kept.outputs)
    new = open_keys(kept.private)
    assert len(new.masters) == 2
    assert new.fingerprint == result.fingerprint != old.fingerprint
    assert people_of(kept) == WHOLE
    texts = "".join(
        p.read_text() for p in kept.outputs.rglob("*") if p.suffix in (".json", ".html")
    )
    tables = "".join(pd.read_parquet(p).to_csv() for p in kept.outputs.rglob("*.parquet"))
    assert not [key for key in gone if key in texts + tables]
    assert new.pseudonym("email", ADA) in texts + tables
    assert Snapshot.load(kept.store).manifest["key"] == new.fingerprint
    run = json.loads((kept.outputs / "tiny" / "0001" / "manifest.json").read_text())
    assert run["snapshot"] == Snapshot.load(kept.store).id


def test_an_import_after_the_rotation_gives_the_rotated_pseudonyms(kept):
    rotate(kept.private, kept.outputs)
    before = Snapshot.load(kept.store).tables["orders"]
    carried = pd.concat([pd.read_parquet(p) for p in before]).sort_values("order_key")
    assert kept.ingest().reused == 0
    fresh = Snapshot.load(kept.store).tables["orders"]
    read = pd.concat([pd.read_parquet(p) for p in fresh]).sort_values("order_key")
    drop = ["batch_id"]
    pd.testing.assert_frame_equal(
        carried.drop(columns=drop).reset_index(drop=True),
        read.drop(columns=drop).reset_index(drop=True),
    )
    assert people_of(kept)["orders"] == [ADA, BOB]  # the erased one stays away under the new key


def test_people_can_still_be_found_disclosed_and_erased(kept):
    rotate(kept.private, kept.outputs)
    answer = access(ADA, kept.private, kept.outputs)
    assert "Ada L" in answer.path.read_text()
    assert access(BOB, kept.private, kept.outputs).counts["refused records"] == 1
    erase(BOB, kept.private, kept.outputs)
    assert people_of(kept)["vault"] == [ADA]
    assert verify(kept.private, open_keys(kept.private)) == []
    lines = (kept.private / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["action"] for line in lines].count("rotate") == 1


def test_a_key_in_the_environment_cannot_be_rotated(kept, monkeypatch):
    monkeypatch.setenv("RETENTION_KEY", "5a" * 32)
    with pytest.raises(InputError, match="cannot be written"):
        rotate(kept.private, kept.outputs)


def test_a_key_file_elsewhere_is_rotated_where_it_lies(kept, monkeypatch, tmp_path):
    path = tmp_path / "elsewhere.key"
    shutil.move(kept.private / "key", path)
    monkeypatch.setenv("RETENTION_KEY_FILE", str(path))
    rotate(kept.private, kept.outputs)
    assert people_of(kept) == WHOLE
    assert not (kept.private / "key").exists()


def test_whoever_holds_the_old_key_alone_cannot_compute_a_new_pseudonym(tmp_path):
    old = KeyRing((b"o" * 32,))
    new = old.rotated(b"n" * 32)
    published = {new.pseudonym("email", f"p{i}@shop.example") for i in range(200)}
    guesses = set()
    for i in range(200):
        first = old.pseudonym("email", f"p{i}@shop.example")
        guesses |= {first, old.rotate(first), KeyRing((b"o" * 32, b"x" * 32)).rotate(first)}
    assert not guesses & published
    write_keys(tmp_path / "key", new)
    assert new.rotate(old.pseudonym("email", "p1@shop.example")) in published

"""The identity vault: sealed, mergeable, forgetful."""

from __future__ import annotations

import stat

import pyarrow as pa
import pytest

from retention.engine import Engine
from retention.errors import InputError
from retention.ingest.keys import KeyRing
from retention.ingest.vault import MAXIMUM_PIECES, SCHEMA, Vault, seal, unseal

RING = KeyRing((b"k" * 32,))


def rows(*triples):
    return pa.Table.from_pylist(
        [dict(zip(SCHEMA.names, (*t, "test"), strict=True)) for t in triples], schema=SCHEMA
    )


@pytest.fixture
def vault(tmp_path):
    return Vault(tmp_path / ".retention", RING)


def merge(vault, *triples):
    engine = Engine(threads=1)
    engine.register("incoming", rows(*triples))
    vault.merge(engine.connection, "incoming")
    engine.close()


ADA = RING.pseudonym("email", "ada@shop.example")
BOB = RING.pseudonym("email", "bob@shop.example")


def test_what_goes_in_comes_out_once(vault):
    merge(vault, (ADA, "email", "ada@shop.example"), (BOB, "email", "bob@shop.example"))
    merge(vault, (ADA, "email", "ada@shop.example"), (ADA, "name", "Ada"))
    assert vault.read().num_rows == 3
    assert vault.find(ADA)["value"].to_pylist() == ["ada@shop.example", "Ada"]


def test_nothing_readable_lies_on_disk(vault):
    merge(vault, (ADA, "email", "canary-7731@shop.example"))
    for path in vault.private.rglob("*"):
        if path.is_file():
            assert b"canary-7731" not in path.read_bytes()
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        else:
            assert stat.S_IMODE(path.stat().st_mode) == 0o700


def forget(vault, *people):
    """Carry out what forgetting people changes; return how many rows went."""
    gone, old, fresh = vault.without(set(people))
    for path in old:
        path.unlink()
    for path, content in fresh.items():
        path.write_bytes(content)
    return gone


def test_a_forgotten_person_is_gone_and_the_others_stay(vault):
    merge(vault, (ADA, "email", "ada@shop.example"), (BOB, "email", "bob@shop.example"))
    assert forget(vault, ADA) == 1
    assert vault.find(ADA).num_rows == 0
    assert vault.find(BOB).num_rows == 1


def test_a_forgotten_person_is_gone_from_every_piece_that_named_them(vault):
    merge(vault, (ADA, "email", "ada@shop.example"))
    merge(vault, (ADA, "name", "Ada"), (ADA, "email", "ada@shop.example"))
    assert forget(vault, ADA) == 3
    assert vault.find(ADA).num_rows == 0


def test_the_same_rows_again_make_no_other_file_and_many_pieces_become_one(vault):
    names = [f"Ada the {number}" for number in range(MAXIMUM_PIECES + 1)]
    for name in (*names[1:], *names[1:]):
        merge(vault, (ADA, "name", name))
    assert len(list(vault.folder.glob("*.sealed"))) == MAXIMUM_PIECES
    merge(vault, (ADA, "name", names[0]))
    assert len(list(vault.folder.glob("*.sealed"))) == 1
    assert vault.find(ADA)["value"].to_pylist() == sorted(names)


def test_another_key_does_not_open_it(vault):
    merge(vault, (ADA, "email", "ada@shop.example"))
    with pytest.raises(InputError, match="does not open"):
        Vault(vault.private, KeyRing((b"x" * 32,))).find(ADA)


def test_a_bucket_cannot_be_put_in_anothers_place():
    sealed = seal(b"k" * 32, "a.sealed", b"secret")
    assert unseal(b"k" * 32, "a.sealed", sealed) == b"secret"
    with pytest.raises(InputError, match="altered"):
        unseal(b"k" * 32, "b.sealed", sealed)
    with pytest.raises(InputError, match="altered"):
        unseal(b"k" * 32, "a.sealed", sealed[:-1] + bytes([sealed[-1] ^ 1]))

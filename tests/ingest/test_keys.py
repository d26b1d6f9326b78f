"""Keyed pseudonyms: the same in SQL and Python, useless without the key."""

from __future__ import annotations

import hashlib
import hmac
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.engine import Engine
from retention.errors import InputError
from retention.ingest.identity import collect_people
from retention.ingest.keys import KeyRing, normalise_email, normalise_phone, open_keys, write_keys

RING = KeyRing((bytes(range(32)),))

emails = st.one_of(
    st.emails(),
    st.text(max_size=20),
    st.builds("{}@{}".format, st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8)),
    st.sampled_from(
        ["  A.B+c@S.Example ", "ＡＤＡ@shop.example", "ada@bücher.example", "a@@b", "@b"]
    ),
)


def sql_people(raws: list[dict[str, str | None]], ring: KeyRing = RING) -> dict[int, dict]:
    import pandas as pd

    engine = Engine(threads=1)
    names = [f"identity_{n}" for n in ("email", "phone", "platform_id", "name", "postcode")]
    frame = pd.DataFrame(raws, columns=names, dtype=object)
    engine.register("rows_in", frame)
    select = ", ".join(f"CAST({n} AS VARCHAR) AS {n}" for n in names)
    engine.connection.execute(f"CREATE TEMP TABLE mapped AS SELECT {select} FROM rows_in")
    collect_people(engine.connection, ring, ["mapped"], "shop")
    people = engine.connection.execute("FROM people").df().to_dict("records")
    engine.close()
    return {(p["identity_email"], p["identity_phone"]): p for p in people}


def test_the_pseudonym_is_a_plain_hmac_over_namespace_and_value():
    key = hmac.new(bytes(range(32)), b"pseudonym", hashlib.sha256).digest()
    expected = hmac.new(key, b"email|ada@shop.example", hashlib.sha256).hexdigest()[:32]
    assert RING.pseudonym("email", "ada@shop.example") == expected


def test_namespaces_keep_equal_values_apart():
    assert RING.pseudonym("email", "x") != RING.pseudonym("phone", "x")


@settings(max_examples=25, deadline=None)
@given(st.lists(emails, min_size=1, max_size=12))
def test_the_engine_computes_the_same_keys_as_python(raws):
    raws = [raw for raw in raws if "\0" not in raw and raw.isprintable()]
    found = sql_people([{"identity_email": raw} for raw in raws])
    for raw in raws:
        normal = normalise_email(raw)
        expected = RING.pseudonym("email", normal) if normal else None
        got = found[(raw, None)]["email_key"]
        assert (None if got is None or got != got else got) == expected


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("  Ada@Shop.EXAMPLE\n", "ada@shop.example"),
        ("ada+news@shop.example", "ada+news@shop.example"),
        ("a.d.a@shop.example", "a.d.a@shop.example"),
        ("ＡＤＡ@shop.example", "ada@shop.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("straße@shop.example", "strasse@shop.example"),
        ("no address", None),
        ("a b@shop.example", None),
        ("", None),
        (None, None),
    ],
)
def test_addresses_that_mean_the_same_person_become_one_form(raw, normal):
    assert normalise_email(raw) == normal


def test_telephone_numbers_are_compared_by_their_digits():
    assert normalise_phone("0044 20 7946 0000") == normalise_phone("+44 (20) 7946-0000")
    assert normalise_phone("12") is None
    people = sql_people(
        [{"identity_phone": "0044 20 7946 0000"}, {"identity_phone": "+442079460000"}]
    )
    assert len({p["phone_key"] for p in people.values()}) == 1


def test_an_attacker_with_every_address_but_not_the_key_finds_nobody():
    addresses = [f"person{i}@shop.example" for i in range(2000)]
    published = {RING.pseudonym("email", a) for a in addresses}
    guesses = set()
    for address in addresses:
        for text in (address, f"email|{address}"):
            digest = hashlib.sha256(text.encode()).hexdigest()
            guesses |= {digest[:32], digest[32:], hashlib.md5(text.encode()).hexdigest()}
        guesses.add(KeyRing((b"\1" * 32,)).pseudonym("email", address))
    assert not published & guesses
    assert {RING.pseudonym("email", a) for a in addresses} == published


def test_rotation_chains_so_that_old_pseudonyms_can_be_carried_over_without_identities():
    rotated = RING.rotated(b"\7" * 32)
    engine = Engine(threads=1)
    rotated.install_rotation(engine.connection)
    old = RING.pseudonym("email", "ada@shop.example")
    carried = engine.connection.execute("SELECT rotate(?)", [old]).fetchall()[0][0]
    assert carried == rotated.pseudonym("email", "ada@shop.example") != old


def test_the_installed_macro_holds_no_key_in_its_text():
    engine = Engine(threads=1)
    RING.install(engine.connection)
    text = str(engine.connection.execute("SELECT * FROM duckdb_functions() WHERE "
                                         "function_name = 'pseudonym'").fetchall())  # fmt: skip
    assert RING.subkey("pseudonym").hex() not in text.lower()
    assert repr(RING) == "KeyRing()"


def test_a_key_is_made_once_for_its_owner_only(tmp_path, monkeypatch):
    monkeypatch.delenv("RETENTION_KEY", raising=False)
    monkeypatch.delenv("RETENTION_KEY_FILE", raising=False)
    private = tmp_path / ".retention"
    first = open_keys(private)
    assert open_keys(private) == first
    assert stat.S_IMODE((private / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


def test_a_key_file_that_others_can_read_is_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("RETENTION_KEY", raising=False)
    path = tmp_path / "key"
    write_keys(path, RING)
    path.chmod(0o644)
    monkeypatch.setenv("RETENTION_KEY_FILE", str(path))
    with pytest.raises(InputError, match="can be read by others"):
        open_keys(tmp_path)


def test_a_malformed_key_is_refused_without_being_printed(tmp_path, monkeypatch):
    monkeypatch.setenv("RETENTION_KEY", "geheim" * 3)
    with pytest.raises(InputError) as caught:
        open_keys(tmp_path)
    assert "geheim" not in str(caught.value)


def test_the_environment_gives_the_same_pseudonyms_everywhere(tmp_path, monkeypatch):
    monkeypatch.setenv("RETENTION_KEY", "ab" * 32)
    one, two = open_keys(tmp_path / "a"), open_keys(tmp_path / "b")
    assert one.pseudonym("email", "a@b.example") == two.pseudonym("email", "a@b.example")


@pytest.mark.parametrize("generations", [1, 3])
def test_a_records_key_is_half_of_a_keyed_sha_256_carried_through_the_generations(generations):
    ring = KeyRing(tuple(bytes([n]) * 32 for n in range(1, generations + 1)))
    engine = Engine(threads=1)
    ring.install(engine.connection)
    found = engine.connection.execute("SELECT record_key('touch', 'klaviyo:é1')").fetchall()[0][0]
    engine.close()
    expected = hashlib.sha256(ring.subkey("record", 0) + "touch|klaviyo:é1".encode()).hexdigest()
    expected = expected[:32]
    for number in range(1, generations):
        key = ring.subkey("pseudonym", number)
        expected = hmac.new(key, expected.encode(), hashlib.sha256).hexdigest()[:32]
    assert found == ring.record_key("touch", "klaviyo:é1") == expected

"""Canaries: seeded identities appear nowhere outside the vault, and the erased stay away."""

from __future__ import annotations

import json
import stat
import traceback

import pandas as pd
import pytest

from retention.engine import Engine
from retention.errors import InputError, ParameterError, RunError
from retention.ingest import Snapshot, access, erase, run_ingest
from retention.ingest.audit import record, verify
from retention.ingest.keys import KeyRing, open_keys
from retention.ingest.purge import Purge
from retention.ingest.snapshot import Snapshot as Stored
from retention.ingest.tombstones import erased_people
from retention.ingest.transaction import Transaction

CANARIES = (
    "quokka.zwolf@canary.example",
    "Quokka Zwölf",
    "+49 30 55577701",
    "ZW9 1QX",
    "buyer-77zq",
)


@pytest.fixture
def seeded(shop, make_order):
    """A shop whose outputs folder looks like a workspace's, with one person full of canaries."""
    shop.outputs = shop.root / "outputs"
    shop.store = shop.outputs / "tiny" / "store"
    mail, name, phone, postcode, buyer = CANARIES
    shop.write(
        "orders.csv",
        make_order("1", mail, "10.00", name=name, phone=phone, postcode=postcode, buyer=buyer),
        make_order("2", mail.upper(), "7.50"),
        make_order("3", "", "2.00", buyer=buyer),
        make_order("4", "other@shop.example", "4.00"),
        make_order("5", mail, "not money", name=name),
        f"6,{mail},too few",
    )
    return shop


def every_text(folder):
    """Return all readable text below a folder: Parquet unpacked, everything else as bytes."""
    parts = []
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix == ".parquet":
            parts.append(pd.read_parquet(path).to_csv())
        elif path.is_file():
            parts.append(path.read_bytes().decode("utf-8", "replace"))
        parts.append(path.name)
    return "\n".join(parts).lower()


def assert_no_canary(text):
    for canary in CANARIES:
        assert canary.lower() not in text.lower()


def tables(store):
    snapshot = Snapshot.load(store)
    return {
        n: pd.concat([pd.read_parquet(p) for p in ps]) for n, ps in snapshot.tables.items() if ps
    }


def test_no_identity_leaves_the_vault(seeded, caplog, capfd):
    result = seeded.ingest()
    assert_no_canary(every_text(seeded.outputs))
    assert_no_canary(every_text(seeded.private))
    assert_no_canary(repr(result) + result.to_frame().to_csv() + result.reasons.to_csv())
    captured = capfd.readouterr()
    assert_no_canary(caplog.text + captured.out + captured.err)


def test_no_identity_is_left_by_a_failure_or_stands_in_its_traceback(seeded, monkeypatch):
    def explode(*_, **__):
        raise InputError("The disk is full.", "Make room.")

    monkeypatch.setattr("retention.ingest.contribute.Intake._keep", explode)
    with pytest.raises(InputError) as caught:
        seeded.ingest()
    assert_no_canary("".join(traceback.format_exception(caught.value)))
    assert_no_canary(every_text(seeded.private))
    assert list((seeded.private / "work").iterdir()) == []


def test_only_the_owner_may_open_what_is_private(seeded):
    seeded.ingest()
    for path in [seeded.private, *seeded.private.rglob("*")]:
        allowed = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == allowed


def test_an_erased_person_is_nowhere_and_the_others_are_untouched(seeded):
    seeded.ingest()
    keys = open_keys(seeded.private)
    person = keys.pseudonym("email", CANARIES[0])
    before = tables(seeded.store)
    assert (before["orders"].customer_key == person).sum() == 3
    result = erase(CANARIES[0], seeded.private, seeded.outputs)
    assert result.identities > 0
    assert result.records == 2
    assert person not in every_text(seeded.outputs)
    after = tables(seeded.store)
    assert after["orders"].net_minor.tolist() == [400]
    assert len(after["customers"]) == 1
    assert verify(seeded.private, open_keys(seeded.private)) == []


def test_an_erased_person_stays_away_after_import_again(seeded):
    seeded.ingest()
    answer = access(CANARIES[0], seeded.private, seeded.outputs).path
    erase(CANARIES[0], seeded.private, seeded.outputs)
    assert not answer.exists()
    again = seeded.ingest()
    assert again.total("rows_excluded") == 3
    assert all(c.status == "pass" for c in again.checks if "reconcile" in c.code)
    for note in seeded.store.glob("batches/*.json"):
        note.unlink()  # as if the cache of contributions were lost: everything is read anew
    fresh = seeded.ingest()
    person = open_keys(seeded.private).pseudonym("email", CANARIES[0])
    assert person not in every_text(seeded.outputs)
    assert fresh.total("rows_excluded") == 4
    assert fresh.total("rows_read") == 6
    assert_no_canary(every_text(seeded.private))
    found = access(CANARIES[0], seeded.private, seeded.outputs)
    assert sum(found.counts.values()) == 0


def test_erasure_reaches_published_runs_and_mends_their_hashes(seeded):
    snapshot = seeded.ingest().snapshot
    run = seeded.outputs / "tiny" / "2025-03-01"
    (run / "tables").mkdir(parents=True)
    (run / "results").mkdir()
    person = open_keys(seeded.private).pseudonym("email", CANARIES[0])
    other = open_keys(seeded.private).pseudonym("email", "other@shop.example")
    frame = pd.DataFrame({"customer_key": [person, other], "segment": ["a", "b"]})
    frame.to_parquet(run / "tables" / "segments.parquet")
    from retention.engine import sha256_of

    old = sha256_of(run / "tables" / "segments.parquet")
    artifacts = [{"name": "segments", "rows": 2, "sha256": old}]
    (run / "results" / "segments.json").write_text(json.dumps({"artifacts": artifacts}))
    (run / "snapshot.json").write_text(json.dumps({"id": snapshot.id}))
    (run / "report.html").write_text(f"<p>{person}</p>")
    result = erase(CANARIES[0], seeded.private, seeded.outputs)
    assert pd.read_parquet(run / "tables" / "segments.parquet").customer_key.tolist() == [other]
    (entry,) = json.loads((run / "results" / "segments.json").read_text())["artifacts"]
    assert entry["rows"] == 1
    assert entry["sha256"] == sha256_of(run / "tables" / "segments.parquet")
    assert Stored.load(seeded.store, json.loads((run / "snapshot.json").read_text())["id"]).tables
    assert result.mentions == 1
    assert (run / "report.html").read_text() == "<p>[erased]</p>"


def test_an_erasure_killed_before_it_is_decided_changes_nothing(seeded, monkeypatch):
    seeded.ingest()
    with monkeypatch.context() as patch:
        patch.setattr(Purge, "_rehashed", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            erase(CANARIES[0], seeded.private, seeded.outputs)
    assert len(tables(seeded.store)["orders"]) == 4
    assert not erased_people(seeded.private, open_keys(seeded.private))
    assert erase(CANARIES[0], seeded.private, seeded.outputs).rows
    person = open_keys(seeded.private).pseudonym("email", CANARIES[0])
    assert person not in every_text(seeded.outputs)
    assert len(tables(seeded.store)["orders"]) == 1


def test_an_erasure_killed_after_it_is_decided_is_finished_by_calling_again(seeded, monkeypatch):
    seeded.ingest()
    with monkeypatch.context() as patch:
        patch.setattr("retention.ingest.transaction._point", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            erase(CANARIES[0], seeded.private, seeded.outputs)
    with pytest.raises(RunError, match="interrupted"):
        open_keys(seeded.private)
    assert erase(CANARIES[0], seeded.private, seeded.outputs).rows
    assert len(tables(seeded.store)["orders"]) == 1
    lines = (seeded.private / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["erase"]


def _interrupt(*_):
    raise KeyboardInterrupt


def test_the_audit_log_names_nobody_and_shows_tampering(seeded):
    seeded.ingest()
    access(CANARIES[0], seeded.private, seeded.outputs)
    erase(CANARIES[0], seeded.private, seeded.outputs)
    path = seeded.private / "audit.jsonl"
    text = path.read_text()
    assert_no_canary(text)
    keys = open_keys(seeded.private)
    assert not any(person in text for person in erased_people(seeded.private, keys))
    assert verify(seeded.private, keys) == []


TAMPERED = {
    "changed": lambda lines: [lines[0].replace('"entries": ', '"entries": 1'), *lines[1:]],
    "last dropped": lambda lines: lines[:-1],
    "last edited": lambda lines: [*lines[:-1], lines[-1].replace('"erase"', '"access"')],
    "first dropped": lambda lines: lines[1:],
    "swapped": lambda lines: [lines[1], lines[0], *lines[2:]],
    "emptied": lambda lines: [],
    "doubled": lambda lines: [*lines, lines[-1]],
    "cut": lambda lines: [*lines, lines[0][:40]],
    "garbled": lambda lines: ["no json", *lines[1:]],
}


@pytest.mark.parametrize("way", TAMPERED)
def test_tampering_with_the_audit_log_is_named(seeded, way):
    seeded.ingest()
    access(CANARIES[0], seeded.private, seeded.outputs)
    access(CANARIES[0], seeded.private, seeded.outputs)
    erase(CANARIES[0], seeded.private, seeded.outputs)
    path, keys = seeded.private / "audit.jsonl", open_keys(seeded.private)
    assert verify(seeded.private, keys) == []
    lines = TAMPERED[way](path.read_text().splitlines())
    path.write_text("".join(line + "\n" for line in lines).removesuffix("\n" * (way == "cut")))
    assert verify(seeded.private, keys)


def test_a_log_that_is_gone_is_missed_and_a_recomputed_one_needs_the_key(seeded, tmp_path):
    seeded.ingest()
    erase(CANARIES[0], seeded.private, seeded.outputs)
    path, keys = seeded.private / "audit.jsonl", open_keys(seeded.private)
    path.unlink()
    assert verify(seeded.private, keys) == ["1 of 1 lines are gone."]
    record(tmp_path, KeyRing((b"f" * 32,)), "erase", "", {})
    for name in ("audit.jsonl", "audit.head"):
        (seeded.private / name).write_bytes((tmp_path / name).read_bytes())
    assert len(verify(seeded.private, keys)) == 2


def test_a_person_can_read_everything_that_is_held(seeded):
    seeded.ingest()
    result = access(CANARIES[0], seeded.private, seeded.outputs)
    text = result.path.read_text(encoding="utf-8")
    for canary in CANARIES:
        assert canary in text
    assert result.counts["snapshot tiny: orders"] == 3
    assert "other@shop.example" not in text
    assert stat.S_IMODE(result.path.stat().st_mode) == 0o600


def test_two_people_on_one_telephone_are_erased_one_by_one(shop, make_order):
    shop.outputs = shop.root / "outputs"
    shop.store = shop.outputs / "tiny" / "store"
    shop.write(
        "orders.csv",
        make_order("1", "ada@shop.example", phone="+1 555 010 2030"),
        make_order("2", "bob@shop.example", phone="+1 555 010 2030"),
        make_order("3", "", phone="+1 555 010 2030"),
    )
    shop.ingest()
    erase("ada@shop.example", shop.private, shop.outputs)
    assert len(tables(shop.store)["orders"]) == 2


def test_a_namesakes_sealed_records_are_left_alone(shop, make_order):
    shop.outputs = shop.root / "outputs"
    shop.store = shop.outputs / "tiny" / "store"
    shop.write(
        "orders.csv",
        make_order("1", "ada@shop.example", "free", name="Ada Lovelace"),
        make_order("2", "ada@other.example", "free", name="Ada Lovelace"),
        make_order("3", "bob@shop.example"),
    )
    shop.ingest()
    assert erase("ada@shop.example", shop.private, shop.outputs).records == 1


def test_what_is_no_identity_is_refused_without_being_repeated(seeded):
    seeded.ingest()
    with pytest.raises(ParameterError) as caught:
        erase("hm", seeded.private, seeded.outputs)
    assert "hm" not in str(caught.value).split()


def test_erasing_needs_the_key(seeded, monkeypatch, tmp_path):
    seeded.ingest()
    monkeypatch.delenv("RETENTION_KEY")
    with pytest.raises(InputError, match="no key file"):
        erase(CANARIES[0], seeded.private, seeded.outputs)


def test_a_purged_file_keeps_its_other_rows_in_order(tmp_path):
    path = tmp_path / "t.parquet"
    frame = pd.DataFrame({"customer_key": [f"{i:032x}" for i in range(5000)], "x": range(5000)})
    frame.to_parquet(path)
    purge = Purge(
        Engine(threads=1), tmp_path, Transaction(tmp_path), people=frozenset({f"{7:032x}"})
    )
    draft = purge.draft(path)
    kept = frame[frame.x != 7].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_parquet(draft), kept, check_dtype=False)


def test_nothing_of_a_lines_key_stays_as_the_export_wrote_it(tmp_path):
    rows = ["7,7-1", "7,7-ada@shop.example", "7,7-Ada Byron", "7,715550102030", "7,7:5550102030"]
    (tmp_path / "lines.csv").write_text("\n".join(["order,line", *rows]) + "\n", encoding="utf-8")
    columns = (
        "order_lines.order_line_key = line; order_lines.order_key = order; "
        "order_lines.product_key = order; order_lines.quantity = order; "
        "order_lines.unit_price_minor = order; order_lines.currency = 'GBP'; "
        "orders.order_key = order; orders.ordered_at = '2025-02-01'; orders.currency = 'GBP'"
    )
    made = run_ingest(
        ["generic: lines.csv"], tmp_path / "store", tmp_path / ".retention", root=tmp_path,
        as_of="2025-03-01", read_options=[f"generic: columns = {columns}"],
    )  # fmt: skip
    lines = pd.concat(pd.read_parquet(path) for path in made.snapshot.tables["order_lines"])
    assert lines.order_line_key.str.fullmatch("[0-9a-f]{32}").all()
    assert len(lines) == lines.order_line_key.nunique() == 5

"""A file that is judged part by part gives what it gives when it is judged at once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from retention.demo import write_shop
from retention.ingest import mapping, run_ingest
from retention.ingest.erase import erase, sealed_records
from retention.ingest.keys import KeyRing
from retention.ingest.mapping import is_divisible
from retention.ingest.vault import Vault
from retention.sources.registry import FORMATS

RING = KeyRing((bytes.fromhex("5e" * 32),))
EVERYONE = frozenset(RING.pseudonym("email", f"u{n}@x.example") for n in range(9))

HEADER = "Event ID,Timestamp,Event,Email,Klaviyo ID,Campaign Name,Machine Open"


def event(number: int | str, **more: str) -> str:
    """Return one row of a Klaviyo export."""
    values = {
        "time": f"2025-02-{1 + hash_of(number) % 28:02d} 10:00:00+00:00", "kind": "Opened Email",
        "mail": f"u{hash_of(number) % 9}@x.example", "campaign": f"c{hash_of(number) % 3}", **more,
    }  # fmt: skip
    return f"{number},{values['time']},{values['kind']},{values['mail']},,{values['campaign']},"


def hash_of(number: int | str) -> int:
    """Return a number that differs from row to row."""
    return 7 * int(number or 0)


ROWS = [event(number) for number in range(60)]
ROWS[3] = event(3, time="soon")  # refused, so that its copy far below is the first that stands
ROWS[10] = event(7)  # a copy in the same part
ROWS[41] = event(3)
ROWS[45] = event(2)  # a copy in another part
ROWS[50] = event("", mail="nobody@x.example")  # no key
ROWS[52] = event("")
ROWS[55] = event(55, kind="Placed Order")  # no message: excluded
ROWS[57] = event(57, campaign="u1@x.example")  # a name that stands in another part


def ingested(root, monkeypatch, part_rows):
    """Return the snapshot of the rows, judged in parts of so many lines."""
    root.mkdir(exist_ok=True)
    monkeypatch.setenv("RETENTION_KEY", "5e" * 32)
    monkeypatch.setattr(mapping, "SMALL_FILE_ROWS", 5)
    monkeypatch.setattr(mapping, "PART_ROWS", part_rows)
    monkeypatch.setattr("retention.ingest.parts.PART_ROWS", part_rows)
    text = "\n".join([HEADER, *ROWS]) + '\n"broken\n'
    (root / "events.csv").write_text(text, encoding="utf-8")
    return run_ingest(
        ["klaviyo_events: events.csv"], root / "outputs/shop/store", root / "private", root=root,
        as_of="2025-04-01", threads=2,
    )  # fmt: skip


def told(result):
    """Return what a snapshot says, whatever its objects are."""
    tables = result.snapshot.manifest["tables"]
    return (
        {name: (one["rows"], one["logical_hash"]) for name, one in tables.items()},
        result.accounts.to_dict("list"),
        result.reasons.to_dict("list"),
        [batch["measured"] for batch in result.snapshot.manifest["batches"]],
    )


@pytest.mark.parametrize("part_rows", [7, 20, 59])
def test_parts_change_neither_rows_nor_accounts_nor_reasons(tmp_path, monkeypatch, part_rows):
    whole = ingested(tmp_path / "whole", monkeypatch, 10_000)
    parted = ingested(tmp_path / "parted", monkeypatch, part_rows)
    assert told(parted) == told(whole)
    assert "exact_repeat" in set(parted.reasons["reason"])
    ledger = parted.snapshot.manifest["batches"][0]["ledger"]
    assert len(ledger) > len(whole.snapshot.manifest["batches"][0]["ledger"])


def test_every_format_of_the_simulated_shop_gives_the_same_as_a_very_large_file(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("RETENTION_KEY", "5e" * 32)
    write_shop(tmp_path / "exports/demo", 500)
    params = Path(__file__).parents[2] / "params/demo/ingest.yaml"
    sources = yaml.safe_load(params.read_text(encoding="utf-8"))["sources"]
    found = []
    for name, small, part in (("small", 200_000, 2_000_000), ("large", 50, 900)):
        monkeypatch.setattr(mapping, "SMALL_FILE_ROWS", small)
        monkeypatch.setattr(mapping, "PART_ROWS", part)
        monkeypatch.setattr("retention.ingest.parts.PART_ROWS", part)
        result = run_ingest(
            sources, tmp_path / name / "store", tmp_path / name / "private", root=tmp_path,
            as_of="2026-07-01", currency="USD", threads=2,
        )  # fmt: skip
        found.append(told(result))
    assert found[0] == found[1]
    assert found[0][0]["events"][0] > 2 * 900


def test_what_a_part_refuses_is_sealed_like_a_whole_files(tmp_path, monkeypatch):
    for name, part_rows in (("whole", 10_000), ("parted", 7)):
        ingested(tmp_path / name, monkeypatch, part_rows)
    whole, parted = (
        sealed_records(tmp_path / name / "private", RING, EVERYONE) for name in ("whole", "parted")
    )
    assert whole == parted
    assert len(whole) == 2  # copies are no refusals


def test_an_erased_person_stays_out_of_every_part(tmp_path, monkeypatch):
    root = tmp_path / "shop"
    ingested(root, monkeypatch, 7)
    erase("u0@x.example", root / "private", root / "outputs")
    for note in (root / "outputs/shop/store").glob("batches/*.json"):
        note.unlink()  # everything is read anew
    again = ingested(root, monkeypatch, 7)
    assert "erased_person" in set(again.reasons["reason"])
    person = RING.pseudonym("email", "u0@x.example")
    stored = [pd.read_parquet(path).to_csv() for path in (root / "outputs").rglob("*.parquet")]
    assert len(stored) > 10
    assert not any(person in text for text in stored)
    assert not Vault(root / "private", RING).find(person).num_rows


def test_only_rows_that_follow_from_their_lines_are_judged_apart():
    divisible = {name for name, source in FORMATS.items() if source.tables and is_divisible(source)}
    assert {"klaviyo_events", "track_events", "ga4_events", "model_scores"} <= divisible
    assert not {"shopify_orders", "online_retail", "consents", "klaviyo_profiles"} & divisible
    for name in divisible:
        select = FORMATS[name].tables[0].select
        assert " OVER " not in select
        assert "GROUP BY" not in select

"""Erase, access, rotate and forget from the command line, as their users meet them."""

from __future__ import annotations

import json
import stat
import sys
import traceback
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from retention.cli import app, main
from retention.ingest import Snapshot, run_ingest
from retention.runs.lock import profile_lock
from retention.runs.publish import open_staging, publish
from retention.runs.workspace import Workspace

MAIL, NAME, PHONE = "quokka.zwolf@canary.example", "Quokka Zwölf", "+49 30 55577701"
CANARIES = (MAIL, NAME, PHONE, "Kanarienweg 77", "30 55577701")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A project with one profile whose shop has been ingested, as a schedule would have done."""
    for name in ("RETENTION_KEY", "RETENTION_KEY_FILE", "RETENTION_ROOT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("params/shop", "notebooks", "exports"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "params/shop/common.yaml").write_text("profile: shop\nas_of: '2025-03-01'\n")
    (tmp_path / "params/shop/ingest.yaml").write_text(
        "sources: ['surveys: exports/answers.csv']\nretention_days: ['surveys: 395']\n"
    )
    rows = ["Response ID,Submitted At,Survey,Email,Score,Comment",
            f"r1,2025-02-01 10:00:00,NPS,{MAIL},9,I live at Kanarienweg 77; call {PHONE}",
            f"r2,2023-02-01 10:00:00,NPS,{MAIL},8,",
            "r3,2025-02-02 10:00:00,NPS,bob@shop.example,7,",
            f"r4,someday,NPS,{MAIL},7,{PHONE}"]  # fmt: skip
    (tmp_path / "exports/answers.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = Workspace.find()
    ingest(found)
    return found


def ingest(place, **changes):
    return run_ingest(
        ["surveys: exports/answers.csv"], place.store("shop"), place.private, root=place.root,
        as_of="2025-03-01", threads=1, **changes,
    )  # fmt: skip


def call(*words, given=None):
    return CliRunner().invoke(app, list(words), input=given, catch_exceptions=True)


def fails(monkeypatch, capfd, *words):
    """Call the command as a shell does; return its exit code and what it printed."""
    monkeypatch.setattr(sys, "argv", ["retention", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    printed = capfd.readouterr()
    return caught.value.code, printed.out + printed.err


def surveys(place):
    return pd.concat(
        pd.read_parquet(p) for p in Snapshot.load(place.store("shop")).tables["surveys"]
    )


def test_access_writes_one_readable_file_for_its_owner_only(place):
    done = call("access", MAIL)
    assert done.exit_code == 0, done.output
    assert MAIL not in done.output
    (answer,) = (place.private / "access").glob("*.md")
    text = answer.read_text(encoding="utf-8")
    assert MAIL in text
    assert "someday" in text  # also what was refused
    assert stat.S_IMODE(answer.stat().st_mode) == 0o600


def test_erase_reaches_everything_and_a_later_import_brings_nobody_back(place):
    scratch = place.profile("shop") / "scratch"
    scratch.mkdir()
    surveys(place).to_parquet(scratch / "mine.parquet")
    surveys(place).to_csv(scratch / "mine.csv")
    person = surveys(place).customer_key.mode()[0]
    done = call("erase", MAIL)
    assert done.exit_code == 0, done.output
    assert MAIL not in done.output
    assert person not in everything_below(place.outputs)
    ingest(place)
    assert person not in everything_below(place.outputs)
    assert len(surveys(place)) == 1
    assert call("audit").output == "The audit log is whole: 1 erase.\n"


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (("erase", "stranger@shop.example"), 2, "Nobody is known"),
        (("erase", "hm"), 2, "no e-mail address"),
        (("access", "hm"), 2, "no e-mail address"),
        (("forget-old", "nowhere"), 2, "nowhere"),
    ],
)
def test_a_mistake_is_told_in_one_paragraph(place, monkeypatch, capfd, words, code, problem):
    exit_code, printed = fails(monkeypatch, capfd, *words)
    assert (exit_code, problem in printed) == (code, True)
    assert "Traceback" not in printed


def test_an_unknown_person_leaves_no_tombstone(place):
    from retention.ingest.keys import open_keys
    from retention.ingest.tombstones import erased_people

    assert call("erase", "stranger@shop.example").exit_code != 0
    assert not erased_people(place.private, open_keys(place.private))


@pytest.mark.parametrize("words", [("erase", MAIL), ("access", MAIL), ("rotate-key",),
                                   ("snapshot-key", "new.key")])  # fmt: skip
def test_nothing_works_without_the_key(place, monkeypatch, capfd, words):
    (place.private / "key").unlink()
    code, printed = fails(monkeypatch, capfd, *words)
    assert code == 2
    assert "There is no key file" in printed


def test_a_profile_that_is_being_run_is_left_alone(place, monkeypatch, capfd):
    with profile_lock(place.profile("shop")):
        for words in (("erase", MAIL), ("rotate-key",), ("forget-old", "shop")):
            code, printed = fails(monkeypatch, capfd, *words)
            assert code == 1
            assert "Another run" in printed


def test_rotate_and_forget_from_the_command_line(place):
    done = call("forget-old", "shop")
    assert done.exit_code == 0, done.output
    assert len(surveys(place)) == 2
    before = set(surveys(place).customer_key)
    done = call("rotate-key")
    assert done.exit_code == 0, done.output
    assert not before & set(surveys(place).customer_key)
    assert call("audit").output == "The audit log is whole: 1 forget_old, 1 rotate.\n"
    again = ingest(place, retention_days=["surveys: 395"])
    assert len(surveys(place)) == 2
    assert again.total("rows_read") == 4


def test_the_snapshots_key_is_written_once_for_its_reader(place):
    assert call("snapshot-key", "analyst.key").exit_code == 0
    assert stat.S_IMODE(Path("analyst.key").stat().st_mode) == 0o600
    assert call("snapshot-key", "analyst.key").exit_code != 0


def test_a_changed_audit_log_is_told(place, monkeypatch, capfd):
    call("access", MAIL)
    call("access", MAIL)
    path = place.private / "audit.jsonl"
    path.write_text(path.read_text().replace('"entries": ', '"entries": 1', 1))
    code, printed = fails(monkeypatch, capfd, "audit")
    assert code == 1
    assert "Line 1 was changed" in printed


def test_file_modes_say_who_may_open_what(place):
    staging = open_staging(place, "shop", "0001-20250301T0000-00000000")
    for name in ("tables/segments.parquet", "notebooks/a.ipynb", "reports/a.html",
                 "results/a.json", "manifest.json"):  # fmt: skip
        (staging / name).write_text("{}")
    folder = publish(place, "shop", staging)

    def mode(path):
        return stat.S_IMODE(path.stat().st_mode)

    for name in ("tables", "notebooks"):
        assert mode(folder / name) == 0o750
        assert {mode(path) for path in (folder / name).iterdir()} == {0o440}
    for name in ("reports", "results"):
        assert mode(folder / name) == 0o755
        assert {mode(path) for path in (folder / name).iterdir()} == {0o444}
    assert mode(folder / "manifest.json") == 0o444
    store = place.store("shop")
    assert mode(store / "objects") == 0o750
    assert {mode(path) for path in (store / "objects").iterdir()} == {0o640}
    for path in [place.private, *place.private.rglob("*")]:
        assert mode(path) == (0o700 if path.is_dir() else 0o600)


def everything_below(*folders):
    """Return all text below folders: Parquet unpacked, everything else as it is, names too."""
    parts = []
    for path in (path for folder in folders for path in folder.rglob("*")):
        parts.append(path.name)
        if path.suffix == ".parquet":
            parts.append(pd.read_parquet(path).to_csv())
        elif path.is_file() and path.suffix != ".md":
            parts.append(path.read_bytes().decode("utf-8", "replace"))
    return "\n".join(parts)


def assert_clean(text):
    for canary in CANARIES:
        assert canary.lower() not in text.lower(), canary


@pytest.mark.parametrize("free_text", [False, True])
def test_no_canary_lies_about_after_success_or_failure(place, monkeypatch, capfd, free_text):
    ingest(place, free_text=free_text)
    assert_clean(everything_below(place.outputs, place.private))
    monkeypatch.setattr("retention.ingest.pipeline.reconcile", _fail_in_the_engine)
    with pytest.raises(Exception, match="could not go on") as caught:
        ingest(place, free_text=free_text)
    assert_clean("".join(traceback.format_exception(caught.value)))
    assert_clean(everything_below(place.outputs, place.private))
    printed = capfd.readouterr()
    assert_clean(printed.out + printed.err)


def _fail_in_the_engine(assembly, *_):
    assembly.engine.connection.execute(f"SELECT CAST('{MAIL}' AS INTEGER)")


@pytest.mark.parametrize("debug", [(), ("--debug",)])
def test_an_erasure_that_fails_names_nobody_even_when_debugging(place, monkeypatch, capfd, debug):
    def explode(*_, **__):
        import duckdb

        raise duckdb.ConversionException(f"Could not convert string '{MAIL}' to INT32")

    monkeypatch.setattr("retention.ingest.purge.Purge.rewrite_store", explode)
    monkeypatch.setattr(sys, "argv", ["retention", "erase", MAIL, *debug])
    with pytest.raises((Exception, SystemExit)) as caught:
        main()
    printed = capfd.readouterr()
    assert_clean("".join(traceback.format_exception(caught.value)) + printed.out + printed.err)
    assert_clean(json.dumps(everything_below(place.outputs, place.private)))

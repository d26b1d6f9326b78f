"""``retention audience``: a dry run counts, a real one writes privately and leaves a line."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from retention.cli import app
from retention.engine import Engine
from retention.errors import RetentionError
from retention.ingest.keys import open_keys
from retention.ingest.vault import Vault
from retention.runs.run import Run

NOW = int(pd.Timestamp("2026-07-01").timestamp())
DAY = 86_400
PEOPLE = 120
KEYS = np.array([f"{i:064x}" for i in range(PEOPLE)])
RUN = "2026-20260701T0000-aaaaaaaa"


class Snapshot:
    """The tables of a small shop, as a published snapshot registers them."""

    def register(self, engine: Engine) -> None:
        def stamped(frame: pd.DataFrame, stem: str, epoch: int) -> pd.DataFrame:
            at = pd.to_datetime(np.full(len(frame), epoch), unit="s")
            return frame.assign(**{f"{stem}_epoch_s": epoch, f"{stem}_at": at})

        people = pd.DataFrame({
            "customer_key": KEYS, "country": "US", "channel": "web", "is_guest": False,
        })  # fmt: skip
        engine.register("customers", stamped(people, "first_seen", NOW - 50 * DAY))
        orders = pd.DataFrame({
            "order_key": [f"o{i}" for i in range(PEOPLE)], "customer_key": KEYS, "status": "paid",
            "currency": "USD", "gross_minor": 2000, "discount_minor": 0, "refunded_minor": 0,
            "shipping_minor": 0, "tax_minor": 0, "marketplace_tax_minor": 0, "net_minor": 2000,
            "is_gift": False, "delivered_late": False,
        })  # fmt: skip
        engine.register("orders", stamped(orders, "ordered", NOW - 10 * DAY))
        said = pd.DataFrame({
            "customer_key": KEYS[:100], "state": "granted", "purpose": "marketing_email",
            "basis": "consent",
        })  # fmt: skip
        texts = said.iloc[:30].assign(purpose="marketing_sms")
        engine.register("consents", stamped(pd.concat([said, texts]), "changed", NOW - 100 * DAY))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one published run, its snapshot and a vault; one name is a formula."""
    root = tmp_path / "project"
    folder = root / "outputs" / "shop" / RUN
    folder.mkdir(parents=True)
    for name in ("params", "notebooks"):
        (root / name).mkdir()
    (root / "pyproject.toml").write_text("")
    manifest = {"run": RUN, "params": {"ingest": {"resolved": {"as_of": "2026-07-01"}}}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    os.symlink(RUN, root / "outputs" / "shop" / "latest")
    keys = open_keys(root / ".retention", create=True)
    emails = pd.DataFrame({
        "customer_key": KEYS, "kind": "email", "source": "shopify",
        "value": [f"p{i}@example.org" for i in range(PEOPLE)],
    })  # fmt: skip
    names = emails.assign(kind="name", value="=HYPERLINK(1) van Gogh")
    phones = emails.iloc[:20].assign(
        kind="phone", value=[f"+1 (555) 010-20{i:02d}" for i in range(20)]
    )
    with duckdb.connect() as connection:
        connection.register("people", pd.concat([emails, names, phones]))
        Vault(root / ".retention", keys).merge(connection, "people")
    monkeypatch.chdir(root)
    monkeypatch.delenv("RETENTION_ROOT", raising=False)
    monkeypatch.setattr(Run, "snapshot", lambda _self: Snapshot())
    return root


def told(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["audience", "shop", *words])
    if isinstance(done.exception, RetentionError):
        return 2, str(done.exception)
    return done.exit_code, done.output


def test_dry_run_counts_and_writes_nothing(project: Path, tmp_path: Path) -> None:
    code, text = told("--journey", "post_purchase")
    assert code == 0
    assert "on the journey 120, consenting 100" in text
    assert "held out 10, to be sent 90" in text
    assert "@" not in text
    assert not list(tmp_path.rglob("*.csv"))
    assert not (project / ".retention" / "audit.jsonl").exists()


@pytest.mark.parametrize("tool", ["klaviyo", "mailchimp", "hubspot", "generic"])
def test_file_is_private_safe_and_audited(project: Path, tmp_path: Path, tool: str) -> None:
    out = tmp_path / "send.csv"
    code, _ = told(
        "--journey", "post_purchase", "--format", tool, "--vault", ".retention", "--out", str(out)
    )
    assert code == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    file = pd.read_csv(out)
    assert len(file) == 100
    first_name = next(c for c in file.columns if c.lower().replace(" ", "_") == "first_name")
    assert set(file[first_name]) == {"'=HYPERLINK(1)"}
    last_name = next((c for c in file.columns if c.lower().replace(" ", "_") == "last_name"), "")
    assert set(file[last_name]) == {"van Gogh"}
    drawn = pd.read_csv(tmp_path / "send.assignments.csv")
    assert drawn["arm"].value_counts().to_dict() == {"send": 90, "control": 10}
    line = json.loads((project / ".retention" / "audit.jsonl").read_text())
    assert line["action"] == "audience"
    assert line["effect"]["to be sent"] == 90
    assert "@" not in json.dumps(line)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--journey", "hello"), "no journey 'hello'"),
        (("--journey", "welcome", "--format", "fax"), "no audience format 'fax'"),
        (("--journey", "welcome", "--out", "x.csv"), "need the vault"),
        (
            ("--journey", "welcome", "--vault", ".retention", "--out", "outputs/x.csv"),
            "may not go to outputs",
        ),
        (("--journey", "cart_recovery"), "carts_abandoned_90d"),
        (("--journey", "welcome", "--run-name", "never"), "no published run"),
        (("--journey", "welcome", "--channel", "post"), "street addresses are not kept"),
    ],
)
def test_impossible_wishes_are_refused_and_leave_no_file(
    project: Path, words: tuple[str, ...], problem: str
) -> None:
    code, text = told(*words)
    assert code == 2
    assert problem in text
    assert not list(project.rglob("*.csv"))


def test_text_messages_go_to_those_who_consent_to_them(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "sms.csv"
    words = ("--journey", "post_purchase", "--channel", "sms", "--format", "klaviyo")
    code, text = told(*words)
    assert code == 0
    assert "consenting 30" in text
    code, _ = told(*words, "--vault", ".retention", "--out", str(out))
    assert code == 0
    file = pd.read_csv(out, dtype=str)
    assert next(iter(file.columns)) == "Phone Number"
    assert file["Phone Number"].tolist() == [f"+1555010{2000 + i}" for i in range(20)]
    assert "@" not in out.read_text()
    line = json.loads((project / ".retention" / "audit.jsonl").read_text())
    assert line["effect"]["channel"] == "sms"


@pytest.mark.parametrize(("asked", "people"), [(None, 90), ("1", 80), ("3", 100)])
def test_the_cap_of_the_plan_holds_unless_another_is_asked_for(
    project: Path, monkeypatch: pytest.MonkeyPatch, asked: str | None, people: int
) -> None:
    register = Snapshot.register

    def with_touches(self: Snapshot, engine: Engine) -> None:
        register(self, engine)
        sent = np.concatenate([np.repeat(KEYS[:10], 2), KEYS[10:20]])
        engine.register("touches", pd.DataFrame({
            "touch_key": [f"t{i}" for i in range(len(sent))], "customer_key": sent,
            "campaign_key": "news", "channel": "email", "kind": "sent", "is_machine_open": False,
            "touched_epoch_s": NOW - 5 * DAY,
        }))  # fmt: skip

    monkeypatch.setattr(Snapshot, "register", with_touches)
    results = project / "outputs" / "shop" / RUN / "results"
    results.mkdir()
    metrics = [{"name": "contact_cap", "value": 2}, {"name": "contact_cap_days", "value": 7}]
    (results / "campaign_lift.json").write_text(json.dumps({"metrics": metrics}))
    code, text = told("--journey", "post_purchase", *(["--contact-cap", asked] if asked else []))
    assert code == 0
    assert f"messages in {30 if asked else 7} days {people}" in text


def test_hold_out_and_cap_out_of_range_are_wrong_use(project: Path) -> None:
    assert told("--journey", "welcome", "--hold-out", "0.9")[0] == 2
    assert told("--journey", "welcome", "--contact-cap", "0")[0] == 2
    assert project.is_dir()

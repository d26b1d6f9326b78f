"""Every command: what it prints for people and machines, and the exit codes its help promises."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

import retention
from retention.cli.app import app
from retention.runs.run import published

PROJECT = Path(__file__).resolve().parents[2]
COMMANDS = sorted(c.name or c.callback.__name__ for c in app.registered_commands)

SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Currency,Subtotal,Shipping,Taxes,"
    "Total,Discount Code,Discount Amount,Created at,Lineitem quantity,Lineitem name,"
    "Lineitem price,Lineitem sku,Billing Country\n"
    "#1001,a@b.example,paid,2026-01-02 10:00:00 +0000,fulfilled,USD,20.00,5.00,0.00,25.00,,0.00,"
    "2026-01-02 10:00:00 +0000,1,Mug,20.00,MUG,US\n"
)


def test_every_command_that_the_project_promises_is_there():
    promised = {
        "run", "resume", "check", "init", "runs", "show", "diff", "approve", "prune", "demo",
        "erase", "audience",
    }  # fmt: skip
    assert promised <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_a_command_does(call, command):
    done = call(command, "--help")
    assert done.code == 0
    example = done.out.partition("Example: ")[2]
    assert f"retention {command}" in example


@pytest.mark.parametrize(
    "command",
    ["run", "resume", "publish", "check", "runs", "show", "diff", "approve", "prune", "audience"],
)
def test_what_another_program_would_read_has_a_form_for_machines(call, command):
    assert "--json" in call(command, "--help").out


def test_the_help_documents_the_exit_codes(call):
    told = " ".join(call("--help").out.split())
    for code in ("0 done", "1 a notebook", "2 wrong use", "130 interrupted"):
        assert code in told


@pytest.mark.parametrize(
    "words",
    [
        ("run", "nobody"),
        ("check", "nobody"),
        ("run", "toy", "--today", "tomorrow"),
        ("approve", "toy", "--role", "boss", "--name", "Ada"),
        ("init", "Toy!", "x.csv"),
        ("init", "toy2", "missing.csv"),
        ("show",),
    ],
)
def test_wrong_use_ends_with_2_and_no_traceback(call, workspace, words):
    done = call(*words)
    assert done.code == 2
    assert "Traceback" not in done.err


@pytest.mark.parametrize("words", [("show", "toy"), ("resume", "toy"), ("diff", "toy", "a", "b")])
def test_what_is_not_there_ends_with_1_and_a_mend(call, workspace, words):
    done = call(*words)
    assert done.code == 1
    assert "retention run toy" in done.err


def test_a_team_runs_shows_signs_compares_and_tidies(call, workspace, tmp_path):
    heard = tmp_path / "heard.json"
    hook = f"{sys.executable} -c \"import sys; open('{heard}', 'a').write(sys.stdin.read())\""
    ran = call("run", "toy", "--json", "--hook", hook)
    assert ran.code == 0, ran.err
    first = json.loads(ran.out)
    assert first["status"] == "published"
    told = json.loads(heard.read_text())
    assert (told["status"], told["run"]) == ("published", first["run"])
    assert told["results"]["segments"]["headline"] == "segments is fine"

    assert "Not approved yet." in call("show", "toy").out
    assert json.loads(call("show", "toy", "--json").out)["signoff"]["state"] == "open"
    signed = call("approve", "toy", "--role", "accountable", "--name", "Ada", "--json")
    assert json.loads(signed.out)["state"] == "approved"
    page = (workspace.profile("toy") / first["run"] / "signoff.html").read_text()
    assert "Ada" in page
    assert "Ada" in (workspace.outputs / "index.html").read_text()

    (workspace.params / "toy" / "lifetime_value.yaml").write_text("seed: 7\n")
    second = json.loads(call("run", "params/toy", "--json").out)["run"]
    report = workspace.profile("toy") / second / "reports" / "lifetime_value.html"
    assert f"Since the approved run {first['run']}" in report.read_text()

    compared = json.loads(call("diff", "toy", first["run"], "--json").out)
    assert compared["params"] == [
        {"notebook": "lifetime_value", "name": "seed", "before": 20260701, "after": 7}
    ]
    text = call("diff", "toy", first["run"]).out
    assert "parameter lifetime_value.seed: 20260701 -> 7" in text
    assert [row["state"] for row in json.loads(call("runs", "toy", "--json").out)] == [
        "open", "approved",
    ]  # fmt: skip

    third = workspace.profile("toy") / "0003-20260801T0500-0123abcd"
    shutil.copytree(workspace.profile("toy") / second, third)
    would = json.loads(call("prune", "toy", "--keep", "1", "--dry-run", "--json").out)
    assert would == {"profile": "toy", "removed": [], "dry_run": True}
    (workspace.profile("toy") / "latest").unlink()
    (workspace.profile("toy") / "latest").symlink_to(third.name)
    gone = json.loads(call("prune", "toy", "--keep", "1", "--json").out)
    assert gone["removed"] == [second]
    assert [run.name for run in published("toy", workspace)] == [first["run"], third.name]


@pytest.mark.slow
def test_one_profile_that_fails_does_not_stop_the_others_and_its_hook_hears_why(
    call, workspace, tmp_path
):
    heard = tmp_path / "heard.jsonl"
    code = f"import sys; open('{heard}', 'a').write(sys.stdin.read() + chr(10))"
    hook = f'{sys.executable} -c "{code}"'
    broken = workspace.params / "broken"
    broken.mkdir()
    (broken / "common.yaml").write_text("profile: broken\nas_of: 2026-13-40\n")
    (broken / "segments.yaml").write_text("")
    done = call("run", "params/broken", "params/toy", "--hook", hook, "--json")
    assert done.code == 1
    outcomes = [json.loads(line) for line in done.out.splitlines()]
    assert [(o["profile"], o["status"]) for o in outcomes] == [
        ("broken", "failed"), ("toy", "published"),
    ]  # fmt: skip
    told = [json.loads(line) for line in heard.read_text().splitlines()]
    assert [o["status"] for o in told] == ["failed", "published"]
    assert "as_of" in told[0]["problem"]


def test_a_hook_that_fails_or_is_not_there_changes_nothing(capfd):
    from retention.runs.hook import call_hook

    for command in ("false", "/no/such/program", "python -c 'unclosed"):
        call_hook(command, {"status": "published"})
    assert capfd.readouterr().err.count("The hook failed") == 3


def test_init_recognises_an_export_and_writes_a_profile_that_passes_the_check(call, workspace):
    export = workspace.root / "exports" / "my_shop" / "orders_export.csv"
    export.parent.mkdir(parents=True)
    export.write_text(SHOPIFY)
    done = call("init", "my_shop", str(export), "--currency", "EUR", "--as-of", "-1month_start")
    assert done.code == 0, done.err
    assert "shopify_orders" in done.out
    assert "NOT EUR as given: no order is in it" in done.out
    written = (workspace.params / "my_shop" / "ingest.yaml").read_text()
    assert "exports/my_shop/orders_export.csv" in written
    assert "currency: USD" in written
    assert 'as_of: "-1month_start"' in (workspace.params / "my_shop" / "common.yaml").read_text()
    checked = call("check", "params/my_shop", "--json")
    assert checked.code == 0, checked.err
    assert json.loads(checked.out)["inputs"] == ["exports/my_shop/orders_export.csv"]
    assert call("init", "my_shop", str(export)).code == 2


@pytest.mark.slow
def test_an_audience_is_counted_before_it_is_written_and_never_under_outputs(
    call, tmp_path, monkeypatch
):
    project = tmp_path / "project"
    params = project / "params" / "demo"
    params.mkdir(parents=True)
    for name in ("pyproject.toml", "notebooks"):
        (project / name).symlink_to(PROJECT / name)
    for name in ("common.yaml", "ingest.yaml"):
        shutil.copy(PROJECT / "params" / "demo" / name, params)
    monkeypatch.chdir(project)
    monkeypatch.delenv("RETENTION_ROOT", raising=False)
    assert call("demo", "--customers", "400").code == 0
    ran = call("run", "demo")
    assert ran.code == 0, ran.err
    vault = str(project / ".retention")
    counted = call("audience", "demo", "--journey", "win_back")
    steps = json.loads(call("audience", "demo", "--journey", "win_back", "--json").out)["steps"]
    assert all(f"{step} {count:,}" in counted.out for step, count in steps.items())
    assert counted.code == 0, counted.err
    assert not list(tmp_path.glob("*.csv"))
    assert call("audience", "demo", "--journey", "win_back", "--out", "x.csv").code == 2
    inside = str(project / "outputs" / "x.csv")
    words = ("audience", "demo", "--journey", "win_back", "--vault", vault, "--out")
    assert call(*words, inside).code == 2
    out = tmp_path / "win_back.csv"
    done = call(*words, str(out), "--format", "klaviyo")
    assert done.code == 0, done.err
    assert stat.S_IMODE(os.stat(out).st_mode) == 0o600
    assert "email" in out.read_text().splitlines()[0].lower()
    assert retention.load("demo").has_table("consents")


@pytest.mark.slow
def test_init_recognises_every_export_of_the_simulated_shop(call, workspace):
    import yaml

    assert call("demo", "--customers", "100").code == 0
    params = yaml.safe_load((PROJECT / "params" / "demo" / "ingest.yaml").read_text())
    told = [*params["sources"], params["migration_legacy_source"]]
    named = [line.split(": ", 1) for line in told]
    expected = {
        str(path.relative_to(workspace.root)): name
        for name, pattern in named
        for path in workspace.root.glob(pattern)
    }
    for platform in ("shopify", "etsy", "klaviyo", "woocommerce"):
        assert any(platform in name for name in expected.values())
    done = call("init", "copied", *expected)
    assert done.code == 0, done.err
    written = yaml.safe_load((workspace.params / "copied" / "ingest.yaml").read_text())["sources"]
    found = dict(reversed(line.split(": ", 1)) for line in written)
    assert found == expected


def test_init_recognises_the_uci_gift_shop(call, workspace):
    export = workspace.root / "lines.csv"
    export.write_text(
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "536365,85123A,LANTERN,6,2010-12-01 08:26:00,2.55,17850,United Kingdom\n"
    )
    done = call("init", "gifts", str(export), "--currency", "GBP")
    assert done.code == 0, done.err
    assert "online_retail" in done.out

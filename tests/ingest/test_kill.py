"""Killed at any moment, what was published last is whole, and calling again finishes the work."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from retention.ingest import Snapshot
from retention.ingest.keys import open_keys
from retention.ingest.tombstones import erased_people
from retention.ingest.vault import Vault

MOMENTS = 5
"""Kills per kind of work; there are four kinds."""

PEOPLE = [f"p{number}@shop.example" for number in range(12)]

PARENT = """
import os, signal, sys
from pathlib import Path
import retention.ingest.access, retention.ingest.rotate, retention.ingest.pipeline
import retention.runs.params, pyarrow.parquet, pandas
import conftest
from retention.ingest import erase, run_ingest
from retention.ingest.expire import expire
from retention.ingest.periods import parse_periods
from retention.ingest.rotate import rotate
from retention.sources.registry import FORMATS

FORMATS["tiny_orders"] = conftest.TINY
CALLS = ("replace", "rename", "fsync", "link", "unlink", "symlink", "mkdir", "chmod", "open")


def ingest(root, pattern):
    run_ingest(["tiny_orders: " + pattern], root / "outputs/tiny/store", root / ".retention",
               root=root, as_of="2025-03-01", threads=1)


ACTIONS = {
    "first": lambda root: ingest(root, "orders_1.csv"),
    "ingest": lambda root: ingest(root, "orders_*.csv"),
    "erase": lambda root: erase("p1@shop.example", root / ".retention", root / "outputs"),
    "expire": lambda root: expire(root / ".retention", root / "outputs/tiny",
                                  parse_periods(["orders: 20", "customers: 20"], "2025-03-01")),
    "rotate": lambda root: rotate(root / ".retention", root / "outputs"),
}


def work(action, last, root):
    count = 0

    def deadly(function):
        def call(*arguments, **named):
            nonlocal count
            count += 1
            if count == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **named)
        return call

    for name in CALLS:
        setattr(os, name, deadly(getattr(os, name)))
    ACTIONS[action](root)
    return count


for line in sys.stdin:
    action, last, root = line.split()
    child = os.fork()
    if child == 0:
        total = work(action, int(last), Path(root))
        Path(root, "calls").write_text(str(total))
        sys.stdout.flush()
        os._exit(0)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@pytest.fixture(scope="module")
def worker():
    """A process that has imported everything and forks one that does the work, or dies of it."""
    folder = Path(__file__).parent
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RETENTION_")}
    path = os.pathsep.join([str(folder), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**environment, "PYTHONPATH": path},
    )  # fmt: skip

    def run(action: str, root: Path, last: int = 0) -> int:
        process.stdin.write(f"{action} {last} {root}\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    yield run
    process.stdin.close()
    process.wait(timeout=30)


@pytest.fixture
def whole(tmp_path, make_order, monkeypatch, worker):
    """A workspace with one month published and the next one waiting."""
    monkeypatch.delenv("RETENTION_KEY", raising=False)
    root = tmp_path / "whole"
    root.mkdir()
    header = "order,email,phone,buyer,name,postcode,date,amount,country,note"
    days = ["2025-02-20", "2025-01-02"]
    first = [make_order(n, mail, f"{n + 1}.00", date=days[n % 2]) for n, mail in enumerate(PEOPLE)]
    second = [make_order(100 + n, mail, f"{n + 101}.00") for n, mail in enumerate(PEOPLE[:5])]
    for name, rows in (("orders_1.csv", first), ("orders_2.csv", second)):
        (root / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    assert worker("first", root) == 0
    return root


def orders_of(root):
    snapshot = Snapshot.load(root / "outputs" / "tiny" / "store")
    frame = pd.concat([pd.read_parquet(path) for path in snapshot.tables["orders"]])
    return frame.sort_values("net_minor", ignore_index=True)


def files_of(root):
    """Return the content of every file of the outputs; a rotation's key is drawn anew."""
    paths = [p for p in sorted((root / "outputs").rglob("*")) if p.is_file() and not p.is_symlink()]
    return {str(p.relative_to(root)): p.read_bytes() for p in paths if p.name != ".lock"}


def state_of(root):
    """Return whose orders, identities and tombstones there are, under the present key."""
    keys = open_keys(root / ".retention")
    names = {keys.pseudonym("email", mail): mail for mail in PEOPLE}
    orders = orders_of(root)
    held = Vault(root / ".retention", keys).read()["customer_key"].to_pylist()
    gone = erased_people(root / ".retention", keys)
    return (
        list(zip(orders.net_minor, orders.customer_key.map(names), strict=True)),
        sorted({names[key] for key in held}), sorted(names[key] for key in gone),
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("action", ["ingest", "erase", "expire", "rotate"])
def test_a_process_killed_at_any_call_leaves_a_whole_snapshot_and_can_go_on(
    whole, worker, action, tmp_path
):
    target = tmp_path / "target"
    shutil.copytree(whole, target, symlinks=True)
    before = orders_of(target).net_minor.tolist()
    assert worker(action, target) == 0
    expected, after = state_of(target), orders_of(target).net_minor.tolist()
    undisturbed = files_of(target)
    calls = int((target / "calls").read_text())
    if action == "rotate":  # a new key parts the vault into a few files more or less
        calls = calls * 4 // 5
    for last in sorted(random.Random(20260701).sample(range(1, calls + 1), MOMENTS)):
        shutil.rmtree(target)
        shutil.copytree(whole, target, symlinks=True)
        assert os.WTERMSIG(worker(action, target, last)) == signal.SIGKILL
        assert orders_of(target).net_minor.tolist() in (before, after)
        assert worker(action, target) == 0
        assert state_of(target) == expected
        if action in ("erase", "expire"):
            assert files_of(target) == undisturbed
            lines = (target / ".retention" / "audit.jsonl").read_text().splitlines()
            assert 1 <= len(lines) <= 2  # killed when all was done, it was called once too often
        assert not (target / ".retention" / "pending").exists()
        left = [p.name for p in (target / ".retention" / "work").iterdir()]
        assert left == []  # what the killed process had in its hands is gone, too

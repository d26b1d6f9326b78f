"""Random shops with known truth, from raw files to a published report, as a stranger would try.

The generator and the comparison lie outside the repository, in ``$RETENTION_ZOO`` (by default
``../shared/zoo``); without them these tests say so and are skipped. ``make zoo`` runs forty shops.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from retention.runs.profile import files_in, look_at
from retention.runs.proposal import Given, propose
from retention.sources.registry import FORMATS

PROJECT = Path(__file__).resolve().parents[2]
FULL = (3, 7)
"""Seeds that are run to the end: few, because a run takes most of a minute of two cores."""
READ = (3, 5, 8, 13, 21, 23, 31, 40)
"""Seeds whose files are only recognised and read."""


@pytest.fixture(scope="module")
def zoo() -> Path:
    """Return the folder of the generator, or skip and say where it was looked for."""
    folder = Path(os.environ.get("RETENTION_ZOO", PROJECT.parent / "shared" / "zoo"))
    if not (folder / "try_shops.py").is_file():
        pytest.skip(f"no zoo at {folder}; set RETENTION_ZOO to the folder that holds try_shops.py")
    return folder


@pytest.fixture(scope="module")
def generator(zoo: Path) -> ModuleType:
    """Return the module that makes shops."""
    sys.path.insert(0, str(zoo))
    try:
        spec = importlib.util.spec_from_file_location("zoo_shop", zoo / "shop.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(zoo))
    return module


@pytest.mark.shops
@pytest.mark.parametrize("seed", FULL)
def test_a_random_shop_is_published_and_agrees_with_its_truth(zoo, seed):
    words = [
        *(sys.executable, str(zoo / "try_shops.py"), "--project", str(PROJECT)),
        *("--venv", sys.prefix, "--seeds", str(seed), "--max-orders", "80", "--json"),
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RETENTION_")}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=1200)
    (shop, _) = map(json.loads, done.stdout.splitlines())
    assert shop["as_expected"], shop
    assert shop["edits"] == []


@pytest.mark.parametrize("seed", READ)
def test_every_file_is_taken_for_what_it_is_and_the_dates_follow(generator, seed, tmp_path):
    truth = generator.Shop(seed, 30).save(tmp_path)
    kinds = {file["name"]: file["kind"] for file in truth["files"]}
    files = files_in([str(tmp_path / "exports")])
    looks = [look_at(path, FORMATS, tmp_path / "landed") for path in files]
    taken = {look.path.name: look.facts.format.name if look.facts else "unknown" for look in looks}
    assert taken == kinds
    proposal = propose(
        [look.facts for look in looks if look.facts], Given(currency=truth["currency"])
    )
    assert proposal.currency.value == truth["currency"]
    with (tmp_path / "truth_orders.csv").open(encoding="utf-8") as rows:
        real = [row for row in csv.DictReader(rows) if row["state"] != "test"]
    assert proposal.as_of.value > max(max(row["day"], row["utc"][:10]) for row in real)
    asks = any("date_order" in question for question in proposal.questions)
    assert asks == (truth["expected"]["publishes"] is False)

"""Small shops, end to end: what they lack is left out in a sentence, the rest is published."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from retention.results import FAILED
from retention.runs.plan import NOTEBOOKS
from retention.runs.run import Run
from retention.runs.runner import Options, run_profile
from retention.runs.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[2]
LAST = date(2026, 8, 20)
WEEK_LATER = "2026-08-28"


def writers() -> ModuleType:
    """Return the module that writes exports; tests are no package."""
    spec = importlib.util.spec_from_file_location("writers", Path(__file__).with_name("writers.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["writers"] = module
    spec.loader.exec_module(module)
    return module


W = writers()


def orders(name: str) -> Sequence[object]:
    """Return the orders of the shop of that name."""
    few = W.orders(30, 240, LAST)
    return {
        "five_orders": W.orders(5, 100, LAST),
        "thirty_orders": few,
        "hundred_orders": W.orders(100, 500, LAST),
        "two_weeks_old": W.orders(40, 14, LAST),
        "without_lines": W.orders(60, 300, LAST),
        "without_emails": [replace(order, buyer=None) for order in few],
        "one_customer": W.orders(20, 300, LAST, buyers=1),
        "one_order": W.orders(1, 1, LAST),
        "all_refunded": [replace(order, is_refunded=True) for order in few],
    }[name]


def published(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Write a shop's export and a profile as a first user would; run all eight notebooks."""
    is_etsy = name == "without_lines"
    kind = "etsy_sold_orders" if is_etsy else "shopify_orders"
    (W.write_etsy if is_etsy else W.write_shopify)(folder / "exports" / "orders.csv", orders(name))
    project = folder / "project"
    params = project / "params" / name
    params.mkdir(parents=True)
    shutil.copytree(PROJECT / "notebooks", project / "notebooks")
    (project / "pyproject.toml").write_text("")
    (params / "common.yaml").write_text(f"profile: {name}\nas_of: '{WEEK_LATER}'\n")
    for notebook in NOTEBOOKS:
        (params / f"{notebook.name}.yaml").write_text("# Defaults hold.\n")
    path = folder / "exports" / "orders.csv"
    (params / "ingest.yaml").write_text(f"sources: ['{kind}: {path}']\ncurrency: EUR\n")
    monkeypatch.chdir(project)
    monkeypatch.setenv("RETENTION_ROOT", str(folder))
    return run_profile(Workspace(project, folder), name, Options(parallel=2))


QUICK = ("two_weeks_old", "without_lines")
SLOW = ("one_order", "five_orders", "thirty_orders", "hundred_orders", "without_emails",
        "one_customer", "all_refunded")  # fmt: skip
SHOPS = [*QUICK, *(pytest.param(name, marks=pytest.mark.shops) for name in SLOW)]


@pytest.mark.parametrize("name", SHOPS)
def test_a_small_shop_is_published_with_what_can_be_said(tmp_path, monkeypatch, name):
    run = published(tmp_path, name, monkeypatch)
    results = {notebook: run.result(notebook) for notebook in run.manifest["notebooks"]}
    assert len(results) == len(NOTEBOOKS)
    assert not [r for r in results.values() if r["status"] == FAILED]
    assert results["ingest"]["status"] in ("pass", "warn")
    assert results["ab_test"]["status"] == results["campaign_lift"]["status"] == "skipped"
    for result in results.values():
        assert result["headline"]
        assert "nan" not in result["headline"].split()
        for part in result["left_out"]:
            assert part["reason"].endswith("."), part
    dated = {r["known_until"] for r in results.values() if r["as_of"]}
    assert dated == {LAST.isoformat()}
    page = (run.folder / "summary.html").read_text()
    assert f"orders are known until {LAST.isoformat()}" in page
    answered = {name for name, r in results.items() if r["status"] != "skipped"}
    if name not in ("without_emails", "one_order", "all_refunded"):
        assert {"ingest", "segments"} <= answered
        assert os.path.getsize(run.folder / "reports" / "segments.html") > 10_000

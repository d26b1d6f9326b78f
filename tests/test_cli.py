"""The command line: clear errors, documented exit codes, no traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "retention.cli"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the project's notebooks and params with one small, good export."""
    folder = tmp_path / "project"
    for name in ("notebooks", "params"):
        shutil.copytree(PROJECT / name, folder / name)
    (folder / "pyproject.toml").write_text("")
    for profile in ("demo", "hillstrom", "online_retail"):
        shutil.rmtree(folder / "params" / profile)
    params = folder / "params" / "shop"
    params.mkdir()
    (params / "common.yaml").write_text('profile: shop\nas_of: "2011-12-10"\n')
    (params / "ingest.yaml").write_text(
        'sources: ["online_retail: exports/lines.csv"]\ncurrency: GBP\ntime_zone: Europe/London\n'
    )
    export = folder / "exports" / "lines.csv"
    export.parent.mkdir()
    export.write_text(
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "536365,85123A,LANTERN,6,2010-12-01 08:26:00,2.55,17850,United Kingdom\n"
    )
    return folder


def retention(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a project of its own."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RETENTION_")}
    return subprocess.run(
        [*COMMAND, *words],
        cwd=project,
        capture_output=True,
        text=True,
        env=environment,
        timeout=240,
    )


def test_a_good_profile_passes_the_check(project):
    done = retention(project, "check", "shop")
    assert done.returncode == 0, done.stderr
    assert "1 notebooks (ingest), 1 inputs" in done.stdout


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_missing_file_is_one_paragraph_with_the_mend(project, command):
    (project / "exports" / "lines.csv").unlink()
    done = retention(project, command, "shop")
    assert done.returncode == 2
    assert "exports/lines.csv" in done.stderr
    assert "ingest.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mistyped_parameter_names_file_line_and_the_right_name(project):
    with (project / "params" / "shop" / "ingest.yaml").open("a") as handle:
        handle.write("curency: EUR\n")
    done = retention(project, "run", "shop")
    assert done.returncode == 2
    assert "params/shop/ingest.yaml, line 4, column 'curency'" in done.stderr
    assert "Did you mean 'currency'?" in done.stderr
    assert not (project / "outputs" / "shop" / "latest").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "lines.csv"),
        ("InvoiceNo,StockCode\n1,2\n", "No column"),
        (
            "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
            "536365,85123A,LANTERN,6,1/2/2010 8:26,2.55,17850,United Kingdom\n",
            "lines.csv",
        ),
    ],
    ids=["empty export", "wrong columns", "ambiguous dates"],
)
def test_an_unusable_export_stops_the_run_and_publishes_nothing(project, text, told):
    (project / "exports" / "lines.csv").write_text(text)
    done = retention(project, "run", "shop")
    assert done.returncode == 1, done.stderr
    assert "'ingest'" in done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / "outputs" / "shop" / "latest").exists()
    assert (project / "outputs" / "shop" / "failed.html").is_file()


def test_an_unknown_profile_names_the_known_ones(project):
    done = retention(project, "run", "shopp")
    assert done.returncode == 2
    assert "Known profiles: shop" in done.stderr

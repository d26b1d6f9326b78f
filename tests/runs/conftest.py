"""A small project of its own for every test: two notebooks, params, an empty output folder."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from retention.runs.workspace import Workspace

PARAMETERS = """
profile = "toy"
run = "latest"
output_dir = ""
as_of = "2026-07-01"
engine = "duckdb"
memory_limit = "1GB"
minimum_cell_size = 10
seed = 1
"""

OPEN = """
import retention
import pandas as pd
from retention.results import Metric
stage = retention.open_stage("{name}", profile=profile, run=run, output_dir=output_dir)
"""


def write_notebook(project: Path, folder: str, name: str, *work: str) -> None:
    """Write a notebook that opens its stage, does some work, and finishes."""
    cells = [
        new_markdown_cell(f"# Toy {name}?\nA question."),
        new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        new_code_cell(OPEN.format(name=name)),
        new_markdown_cell("## What happens here?"),
        *(new_code_cell(cell) for cell in work),
        new_code_cell(f'stage.finish("{name} is fine", [Metric("seed", seed, "number", n=1)])'),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"c{number}"
    target = project / "notebooks" / folder / f"{name}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells), target)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Return a project with the notebooks segments and lifetime_value, which reads its table."""
    project = tmp_path / "project"
    (project / "params" / "toy").mkdir(parents=True)
    (project / "pyproject.toml").write_text("")
    (project / "params" / "toy" / "common.yaml").write_text("profile: toy\nas_of: '2026-07-01'\n")
    for name in ("segments", "lifetime_value"):
        (project / "params" / "toy" / f"{name}.yaml").write_text("# defaults\n")
    save = 'stage.save("segments", pd.DataFrame({"customer_key": ["b", "a"]}), key="customer_key")'
    write_notebook(project, "02_segmentation", "segments", save)
    write_notebook(
        project, "02_segmentation", "lifetime_value", 'rows = len(stage.table("segments"))'
    )
    monkeypatch.chdir(project)
    monkeypatch.delenv("RETENTION_ROOT", raising=False)
    return Workspace.find()


@pytest.fixture
def rewrite(workspace: Workspace):
    """Return a function that gives a notebook (by default the second) other work to do."""

    def change(*work: str, folder: str = "02_segmentation", name: str = "lifetime_value") -> None:
        write_notebook(workspace.project, folder, name, *work)

    return change

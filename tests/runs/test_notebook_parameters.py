"""Every notebook opens alike, and its parameters are those that its model checks."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest

from retention.runs.params import CommonParams, model_for
from retention.runs.plan import NOTEBOOKS, Notebook
from retention.runs.settings import load_settings
from retention.runs.workspace import Workspace

WORKSPACE = Workspace.find(Path(__file__))
LONGEST_CELL = 10


def cells(notebook: Notebook) -> list[nbformat.NotebookNode]:
    return nbformat.read(notebook.path(WORKSPACE), as_version=4).cells


def tagged(notebook: Notebook) -> list[nbformat.NotebookNode]:
    return [c for c in cells(notebook) if "parameters" in c.metadata.get("tags", [])]


@pytest.fixture(params=NOTEBOOKS, ids=lambda n: n.name)
def notebook(request) -> Notebook:
    return request.param


def test_the_parameters_cell_equals_the_model(notebook):
    (cell,) = tagged(notebook)
    stated = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(cell.source).body
        if isinstance(node, ast.Assign)
    }
    fields = model_for(notebook.name).model_fields
    # What only a shop can say has no default; a notebook opened by hand shows the demo's.
    demo = {setting.notebook.name: setting.given for setting in load_settings(WORKSPACE, "demo")}
    expected = {name: demo[notebook.name][name] if field.is_required() else field.default
                for name, field in fields.items()}  # fmt: skip
    assert stated == expected
    assert {name for name, field in fields.items() if field.is_required()} <= {
        "profile", "as_of", "sources",
    }  # fmt: skip
    assert list(stated)[: len(CommonParams.model_fields)] == list(CommonParams.model_fields)
    assert all("#" in line for line in cell.source.splitlines() if " = " in line)


def test_no_default_belongs_to_the_demo(notebook):
    names = re.compile(r"demo|autumn|spring|legacy_crm|etsy|jewel|USD|2026")
    for name, field in model_for(notebook.name).model_fields.items():
        assert field.is_required() or name == "seed" or not names.search(str(field.default)), name


def test_a_notebook_opens_with_title_parameters_imports_and_load(notebook):
    first, second, *rest = cells(notebook)
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert "parameters" in second.metadata.get("tags", [])
    code = [c for c in rest if c.cell_type == "code"]
    assert "import" in code[0].source
    assert "open_stage" in code[1].source


def test_a_notebook_has_one_title_and_tells_as_much_as_it_computes(notebook):
    found = cells(notebook)
    markdown = [c for c in found if c.cell_type == "markdown"]
    assert sum(line.startswith("# ") for c in markdown for line in c.source.splitlines()) == 1
    assert 0.38 <= len(markdown) / len(found) <= 0.55


def test_code_cells_are_short_calls_without_logic(notebook):
    for cell in cells(notebook):
        if cell.cell_type != "code" or "parameters" in cell.metadata.get("tags", []):
            continue
        assert len(cell.source.splitlines()) <= LONGEST_CELL, cell.source
        logic = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.If, ast.Try)
        assert not any(isinstance(n, logic) for n in ast.walk(ast.parse(cell.source))), cell.source


def test_a_notebook_is_committed_without_outputs_and_ends_by_writing_its_result(notebook):
    found = [c for c in cells(notebook) if c.cell_type == "code"]
    assert all(not c.outputs for c in found[:-1])
    assert "stage.finish(" in found[-1].source
    assert "nbval-check-output" in found[-1].metadata.get("tags", [])


def test_every_section_asks_a_question(notebook):
    headings = [
        line
        for c in cells(notebook)
        if c.cell_type == "markdown"
        for line in c.source.splitlines()
        if line.startswith("## ")
    ]
    assert headings
    assert all("?" in line for line in headings), headings

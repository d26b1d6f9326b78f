"""A cell whose evidence is missing says so; what does not need it goes on; other errors stop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retention.runs.evidence import Evidence, Missing
from retention.runs.notebooks import read_notebook
from retention.runs.runner import run_profile

THIN = """
from retention.errors import EvidenceError
def thin(): raise EvidenceError("Three customers are there.", "Personas need 200.")
"""


def guarded(*cells: str) -> dict:
    """Run cells in a shell that guards them; return its names."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    evidence = Evidence()
    evidence.install()
    try:
        for cell in (THIN, *cells):
            shell.run_cell(cell).raise_error()
        return dict(shell.user_ns)
    finally:
        InteractiveShell.clear_instance()


@pytest.mark.parametrize(
    "use",
    ["x = gone", "x = [gone]", "x = gone == 1", "x = f'{gone}'", "x = gone.a.b(1)", "x = 1 + gone",
     "x, y = 1, gone", "x = [gone for i in range(2)]", "x = {'a': gone}", "x = len(list(gone))",
     "with open(gone) as x: pass", "for x in gone: pass", "x = (lambda: gone)()",
     "if gone: x = 1", "x = dict(**gone)", "x: int = gone", "x = 1; x = gone; y = x"],
)  # fmt: skip
def test_what_reads_something_missing_is_missing_too(use):
    names = guarded("gone = thin()", "x = 'stale'", use)
    assert isinstance(names["x"], Missing)
    assert isinstance(names.get("y", names["gone"]), Missing)


def test_a_list_that_is_added_to_keeps_what_it_has():
    names = guarded("gone = thin()\nkept = [1]", "kept += gone\nkept += [2]\ngone += 1")
    assert names["kept"] == [1, 2]
    assert isinstance(names["gone"], Missing)


@pytest.mark.parametrize("wrong", ["1 / 0", "open('/nowhere/at/all')", "x = gone.a; unknown"])
def test_every_other_error_still_stops(wrong):
    with pytest.raises((ZeroDivisionError, OSError, NameError)):
        guarded("gone = thin()", wrong)


def shown(run, name: str = "lifetime_value") -> str:
    """Return the texts that an executed notebook shows."""
    notebook = read_notebook(run.folder / "notebooks" / f"{name}.ipynb")
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(str(output.get("data", output.get("text"))) for output in outputs)


def test_a_part_without_evidence_is_left_out_and_the_rest_is_published(workspace, rewrite):
    rewrite(
        THIN,
        "kept, gone = 1, thin()\nwhole = thin()",
        "total = 5\ntotal += gone\nprint('total is', total)\ngone.summary()",
        "names = [each for each in 'ab']\nprint('names are', names)",
        "stage.save('fine', pd.DataFrame({'a': [total]}), key='a')",
    )
    run = run_profile(workspace, "toy")
    result = run.result("lifetime_value")
    assert result["left_out"] == [
        {"section": "What happens here?", "reason": "Three customers are there. Personas need 200."}
    ]
    assert result["status"] == "pass"
    assert [artifact["name"] for artifact in result["artifacts"]] == ["fine"]
    text = shown(run)
    assert text.count("<strong>Left out:</strong>") == 1
    assert "total is 5" in text
    assert "names are ['a', 'b']" in text
    assert "Left out" in (run.folder / "reports" / "lifetime_value.html").read_text()


def test_without_its_subject_a_notebook_ends_at_once_and_says_why(workspace, rewrite):
    rewrite(THIN, "with stage.subject():\n    rows = thin()", "print('never')\n1 / 0")
    run = run_profile(workspace, "toy")
    result = run.result("lifetime_value")
    assert result["status"] == "skipped"
    assert result["headline"] == "Three customers are there. Personas need 200."
    assert "never" not in shown(run)


def test_without_a_headline_the_reason_is_the_answer(workspace, rewrite):
    finish = "stage.finish(headline, [], [])"
    rewrite(THIN, "headline = thin().summary()", f"{finish}\nprint('after')")
    project: Path = workspace.project
    path = project / "notebooks" / "02_segmentation" / "lifetime_value.ipynb"
    notebook = json.loads(path.read_text())
    del notebook["cells"][-1]
    path.write_text(json.dumps(notebook))
    run = run_profile(workspace, "toy")
    assert run.result("lifetime_value")["status"] == "skipped"
    assert "after" in shown(run)


def test_a_run_names_what_it_left_out_and_fails_only_where_it_is_strict(workspace, rewrite):
    from typer.testing import CliRunner

    from retention.cli.app import app

    rewrite(THIN, "thin()")
    lax = CliRunner().invoke(app, ["run", "toy"])
    assert lax.exit_code == 0, lax.output
    assert "Left out: 1 part of lifetime_value" in lax.output
    assert CliRunner().invoke(app, ["run", "toy", "--strict"]).exit_code == 1
    for page in ("index.html", "toy/latest/summary.html"):
        assert "left out" in (workspace.outputs / page).read_text().lower()
    assert "Personas need 200" in (workspace.outputs / "index.html").read_text()

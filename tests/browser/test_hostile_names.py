"""Names that would run, load or disguise: a browser shows them as the text they are."""

from __future__ import annotations

from unittest import mock

import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from retention.reports import show_finding, show_table, show_verdict
from retention.reports.pages import render_page
from retention.reports.render import Change, ChangeTable, ReportContext, render_report

pytestmark = pytest.mark.slow

HOSTILE = [
    "<script>window.hacked = 1; alert('x')</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "=cmd|' /C calc'!A0",
    "mug \u202egnp.exe",
    "{{ 7 * 7 }}${7*7}",
    "</style><script>window.hacked = 1</script>",
]


def cell(function, *arguments, **options):
    """Return a code cell with what a display function publishes."""
    outputs = []

    def record(data, raw, metadata=None):
        outputs.append(new_output("display_data", data=data, metadata=metadata or {}))

    with mock.patch("IPython.display.display", record):
        function(*arguments, **options)
    return new_code_cell("show(...)", outputs=outputs)


@pytest.fixture
def report(tmp_path):
    """Return a report in which every text that can come from data is hostile."""
    names = pd.DataFrame({"product": HOSTILE, HOSTILE[0]: range(len(HOSTILE))})
    everything = " ".join(HOSTILE)
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# What sells?\nBy product."),
            new_markdown_cell("## Which products?"),
            cell(show_table, names, caption=everything),
            cell(show_verdict, everything),
            cell(show_finding, everything),
        ]
    )
    metric = {"name": HOSTILE[0], "value": HOSTILE[1], "unit": HOSTILE[2]}
    check = {"code": HOSTILE[0], "status": "warn", "detail": HOSTILE[1], "action": everything}
    result = {
        "headline": everything,
        "status": "warn",
        "metrics": [{**metric, "ci_low": None, "ci_high": None, "n": None}],
        "checks": [check],
        "artifacts": [{"name": HOSTILE[0], "path": "tables/x", "rows": 1, "sha256": "0" * 64}],
    }
    table = ChangeTable(HOSTILE[0], ("a", "b"), ((HOSTILE[0], HOSTILE[1]),))
    context = ReportContext(
        "demo", "Segments", [("Input files", everything)], Change(everything, (table,))
    )
    path = tmp_path / "reports" / "report.html"
    path.parent.mkdir()
    path.write_text(render_report(notebook, result, context), encoding="utf-8")
    signed = {
        "name": HOSTILE[0],
        "role": HOSTILE[1],
        "meaning": "x",
        "what": HOSTILE[2],
        "at": "now",
    }
    signed["note"] = everything
    page = render_page(
        "signoff.html.j2", profile="demo", state="signed", summary=everything,
        signatures=[signed], changed=HOSTILE, sealed="0",
    )  # fmt: skip
    (tmp_path / "signoff.html").write_text(page, encoding="utf-8")
    return path


def test_hostile_names_show_as_text_and_do_nothing(report, opened):
    page = opened(report)
    assert page.trouble == []
    for frame in page.frames:
        assert frame.evaluate("typeof window.hacked") == "undefined"
    assert [frame.locator("script").count() for frame in page.frames] == [1, 0]
    cells = page.locator("#detail tbody td.text").all_inner_texts()
    assert cells == [name.replace("\u202e", "") for name in HOSTILE]
    assert page.locator("#detail img").count() == 0


def test_hostile_names_neither_widen_a_phones_page_nor_turn_the_text_around(report, opened):
    page = opened(report, width=360)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    assert "\u202e" not in page.content()


def test_the_index_can_be_narrowed_to_one_profile(tmp_path, opened):
    block = {"failed": False, "latest": None, "months": []}
    page = render_page("index.html.j2", profiles=[{"name": n, **block} for n in ("a", "b")])
    path = tmp_path / "index.html"
    path.write_text(page, encoding="utf-8")
    shown = opened(path)
    shown.select_option("#filter", "b")
    assert [s.is_visible() for s in shown.locator("section.profile").all()] == [False, True]
    shown.select_option("#filter", "")
    assert [s.is_visible() for s in shown.locator("section.profile").all()] == [True, True]

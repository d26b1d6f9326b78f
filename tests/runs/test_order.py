"""What goes first when several notebooks could: what others wait for, and what takes long."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest

from retention.runs.fingerprint import notebook_source
from retention.runs.order import ready, urgency
from retention.runs.plan import NOTEBOOKS, Notebook
from retention.runs.settings import Settings
from retention.runs.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[2]


def book(name: str, *needs: str, effort: float = 1.0) -> Notebook:
    return Notebook(name, "folder", name, "report", needs, effort=effort)


def test_a_notebook_is_as_urgent_as_the_longest_chain_that_waits_for_it():
    books = [book("a"), book("b", "a", effort=5), book("c", "a"), book("d", "c", effort=7)]
    assert urgency(books, {}) == {"a": 9, "b": 5, "c": 8, "d": 7}


def test_what_an_earlier_run_took_counts_more_than_the_effort_told():
    books = [book("a"), book("b", "a", effort=5)]
    assert urgency(books, {"b": 50.0}) == {"a": 51, "b": 50}


def test_a_notebook_is_ready_when_all_it_needs_of_the_plan_is_done():
    books = [book("b", "a"), book("c", "a", "z"), book("d", "b")]
    waiting = [Settings(each, {}, {}) for each in books]
    found = ready(waiting, {"a", "b", "c", "d"}, {"a"})
    assert [s.notebook.name for s in found] == ["b", "c"]


def tables(notebook: Notebook, call: str) -> set[str]:
    """Return the tables that a notebook names in calls of its stage."""
    cells = notebook_source(notebook.path(Workspace(PROJECT, PROJECT)))
    code = "\n".join(source for kind, source in cells if kind == "code")
    return set(re.findall(rf'stage\.{call}\(\s*"(\w+)"', code))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.name)
def test_a_notebook_needs_just_those_whose_tables_it_reads(notebook):
    read = tables(notebook, "table") | tables(notebook, "has")
    others = [other for other in NOTEBOOKS if other is not notebook]
    makers = {other.name for other in others if tables(other, "save") & read}
    known = set(chain.from_iterable(tables(other, "save") for other in others))
    assert makers == set(notebook.needs) - {"ingest"}
    assert read <= known | tables(notebook, "save")

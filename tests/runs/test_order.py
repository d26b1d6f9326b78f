"""What goes first when several notebooks could: what others wait for, and what takes long."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.runs.fingerprint import notebook_source
from retention.runs.order import lasts, ready, sequence, urgency
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


def test_a_short_notebook_goes_before_a_longer_one_where_the_run_then_ends_sooner():
    books = [
        book("first"),
        *(
            book(name, "first", effort=e)
            for name, e in (("a", 39), ("b", 28), ("c", 27), ("d", 15))
        ),
        *(book(name, "a", effort=effort) for name, effort in (("e", 59), ("f", 44), ("g", 37))),
    ]
    longest = urgency(books, {})
    urgent = sorted(longest, key=lambda name: -longest[name])
    order = sequence(books, {}, 2)
    assert sorted(order) == sorted(urgent)
    assert lasts(books, order, {}, 2) < lasts(books, urgent, {}, 2)
    assert lasts(books, order, {}, 2) <= 1.02 * (1 + (39 + 28 + 27 + 15 + 59 + 44 + 37) / 2)


@given(
    st.lists(st.tuples(st.integers(1, 60), st.sets(st.integers(0, 7))), min_size=1, max_size=6),
    st.integers(1, 3),
)
def test_the_order_never_lasts_longer_than_the_most_urgent_first(drawn, at_once):
    books = [
        book(str(place), *(str(need) for need in needs if need < place), effort=effort)
        for place, (effort, needs) in enumerate(drawn)
    ]
    longest = urgency(books, {})
    urgent = sorted(longest, key=lambda name: -longest[name])
    order, total = sequence(books, {}, at_once), sum(each.effort for each in books)
    end = lasts(books, order, {}, at_once)
    assert max(max(longest.values()), total / at_once) <= end <= total
    assert end <= lasts(books, urgent, {}, at_once)


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

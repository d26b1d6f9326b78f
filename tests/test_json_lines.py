"""Books of JSON lines stay readable whatever cut them off, and say what was changed."""

from __future__ import annotations

import json

import pytest

from retention.errors import InputError
from retention.json_lines import append_line, read_lines


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.jsonl"
    for number in range(3):
        append_line(path, {"n": number, "text": "zwölf\u2028"})
    return path


def test_what_was_appended_is_read(book):
    assert [entry["n"] for entry in read_lines(book).entries] == [0, 1, 2]
    assert read_lines(book).cut is None
    assert read_lines(book.with_name("none.jsonl")).entries == []


def test_a_book_cut_anywhere_keeps_its_whole_lines_and_takes_the_next(book):
    content = book.read_bytes()
    for size in range(len(content)):
        book.write_bytes(content[:size])
        whole = content[:size].count(b"\n")
        assert len(read_lines(book).entries) == whole
        is_cut = size > 0 and not content[:size].endswith(b"\n")
        assert (read_lines(book).cut is not None) == is_cut
        append_line(book, {"n": 9})
        assert [e["n"] for e in read_lines(book).entries] == [*range(whole), 9]
        aside = book.with_name("book.jsonl.cut")
        if is_cut:
            assert aside.read_bytes() == content[:size].rpartition(b"\n")[2] + b"\n"
            aside.unlink()


def test_a_line_that_is_no_object_is_named_unless_it_is_a_cut_last_one(book):
    lines = book.read_text(encoding="utf-8").split("\n")
    lines[1] = json.dumps([1])
    book.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match="line 2: The line is no JSON object"):
        read_lines(book)

"""The strict splitter, held against the standard library's reader and against known damage."""

from __future__ import annotations

import csv
import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.sources import BrokenCode
from retention.sources.scanning import Piece, Scanner, _outside

FIELD = st.text(alphabet=st.sampled_from('ab ,;"\n\té€'), max_size=6)


def scan(text: bytes, columns: int, *, chunk: int = 7, header: bytes = b"") -> list[Piece]:
    """Feed a text in small chunks."""
    scanner = Scanner(ord(","), columns, header, line_no=2)
    pieces = []
    for at in range(0, len(text), chunk):
        pieces += scanner.feed(text[at : at + chunk], final=False)
    return [*pieces, *scanner.feed(b"", final=True)]


def written(rows: list[list[str]], ending: str) -> bytes:
    """Write rows as CSV, every field quoted so that no row is blank."""
    handle = io.StringIO(newline="")
    csv.writer(handle, lineterminator=ending, quoting=csv.QUOTE_ALL).writerows(rows)
    return handle.getvalue().encode()


def lines_of(pieces: list[Piece]) -> list[int]:
    return [line for piece in pieces for line in piece.lines.tolist()]


def broken_of(pieces: list[Piece]) -> list[tuple[int, str]]:
    return [(b.line_no, str(b.reason)) for piece in pieces for b in piece.broken]


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.lists(FIELD, min_size=3, max_size=3), max_size=20),
    ending=st.sampled_from(["\n", "\r\n"]),
    chunk=st.integers(1, 64),
)
def test_every_lawful_table_is_split_into_its_records(rows, ending, chunk):
    pieces = scan(written(rows, ending), 3, chunk=chunk)
    text = b"".join(piece.text for piece in pieces).decode()
    assert broken_of(pieces) == []
    assert list(csv.reader(io.StringIO(text, newline=""))) == rows
    expected, line = [], 2
    for row in rows:
        expected.append(line)
        line += 1 + sum(field.count("\n") for field in row)
    assert lines_of(pieces) == expected


@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet=st.sampled_from('a,"\n\r\0'), max_size=60), chunk=st.integers(1, 64))
def test_the_judgement_does_not_depend_on_how_the_bytes_arrive(text, chunk):
    data = text.encode()
    whole, split = scan(data, 2, chunk=1000), scan(data, 2, chunk=chunk)
    assert b"".join(p.text for p in whole) == b"".join(p.text for p in split)
    assert lines_of(whole) == lines_of(split)
    assert broken_of(whole) == broken_of(split)


@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet=st.sampled_from('a,"\n'), max_size=60))
def test_no_byte_is_lost_between_lawful_and_broken_records(text):
    pieces = scan(text.encode(), 2)
    kept = b"".join(piece.text for piece in pieces)
    lost = b"".join(record.raw for piece in pieces for record in piece.broken)
    assert sorted((kept + lost).replace(b"\n", b"")) == sorted(text.encode().replace(b"\n", b""))


def test_a_stray_quote_costs_its_own_line_only():
    pieces = scan(b'a,b\nc,d"e\nf,g\n', 2)
    assert lines_of(pieces) == [2, 4]
    assert broken_of(pieces) == [(3, BrokenCode.STRAY_QUOTE)]


def test_an_unterminated_quote_costs_its_own_line_only():
    pieces = scan(b'a,b\nc,"d\ne,f\ng,h\n', 2, chunk=100)
    assert lines_of(pieces) == [2, 4, 5]
    assert broken_of(pieces) == [(3, BrokenCode.UNTERMINATED_QUOTE)]


def test_a_quote_closed_in_the_next_record_is_found():
    pieces = scan(b'a,"b\nc,"d"\ne,f\n', 2)
    assert lines_of(pieces) == [3, 4]
    assert broken_of(pieces) == [(2, BrokenCode.STRAY_QUOTE)]


def test_wrong_column_counts_nul_bytes_and_repeated_headers_are_named():
    pieces = scan(b"a,b\nx\nx,y,z\nh1,h2\nc,\0\nd,e", 2, header=b"h1,h2")
    assert lines_of(pieces) == [2, 7]
    assert broken_of(pieces) == [
        (3, BrokenCode.COLUMN_COUNT),
        (4, BrokenCode.COLUMN_COUNT),
        (5, BrokenCode.REPEATED_HEADER),
        (6, BrokenCode.NUL_BYTE),
    ]


def test_bytes_that_are_not_utf8_break_their_record_only():
    pieces = scan(b"a,b\ncaf\xe9,x\nc,d\n", 2)
    assert lines_of(pieces) == [2, 4]
    assert broken_of(pieces) == [(3, BrokenCode.UNREADABLE_TEXT)]


def test_many_broken_lines_take_time_in_proportion():
    pieces = scan(b'a,"b"c\n' * 20_000, 2, chunk=1 << 20)
    assert len(broken_of(pieces)) == 20_000


@given(places=st.lists(st.integers(0, 60), unique=True), among=st.randoms())
def test_what_is_quoted_is_told_by_the_quotes_before_it(places, among):
    split = among.randint(0, len(places))
    positions, quotes = (np.array(sorted(part), dtype=np.int64)
                         for part in (places[:split], places[split:]))  # fmt: skip
    told = _outside(positions, quotes)
    assert told.tolist() == [p for p in positions if (quotes < p).sum() % 2 == 0]

"""A plain text is split in one pass; whatever is not plain goes to the strict scanner."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.sources.base import ReadOptions
from retention.sources.delimited import _File, _land_scanned
from retention.sources.heading import Heading
from retention.sources.plainness import plain_records

HEADER = b"x,y"


def file(folder: Path, body: bytes, kept: tuple[str, ...] = ()) -> _File:
    """Return a file of two columns under way."""
    path = folder / "some.csv"
    path.write_bytes(HEADER + b"\n" + body)
    heading = Heading(HEADER, 4, 1, ",", ("x", "y"))
    target = folder / "some.parquet"
    return _File(path, "some.csv", heading, "utf-8", 0, target, ReadOptions(encoding="utf-8"),
                 kept)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    records=st.lists(
        st.sampled_from(["a,b", "é,", ",", "a", "", 'a,"b"', "a,b,c", "x,y", "a,b\r"])
    ),
    ending=st.sampled_from(["", "\n"]),
)
def test_what_is_split_plainly_is_what_the_strict_scanner_lets_through(
    records, ending, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("plain")
    body = ("\n".join(records) + (ending if records else "")).encode()
    under_way = file(folder, body)
    plain = under_way.split_plainly()
    found = pq.read_table(under_way.parquet).to_pylist() if plain else None
    scanned = _land_scanned(under_way, folder / "clean.txt", True)
    rows = pq.read_table(scanned.parquet).to_pylist()
    if plain:
        assert scanned.broken == []
        assert scanned.first_line == plain.first_line == 2
        assert found == rows
        assert plain.rows == scanned.rows == len(rows)


@pytest.mark.parametrize("body", [b"a,b\nc,d\n", b"a,b\r\nc,d\r\n", b"a,b\nc,d", b"caf\xc3\xa9,\n"])
def test_ordinary_files_are_plain(tmp_path, body):
    plain = file(tmp_path, body).split_plainly()
    assert plain is not None
    assert plain.rows == body.count(b"\n") + (not body.endswith(b"\n"))


@pytest.mark.parametrize(
    "body",
    [b'a,"b"\n', b"a,b\0\n", b"a\rb,c\n", b"a,b\r\nc,d\n", b"x,y\na,b\n", b"a,b\n\nc,d\n",
     b"\na,b\n", b"a\n", b"a,b,c\n", b"caf\xe9,b\n"],
)  # fmt: skip
def test_what_needs_a_judgement_is_not_plain(tmp_path, body):
    assert file(tmp_path, body).split_plainly() is None


@pytest.mark.parametrize("body", [b"caf\xe9,b\n", b"caf\xc3", b"a,b\ncaf\xc3,b\n", b"a,b,c\n"])
def test_what_is_not_kept_is_looked_at_all_the_same(tmp_path, body):
    assert file(tmp_path, body, kept=("y",)).split_plainly() is None


@pytest.mark.parametrize("body", [b"a,b\nc,d\n", b'a,"b"\nc,d\n'])
def test_columns_that_the_format_does_not_know_are_not_written(tmp_path, body):
    under_way = file(tmp_path, body, kept=("y",))
    read = under_way.split_plainly() or _land_scanned(under_way, tmp_path / "clean.txt", True)
    assert pq.read_table(read.parquet).to_pylist() == [{"y": "b"}, {"y": "d"}]
    assert read.columns == ("x", "y")


@given(
    chunk=st.integers(1, 9),
    body=st.sampled_from(
        [b"caf\xc3\xa9,b\n", b"\xc3\xa9\xe9,b\n", b"a,b\r\nc,d\r\n", b"a,b\nx,y\n", b"a,b\rc\n"]
    ),
)
def test_the_count_does_not_depend_on_how_the_bytes_arrive(chunk, body):
    pieces = [body[at : at + chunk] for at in range(0, len(body), chunk)]
    assert plain_records(pieces, HEADER) == plain_records([body], HEADER)


def test_an_empty_field_is_null_and_a_quoted_one_too(tmp_path):
    under_way = file(tmp_path, b'"",a\n,"b,\n""c"""\n')
    rows = pq.read_table(_land_scanned(under_way, tmp_path / "clean.txt", True).parquet)
    assert rows.to_pylist() == [{"x": None, "y": "a"}, {"x": None, "y": 'b,\n"c"'}]

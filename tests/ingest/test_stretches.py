"""Rows made in stretches stand in the order of their lines, and none is lost or doubled."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.ingest.stretches import create_in_order, is_in_order


@pytest.fixture
def connection():
    """A connection with three threads."""
    with duckdb.connect(config={"threads": 3}) as opened:
        yield opened


def lines_of(connection: duckdb.DuckDBPyConnection, table: str) -> np.ndarray:
    """Return the line numbers of a table as they are stored."""
    connection.execute("SET threads = 1")
    stored = connection.execute(f"SELECT line_no FROM {table}").fetchnumpy()["line_no"]
    return np.asarray(stored)


def test_rows_keep_their_order_through_a_look_up(connection):
    connection.execute("CREATE TABLE landed AS SELECT range + 2 AS line_no FROM range(700_000)")
    connection.execute("CREATE TABLE names AS SELECT range AS n, 'x' || range AS name "
                       "FROM range(90_000)")  # fmt: skip
    create_in_order(
        connection,
        "made",
        lambda lines: (
            f"""
        SELECT line_no, name FROM landed LEFT JOIN names ON line_no % 90_000 = n WHERE {lines}"""
        ),
    )
    wrong = "SELECT count(*) FROM made WHERE name IS DISTINCT FROM 'x' || line_no % 90_000"
    assert connection.execute(wrong).fetchall() == [(0,)]
    np.testing.assert_array_equal(lines_of(connection, "made"), np.arange(2, 700_002))
    assert is_in_order(connection, "made")
    connection.execute("INSERT INTO made VALUES (9, 'late')")
    assert not is_in_order(connection, "made")


@settings(max_examples=25, deadline=None)
@given(lines=st.sets(st.integers(2, 60), min_size=1), threads=st.integers(1, 8))
def test_lines_with_gaps_are_all_taken_once(lines, threads):
    with duckdb.connect(config={"threads": threads}) as connection:
        listed = ", ".join(f"({line})" for line in sorted(lines))
        connection.execute(f"CREATE TABLE landed AS FROM (VALUES {listed}) AS t(line_no)")
        create_in_order(connection, "made", "SELECT * FROM landed WHERE {}".format)
        assert lines_of(connection, "made").tolist() == sorted(lines)


def test_a_stretch_that_fails_is_an_error_and_holds_no_other_up(connection):
    connection.execute("CREATE TABLE landed AS SELECT range + 2 AS line_no FROM range(30)")
    failing = "SELECT line_no, CASE WHEN line_no = 5 THEN error('no') END AS x FROM landed WHERE {}"
    with pytest.raises(duckdb.Error, match="no"):
        create_in_order(connection, "made", failing.format)

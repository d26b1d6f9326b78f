"""Which hashes stand more than once: as grouping them would tell it."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.ingest.repeats import keep_repeated

NUMBERS = st.lists(st.integers(0, 30) | st.integers(2**64 - 30, 2**64 - 1), max_size=60)


@settings(max_examples=40, deadline=None)
@given(numbers=NUMBERS, rows_at_once=st.integers(1, 70))
def test_sorting_finds_what_grouping_finds_in_any_number_of_passes(numbers, rows_at_once):
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE given AS SELECT unnest($n::UBIGINT[]) AS h",
                           {"n": numbers})  # fmt: skip
        number = keep_repeated(connection, "found", "SELECT h FROM given", rows_at_once)
        found = connection.execute("SELECT hash FROM found ORDER BY hash").fetchall()
        grouped = "SELECT h FROM given GROUP BY h HAVING count(*) > 1 ORDER BY h"
        assert found == connection.execute(grouped).fetchall()
        assert number == len(found)


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_repeat_nothing(rows):
    with duckdb.connect() as connection:
        hashes = f"SELECT hash(i) FROM range({rows}) AS r(i)"
        assert keep_repeated(connection, "found", hashes) == 0
        assert connection.execute("SELECT count(*) FROM found").fetchall() == [(0,)]

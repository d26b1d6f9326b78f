"""Statements run at once, each by one thread: what they see, and what is left behind."""

from __future__ import annotations

import duckdb
import pytest

from retention.engine import Engine
from retention.engine.side_by_side import side_by_side


def threads_of(engine: Engine) -> int:
    """Return how many threads the engine uses."""
    return int(engine.execute("SELECT current_setting('threads')")[0][0])


def test_every_task_runs_once_by_one_thread_and_in_utc():
    engine = Engine(threads=3)
    engine.execute("CREATE TABLE seen (number INTEGER, threads INTEGER, zone VARCHAR)")

    def seeing(number):
        return lambda own: own.execute(
            f"INSERT INTO seen SELECT {number}, current_setting('threads'), "
            "current_setting('TimeZone')"
        )

    side_by_side(engine.connection, [seeing(number) for number in range(7)])
    rows = engine.execute("SELECT number, threads, zone FROM seen ORDER BY number")
    assert rows == [(number, 1, "UTC") for number in range(7)]
    assert threads_of(engine) == 3


def test_every_task_sees_the_sessions_variables():
    engine = Engine(threads=2)
    engine.connection.execute("SET VARIABLE pad = ?", [b"\x00\xff"])
    engine.execute("CREATE TABLE seen (pad BLOB)")
    side_by_side(engine.connection, [lambda own: own.execute(
        "INSERT INTO seen SELECT getvariable('pad')")] * 2)  # fmt: skip
    assert engine.execute("SELECT pad FROM seen") == [(b"\x00\xff",)] * 2


def test_the_threads_are_given_back_after_an_error():
    engine = Engine(threads=2)
    with pytest.raises(duckdb.CatalogException):
        side_by_side(engine.connection, [lambda own: own.execute("FROM nowhere")])
    assert threads_of(engine) == 2

"""Engines by name, bounded, and nothing of theirs left behind."""

from __future__ import annotations

import gc
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retention.engine import Engine, is_remote, open_engine
from retention.engine import session as spark_session
from retention.engine.session import require_spark, settings
from retention.engine.spill import folder_prefix, spill_folder, sweep
from retention.errors import RunError

DOUBLED = pa.schema([("x", pa.int64()), ("y", pa.float64())])


def test_an_engine_that_is_not_there_is_refused():
    with pytest.raises(RunError, match="no engine 'ibis'"):
        open_engine("ibis")


def test_spark_without_pyspark_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(spark_session, "find_spec", lambda name: None)
    with pytest.raises(RunError, match=r"requirements-spark\.lock"):
        open_engine("spark", "1GB")


def test_spark_without_java_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(spark_session, "find_spec", lambda name: object())
    monkeypatch.setattr(spark_session, "which", lambda name: None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(RunError, match="Java 17"):
        require_spark()


def test_sparks_settings_are_bounded_and_local_ones_are_small(tmp_path):
    local = settings("1.5GB", "local[2]", tmp_path)
    assert local["spark.driver.memory"] == "1536m"
    assert local["spark.sql.shuffle.partitions"] == "2"
    assert local["spark.local.dir"] == str(tmp_path)
    assert local["spark.sql.session.timeZone"] == "UTC"
    assert local["spark.sql.ansi.enabled"] == "true"
    assert "spark.sql.shuffle.partitions" not in settings("1GB", "yarn", tmp_path)


def test_an_address_is_told_from_a_path():
    assert is_remote("s3a://bucket/orders")
    assert not is_remote(Path("/data/orders.parquet"))


def test_temporary_files_go_where_the_parameter_says_and_leave_with_the_engine(tmp_path):
    engine = Engine("50MB", threads=1, temporary_directory=str(tmp_path))
    engine.execute("SET preserve_insertion_order = false")
    spilt = engine.sql(
        "SELECT range AS a, md5(CAST(range AS VARCHAR)) AS b FROM range(2_000_000) ORDER BY b"
    )
    spilt.materialise("large")
    assert list(tmp_path.glob("retention-*/**/*.tmp")), "nothing was spilt: the test is too small"
    engine.close()
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_is_forgotten_leaves_nothing(tmp_path):
    engine = Engine(temporary_directory=str(tmp_path))
    assert len(list(tmp_path.iterdir())) == 1
    engine.connection.close()
    del engine
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_what_a_failing_process_left_goes_with_it_and_what_a_killed_one_left_with_the_next(
    tmp_path,
):
    code = (
        "from retention.engine import Engine\nimport sys, time\n"
        f"engine = Engine(temporary_directory={str(tmp_path)!r})\n"
        "(engine.spill / 'rows').write_text('x')\nprint('ready', flush=True)\n"
    )
    failing = subprocess.run([sys.executable, "-c", code + "raise ValueError"], check=False,
                             capture_output=True)  # fmt: skip
    assert failing.returncode == 1
    assert list(tmp_path.iterdir()) == []
    with subprocess.Popen([sys.executable, "-c", code + "time.sleep(60)"],
                          stdout=subprocess.PIPE) as killed:  # fmt: skip
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"ready\n"
        os.kill(killed.pid, signal.SIGKILL)
    (left,) = tmp_path.iterdir()
    time.sleep(0.05)
    assert sweep(tmp_path) == 1
    assert not left.exists()


def test_a_living_process_is_not_swept(tmp_path):
    class Owner:
        """Something that owns a folder."""

    owner = Owner()
    folder = spill_folder(owner, str(tmp_path))
    other = tmp_path / "retention-deadbeef-1-abc"  # another machine's, on a shared disk
    other.mkdir()
    assert folder.name.startswith(folder_prefix())
    assert sweep(tmp_path) == 0
    assert folder.exists()
    assert other.exists()


def test_scores_are_made_batch_by_batch_and_kept_as_a_table():
    seen = []

    def double(frame: pd.DataFrame) -> pd.DataFrame:
        seen.append(len(frame))
        return pd.DataFrame({"x": frame["x"], "y": frame["x"] * 2.0})

    engine = Engine(threads=1)
    engine.register("numbers", pd.DataFrame({"x": np.arange(10_000)}))
    rows = engine.sql("SELECT x FROM numbers WHERE x >= $least", least=100)
    engine.score_batches("scores", rows, double, DOUBLED, rows=2_048)
    total = engine.sql("SELECT count(*) AS n, sum(y) AS total FROM scores").frame().iloc[0]
    assert total.n == 9_900
    assert total.total == 2 * sum(range(100, 10_000))
    assert len(seen) > 1
    assert max(seen) <= 2_048
    engine.drop("scores")
    assert not engine.has("scores")


def test_rows_are_hashed_whatever_their_order_and_any_change_shows():
    engine = Engine(threads=1)
    table = pd.DataFrame({"k": ["a", "b", None], "v": [1.5, 2.0, 3.0]})
    for name, frame in (
        ("one", table),
        ("other", table.iloc[[2, 1, 0]].reset_index(drop=True)),
        ("changed", table.assign(v=1.5)),
    ):
        engine.register(name, frame)
    totals = [engine.multiset_total(name, ["k", "v"]) for name in ("one", "other", "changed")]
    assert totals[0] == totals[1] != totals[2]
    assert totals[0][1] == 3


def test_the_columns_of_an_answer_are_known_without_computing_it():
    endless = "SELECT range AS a, range / 0 AS b FROM range(1000000000000)"
    assert Engine(threads=1).sql(endless).columns() == ["a", "b"]


def test_answers_written_side_by_side_are_those_written_one_by_one(tmp_path):
    engine = Engine(threads=2)
    engine.execute("CREATE TABLE t AS SELECT range AS k, 'x' || range % 7 AS v FROM range(1000)")
    queries = {tmp_path / f"{n}.parquet": f"FROM t WHERE k % 3 = {n} ORDER BY k" for n in range(3)}
    engine.copy_together(queries)
    for path, query in queries.items():
        alone = tmp_path / "alone.parquet"
        engine.copy(query, alone)
        assert path.read_bytes() == alone.read_bytes()


def test_an_answer_that_cannot_be_written_side_by_side_is_an_error(tmp_path):
    with pytest.raises(duckdb.CatalogException):
        Engine(threads=2).copy_together({tmp_path / "a.parquet": "FROM nowhere"})


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="Resident memory is read there.")
def test_memory_of_dropped_tables_is_given_back_and_the_limit_stays():
    engine = Engine(memory_limit="2GB", threads=1)
    engine.sql("SELECT random() AS x, random() AS y FROM range(20_000_000)").materialise("large")
    held = resident_mb()
    engine.drop("large")
    assert held - resident_mb() > 200
    assert engine.execute("SELECT current_setting('memory_limit')") == [("1.8 GiB",)]


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def test_the_engine_guesses_rows_by_a_file_of_usual_size(tmp_path):
    """Behind a first file of one row it would take a large table for a small one."""
    files = [tmp_path / f"{name}.parquet" for name in ("few", "many", "more")]
    for file, rows in zip(files, (1, 100_000, 120_000), strict=True):
        pq.write_table(pa.table({"x": range(rows)}), file)
    engine = Engine()
    engine.register("t", files)
    assert engine.execute("SELECT count(*) FROM t") == [(220_001,)]
    plan = engine.execute("EXPLAIN SELECT x FROM t")[0][1]
    assert "~300,000 rows" in plan

"""The Spark engine does what DuckDB's does, and says plainly what it does not."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

import retention
from retention.engine import open_engine
from retention.errors import InputError, RunError
from retention.features import customer_features

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def engine(scratch):
    opened = open_engine("spark", "2GB", str(scratch))
    opened.register("t", pd.DataFrame({"k": ["b", "a", None], "n": [1, 2, 3]}))
    yield opened
    opened.close()


def test_tables_are_made_added_to_and_dropped(engine):
    engine.execute("CREATE OR REPLACE TEMP TABLE kept (k VARCHAR, n BIGINT)")
    engine.execute("INSERT INTO kept SELECT k, n FROM t WHERE n >= $least", least=2)
    assert engine.execute("SELECT k, n FROM kept ORDER BY n") == [("a", 2), (None, 3)]
    engine.execute("DROP TABLE kept")
    assert not engine.has("kept")


def test_a_statement_that_spark_lacks_is_refused(engine):
    with pytest.raises(RunError, match="know no UPDATE"):
        engine.execute("UPDATE t SET n = 0")


def test_a_step_that_is_duckdbs_alone_says_so(engine):
    with pytest.raises(RunError, match="works on DuckDB alone"):
        engine.connection.execute("SELECT 1")


def test_answers_are_written_in_order_as_one_file_and_to_an_address_as_a_folder(engine, tmp_path):
    answer = engine.sql("SELECT k, n FROM t")
    answer.write(tmp_path / "t.parquet", order_by='"k", n')
    assert pq.read_table(tmp_path / "t.parquet")["k"].to_pylist() == ["a", "b", None]
    address = (tmp_path / "folder").as_uri()
    answer.write(address, order_by="n")
    engine.register("back", address)
    assert engine.execute("SELECT sum(n) FROM back") == [(6,)]


def test_a_store_without_connector_and_a_file_under_a_key_are_refused(engine, tmp_path):
    with pytest.raises(RunError, match=r"no connector for s3a://.*hadoop-aws"):
        engine.register("far", "s3a://bucket/orders")
    sealed = tmp_path / "sealed.parquet"
    sealed.write_bytes(b"PARE....")
    with pytest.raises(InputError, match="encrypted, and Spark cannot open it"):
        engine.register("sealed", sealed)


def test_a_notebooks_stage_works_on_spark(demo, scratch, tmp_path, monkeypatch):
    monkeypatch.setenv("RETENTION_ROOT", str(demo.root))
    stage = retention.open_stage(
        "segments", "demo", "latest", str(tmp_path), "spark", "2GB", 10, str(scratch), "local[2]"
    )
    stage.use_snapshot((demo.store / "current").resolve().name)
    assert type(stage.engine).__name__ == "SparkEngine"
    made = customer_features(stage.engine, "2026-01-01")
    pd.testing.assert_frame_equal(made, customer_features(demo.duck, "2026-01-01"), rtol=1e-9)
    stage.engine.close()


def test_temporary_files_lie_in_the_folder_that_was_named(demo, scratch):
    demo.spark.execute("SELECT count(*) FROM orders")
    assert Path(demo.spark.spill).parent == scratch
    assert any(scratch.glob("retention-*/blockmgr-*")) or any(scratch.glob("retention-*/spark-*"))

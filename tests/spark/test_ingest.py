"""Ingest on Spark makes the snapshot that ingest on DuckDB makes: row for row, cent for cent."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from retention.errors import ParameterError
from retention.ingest import IngestResult, Snapshot, run_ingest
from retention.runs.params import IngestParams


def ingested(shop, store: Path) -> IngestResult:
    """Ingest the shop's exports on Spark, under the same keys, into another store."""
    return run_ingest(
        store=store, private=shop.root / ".retention", root=shop.root, as_of=shop.as_of,
        memory_limit="1GB", engine="spark", **shop.options,
    )  # fmt: skip


def require_same_snapshot(shop, made: IngestResult) -> None:
    duck = Snapshot.load(shop.store).manifest
    spark = made.snapshot.manifest
    assert duck["tables"].keys() == spark["tables"].keys()
    for name, table in duck["tables"].items():
        assert spark["tables"][name]["rows"] == table["rows"], name
        assert spark["tables"][name]["logical_hash"] == table["logical_hash"], name
    assert spark["engine"].startswith("spark 4")


@pytest.mark.spark
def test_the_simulated_shop_is_ingested_alike(demo, tmp_path):
    made = ingested(demo, tmp_path / "store")
    require_same_snapshot(demo, made)
    again = run_ingest(store=tmp_path / "duck", private=demo.root / ".retention", root=demo.root,
                       as_of=demo.as_of, **demo.options)  # fmt: skip
    pd.testing.assert_frame_equal(again.accounts, made.accounts, check_dtype=False)
    pd.testing.assert_frame_equal(again.reasons, made.reasons, check_dtype=False)
    assert [(c.code, c.status) for c in again.checks] == [(c.code, c.status) for c in made.checks]


@pytest.mark.spark
@pytest.mark.realdata
def test_online_retail_is_ingested_alike(online_retail, real_data, tmp_path, monkeypatch):
    monkeypatch.setenv("RETENTION_DATA", str(real_data))
    require_same_snapshot(online_retail, ingested(online_retail, tmp_path / "store"))


def test_a_snapshot_that_spark_could_not_read_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(ParameterError, match="encrypted at rest"):
        run_ingest(["orders: none.csv"], tmp_path, tmp_path / "p", root=tmp_path,
                   as_of="2026-01-01", encrypt_snapshots=True, engine="spark")  # fmt: skip
    assert IngestParams(profile="demo", as_of="2026-07-01", sources=["x"]).engine == "duckdb"

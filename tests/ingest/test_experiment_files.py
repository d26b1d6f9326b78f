"""Experiments that come as files of their own: units, numbers and attributes stay what they are."""

from __future__ import annotations

import pytest

from retention.engine import Engine
from retention.ingest import run_ingest

COLUMNS = (
    "outcomes.experiment_key = 'offer'; outcomes.platform_id = id; outcomes.metric = 'revenue'; "
    "outcomes.value = revenue; covariates.experiment_key = 'offer'; covariates.platform_id = id; "
    "covariates.name = 'age'; covariates.value_number = age"
)


@pytest.fixture
def ingest(tmp_path, monkeypatch):
    """Return a function that ingests sources of a folder and gives an engine on the snapshot."""
    monkeypatch.setenv("RETENTION_KEY", "5a" * 32)

    def run(*sources: str, **options):
        result = run_ingest(
            sources, tmp_path / "store", tmp_path / ".retention", root=tmp_path,
            as_of="2026-03-01", currency="USD", threads=1, **options,
        )  # fmt: skip
        engine = Engine(threads=1)
        result.snapshot.register(engine)
        return engine, result

    return run


def test_a_unit_named_in_two_files_is_one_unit_and_its_attributes_keep_their_names(
    ingest, tmp_path
):
    (tmp_path / "a.csv").write_text(
        "experiment,arm,assigned_at,customer_id\n"
        "offer,A,2026-01-05,U1\noffer,B,2026-01-05,U2\n"
    )  # fmt: skip
    (tmp_path / "o.csv").write_text(
        "id,revenue,age\nU1,0.3333333333333333,41\nU2,1e-05,3.2E+01\n"
    )  # fmt: skip
    engine, _ = ingest(
        "assignments: a.csv", "generic: o.csv", read_options=[f"generic: columns = {COLUMNS}"]
    )
    joined = engine.sql(
        "SELECT a.arm, o.value, c.name, c.value_number FROM assignments AS a "
        "JOIN outcomes AS o USING (unit_key) JOIN covariates AS c USING (unit_key) ORDER BY a.arm"
    ).frame()
    assert joined.to_numpy().tolist() == [["A", 1 / 3, "age", 41.0], ["B", 1e-5, "age", 32.0]]

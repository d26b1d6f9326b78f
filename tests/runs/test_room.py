"""A run that would not fit says so before it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from retention.errors import RunError
from retention.runs import room
from retention.runs.plan import NOTEBOOKS
from retention.runs.room import FOOTPRINTS, Footprint, expected_customers, require_room
from retention.runs.workspace import Workspace


@dataclass(frozen=True)
class Named:
    name: str


@dataclass(frozen=True)
class Setting:
    notebook: Named
    resolved: dict = field(default_factory=dict)


def settings(export: Path, memory_limit: str = "4GB", *others: str) -> list[Setting]:
    common = {"memory_limit": memory_limit}
    sources = {"sources": [f"shopify_orders: {export}"]}
    return [
        Setting(Named("ingest"), common | sources),
        *(Setting(Named(n), common) for n in others),
    ]


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(root=tmp_path, project=tmp_path)


def export_of(folder: Path, size: int) -> Path:
    path = folder / "orders.csv"
    with path.open("wb") as handle:
        handle.truncate(size)
    return path


def test_every_notebook_has_a_measured_footprint():
    assert set(FOOTPRINTS) == {notebook.name for notebook in NOTEBOOKS}


def test_a_small_shop_fits(workspace, tmp_path):
    require_room(workspace, "demo", settings(export_of(tmp_path, 10_000_000), "4GB", "churn_risk"))


def test_rows_that_outgrow_the_limit_are_refused_with_numbers_and_a_mend(workspace, tmp_path):
    big = settings(export_of(tmp_path, 5_000_000_000), "1GB", "churn_risk")
    assert expected_customers(workspace, "demo", big) == pytest.approx(1_006_036, rel=1e-6)
    with pytest.raises(RunError, match=r"about 1,610 MB for 1,006,036 customers.*1,000 MB") as told:
        require_room(workspace, "demo", big)
    assert "memory_limit: 2GB" in str(told.value)


def test_the_sources_are_planned_as_the_run_will_read_them(workspace, tmp_path):
    """A mapping of columns belongs to the source: without it there is no format."""
    mapped = settings(export_of(tmp_path, 1_000_000))
    mapped[0].resolved["sources"] = [f"generic: {tmp_path / 'orders.csv'}"]
    mapped[0].resolved["read_options"] = [
        "generic: columns = orders.order_key = No; orders.ordered_at = When; "
        "orders.email = Mail; orders.gross_minor = Sum"
    ]
    assert expected_customers(workspace, "demo", mapped) == pytest.approx(1e6 / 4_970)


def test_packed_exports_count_as_what_they_hold(workspace, tmp_path):
    plain = export_of(tmp_path, 1_000_000)
    packed = plain.rename(tmp_path / "orders.csv.gz")
    assert expected_customers(workspace, "demo", settings(packed)) == pytest.approx(8e6 / 4_970)


def test_what_spills_is_bounded_by_the_limit_and_refused_only_by_the_machine(
    workspace, tmp_path, monkeypatch
):
    vast = settings(export_of(tmp_path, 500_000_000_000))
    assert Footprint(1, 0.0, 11.0).peak(1e9, 4_000) == 4_001
    monkeypatch.setattr(room, "FOOTPRINTS", {"ingest": Footprint(370, 0.0, 11.0)})
    monkeypatch.setattr(room, "available_mb", lambda: 8_000.0)
    require_room(workspace, "demo", vast)
    monkeypatch.setattr(room, "available_mb", lambda: 3_000.0)
    with pytest.raises(RunError, match=r"about 4,370 MB at its peak.*3,000 MB are free"):
        require_room(workspace, "demo", vast)


def test_notebooks_side_by_side_need_room_together(workspace, tmp_path, monkeypatch):
    pair = settings(export_of(tmp_path, 1_000_000), "4GB", "segments", "churn_risk")
    monkeypatch.setattr(room, "available_mb", lambda: 600.0)
    require_room(workspace, "demo", pair, parallel=1)
    with pytest.raises(RunError, match=r"2 notebook\(s\) at once"):
        require_room(workspace, "demo", pair, parallel=2)


def test_who_knows_better_may_go_on(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "available_mb", lambda: 1.0)
    monkeypatch.setenv("RETENTION_IGNORE_MEMORY", "1")
    require_room(workspace, "demo", settings(export_of(tmp_path, 10)))

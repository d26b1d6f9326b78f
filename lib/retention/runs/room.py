"""Will the run fit into memory? Asked before it starts, answered in numbers.

Every notebook needs a fixed part (the interpreter and its libraries), a part that grows with the
customers, because what follows features and sufficient statistics holds a row for each of them,
and what the engine works in, which is bounded by ``memory_limit``: beyond it goes to disk.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from retention.engine import is_remote, megabytes
from retention.errors import RunError
from retention.ingest.plan import plan
from retention.ingest.store import Store
from retention.runs.settings import Settings
from retention.runs.workspace import Workspace
from retention.sources.base import ReadOptions

IGNORE_VARIABLE = "RETENTION_IGNORE_MEMORY"
"""Set to 1, the question is not asked: for those who know their data better than the estimate."""

BYTES_PER_CUSTOMER = 4_970
"""Raw exports of the simulated shop, plain text: 10,485,860 bytes for 2,116 customers and
521,771,266 for 104,607."""

_PACKED = {".gz": 8, ".zip": 8, ".bz2": 10, ".xz": 10, ".zst": 8, ".parquet": 6, ".xlsx": 6}
"""How many times larger plain text is than what is packed so."""

_CONTROL_GROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True)
class Footprint:
    """Memory that one notebook takes at its peak.

    Parameters
    ----------
    base_mb
        Megabytes whatever the data.
    rows_mb
        Megabytes for every thousand customers: the rows that the notebook holds.
    engine_mb
        Megabytes for every thousand customers that the engine would work in.
    """

    base_mb: float
    rows_mb: float
    engine_mb: float

    def rows(self, customers: float) -> float:
        """Return what the rows take, in megabytes."""
        return self.rows_mb * customers / 1_000

    def peak(self, customers: float, limit_mb: float) -> float:
        """Return all of it, in megabytes."""
        engine = min(self.engine_mb * customers / 1_000, limit_mb)
        return self.base_mb + self.rows(customers) + engine


FOOTPRINTS: dict[str, Footprint] = {
    "ingest": Footprint(370, 0.0, 11.0),
    "segments": Footprint(390, 1.4, 1.75),
    "lifetime_value": Footprint(400, 1.0, 0.62),
    "retention_curves": Footprint(360, 1.0, 0.9),
    "churn_risk": Footprint(395, 1.6, 1.4),
    "design": Footprint(330, 0.5, 0.35),
    "ab_test": Footprint(330, 0.8, 0.85),
    "campaign_lift": Footprint(480, 1.5, 1.5),
}
"""Peak memory of each notebook's process as run manifests record it (``peak_memory_mb``), on the
simulated shop with 2,116 and with 1,041,000 customers (9,900,000 order lines), DuckDB,
``memory_limit`` 4GB and 2500MB, two cores: what they add up to lies 2 to 9 % above. The rows are
what the process held between its cells, the engine's part is the rest (of ingest, what it grew by
up to 102,705 customers). ``benchmarks/growth.json`` measures the library alone."""


def require_room(
    workspace: Workspace, profile: str, settings: Sequence[Settings], parallel: int = 1
) -> None:
    """Refuse a run that would not fit, with the numbers and what can be done.

    Parameters
    ----------
    workspace
        Where project and data lie.
    profile
        Name of the profile.
    settings
        The run's notebooks with their parameters.
    parallel
        Notebooks that run at once.

    Raises
    ------
    RunError
        If a notebook would outgrow ``memory_limit``, or all that run at once the machine.
    """
    if os.environ.get(IGNORE_VARIABLE) == "1":
        return
    customers = expected_customers(workspace, profile, settings)
    peaks = []
    for setting in settings:
        footprint = FOOTPRINTS.get(setting.notebook.name)
        if footprint is not None:
            limit = megabytes(str(setting.resolved.get("memory_limit", "4GB")))
            _require_limit(setting.notebook.name, footprint.rows(customers), limit, customers)
            peaks.append(footprint.peak(customers, limit))
    _require_machine(sum(sorted(peaks)[-parallel:]), parallel, customers)


def expected_customers(workspace: Workspace, profile: str, settings: Sequence[Settings]) -> float:
    """Return how many customers the run will meet: those of the snapshot, else by the exports.

    Parameters are those of `require_room`.
    """
    current = Store(workspace.store(profile)).current()
    if current is not None and "customers" in current.manifest["tables"]:
        return float(current.manifest["tables"]["customers"]["rows"])
    given = next((s.resolved for s in settings if s.notebook.name == "ingest"), {})
    items = plan(
        given.get("sources", []), workspace.root, given.get("read_options", []), ReadOptions()
    )
    return sum(_plain_bytes(item.path) for item in items) / BYTES_PER_CUSTOMER


def available_mb() -> float:
    """Return the memory that this process may still take: the machine's, or its container's."""
    free = float(psutil.virtual_memory().available)
    for name in _CONTROL_GROUPS:
        path = Path(name)
        text = path.read_text(encoding="ascii").strip() if path.is_file() else "max"
        if text.isdigit():
            free = min(free, float(text))
    return free / 1e6


def _plain_bytes(path: Path) -> float:
    """Return the size of a file, or of a folder's files, as plain text."""
    if is_remote(path) or not path.exists():
        return 0.0
    files = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
    return float(sum(p.stat().st_size * _PACKED.get(p.suffix.lower(), 1) for p in files))


def _require_limit(notebook: str, rows: float, limit: float, customers: float) -> None:
    """Refuse a notebook whose rows outgrow the bound that was set."""
    if rows > limit:
        raise RunError(
            f"Notebook {notebook!r} would not fit: its rows take about {rows:,.0f} MB for "
            f"{customers:,.0f} customers, and memory_limit is {limit:,.0f} MB.",
            f"Set `memory_limit: {rows / 1_000 * 1.2:.0f}GB` or more in common.yaml where the "
            "machine has it; otherwise score in batches on `engine: spark` (docs/scale.md). If "
            f"the estimate is wrong, set {IGNORE_VARIABLE}=1.",
        )


def _require_machine(peak: float, parallel: int, customers: float) -> None:
    """Refuse notebooks that outgrow the machine together."""
    free = available_mb()
    if peak > free:
        raise RunError(
            f"The run would not fit: about {peak:,.0f} MB at its peak ({parallel} notebook(s) at "
            f"once, {customers:,.0f} customers), and {free:,.0f} MB are free.",
            "Close what else runs, lower `memory_limit` or --parallel, take a larger machine, or "
            f"set `engine: spark` (docs/scale.md). If the estimate is wrong, set {IGNORE_VARIABLE}"
            "=1.",
        )

"""A trial of the ingest before a run: everything is read and checked, nothing is kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from retention.engine import Engine, open_engine
from retention.errors import InputError
from retention.ingest import IngestResult, QualityLimits, run_ingest
from retention.ingest.keys import PLAN
from retention.ingest.tombstones import ERASED
from retention.ingest.workbench import workbench
from retention.results import Check, Status
from retention.runs.settings import Settings
from retention.runs.workspace import Workspace

COUNTS = "status IN ('paid', 'refunded')"
"""Orders that count as purchases, as the features take them."""


@dataclass(frozen=True)
class Holdings:
    """How much there is of what the notebooks need.

    Parameters
    ----------
    rows
        Rows of each canonical table.
    orders
        Orders that count, before the as-of date.
    orders_after
        Those on or after the as-of date, which no notebook sees.
    customers_by_orders
        Customers with at least so many orders before the as-of date.
    first, last
        The first and the last of these orders.
    history_days
        Days from the first order to the as-of date or the day after the last order, whichever is
        earlier: outcomes are known so long.
    experiments
        Units by experiment and arm.
    """

    rows: Mapping[str, int]
    orders: int = 0
    orders_after: int = 0
    customers_by_orders: Mapping[int, int] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None
    history_days: int = 0
    experiments: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def customers(self, orders: int = 1) -> int:
        """Return how many customers have at least so many orders."""
        return sum(n for made, n in self.customers_by_orders.items() if made >= orders)


@dataclass(frozen=True)
class Trial:
    """What a run's ingest would find.

    Parameters
    ----------
    checks
        Its trust checks.
    stopping
        Those of them that would stop the run.
    holdings
        What the later notebooks would have.
    summary
        The verdict in two sentences.
    """

    checks: tuple[Check, ...]
    stopping: tuple[Check, ...]
    holdings: Holdings
    summary: str


def try_ingest(workspace: Workspace, profile: str, settings: Settings) -> Trial:
    """Ingest into a folder that goes afterwards, as the run would, and return what was found.

    Parameters
    ----------
    workspace
        Where project and data lie.
    profile
        Name of the profile.
    settings
        Parameters of the ingest notebook.

    Raises
    ------
    InputError, ParameterError
        As the run would.
    """
    given = settings.resolved
    with workbench(workspace.private, given["memory_limit"]) as (_, folder):
        store, private = folder / "store", folder / "private"
        _link(workspace.store(profile), store)
        _copy_secrets(workspace.private, private)
        result = run_ingest(
            given["sources"], store, private, root=workspace.root, limits=_limits(given),
            **{name: given[name] for name in (
                "as_of", "currency", "time_zone", "read_options", "memory_limit", "retention_days",
                "free_text", "temporary_directory",
            )},
        )  # fmt: skip
        engine = open_engine("duckdb", given["memory_limit"], str(folder / "counts"))
        try:
            result.snapshot.register(engine)
            holdings = _holdings(engine, result, given["as_of"])
        finally:
            engine.close()
    failed = [check for check in result.checks if check.status is Status.FAIL]
    stopping = tuple(c for c in failed if str(c.code) not in given["allowed_failures"])
    return Trial(result.checks, stopping, holdings, result.summary())


def _limits(given: Mapping[str, Any]) -> QualityLimits:
    """Return the thresholds that the parameters set."""
    return QualityLimits(**{f.name: given[f.name] for f in fields(QualityLimits)})


def _link(store: Path, scratch: Path) -> None:
    """Let the trial see the snapshots there are, so that its comparisons are the run's.

    Files of a store are replaced whole and never written to, so a second name for each is enough.
    """
    if not store.is_dir():
        return
    try:
        shutil.copytree(store, scratch, copy_function=os.link, symlinks=True)
    except (OSError, shutil.Error):  # another file system: compared with nothing, as a first run
        shutil.rmtree(scratch, ignore_errors=True)


def _copy_secrets(private: Path, scratch: Path) -> None:
    """Copy what decides how people are keyed and left out, but not the vault."""
    scratch.mkdir(mode=0o700)
    for name in ("key", PLAN, ERASED):
        if (private / name).is_file():
            (scratch / name).parent.mkdir(mode=0o700, exist_ok=True)
            shutil.copy2(private / name, scratch / name)


def _holdings(engine: Engine, result: IngestResult, as_of: str) -> Holdings:
    """Count what the snapshot holds."""
    rows = {n: int(entry["rows"]) for n, entry in result.snapshot.manifest["tables"].items()}
    experiments = _experiments(engine) if rows.get("assignments") else {}
    if not rows.get("orders"):
        return Holdings(rows, experiments=experiments)
    known, moment = f"FROM orders WHERE {COUNTS} AND ordered_at", f"TIMESTAMP '{as_of}'"
    before = f"{known} < {moment}"
    orders, first, last = _ask(
        engine, f"SELECT count(*), min(ordered_at), max(ordered_at) {before}"
    )[0]
    (after,) = _ask(engine, f"SELECT count(*) {known} >= {moment}")[0]
    by_orders = _ask(
        engine,
        f"SELECT made, count(*) FROM (SELECT count(*) AS made {before} "
        "AND customer_key IS NOT NULL GROUP BY customer_key) GROUP BY made",
    )
    return Holdings(
        rows, orders, after, {int(made): int(n) for made, n in by_orders}, first, last,
        _history(first, last, as_of), experiments,
    )  # fmt: skip


def _experiments(engine: Engine) -> dict[str, dict[str, int]]:
    """Return the units by experiment and arm."""
    found: dict[str, dict[str, int]] = {}
    for key, arm, units in _ask(
        engine, "SELECT experiment_key, arm, count(*) FROM assignments GROUP BY ALL ORDER BY ALL"
    ):
        found.setdefault(key, {})[arm] = units
    return found


def _history(first: datetime | None, last: datetime | None, as_of: str) -> int:
    """Return the days that outcomes are known for."""
    if first is None or last is None:
        return 0
    end = min(datetime.fromisoformat(as_of), last + timedelta(days=1))
    return max(0, (end - first).days)


def _ask(engine: Engine, query: str) -> Sequence[tuple[Any, ...]]:
    """Return the rows of a query on the trial's snapshot."""
    return engine.connection.execute(query).fetchall()


def require_orders_before(holdings: Holdings, as_of: str, profile: str) -> None:
    """Refuse an as-of date before which nothing is known.

    Raises
    ------
    InputError
        If there are orders, but none before the as-of date.
    """
    if holdings.orders == 0 and holdings.orders_after > 0:
        raise InputError(
            f"All {holdings.orders_after:,} orders lie on or after the as-of date {as_of}.",
            "Write `as_of: today`, or the day after the last order.",
            file=f"params/{profile}/common.yaml", column="as_of",
        )  # fmt: skip

"""The whole of ingest in one call: exports in, a reconciled snapshot out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retention.errors import ParameterError
from retention.ingest.assemble import Assembly, oldest_first
from retention.ingest.contracts import RULE_VERSION
from retention.ingest.distribute import Task
from retention.ingest.keys import KeyRing, open_keys
from retention.ingest.linking import resolution_of
from retention.ingest.migration import Exports
from retention.ingest.periods import parse_periods
from retention.ingest.plan import plan
from retention.ingest.quality import inspect
from retention.ingest.quality_limits import QualityLimits
from retention.ingest.reconcile import accounts_of, load_ledger, reasons_of, reconcile
from retention.ingest.refusals import keep_quarantine
from retention.ingest.result import IngestResult
from retention.ingest.snapshot import Snapshot
from retention.ingest.store import Store
from retention.ingest.tombstones import erased_people
from retention.ingest.workbench import workbench
from retention.results import worst
from retention.sources.base import ReadOptions


def run_ingest(
    sources: Sequence[str],
    store: Path,
    private: Path,
    *,
    root: Path,
    as_of: str,
    currency: str = "",
    time_zone: str = "UTC",
    read_options: Sequence[str] = (),
    retention_days: Sequence[str] = (),
    encrypt_snapshots: bool = False,
    free_text: bool = False,
    limits: QualityLimits | None = None,
    memory_limit: str | None = None,
    threads: int | None = None,
    engine: str = "duckdb",
    spark_master: str = "",
    temporary_directory: str = "",
    compared: Exports | None = None,
) -> IngestResult:
    """Read, validate, quarantine, pseudonymise, reconcile and publish a snapshot.

    Parameters
    ----------
    sources
        Texts ``"format: path/glob"``, paths relative to ``root``.
    store
        Folder of the snapshots.
    private
        Folder of keys, vault and audit log.
    root
        Root of the workspace.
    as_of
        As-of date (ISO): freshness is judged from it.
    currency
        Currency of exports that name none (ISO 4217), and the one to report in where orders are in
        several; without it that is the one with most value.
    time_zone
        IANA zone of the shop: its clock cuts days, weeks and months, and times that carry no offset
        are its own.
    read_options
        Texts ``"format: option = value"``.
    retention_days
        Texts ``"table: days"``: older rows are left out.
    encrypt_snapshots
        Whether the store's objects are encrypted at rest.
    free_text
        Whether what people wrote is kept, scrubbed.
    limits
        Thresholds of the data-quality report; None means the usual ones.
    memory_limit
        Upper bound of the engine's memory.
    threads
        Threads of the engine; None means all.
    engine
        ``duckdb``, or ``spark``: files are then taken in on its executors, by DuckDB in each of
        them, and the snapshot is assembled by Spark.
    spark_master
        Spark's master URL; empty for ``$RETENTION_SPARK_MASTER``, else ``local[2]``.
    temporary_directory
        Where to spill; empty for the private folder, because raw identities pass through it.
    compared
        What the migration check will compare next, in this process: of exports that are read here
        it finds the orders, which it need not read again. On Spark's executors nothing is left.

    Returns
    -------
    IngestResult
        Accounts, checks and the snapshot's id.

    Raises
    ------
    InputError
        If a file is missing, empty, or cannot be read as its format.
    ParameterError
        If a source or option is malformed.
    """
    if engine == "spark" and encrypt_snapshots:
        raise ParameterError(
            "Spark cannot read snapshots that are encrypted at rest.",
            "Set `encrypt_snapshots: false` and keep the store on an encrypted disk, or set "
            "`engine: duckdb`.", column="encrypt_snapshots",
        )  # fmt: skip
    defaults = ReadOptions(currency=currency, time_zone=time_zone, shop_zone=time_zone)
    items = plan(sources, root, read_options, defaults)
    task = Task(tuple(items), store, private, memory_limit, 1 if engine == "spark" else threads,
                encrypt_snapshots, free_text, temporary_directory,
                compared.paths() if compared and engine == "duckdb" else frozenset())  # fmt: skip
    keys, periods = open_keys(private), parse_periods(retention_days, as_of)
    place = task.place()  # the store's key is there only now
    before = Store(store).current()
    with workbench(private, memory_limit, threads, engine, spark_master,
                   temporary_directory) as (opened, folder):  # fmt: skip
        made = task.take_in_all(opened)
        assembly = Assembly(opened, place, oldest_first([given for given, _ in made]), folder,
                            erased_people(private, keys), periods,
                            before.manifest["tables"] if before else {}, currency)  # fmt: skip
        assembly.run()
        result = _conclude(assembly, keys, sum(known for _, known in made), as_of, limits)
    place.encrypt_plain()
    return result


def _conclude(
    assembly: Assembly, keys: KeyRing, reused: int, as_of: str, limits: QualityLimits | None
) -> IngestResult:
    """Reconcile, inspect and publish what has been assembled."""
    load_ledger(assembly)
    keep_quarantine(assembly)
    accounts, reasons = accounts_of(assembly.engine), reasons_of(assembly.engine)
    parent = assembly.store.current()
    hard = reconcile(assembly, accounts)
    quality = inspect(assembly, accounts, parent, as_of, limits)
    checks, identity = (*hard, *quality.checks), resolution_of(assembly.engine)
    identifier = assembly.store.write(_manifest(assembly, keys))
    if worst(hard) == "pass":  # what does not add up is kept for inspection, never made current
        assembly.store.point(identifier)
    snapshot = Snapshot.load(assembly.store.root, identifier)
    codes = sorted((c for c in accounts.currency.unique() if c),
                   key=lambda code: (code != assembly.currencies.reporting, code))  # fmt: skip
    return IngestResult(
        snapshot, accounts, reasons, checks, reused, tuple(codes), quality, identity
    )


def _manifest(assembly: Assembly, keys: KeyRing) -> dict[str, Any]:
    """Return what the snapshot is made of; the same content gives the same id, so no clock."""
    return {
        "tables": assembly.tables,
        "history": assembly.history,
        "batches": [
            {"batch_id": c.batch_id, "source": c.source, "file": c.path, "sha256": c.sha256,
             "rows_read": c.rows_read, "measured": c.measured, "ledger": c.ledger,
             "quarantine": c.quarantine}
            for c in assembly.contributions
        ],
        "key": keys.fingerprint,
        "rules": RULE_VERSION,
        "erasures": len(assembly.erased),
        "engine": assembly.engine.version(),
    }  # fmt: skip

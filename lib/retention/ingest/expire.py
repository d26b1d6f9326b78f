"""Taking off the disk what is past its period: rows, people, sealed records and runs.

Objects are written anew without the rows, whatever no snapshot names any more is destroyed, and
the ledgers keep day and money of what went, so that the accounts still add up.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import pandas as pd

from retention.engine import Engine
from retention.ingest.audit import record
from retention.ingest.codes import Exclusion
from retention.ingest.keys import KeyRing, open_keys
from retention.ingest.periods import TIMES, Periods
from retention.ingest.purge import Purge, anonymised
from retention.ingest.rewrite import Rewrite, read_json, run_folders, stores_of, sweep
from retention.ingest.store import Store, destroy
from retention.ingest.vault import Vault
from retention.ingest.workbench import workbench
from retention.tables import TABLES

_DAY = 86_400


@dataclass(frozen=True)
class ExpiryResult:
    """What was past its period, in counts.

    Parameters
    ----------
    rows
        Rows taken out of snapshots, contributions and published tables.
    people
        People of whom nothing newer was known.
    identities
        Their rows in the vault.
    records
        Sealed files of refused records.
    runs
        Published runs.
    objects
        Files that no snapshot named any more.
    """

    rows: int
    people: int
    identities: int
    records: int
    runs: int
    objects: int

    def to_frame(self) -> pd.DataFrame:
        """Return the counts as a table."""
        return pd.DataFrame(list(asdict(self).items()), columns=["what", "count"])

    def summary(self) -> str:
        """Say what was done."""
        if not any(asdict(self).values()):
            return "Nothing is past its period."
        return (
            f"Destroyed what was past its period: {self.rows} rows, {self.people} people "
            f"({self.identities} identities), {self.records} sealed files of refused records, "
            f"{self.runs} runs, {self.objects} files that nothing named any more."
        )


@dataclass
class Expiry(Rewrite):
    """Files without the rows that are past their period.

    Parameters
    ----------
    periods
        The periods.
    """

    periods: Periods = field(default_factory=lambda: Periods({}, "1970-01-01"))

    def __post_init__(self) -> None:
        """Prepare the list of the rows' keys."""
        self.engine.connection.execute("CREATE OR REPLACE TEMP TABLE gone_keys (k VARCHAR)")

    def prepare(self, paths: Iterable[Path]) -> None:
        """Note the keys of rows that go, so that lines and ledger entries go with them."""
        for path in paths:
            columns = self.columns(path)
            condition = self._own(columns)
            if condition and columns[0] != "experiment_key":
                self.engine.connection.execute(
                    f"INSERT INTO gone_keys SELECT {columns[0]} FROM {self.engine.parquet(path)} "
                    f"WHERE {condition}"
                )

    def change(self, source: str, columns: list[str]) -> tuple[str, str] | None:
        """Return the file without the rows; a ledger keeps their day and money."""
        parts = [part for part in (self._own(columns),) if part]
        if "order_key" in columns and columns[0] != "event_key":
            parts.append("order_key IN (FROM gone_keys)")
        if "row_key" in columns:
            parts.append("left(row_key, 32) IN (FROM gone_keys)")
        if not parts:
            return None
        condition = " OR ".join(parts)
        rows = f"SELECT * FROM {source} WHERE ({condition}) IS NOT TRUE"
        if "row_key" in columns:
            rows = anonymised(source, condition, Exclusion.PAST_RETENTION)
        return f"SELECT count(*) FROM {source} WHERE {condition}", rows

    def _own(self, columns: list[str]) -> str | None:
        """Return the condition of the table that a file belongs to, by its columns."""
        for name, moment in TIMES.items():
            if columns[0] == TABLES[name].key[0] and moment in columns:
                return self.periods.condition(name)
        return None


def expire(private: Path, profile_folder: Path, periods: Periods) -> ExpiryResult:
    """Destroy what is past its period in one profile.

    Parameters
    ----------
    private
        The private folder.
    profile_folder
        Outputs of the profile.
    periods
        Its periods.

    Returns
    -------
    ExpiryResult
        Counts. The raw exports themselves are yours to clean.
    """
    keys = open_keys(private, create=False)
    store = profile_folder / "store"
    runs = _old_runs(profile_folder, periods)
    with workbench(private) as (engine, folder):
        people = _silent_people(engine, store, periods)
        work: list[Rewrite] = [Expiry(engine, folder, private, periods=periods)]
        if people:
            reason = Exclusion.PAST_RETENTION
            work.append(Purge(engine, folder, private, people=people, reason=reason))
        for step in work:
            step.clean_store(store)
            for run in (
                p for p in run_folders(profile_folder.parent) if profile_folder in p.parents
            ):
                step.clean_run(run)
    result = ExpiryResult(
        sum(step.rows for step in work), len(people), _forget(private, keys, store, people),
        _old_records(private, store, periods), len(runs), sweep(store),
    )  # fmt: skip
    record(private, keys, "forget_old", "", asdict(result))
    return result


def _silent_people(engine: Engine, store: Path, periods: Periods) -> frozenset[str]:
    """Return people of the present snapshot of whom nothing newer than their period is known."""
    cutoff = periods.cutoff("customers")
    snapshot = Store(store).current()
    if cutoff is None or snapshot is None or not snapshot.tables.get("customers"):
        return frozenset()
    traces = ["SELECT customer_key AS k, first_seen_epoch_s AS moment FROM customers"]
    snapshot.register(engine)
    for name, moment in {**TIMES, "consents": "changed_epoch_s"}.items():
        person = next((c for c in ("customer_key", "unit_key") if c in TABLES[name].names), None)
        if person and snapshot.tables.get(name):
            traces.append(f"SELECT {person}, {moment} FROM {name}")
    frame = engine.sql(
        f"SELECT k FROM ({' UNION ALL '.join(traces)}) WHERE k IS NOT NULL GROUP BY k "
        f"HAVING max(moment) < {cutoff}"
    ).frame()
    return frozenset(frame["k"])


def _forget(private: Path, keys: KeyRing, store: Path, people: frozenset[str]) -> int:
    """Take people out of the vault, unless another profile's snapshot still knows them."""
    if not people:
        return 0
    engine = Engine(threads=1)
    known: set[str] = set()
    for other in stores_of(store.parents[1]):
        snapshot = Store(other).current() if other != store else None
        if snapshot and snapshot.tables.get("customers"):
            snapshot.register(engine)
            known |= set(engine.sql("SELECT customer_key FROM customers").frame()["customer_key"])
    engine.close()
    return Vault(private, keys).forget(set(people) - known)


def _old_records(private: Path, store: Path, periods: Periods) -> int:
    """Destroy sealed files of refused records that lie longer than their period."""
    if "quarantine" not in periods.days:
        return 0
    own = {path.stem for path in (store / "batches").glob("*.json")}
    oldest = time.time() - periods.days["quarantine"] * _DAY
    gone = [path for path in (private / "quarantine").glob("*.sealed")
            if path.stem in own and path.stat().st_mtime < oldest]  # fmt: skip
    for path in gone:
        destroy(path)
    return len(gone)


def _old_runs(profile_folder: Path, periods: Periods) -> list[str]:
    """Destroy published runs older than their period; the latest stays."""
    cutoff = periods.cutoff("runs")
    latest = (profile_folder / "latest").resolve()
    gone = []
    for note in sorted(profile_folder.glob("*/manifest.json")) if cutoff is not None else []:
        run = note.parent
        made = datetime.fromisoformat(read_json(note)["created_at"]).timestamp()
        if not run.is_symlink() and run.resolve() != latest and made < (cutoff or 0):
            doomed = run.rename(run.with_name(f".{run.name}.gone"))
            for path in (p for p in doomed.rglob("*") if p.is_file()):
                destroy(path)
            shutil.rmtree(doomed)
            gone.append(run.name)
    return gone

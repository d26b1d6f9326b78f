"""Taking off the disk what is past its period: rows, people, sealed records and runs.

Objects are written anew without the rows, whatever no snapshot names any more is destroyed, and
the ledgers keep day and money of what went, so that the accounts still add up.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from retention.engine import Engine
from retention.ingest.codes import Exclusion
from retention.ingest.keys import open_keys
from retention.ingest.periods import TIMES, Periods
from retention.ingest.purge import Purge
from retention.ingest.rewrite import read_json, run_folders, stores_of
from retention.ingest.store import Store
from retention.ingest.transaction import Outcome, Transaction, commit, finish
from retention.ingest.vault import Vault
from retention.ingest.workbench import workbench
from retention.tables import TABLES

DAY_SECONDS = 86_400


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

    Notes
    -----
    Called again, it finds nothing: who is silent is asked of what remains.
    """
    done = finish(private)
    if done and done.action == "forget_old" and done.subject == profile_folder.name:
        return ExpiryResult(**done.effect)
    keys = open_keys(private, create=False)
    transaction = Transaction(private)
    result = _prepare(transaction, profile_folder, periods, Vault(private, keys))
    commit(transaction, Outcome("forget_old", profile_folder.name, asdict(result)))
    return result


def _prepare(
    transaction: Transaction, profile_folder: Path, periods: Periods, vault: Vault
) -> ExpiryResult:
    """Prepare the profile without what is past its period."""
    store = profile_folder / "store"
    runs = _old_runs(profile_folder, periods)
    with workbench(transaction.private) as (engine, folder):
        people = _silent_people(engine, store, periods)
        purge = Purge(
            engine, folder, transaction, people=people, periods=periods,
            reason=Exclusion.PAST_RETENTION,
        )  # fmt: skip
        purge.rewrite_store(store)
        for run in run_folders(profile_folder.parent):
            if profile_folder in run.parents and run not in runs:
                purge.rewrite_run(run)
    identities, old, fresh = vault.without(_known_nowhere_else(store, people))
    transaction.exchange(old, fresh)
    records = _old_records(transaction.private, store, periods)
    for path in (*records, *runs):
        transaction.remove(path)
    return ExpiryResult(
        purge.rows, len(people), identities, len(records), len(runs), purge.swept
    )  # fmt: skip


def _silent_people(engine: Engine, store: Path, periods: Periods) -> frozenset[str]:
    """Return people of the present snapshot of whom nothing that is kept is newer than a period."""
    cutoff = periods.cutoff("customers")
    snapshot = Store(store).current()
    if cutoff is None or snapshot is None or not snapshot.tables.get("customers"):
        return frozenset()
    traces = ["SELECT customer_key AS k, first_seen_epoch_s AS moment FROM customers"]
    snapshot.register(engine)
    for name, moment in {**TIMES, "consents": "changed_epoch_s"}.items():
        person = next((c for c in ("customer_key", "unit_key") if c in TABLES[name].names), None)
        if person and snapshot.tables.get(name):
            past = periods.condition(name) or "FALSE"
            traces.append(f"SELECT {person}, {moment} FROM {name} WHERE ({past}) IS NOT TRUE")
    frame = engine.sql(
        f"SELECT k FROM ({' UNION ALL '.join(traces)}) WHERE k IS NOT NULL GROUP BY k "
        f"HAVING max(moment) < {cutoff}"
    ).frame()
    return frozenset(frame["k"])


def _known_nowhere_else(store: Path, people: frozenset[str]) -> set[str]:
    """Return those people whom no other profile's present snapshot knows."""
    if not people:
        return set()
    engine = Engine(threads=1)
    known: set[str] = set()
    for other in stores_of(store.parents[1]):
        snapshot = Store(other).current() if other != store else None
        if snapshot and snapshot.tables.get("customers"):
            snapshot.register(engine)
            known |= set(engine.sql("SELECT customer_key FROM customers").frame()["customer_key"])
    engine.close()
    return set(people) - known


def _old_records(private: Path, store: Path, periods: Periods) -> list[Path]:
    """Return sealed files of refused records that lie longer than their period."""
    if "quarantine" not in periods.days:
        return []
    own = {path.stem for path in (store / "batches").glob("*.json")}
    oldest = time.time() - periods.days["quarantine"] * DAY_SECONDS
    return [path for path in sorted((private / "quarantine").glob("*.sealed"))
            if path.stem in own and path.stat().st_mtime < oldest]  # fmt: skip


def _old_runs(profile_folder: Path, periods: Periods) -> list[Path]:
    """Return published runs older than their period; the latest stays."""
    cutoff = periods.cutoff("runs")
    latest = (profile_folder / "latest").resolve()
    gone = []
    for note in sorted(profile_folder.glob("*/manifest.json")) if cutoff is not None else []:
        run = note.parent
        made = datetime.fromisoformat(read_json(note)["created_at"]).timestamp()
        if not run.is_symlink() and run.resolve() != latest and made < (cutoff or 0):
            gone.append(run)
    return gone

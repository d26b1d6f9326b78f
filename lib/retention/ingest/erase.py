"""Forgetting a person: vault, snapshots and published runs, for good."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from retention.errors import ParameterError
from retention.ingest.audit import subject_reference
from retention.ingest.keys import KeyRing, open_keys
from retention.ingest.purge import Purge
from retention.ingest.rewrite import run_folders, stores_of
from retention.ingest.subject import Kind, Subject, find_subject
from retention.ingest.tombstones import erased_file, erased_people
from retention.ingest.transaction import Outcome, Transaction, commit, finish
from retention.ingest.vault import Vault, parquet_bytes, seal, unseal
from retention.ingest.workbench import workbench


@dataclass(frozen=True)
class ErasureResult:
    """What was forgotten, in counts: nothing here names anybody.

    Parameters
    ----------
    reference
        How the audit log refers to the person.
    identities
        Rows taken out of the vault.
    rows
        Rows taken out of snapshots and published tables.
    files
        Parquet files that were written anew.
    records
        Sealed raw records that were destroyed.
    mentions
        Published texts (reports, notebooks) out of which the pseudonym was struck.
    """

    reference: str
    identities: int
    rows: int
    files: int
    records: int
    mentions: int

    def to_frame(self) -> pd.DataFrame:
        """Return the counts as a table."""
        names = [item.name for item in fields(self) if item.name != "reference"]
        return pd.DataFrame({"what": names, "count": [getattr(self, name) for name in names]})

    def summary(self) -> str:
        """Say what was done."""
        text = (
            f"Erased (reference {self.reference}): {self.identities} identities from the vault, "
            f"{self.rows} rows from {self.files} files, {self.records} sealed records. A later "
            "import will not bring the person back."
        )
        if self.mentions:
            text += (
                f" The pseudonym was struck out of {self.mentions} published text(s); what was "
                "signed there has to be signed again."
            )
        return text


def erase(
    identity: str, private: Path, outputs: Path, *, kind: Kind = "auto", platform: str = ""
) -> ErasureResult:
    """Erase a person everywhere, and remember it so that no import brings them back.

    Parameters
    ----------
    identity
        E-mail address, telephone number, platform id, or pseudonym.
    private
        The private folder (key, vault, audit log).
    outputs
        Folder of all profiles' outputs.
    kind
        What ``identity`` is; ``auto`` tells addresses, numbers and pseudonyms apart.
    platform
        Platform of a platform id, such as ``etsy``.

    Returns
    -------
    ErasureResult
        Counts; the raw exports themselves are yours to clean.

    Raises
    ------
    ParameterError
        If ``identity`` is none of these, or nobody is known by it.

    Notes
    -----
    An erasure that is killed has changed nothing, or is finished by calling it again.
    """
    done = finish(private)
    keys = open_keys(private, create=False)
    subject = find_subject(identity, keys, stores_of(outputs), kind, platform, private)
    reference = subject_reference(keys, subject.key)
    if done and done.action == "erase" and done.subject == reference:
        return ErasureResult(reference, **done.effect)
    before = erased_people(private, keys)
    transaction = Transaction(private)
    result = _prepare(transaction, outputs, keys, subject, before)
    if not (subject.keys & before or result.identities or result.rows or result.records):
        transaction.abandon()
        raise ParameterError(
            "Nobody is known by what was given.",
            "Check the spelling, or give another address of the person.", column="identity",
        )  # fmt: skip
    effect = {item.name: getattr(result, item.name) for item in fields(result)}
    del effect["reference"]
    commit(transaction, Outcome("erase", reference, effect))
    return result


def _prepare(
    transaction: Transaction,
    outputs: Path,
    keys: KeyRing,
    subject: Subject,
    before: frozenset[str],
) -> ErasureResult:
    """Prepare a world without the person, and without whom an import may have brought back."""
    private, people = transaction.private, subject.keys | before
    reference = subject_reference(keys, subject.key)
    transaction.replace(*erased_file(private, keys, people), mode=0o600)
    vault = Vault(private, keys)
    records = _without_records(transaction, keys, people, _unique_values(vault, people))
    identities, old, fresh = vault.without(set(people))
    transaction.exchange(old, fresh)
    with workbench(private) as (engine, folder):
        purge = Purge(engine, folder, transaction, people=people)
        for store in stores_of(outputs):
            purge.rewrite_store(store)
        for run in run_folders(outputs):
            purge.rewrite_run(run)
    answer = private / "access" / f"{reference}.md"
    if answer.exists():
        transaction.remove(answer)
    return ErasureResult(reference, identities, purge.rows, purge.files, records, purge.mentions)


def _unique_values(vault: Vault, people: frozenset[str]) -> list[str]:
    """Return the identities that nobody else has: addresses and numbers, never names."""
    rows = [row for key in people for row in vault.find(key).to_pylist()]
    return sorted({row["value"].lower() for row in rows if row["kind"] in ("email", "phone")})


def _without_records(
    transaction: Transaction, keys: KeyRing, people: frozenset[str], values: Sequence[str]
) -> int:
    """Prepare the quarantine without people's sealed raw records; return how many go."""
    gone = 0
    for path, rows, theirs in _sealed(transaction.private, keys, people, values):
        kept = parquet_bytes(rows.filter(pa.array(~theirs)))
        transaction.replace(path, seal(keys.subkey("vault"), path.name, kept))
        gone += int(theirs.sum())
    return gone


def sealed_records(private: Path, keys: KeyRing, people: frozenset[str]) -> list[dict[str, str]]:
    """Return the records of a person that were refused and are kept sealed."""
    values = _unique_values(Vault(private, keys), people)
    found = [
        {"raw_record": text}
        for _, rows, theirs in _sealed(private, keys, people, values)
        for text in rows.filter(pa.array(theirs))["raw_record"].to_pylist()
    ]
    return sorted(found, key=lambda row: row["raw_record"])


def _sealed(
    private: Path, keys: KeyRing, people: frozenset[str], values: Sequence[str]
) -> Iterator[tuple[Path, pa.Table, np.ndarray]]:
    """Yield the sealed files that hold records of some people, with where those stand."""
    for path in sorted((private / "quarantine").glob("*.sealed")):
        key = keys.subkey("vault")
        rows = pq.read_table(pa.BufferReader(unseal(key, path.name, path.read_bytes())))
        frame = rows.to_pandas()
        text = frame.raw_record.str.lower()
        theirs = frame.person_key.isin(people)
        for value in values:
            theirs |= text.str.contains(value, regex=False)
        if theirs.any():
            yield path, rows, theirs.to_numpy(bool)

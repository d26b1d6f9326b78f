"""Forgetting a person: vault, snapshots and published runs, for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from retention.ingest.audit import record, subject_reference
from retention.ingest.keys import KeyRing, open_keys
from retention.ingest.purge import Purge, destroy
from retention.ingest.subject import Kind, find_subject
from retention.ingest.tombstones import remember_erased
from retention.ingest.vault import Vault, parquet_bytes, seal, unseal, write_private
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
        Published text files (reports, notebooks) that name the pseudonym and must be made again.
    """

    reference: str
    identities: int
    rows: int
    files: int
    records: int
    mentions: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return the counts as a table."""
        names = ("identities", "rows", "files", "records")
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
                f" {len(self.mentions)} published file(s) still name the pseudonym: run them again."
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
        If ``identity`` is none of these.

    Notes
    -----
    The tombstone is written first: an erasure that is killed half-way is finished by calling it
    again, and nothing that was forgotten can come back meanwhile.
    """
    keys = open_keys(private, create=False)
    stores = sorted(path.parent for path in outputs.glob("*/store/objects"))
    subject = find_subject(identity, keys, stores, kind, platform)
    remember_erased(private, keys, set(subject.keys))
    vault = Vault(private, keys)
    records = _destroy_records(private, keys, subject.keys, _telling(vault, subject.keys))
    identities = vault.forget(set(subject.keys))
    with workbench(private) as (engine, _):
        purge = Purge(engine, subject.keys)
        for store in stores:
            purge.clean_store(store)
        for folder in _run_folders(outputs):
            purge.clean_run(folder)
    reference = subject_reference(keys, subject.key)
    _destroy_answer(private, reference)
    result = ErasureResult(
        reference, identities, purge.rows, purge.files, records,
        _mentions(outputs, subject.keys),
    )  # fmt: skip
    effect = {"identities": identities, "rows": purge.rows, "files": purge.files,
              "records": records}  # fmt: skip
    record(private, keys, "erase", subject.key, effect)
    return result


def _destroy_answer(private: Path, reference: str) -> None:
    """Destroy the file of an earlier access request."""
    answer = private / "access" / f"{reference}.md"
    if answer.exists():
        destroy(answer)


def _telling(vault: Vault, people: frozenset[str]) -> list[str]:
    """Return the identities that nobody else has: addresses and numbers, never names."""
    rows = [row for key in people for row in vault.find(key).to_pylist()]
    return sorted({row["value"].lower() for row in rows if row["kind"] in ("email", "phone")})


def _destroy_records(
    private: Path, keys: KeyRing, people: frozenset[str], values: Sequence[str]
) -> int:
    """Take a person's sealed raw records out of the quarantine; return how many went."""
    gone = 0
    for path in sorted((private / "quarantine").glob("*.sealed")):
        key = keys.subkey("vault")
        rows = pq.read_table(pa.BufferReader(unseal(key, path.name, path.read_bytes())))
        frame = rows.to_pandas()
        text = frame.raw_record.str.lower()
        theirs = frame.person_key.isin(people)
        for value in values:
            theirs |= text.str.contains(value, regex=False)
        if theirs.any():
            kept = rows.filter(pa.array(~theirs))
            write_private(path, seal(key, path.name, parquet_bytes(kept)))
            gone += int(theirs.sum())
    return gone


def _run_folders(outputs: Path) -> list[Path]:
    """Return every folder under the outputs that holds published or staged tables."""
    tables = [path.parent for path in outputs.glob("*/*/tables")]
    tables += [path.parent for path in outputs.glob("*/.*/*/tables")]
    return sorted({path for path in tables if not path.is_symlink()})


def _mentions(outputs: Path, people: frozenset[str]) -> tuple[str, ...]:
    """Return published text files that name one of the pseudonyms."""
    found = []
    for path in sorted(outputs.rglob("*")):
        if path.suffix in (".html", ".ipynb", ".json", ".csv", ".txt") and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            if any(key in text for key in people):
                found.append(str(path.relative_to(outputs)))
    return tuple(found)

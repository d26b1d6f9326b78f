"""Changing the key: every pseudonym is carried to the new generation, everywhere at once.

The pseudonym of generation n is the HMAC, under key n, of the pseudonym of generation n - 1
(:mod:`retention.ingest.keys`), so that no identity is needed to compute it. What is written anew:
the vault, the list of the erased, sealed raw records, every object, note and manifest of every
store, and the tables, reports and notebooks of every run. Snapshots that are encrypted get a new
key as well.

Each step can be done again, and a journal in the private folder says what is done: a rotation that
was killed is finished by calling it again, and until then nothing else may use the key. Snapshots
stay whole throughout, under the old pseudonyms or the new.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from retention.engine import Engine, is_encrypted
from retention.errors import InputError
from retention.ingest.audit import record
from retention.ingest.keys import (
    JOURNAL,
    KeyRing,
    key_file,
    open_keys,
    private_folder,
    read_keys,
    write_keys,
)
from retention.ingest.rewrite import Rewrite, run_folders, stores_of, sweep
from retention.ingest.store import destroy
from retention.ingest.tombstones import erased_people, write_erased
from retention.ingest.vault import Vault, parquet_bytes, seal, unseal, write_private
from retention.ingest.workbench import workbench

_NEXT = "key.next"

_PSEUDONYMS = (
    "customer_key", "unit_key", "person_key", "email_key", "phone_key", "platform_key", "name_key",
    "token", "order_key", "order_line_key", "refund_key", "event_key", "anon_key", "session_key",
    "touch_key", "response_key", "ticket_key", "link_key", "source_record_id", "row_key",
)  # fmt: skip
"""Columns whose text begins with a pseudonym (what follows it, as in a line's key, stays)."""

_BLURRED = "regexp_replace(original_values, '\\b[0-9a-f]{32}\\b', '[rotated]', 'g')"


@dataclass(frozen=True)
class RotationResult:
    """What was carried over to the new key, in counts.

    Parameters
    ----------
    fingerprint
        Public name of the new key.
    identities
        Rows of the vault.
    rows
        Rows of snapshots and published tables.
    files
        Parquet files that were written anew.
    """

    fingerprint: str
    identities: int
    rows: int
    files: int

    def summary(self) -> str:
        """Say what was done."""
        return (
            f"Rotated to key {self.fingerprint}: {self.identities} identities, {self.rows} rows "
            f"in {self.files} files carry new pseudonyms. Keep a copy of the new key file; hand "
            "out the snapshots' key again where they are encrypted; sign runs again."
        )


def rotate(private: Path, outputs: Path) -> RotationResult:
    """Make a new key and carry everything over to it; finish a rotation that was interrupted.

    Parameters
    ----------
    private
        The private folder.
    outputs
        Folder of all profiles' outputs.

    Raises
    ------
    InputError
        If the key comes from the environment itself, where nobody but its owner can change it.
    """
    path = key_file(private)
    if path is None:
        raise InputError(
            "The key stands in RETENTION_KEY, which cannot be written.",
            "Put it into a file of mode 600, name that in RETENTION_KEY_FILE and call again.",
        )
    if not (private / JOURNAL).exists():
        write_keys(private / _NEXT, open_keys(private, create=False).rotated())
        write_private(private / JOURNAL, b"")
    old = open_keys(private, create=False, is_rotating=True)
    new = read_keys(private / _NEXT) if (private / _NEXT).exists() else old
    result = RotationResult(new.fingerprint, 0, 0, 0)
    if old.masters != new.masters:  # else killed after the last step but one
        result = _carry_over(private, outputs, _Generations(old, new))
        write_keys(path, new)
    record(private, new, "rotate", "", asdict(result))
    for left in (private / _NEXT, private / JOURNAL):
        if left.exists():
            destroy(left)
    return result


@dataclass(frozen=True)
class _Generations:
    """The ring before and the ring after."""

    old: KeyRing
    new: KeyRing


def _carry_over(private: Path, outputs: Path, rings: _Generations) -> RotationResult:
    """Do all the work; every step may have been done before."""
    with workbench(private) as (engine, folder):
        rings.new.install_rotation(engine.connection)
        for ring in (rings.new, rings.old):  # the store opens with the one, then with the other
            engine.unlock(ring.subkey("snapshot"))
        rotation = Rotation(engine, folder, private, is_everywhere=True, rings=rings)
        rotation.resume()
        for store in stores_of(outputs):
            rotation.clean_store(store)
            sweep(store)
        for run in run_folders(outputs):
            rotation.clean_run(run)
        identities = _carry_vault(engine, private, rings)
    _carry_erased(private, rings)
    _carry_records(private, rings)
    for answer in (private / "access").glob("*.md"):
        destroy(answer)
    return RotationResult(rings.new.fingerprint, identities, rotation.rows, rotation.files)


@dataclass
class Rotation(Rewrite):
    """Files under new pseudonyms.

    Parameters
    ----------
    rings
        The key rings before and after.
    """

    rings: _Generations = field(default_factory=lambda: _Generations(KeyRing(()), KeyRing(())))
    made: set[str] = field(default_factory=set)

    def resume(self) -> None:
        """Read from the journal what an interrupted rotation has done."""
        for line in (self.private / JOURNAL).read_text(encoding="utf-8").splitlines():
            if line.endswith("]"):  # a line cut short belongs to a file that was not replaced
                old, new, rows = json.loads(line)
                self.moved[old] = (new, rows)
                self.made.add(new)

    def note(self, old: str, new: str, rows: int) -> None:
        """Write into the journal, before it happens, that a file is replaced."""
        super().note(old, new, rows)
        self.made.add(new)
        descriptor = os.open(self.private / JOURNAL, os.O_WRONLY | os.O_APPEND)
        with os.fdopen(descriptor, "a", encoding="utf-8") as handle:
            handle.write(json.dumps([old, new, rows]) + "\n")
            handle.flush()
            os.fsync(handle.fileno())

    def is_done(self, digest: str) -> bool:
        """Tell whether a file carries new pseudonyms already: twice would be once too often."""
        return digest in self.made

    def change(self, source: str, columns: list[str]) -> tuple[str, str] | None:
        """Return the file with every pseudonym of the old generation under the new key."""
        present = [name for name in _PSEUDONYMS if name in columns]
        if not present:
            return None
        fresh = ", ".join(f"{rotated(name)} AS {name}" for name in present)
        if "original_values" in columns:  # of a refused row; its own key still joins it
            fresh += f", {_BLURRED} AS original_values"
        order = ", ".join(f'"{name}"' for name in columns)
        return (
            f"SELECT count(*) FROM {source}",
            f"SELECT * REPLACE ({fresh}) FROM {source} ORDER BY {order}",
        )

    def amend(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Name the new key in a manifest."""
        return {**manifest, "key": self.rings.new.fingerprint}

    def replacements(self, tokens: set[str]) -> dict[str, str]:
        """Return the new pseudonyms of those that stand in a text and are known as such."""
        return {token: self.rings.new.rotate(token) for token in tokens & self._known}

    @cached_property
    def _known(self) -> frozenset[str]:
        """Every old pseudonym of a person that the vault knows; none once the vault is carried."""
        try:
            rows = Vault(self.private, self.rings.old).read()
        except InputError:
            return frozenset()
        return frozenset(rows["customer_key"].to_pylist())

    def key_for(self, path: Path) -> bytes | None:
        """Return the key that the new object of an encrypted one is encrypted under."""
        return self.rings.new.subkey("snapshot") if is_encrypted(path) else None


def rotated(name: str) -> str:
    """Return SQL of a column's value under the new key; what is no pseudonym stays."""
    text = f"CAST({name} AS VARCHAR)"
    return (
        f"CASE WHEN regexp_matches({text}, '^[0-9a-f]{{32}}') "
        f"THEN rotate(left({text}, 32)) || substr({text}, 33) ELSE {text} END"
    )


def _carry_vault(engine: Engine, private: Path, rings: _Generations) -> int:
    """Write the vault under the new key beside the old one, then swap the two; return its rows."""
    stage = private_folder(private / "rotating")
    vault, retired = private / "vault", stage / "retired"
    if not retired.exists():
        try:
            rows = Vault(private, rings.new).read()
        except InputError:
            rows = Vault(private, rings.old).read()
            engine.register("vault_old", rows)
            engine.connection.execute(
                "CREATE OR REPLACE TEMP TABLE vault_new AS "
                "SELECT * REPLACE (rotate(customer_key) AS customer_key) FROM vault_old"
            )
            Vault(stage, rings.new).merge(engine.connection, "vault_new")
            vault.rename(retired)
    if (stage / "vault").exists():
        if vault.exists():
            vault.rmdir()  # made empty by a look at it since
        (stage / "vault").rename(vault)
    for path in retired.glob("*") if retired.exists() else ():
        destroy(path)
    shutil.rmtree(stage)
    return Vault(private, rings.new).read().num_rows


def _carry_erased(private: Path, rings: _Generations) -> None:
    """Carry the list of the erased over, so that nobody on it can come back."""
    try:
        erased_people(private, rings.new)
    except InputError:
        people = erased_people(private, rings.old)
        write_erased(private, rings.new, {rings.new.rotate(person) for person in people})


def _carry_records(private: Path, rings: _Generations) -> None:
    """Seal the refused records under the new key, with the new pseudonyms of their people."""
    old, new = rings.old.subkey("vault"), rings.new.subkey("vault")
    for path in sorted((private / "quarantine").glob("*.sealed")):
        sealed = path.read_bytes()
        try:
            unseal(new, path.name, sealed)
        except InputError:
            rows = pq.read_table(pa.BufferReader(unseal(old, path.name, sealed)))
            people = [person and rings.new.rotate(person) for person in
                      rows["person_key"].to_pylist()]  # fmt: skip
            place = rows.schema.get_field_index("person_key")
            fresh = rows.set_column(place, "person_key", pa.array(people, pa.string()))
            write_private(path, seal(new, path.name, parquet_bytes(fresh)))
